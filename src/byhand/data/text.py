"""Text as data: windows of T characters, and of each character the one that follows it.

A text is cut into stretches, and each stretch is for training, validation or testing alone. Windows lie within one stretch, so
no character that a model is tested on stands in a window that it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view as _windows
from numpy.typing import NDArray

from byhand import limits
from byhand.data.dataset import Dataset, Splits, check_arrays
from byhand.errors import DataError
from byhand.safe_reading import check_is_file

FILE = Path(str(files("byhand.data") / "bundled" / "docs.txt"))
TENS = 5  # the text in five pieces, so that a part of each is tested on: 4 tenths train, 1 validates, 4 train, 1 tests
PARTS = (("train", 0, 4), ("validation", 4, 5), ("train", 5, 9), ("test", 9, 10))
KINDS = 256  # of characters at most: each is one byte


@dataclass(frozen=True)
class Text(Dataset):
    """Windows of text.

    Attributes:
        inputs: (N, T) whole numbers, the characters' places in the alphabet.
        labels: (N, T), for each character the one that follows.
        class_names: the alphabet, one character each.

    Raises DataError where the parts do not fit together.
    """

    inputs: Any
    labels: Any

    def __post_init__(self) -> None:
        check_arrays(self)
        if self.inputs.ndim != 2 or self.inputs.shape != self.labels.shape or self.inputs.size == 0:
            raise DataError(
                f"{self.name}: inputs are {self.inputs.shape} and labels {self.labels.shape}: windows are (N, T) and (N, T)"
            )
        for numbers in (self.inputs, self.labels):
            if numbers.dtype.kind not in "iu" or int(numbers.min()) < 0 or int(numbers.max()) >= self.n_classes:
                raise DataError(
                    f"{self.name}: characters are {numbers.dtype} from {numbers.min()} to {numbers.max()}: "
                    f"they must be whole numbers from 0 to {self.n_classes - 1}"
                )

    def targets(self, dtype: Any = None) -> Any:
        """The next characters, (N, T) whole numbers: one-hot rows would take as many times the room as there are characters."""
        return self.labels


def load_docs(window: int = 96) -> Splits:
    """The texts of this project: README, docs, docstrings, comments, and the tests' names as sentences."""
    try:
        return split("docs", FILE.read_text(encoding="ascii"), window, "README, docs and docstrings of byhand")
    except (OSError, ValueError) as error:
        raise DataError(f"the bundled {FILE} cannot be read ({error}): install byhand again") from error


def load_text(path: Path, window: int = 96) -> Splits:
    """One's own text, a file in UTF-8; raises DataError for one that is none, or too short to be parted."""
    try:
        check_is_file(path, DataError)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8 (byte {error.start:,} is none): save it in that encoding") from error
    return split(str(path), text, window, str(path))


def split(name: str, text: str, window: int, source: str = "") -> Splits:
    """Part a text into training, validation and test windows of `window` characters each.

    Training windows begin every quarter of a window, so an epoch reads each character four times, with another past each time.
    The others do not overlap.

    >>> splits = split("abc", "abc" * 200, window=8)
    >>> "".join(splits.train.class_names[k] for k in splits.train.inputs[0])
    'abcabcab'
    >>> "".join(splits.train.class_names[k] for k in splits.train.labels[0])
    'bcabcabc'
    """
    window = limits.whole("window", window, least=4, error=DataError)
    alphabet = "".join(sorted(set(text)))
    least = 10 * TENS * (window + 2)
    if len(text) < least:
        raise DataError(f"{name} holds {len(text):,} characters: windows of {window} need {least:,} or more, or a smaller window")
    if not 2 <= len(alphabet) <= KINDS:
        raise DataError(
            f"{name} holds {len(alphabet):,} kinds of characters, but this model tells 2 to {KINDS} apart: replace rare ones"
        )
    parts = {}
    for part, pieces in stretches(text).items():
        stride = window // 4 if part == "train" else window
        rows = np.concatenate([_windows(_numbers(piece, alphabet), window + 1)[::stride] for piece in pieces])
        parts[part] = Text(name, rows[:, :-1].copy(), rows[:, 1:].copy(), tuple(alphabet), source)
    sizes = {part: sum(map(len, pieces)) for part, pieces in stretches(text).items()}
    note = (
        f"{name}: {sizes['train']:,} characters to train on, {sizes['validation']:,} to validate, {sizes['test']:,} to test, "
        f"in stretches apart; {len(alphabet)} kinds; windows of {window}"
    )
    return Splits(parts["train"], parts["validation"], parts["test"], note=note)


def stretches(text: str) -> dict[str, list[str]]:
    """The parts of a text, each a list of stretches; together they are the whole text."""
    found: dict[str, list[str]] = {part: [] for part, _, _ in PARTS}
    for piece in range(TENS):
        for part, *tenths in PARTS:
            begin, end = (len(text) * (10 * piece + tenth) // (10 * TENS) for tenth in tenths)
            found[part].append(text[begin:end])
    return found


def _numbers(text: str, alphabet: str) -> NDArray[np.uint8]:
    """The characters' places in the sorted alphabet."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    known = np.frombuffer(alphabet.encode("utf-32-le", "surrogatepass"), np.uint32)
    return np.searchsorted(known, codes).astype(np.uint8)
