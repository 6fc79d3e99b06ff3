"""Arrays x and y of somebody else's, made into a data set: images the right way round, labels as classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from byhand.data.classes import labelled
from byhand.data.dataset import Dataset
from byhand.data.prepare import FRAME, prepare
from byhand.data.tables.columns import PIXELS
from byhand.data.tables.table import Table, of_arrays
from byhand.errors import DataError

CHANNELS = (1, 3, 4)
ORDER = {"whole": 0, "train": 0, "validation": 1, "test": 2}  # the numbers of the parts, as `table_splits` has them
WHOLE = 2.0**53  # up to here every whole number has a float64 of its own


@dataclass(frozen=True)
class Rows:
    """Rows of numbers as a table: the target's name, or several by commas, the task where that is known, and each row's part."""

    table: Table
    target: str
    task: str
    parts: NDArray[np.int8] | None


def rows_of_numbers(path: Path, parts: dict[str, tuple[Any, Any]]) -> Rows | None:
    """The arrays as a table with the columns x0, x1 and so on, where x are rows of measurements, and no images; else None.

    Measurements come on any scale, which a table's reader standardises. y (N,) or (N, 1) are classes or numbers to learn, as in a
    table; one-hot (N, K) classes; other rows of 0 and 1 several labels.

    Raises DataError for y that are none of these, and for a class that only another part than the first has.
    """
    x, y = ([pair[i] for pair in parts.values()] for i in (0, 1))
    if any(one.ndim != 2 or one.dtype.kind not in "fiub" or 0 in one.shape or are_pixels(one) for one in x):
        return None
    if len({one.shape[1] for one in x}) > 1 or len({one.shape[1:] for one in y}) > 1:
        raise DataError(f"{path}: its parts must have as many columns each, got {', '.join(str(one.shape) for one in (*x, *y))}")
    part = np.repeat(np.array([ORDER[name] for name in parts], np.int8), [len(one) for one in y])
    columns = {f"x{i}": np.concatenate([one[:, i] for one in x]) for i in range(x[0].shape[1])}
    target, task, of_y = _target(path, y)
    if task in ("", "classes"):
        known = set(of_y["y"][part == 0].tolist())
        strange = [(name, one) for name in parts for one in of_y["y"][part == ORDER[name]].tolist() if one not in known]
        if strange:
            where, name = strange[0]
            raise DataError(f"{path}: the {where} part has the class {str(name)!r}, which the first part does not have")
    return Rows(of_arrays(path.name, columns | of_y), target, task, part if len(parts) > 1 else None)


def _target(path: Path, parts: list[Any]) -> tuple[str, str, dict[str, Any]]:
    """The target's name, the task, "" where the values decide that, and the columns."""
    y = [one[:, 0] if one.ndim == 2 and one.shape[1] == 1 else one for one in parts]
    if all(one.dtype.kind in "fiub" and one.ndim == 2 and ((one == 0) | (one == 1)).all() for one in y):
        if any((one.sum(axis=1) != 1).any() for one in y):
            marks = np.concatenate(y)
            names = [f"y{k}" for k in range(marks.shape[1])]
            return ",".join(names), "labels", {name: marks[:, k].astype(np.int64) for k, name in enumerate(names)}
        return "y", "classes", {"y": np.concatenate([classes_of(path, one) for one in y])}
    if all(one.dtype.kind == "f" and one.ndim == 1 and np.isfinite(one).all() for one in y) and any((one % 1).any() for one in y):
        return "y", "numbers", {"y": np.concatenate(y)}
    found = np.concatenate([classes_of(path, one) for one in y])
    return "y", "classes" if found.dtype.kind == "U" or y[0].dtype.kind == "b" else "", {"y": found}


def are_pixels(x: NDArray[Any]) -> bool:
    """Whether rows of numbers are rather square images, grey or in colour: by how many they are, and by their range."""
    sides = [round((x.shape[1] / channels) ** 0.5) for channels in (1, 3)]
    square = any(side**2 * channels == x.shape[1] for side, channels in zip(sides, (1, 3), strict=True))
    return x.shape[1] >= PIXELS and square and bool(x.min() >= 0 and x.max() <= 255)


def datasets(path: Path, parts: dict[str, tuple[Any, Any]], ink: str) -> dict[str, Dataset]:
    """A data set of each part; the classes are those of the first, and those of the others go by their names.

    x is rows of numbers (N, n), bytes are scaled to [0, 1]; or images (N, H, W), (N, H, W, C) or (N, C, H, W): bytes are
    prepared, unless they are 28 x 28 already; floats are taken as they are. y is (N,) or (N, 1), or one-hot (N, classes).

    Raises DataError for what is neither, and for classes that the first part does not have.
    """
    found: dict[str, Dataset] = {}
    names: tuple[str, ...] | None = None
    for part, (x, y) in parts.items():
        if x.ndim < 2 or x.dtype.kind not in "fiub":
            raise DataError(f"{path}: x must be numbers (N, ...), got {x.dtype} {x.shape}; y is {y.dtype} {y.shape}")
        classes = classes_of(path, y)
        texts = classes.astype(np.str_).tolist()
        if names is None:
            names, labels = labelled(texts)
            if len(names) == 1:
                raise DataError(f"{path} has the one class {names[0]!r}: there must be at least two")
        else:
            own, labels = labelled(texts)
            strange = [name for name in own if name not in names]
            if strange:
                raise DataError(
                    f"{path}: the {part} part has the class {strange[0]!r}, which the first part does not have: "
                    f"there it is {', '.join(names)[:200]}"
                )
            labels = np.array([names.index(name) for name in own], np.int64)[labels]
        name = path.stem if part == "whole" else f"{path.stem}-{part}"
        found[part] = Dataset(name, _inputs(path, x, ink), labels, names, str(path))
    return found


def classes_of(path: Path | str, y: Any) -> Any:
    """The class of each sample, (N,) whole numbers or words."""
    if y.dtype.kind not in "biufUS" or y.ndim not in (1, 2):
        raise DataError(f"{path}: y must be labels (N,) or one-hot rows (N, classes), got {y.dtype} {y.shape}")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2:
        return _one_hot(path, y)
    if y.dtype.kind in "US":
        return _words(path, y)
    if y.dtype.kind == "f":
        wrong = ~(np.abs(y) < WHOLE) | (y != np.floor(y))  # so too where one is NaN
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"{path}: y must be classes, but the label of sample {at} is {y[at]:g}, a number with a fraction or NaN: "
                "byhand tells classes apart; round them, or name them"
            )
        return y.astype(np.int64)
    return y.astype(np.int64) if y.dtype.kind == "b" else y


def _words(path: Path | str, y: Any) -> Any:
    """Labels that are words, (N,) strings: of bytes in UTF-8 or of NumPy's four bytes per character.

    Raises DataError where the bytes are no characters.
    """
    if y.dtype.kind == "U":
        return y
    try:
        return np.char.decode(y, "utf-8")
    except ValueError as error:
        raise DataError(f"{path}: y must be words in UTF-8, got {error}: save it again, or label by number") from error


def _one_hot(path: Path | str, y: Any) -> Any:
    """The class of each row that has a single one."""
    if y.dtype.kind in "US":
        raise DataError(f"{path}: y must be labels (N,) or one-hot rows (N, classes), got {y.dtype} {y.shape}")
    ones = (y == 1).sum(axis=1)
    wrong = (ones != 1) | ((y != 0) & (y != 1)).any(axis=1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{path}: row {row} of y must be one-hot, a single 1 and zeros, got {int(ones[row])} "
            "ones; byhand tells one class for each sample"
        )
    return (y == 1).argmax(axis=1)


def _inputs(path: Path, x: Any, ink: str) -> NDArray[np.float32]:
    if x.ndim >= 3:
        return _images(path, x, ink)
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is refused later, with its row
        inputs: NDArray[np.float32] = x.astype(np.float32)
    if x.dtype == np.uint8:
        inputs /= 255
    return inputs


def _images(path: Path, x: Any, ink: str) -> NDArray[np.float32]:
    """Images (N, H, W, C); bytes become 28 x 28 in [0, 1]."""
    if x.ndim == 4 and x.shape[1] in CHANNELS and x.shape[3] not in CHANNELS:
        x = np.moveaxis(x, 1, 3)  # as PyTorch has them
    images = x[..., 0] if x.ndim == 4 and x.shape[3] == 1 else x
    if x.dtype != np.uint8 or images.shape[1:] == (FRAME, FRAME):
        with np.errstate(over="ignore", invalid="ignore"):
            ready: NDArray[np.float32] = (images[..., None] if images.ndim == 3 else images).astype(np.float32)
        return ready / np.float32(255) if x.dtype == np.uint8 else ready
    if x.ndim > 4 or (images.ndim == 4 and images.shape[3] not in (3, 4)):
        raise DataError(f"{path}: images must be (N, H, W), (N, H, W, 3) or (N, H, W, 4), got x {x.dtype} {x.shape}")
    if 0 in x.shape:
        raise DataError(f"{path}: x is {x.dtype} {x.shape}: there are no pixels in it")
    pixels = np.stack([prepare(Image.fromarray(np.ascontiguousarray(image)), ink).pixels for image in images])
    return pixels[..., None] * np.float32(1 / 255)
