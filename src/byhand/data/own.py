"""Your own data: a folder of images with one subfolder per class, an `.npz` of arrays, IDX files as MNIST's, or a table.

Images all go through the one preparation to 28 x 28. Without parts of their own, a fifth is held out to test on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from byhand.data.arrays import datasets
from byhand.data.classes import ordered
from byhand.data.dataset import Dataset, Splits, stratified_split
from byhand.data.idx import is_idx, read_named
from byhand.data.npz import read_arrays
from byhand.data.prepare import FORMATS, FRAME, prepare_file
from byhand.data.tables.splits import HELD_OUT, table_splits
from byhand.data.tables.table import Table, is_table, of_arrays, read_table
from byhand.errors import DataError


def load_own(
    path: Path,
    seed: int = 0,
    ink: str = "auto",
    target: str = "",
    drop: Sequence[str] = (),
    use: Sequence[str] = (),
    task: str = "",
    missing: str = "",
) -> Splits:
    """Your own data, parted for training and testing; raises DataError with the file, row or class that is at fault.

    ink is for images; target, drop, use, task and missing are for tables, see `tables.splits.table_splits`.
    """
    if not path.is_dir() and is_table(path):
        return table_splits(read_table(path), seed, target, drop, use, task, missing)
    if path.suffix.lower() == ".npz" and (numbers := _numbers_to_learn(path)) is not None:
        return table_splits(numbers, seed, "y", drop, use, task or "numbers", missing)
    for_tables = {"target": target, "drop": drop, "use": use, "task": task, "missing": missing}
    if given := next((name for name, value in for_tables.items() if value), ""):
        raise DataError(f"{path} is no table, so {given} means nothing to it: leave it out")
    if path.is_dir():
        if (path / "train").is_dir() and (path / "test").is_dir():
            train, test = (read_folder(path / part, ink) for part in ("train", "test"))
            if train.class_names != test.class_names:  # both stand in their order
                raise DataError(
                    f"{path}: train and test hold different classes ({train.class_names} and {test.class_names}): make them alike"
                )
            return Splits(train, None, test, note=f"{path}: its own train and test folders")
        if is_idx(path):
            return _parted(path, datasets(path, read_named(path), ink), seed)
        whole = read_folder(path, ink)
    elif path.suffix.lower() == ".npz":
        return _parted(path, datasets(path, read_arrays(path), ink), seed)
    elif is_idx(path):
        return _parted(path, datasets(path, read_named(path), ink), seed)
    else:
        raise DataError(
            f"{path} is neither a folder of images nor .npz, IDX (-idx3-ubyte), .csv, .tsv or .parquet: byhand reads those"
        )
    return _held_out(path, whole, seed)


def _numbers_to_learn(path: Path) -> Table | None:
    """The rows of an `.npz` whose y are numbers with fractions, and no classes, as a table; None for others."""
    parts = read_arrays(path)
    x, y = next(iter(parts.values()))
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if len(parts) > 1 or x.ndim != 2 or y.ndim != 1 or y.dtype.kind != "f" or not np.isfinite(y).all() or not (y % 1).any():
        return None
    return of_arrays(path.name, {f"x{i}": x[:, i] for i in range(x.shape[1])} | {"y": y})


def _parted(path: Path, parts: dict[str, Dataset], seed: int) -> Splits:
    """The parts that the data have of their own; else a fifth held out to test on."""
    train = next(iter(parts.values()))
    if "test" not in parts:
        splits = _held_out(path, train, seed)
        return Splits(splits.train, parts.get("validation"), splits.test, splits.note)
    names = ", ".join(f"{len(part):,} to {verb} on" for verb, part in zip(("train", "test"), (train, parts["test"]), strict=True))
    return Splits(train, parts.get("validation"), parts["test"], note=f"{path}: its own parts, {names}")


def _held_out(path: Path, whole: Dataset, seed: int) -> Splits:
    train, test = stratified_split(whole, HELD_OUT, seed)
    note = f"{path}: {len(train):,} samples to train on, {len(test):,} held out to test on, evenly of each class (seed {seed})"
    return Splits(train, None, test, note=note)


def read_folder(folder: Path, ink: str = "auto") -> Dataset:
    """Images (N, 28, 28, 1) from a folder with one subfolder a class; files and folders that begin with a dot are passed over."""
    try:
        found = {entry.name: entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")}
        classes = [found[name] for name in ordered(found)]
        contents = [sorted(file for file in one.iterdir() if not file.name.startswith(".")) for one in classes]
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror or error}") from error
    if len(classes) < 2:
        raise DataError(
            f"{folder} has {len(classes)} subfolder(s), but there must be one per class, at least two: sort the images into them"
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
    """Arrays x and y (or images and labels, x_train and y_train, and the like); see `arrays.datasets`. Never unpickles."""
    return next(iter(datasets(path, read_arrays(path), ink).values()))
