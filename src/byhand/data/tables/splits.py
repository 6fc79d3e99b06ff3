"""From a table to data for training and testing: roles, task, missing values, split, scale; and one line that tells all of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand import limits
from byhand.data.classes import labelled
from byhand.data.dataset import Dataset, Splits, part_classes, part_numbers
from byhand.data.tables import missing as gaps
from byhand.data.tables.encoding import Encoding, fit
from byhand.data.tables.roles import Roles, is_class, is_pixels, roles
from byhand.data.tables.table import Column, Table, listed
from byhand.data.task import check_task, is_yes_no
from byhand.errors import DataError

HELD_OUT = 0.2
SHOWN = 12  # classes of which the counts are told
UNEVEN = 3.0  # how many times more samples the largest class has than the smallest, from where on that is told


def table_splits(
    table: Table,
    seed: int = 0,
    target: str = "",
    drop: Sequence[str] = (),
    use: Sequence[str] = (),
    task: str = "",
    missing: str = "",
) -> Splits:
    """A table parted for training and testing.

    target: the column to learn, by name, or "first" or "last"; by the rules in `roles` unless given. drop: columns to leave
    out. use: the only columns to learn from. task: "classes", "yes_no" or "numbers", by the target's values unless given.
    missing: what to do about missing values, "mean", "median", "drop" or "keep" (for marks such as -999); they are refused
    unless it is given.

    Raises DataError, in one line, for whatever cannot be learned from.
    """
    task, missing = check_task(task), missing if missing == "" else limits.one_of("missing", missing, gaps.WAYS, DataError)
    found = roles(table, limits.text("target", target, error=DataError), _names("drop", drop), _names("use", use))
    whole, told = gaps.with_target(table, found.target, missing)
    whole, marked = gaps.unmarked(whole, [*found.inputs], missing)
    rows, filled = gaps.checked(whole, [*found.inputs], missing, marked)
    if len(rows) < len(whole):
        whole = whole.take(rows)
    told += marked + filled
    column = whole[found.target]
    if not task:
        task = "classes" if is_class(column) else "numbers" if column.is_number else ""
    if not task:
        raise DataError(
            f"{table.name}: the target {column.name!r} ({found.because}) holds {len(np.unique(column.known)):,} different texts "
            f"in {len(column.values):,} rows, and no classes: choose another with --target NAME ({listed(found.inputs)})"
        )
    parts = (
        _numbers(whole, found, column, seed, missing)
        if task == "numbers"
        else _classes(whole, found, column, seed, missing, task)
    )
    sentences = [
        f"{table.name}: {len(whole):,} rows",
        *table.told,
        parts[2],
        _inputs(whole, found, parts[0].encoding),
        *told,
        parts[3],
    ]
    return Splits(parts[0], None, parts[1], "; ".join(filter(None, sentences)))


def _names(option: str, given: Any) -> tuple[str, ...]:
    """Names of columns, as a list or parted by commas."""
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list | tuple):
        raise DataError(f"{option} must be names of columns, got {limits.told(given)}")
    return tuple(limits.text(option, name, error=DataError).strip() for name in names if name)


def _classes(table: Table, found: Roles, column: Column, seed: int, missing: str, task: str) -> tuple[Dataset, Dataset, str, str]:
    texts = column.texts()
    names, labels = labelled(texts)
    if len(names) < 2:
        raise DataError(
            f"{table.name} has the one class {names[0]!r} in its target {column.name!r} ({found.because}): there must be at "
            "least two; choose another column with --target"
        )
    if task == "yes_no" and len(names) != 2:
        raise DataError(f"{table.name}: {column.name!r} must have 2 values for a yes or no, got {len(names):,}")
    yes_no = task == "yes_no" or is_yes_no(names)
    kind = f"yes or no, {names[1]!r} against {names[0]!r}" if yes_no else f"{len(names):,} classes"
    counts = np.bincount(labels, minlength=len(names))
    single = [name for name, count in zip(names, counts.tolist(), strict=True) if count == 1]
    if len(single) > len(names) / 2 and len(names) > 2:
        raise DataError(
            f"{table.name}: of the {len(names):,} classes of {column.name!r} ({found.because}) {len(single):,} have one row: "
            "choose another target with --target, or --task numbers if it is a number to learn"
        )
    rest, held = part_classes(labels, len(names), HELD_OUT, seed)
    if not len(held):
        raise DataError(f"{table.name}: no class of {column.name!r} has 2 rows or more, one to train and one to test on")
    encoding = fit(table, found, rest, missing)
    train, test = (_dataset(table, encoding, part, labels[part], names) for part in (rest, held))
    shown = ", ".join(f"{name!r} {count:,}" for name, count in zip(names[:SHOWN], counts.tolist(), strict=False))
    shown += f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    told = [f"learning {column.name!r} ({found.because}), {kind}: {shown}"]
    if counts.max() > UNEVEN * counts.min():
        most = int(counts.argmax())
        always = f"always {names[most]!r} is right in {counts[most] / counts.sum():.1%}"
        told.append(f"the classes are uneven: {always} (--balance trains evenly)")
    if single:
        told.append(f"of {listed(single)} there is a single row, which is trained on and not tested")
    split = f"{len(rest):,} rows to train on, {len(held):,} held out to test on, evenly of each class (seed {seed})"
    return train, test, "; ".join(told), split


def _numbers(table: Table, found: Roles, column: Column, seed: int, missing: str) -> tuple[Dataset, Dataset, str, str]:
    if not column.is_number:
        raise DataError(f"{table.name}: {column.name!r} must hold numbers to be learned as such, got {column.words[0]!r}")
    values = column.values
    rest, held = part_numbers(values, HELD_OUT, seed)
    mean, std = float(values[rest].mean()), float(values[rest].std())
    if not std:
        raise DataError(f"{table.name}: the target {column.name!r} is always {values[0]:g}: there is nothing to learn")
    encoding = fit(table, found, rest, missing, (mean, std))
    train, test = (_dataset(table, encoding, part, None, (), values[part]) for part in (rest, held))
    span = f"a number from {values.min():g} to {values.max():g}, mean {values.mean():.6g}"
    kept = f"{len(rest):,} rows to train on, {len(held):,} held out to test on, of small and large ones alike (seed {seed})"
    return train, test, f"learning {column.name!r} ({found.because}), {span}", kept


def _dataset(
    table: Table, encoding: Encoding, rows: NDArray[np.intp], labels: Any, names: tuple[str, ...], values: Any = None
) -> Dataset:
    inputs, _ = encoding.encoded(table, rows)
    pixels = is_pixels(table, [one.name for one in encoding.inputs])
    standard = None if values is None else ((values - encoding.target_mean) / encoding.target_std).astype(np.float32)[:, None]
    return Dataset(
        Path(table.name.removesuffix(".gz")).stem or table.name,
        inputs,
        np.zeros(len(rows), np.int64) if labels is None else labels,
        names,
        table.name,
        encoding.features,
        None if pixels else encoding.scaling,
        standard,
        encoding,
    )


def _inputs(table: Table, found: Roles, encoding: Encoding | None) -> str:
    """What is learned from, and what is not, in words."""
    assert encoding is not None
    numbers = [one.name for one in encoding.inputs if not one.words]
    words = [f"{one.name!r} ({len(one.words)})" for one in encoding.inputs if one.words]
    if is_pixels(table, found.inputs):
        return f"from {len(numbers):,} pixels, scaled from 0..255 to [0, 1]"
    told = [f"{len(numbers):,} {'column' if len(numbers) == 1 else 'columns'} of numbers (standardised)"] if numbers else []
    if words:
        shown = ", ".join(words[:SHOWN]) + (f" and {len(words) - SHOWN} more" if len(words) > SHOWN else "")
        told.append(f"{len(words)} of words (one input per word): {shown}")
    gone = [f"{name!r} ({why})" if why else repr(name) for name, why in found.left_out.items()]
    shown = ", ".join(gone[:SHOWN]) + (f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else "")
    return "from " + " and ".join(told) + (f"; left out: {shown}" if gone else "")


def encoded_dataset(table: Table, encoding: Encoding, task: str) -> tuple[Dataset, list[str]]:
    """All of a table, read as a model that has this encoding learned to, with its targets; and what there is to tell of it.

    Raises DataError where its columns do not fit, or where it has no target.
    """
    if encoding.target not in table.names:
        raise DataError(
            f"{table.name} has no column {encoding.target!r}, which the model tells: there is nothing to measure it by"
        )
    rows = np.flatnonzero(~table[encoding.target].missing)
    whole = table if len(rows) == len(table) else table.take(rows)
    _, told = encoding.encoded(whole)
    told += [f"{len(table) - len(rows):,} rows without {encoding.target!r} left out"] if len(rows) < len(table) else []
    column, everything = whole[encoding.target], np.arange(len(rows))
    if not len(rows):
        raise DataError(f"{table.name}: no row has a {encoding.target!r}: there is nothing to measure the model by")
    if task == "numbers":
        if not column.is_number:
            raise DataError(f"{table.name}: {column.name!r} must hold numbers, got {column.words[0]!r}")
        return _dataset(whole, encoding, everything, None, (), column.values), told
    names, labels = labelled(column.texts())
    return _dataset(whole, encoding, everything, labels, names), told
