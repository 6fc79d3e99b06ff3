"""Your own data: a folder of images with one subfolder a class, an `.npz` of arrays, or a CSV table.

Images all go through the one preparation to 28 x 28. Without parts of their own, a fifth is held out to test on.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from byhand.data.dataset import Dataset, Splits, stratified_split
from byhand.data.prepare import FORMATS, FRAME, prepare, prepare_file
from byhand.errors import DataError

HELD_OUT = 0.2
LARGEST = float(np.finfo(np.float32).max)
UNREADABLE = (ValueError, TypeError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, MemoryError)
INPUTS, LABELS = ("x", "images", "inputs"), ("y", "labels", "targets")


def load_own(path: Path, seed: int = 0, ink: str = "auto") -> Splits:
    """One's own data, parted for training and testing; raises DataError with the file, row or class that is at fault."""
    if path.is_dir():
        if (path / "train").is_dir() and (path / "test").is_dir():
            train, test = (read_folder(path / part, ink) for part in ("train", "test"))
            if train.class_names != test.class_names:
                raise DataError(
                    f"{path}: train and test hold different classes ({train.class_names} and {test.class_names}): make them alike"
                )
            return Splits(train, None, test, note=f"{path}: its own train and test folders")
        whole = read_folder(path, ink)
    elif path.suffix.lower() == ".npz":
        whole = read_npz(path, ink)
    elif path.suffix.lower() == ".csv":
        whole = read_csv(path)
    else:
        raise DataError(f"{path} is neither a folder of images nor .npz nor .csv: byhand reads those")
    train, test = stratified_split(whole, HELD_OUT, seed)
    note = f"{path}: {len(train):,} samples to train on, {len(test):,} held out to test on, evenly of each class (seed {seed})"
    return Splits(train, None, test, note=note)


def read_folder(folder: Path, ink: str = "auto") -> Dataset:
    """Images (N, 28, 28, 1) from a folder with one subfolder a class; files and folders that begin with a dot are passed over."""
    try:
        classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        contents = [sorted(file for file in one.iterdir() if not file.name.startswith(".")) for one in classes]
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror or error}") from error
    if len(classes) < 2:
        raise DataError(
            f"{folder} has {len(classes)} subfolder(s), but there must be one a class, at least two: sort the images into them"
        )
    known = {extension for extension, kind in Image.registered_extensions().items() if kind in FORMATS}
    images, labels = [], []
    for label, (one, content) in enumerate(zip(classes, contents, strict=True)):
        files = [file for file in content if file.suffix.lower() in known]
        if not files:
            raise DataError(f"{one} holds no images: expected at least one, as .png or .jpg")
        for file in files:
            prepared = prepare_file(file, ink)
            if prepared.empty:
                raise DataError(f"{file} shows nothing, all of it is one shade: remove it")
            images.append(prepared.pixels)
            labels.append(label)
    inputs: NDArray[np.float32] = np.stack(images).reshape(-1, FRAME, FRAME, 1).astype(np.float32) * np.float32(1 / 255)
    return Dataset(folder.name, inputs, np.array(labels, np.int64), tuple(one.name for one in classes), str(folder))


def read_npz(path: Path, ink: str = "auto") -> Dataset:
    """Arrays x (or images, inputs) and y (or labels, targets). Never unpickles.

    x is rows of numbers (N, n), bytes are scaled to [0, 1]; or images (N, H, W) or (N, H, W, C): bytes are prepared, unless
    they are 28 x 28 already; floats are taken as they are.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except UNREADABLE as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path} is not a whole .npz of plain arrays ({reason}): save it again with np.savez") from error
    x, y = _named(path, arrays, INPUTS), _named(path, arrays, LABELS)
    if x.ndim < 2 or y.ndim != 1 or y.dtype.kind not in "iuUS" or x.dtype.kind not in "fiub":
        raise DataError(
            f"{path}: x is {x.dtype} {x.shape} and y is {y.dtype} {y.shape}, but x must be numbers (N, ...) and y labels (N,)"
        )
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused with its row
        inputs = x.astype(np.float32)
    if x.ndim >= 3:
        inputs = _prepared(path, x, ink)
    elif x.dtype == np.uint8:
        inputs /= 255
    names, labels = np.unique(y.astype(np.str_) if y.dtype.kind == "S" else y, return_inverse=True)
    if len(names) == 1:
        raise DataError(f"{path} has the one class {str(names[0])!r}: there must be at least two")
    return Dataset(path.stem, inputs, labels.astype(np.int64), tuple(map(str, names)), str(path))


def _prepared(path: Path, x: Any, ink: str) -> NDArray[np.float32]:
    """Images (N, 28, 28, 1) in [0, 1]."""
    images = x[..., 0] if x.ndim == 4 and x.shape[3] == 1 else x
    if x.dtype != np.uint8 or images.shape[1:] == (FRAME, FRAME):
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused with its row
            ready: NDArray[np.float32] = (images[..., None] if images.ndim == 3 else images).astype(np.float32)
        return ready / np.float32(255) if x.dtype == np.uint8 else ready
    if x.ndim > 4 or (images.ndim == 4 and images.shape[3] not in (3, 4)):
        raise DataError(f"{path}: x is {x.dtype} {x.shape}, but images must be (N, H, W), (N, H, W, 3) or (N, H, W, 4)")
    pixels = np.stack([prepare(Image.fromarray(image), ink).pixels for image in images])
    return pixels[..., None] * np.float32(1 / 255)


def _named(path: Path, arrays: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if name in arrays:
            return arrays[name]
    raise DataError(f"{path} has the arrays {', '.join(arrays) or '(none)'}, but none called {' or '.join(names)}: name one so")


def read_csv(path: Path) -> Dataset:
    """A table of numbers: the column `label`, or else the last one, is the class; a first row of words is the header."""
    try:
        reader = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
        rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path} as a CSV table: {error}") from error
    top = rows[0][1] if rows else []
    header = top if "label" in top or not any(_is_number(cell) for cell in top[:-1]) else []
    body = rows[1:] if header else rows
    wide = len(body[0][1]) if body else 0
    if wide < 2:
        raise DataError(f"{path} holds no table: expected rows of at least one number and a class")
    column = header.index("label") if "label" in header else wide - 1
    if column >= wide:
        raise DataError(f"{path}, row {body[0][0]} has {wide} columns, its header {len(header)}: every row needs the same")
    inputs = [_numbers(path, row, number, column, wide) for number, row in body]
    names, labels = np.unique([row[column] for _, row in body], return_inverse=True)
    if len(names) < 2:
        raise DataError(f"{path} has the one class {str(names[0])!r} in column {column + 1}: there must be at least two")
    return Dataset(path.stem, np.array(inputs, np.float32), labels.astype(np.int64), tuple(map(str, names)), str(path))


def _numbers(path: Path, row: list[str], number: int, column: int, wide: int) -> list[float]:
    if len(row) != wide:
        raise DataError(f"{path}, row {number} has {len(row)} columns, the first has {wide}: every row needs the same")
    for i, cell in enumerate(row):
        if i == column and cell.strip().lower() in ("", "nan"):
            raise DataError(f"{path}, row {number} has no class in column {i + 1}: remove the row or fill it in")
        if i != column and not (_is_number(cell) and abs(float(cell)) <= LARGEST):  # nor so where it is NaN
            raise DataError(
                f"{path}, row {number}, column {i + 1} is {cell!r}: expected a finite number, remove the row or fill it in"
            )
    return [float(cell) for i, cell in enumerate(row) if i != column]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
