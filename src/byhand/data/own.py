"""Your own data: a folder of images with one subfolder per class, an `.npz` of arrays, IDX files as MNIST's, or a table.

Pictures of characters go through the one preparation to 28 x 28, all others are scaled (`byhand.data.folder`). Without parts of
their own, a fifth is held out to test on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from byhand.data import folder
from byhand.data.arrays import datasets, rows_of_numbers
from byhand.data.dataset import Dataset, Splits, stratified_split
from byhand.data.idx import is_idx, read_named
from byhand.data.npz import read_arrays
from byhand.data.tables.splits import HELD_OUT, table_splits
from byhand.data.tables.table import is_table, read_table
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
    folds: int | None = None,
    preparation: str = "",
    size: int | None = None,
    colour: bool | None = None,
    progress: folder.Progress = None,
) -> Splits:
    """Your own data, parted for training and testing; raises DataError with the file, row or class that is at fault.

    target, drop, use, task, missing and folds are for tables, see `tables.splits.table_splits`; ink, preparation, size and
    colour for images, see `byhand.data.folder`; progress hears how many images of how many are read.
    """
    if not path.is_dir() and is_table(path):
        return table_splits(read_table(path), seed, target, drop, use, task, missing, folds)
    if path.suffix.lower() == ".npz" and (rows := rows_of_numbers(path, read_arrays(path))) is not None:
        of_rows = rows.target if target in ("", "y") else target
        return table_splits(rows.table, seed, of_rows, drop, use, task or rows.task, missing, folds, rows.parts)
    for_tables = {"target": target, "drop": drop, "use": use, "task": task, "missing": missing, "folds": folds}
    if given := next((name for name, value in for_tables.items() if value), ""):
        raise DataError(f"{path} is no table, so {given} means nothing to it: leave it out")
    if path.is_dir() and not is_idx(path):
        return _of_folder(path, seed, folder.asked(preparation, size, colour, ink), progress)
    for_folders = {"preparation": preparation not in ("", "mnist"), "size": size is not None, "colour": colour is not None}
    if given := next((name for name, value in for_folders.items() if value), ""):
        raise DataError(f"{path} is no folder of images, so {given} means nothing to it: leave it out")
    if path.suffix.lower() == ".npz":
        return _parted(path, datasets(path, read_arrays(path), ink), seed)
    if is_idx(path):
        return _parted(path, datasets(path, read_named(path), ink), seed)
    raise DataError(
        f"{path} is neither a folder of images nor .npz, IDX (-idx3-ubyte), .csv, .tsv or .parquet: byhand reads those"
    )


def _of_folder(path: Path, seed: int, wanted: folder.Asked, progress: folder.Progress) -> Splits:
    """The pictures of a folder, by its own parts for training and testing where it has them."""
    parts = folder.parts_of(path)
    if not parts:
        (whole,), what = folder.read([folder.find(path)], wanted, progress)
        return folder.told(_held_out(path, whole, seed), what)
    founds = {part: folder.find(inside) for part, inside in parts.items()}
    for part, found in founds.items():
        if found.class_names != founds["train"].class_names:  # both stand in their order
            raise DataError(
                f"{path}: {parts['train'].name} and {parts[part].name} hold different classes ({founds['train'].class_names} and "
                f"{found.class_names}): make them alike"
            )
    read, what = folder.read(list(founds.values()), wanted, progress)
    sets = dict(zip(founds, read, strict=True))
    if "test" not in sets:  # what was meant for choosing is all there is to measure on
        sets["test"] = sets.pop("validation")
    names = " and ".join(inside.name for inside in parts.values())
    return folder.told(Splits(sets["train"], sets.get("validation"), sets["test"], f"{path}: its own {names} folders"), what)


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


def read_npz(path: Path, ink: str = "auto") -> Dataset:
    """Arrays x and y (or images and labels, x_train and y_train, and the like); see `arrays.datasets`. Never unpickles."""
    return next(iter(datasets(path, read_arrays(path), ink).values()))
