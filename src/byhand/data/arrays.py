"""Arrays x and y of somebody else's, made into a data set: images the right way round, labels as classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from byhand.data.classes import labelled
from byhand.data.dataset import Dataset
from byhand.data.prepare import FRAME, prepare
from byhand.errors import DataError

CHANNELS = (1, 3, 4)
WHOLE = 2.0**53  # up to here every whole number has a float64 of its own


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
