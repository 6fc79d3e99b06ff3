"""From a table to data for training and testing: roles, task, missing values, split, scale; and one line that tells all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand import limits
from byhand.data.classes import labelled
from byhand.data.dataset import (
    Dataset,
    Folds,
    Splits,
    check_folds,
    combinations,
    fold_classes,
    fold_numbers,
    part_classes,
    part_numbers,
)
from byhand.data.tables import missing as gaps
from byhand.data.tables.columns import Roles, is_class, is_pixels, roles
from byhand.data.tables.encoding import Encoding, fit
from byhand.data.tables.labels import MOST_LABELS, holds_labels, marks_of_column, marks_of_columns, names_in, several
from byhand.data.tables.table import Column, Table, listed
from byhand.data.task import check_task, is_yes_no
from byhand.errors import DataError

HELD_OUT = 0.2
USUAL_FOLDS = 5
COARSE = 100  # rows: a fifth of fewer is a coarse test
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
    folds: int | None = None,
    parts: NDArray[np.int8] | None = None,
) -> Splits:
    """A table parted for training and testing.

    target: the column to learn, by name, or "first" or "last"; by the rules in `roles` unless given; names parted by commas are
    several labels, a column of 0 and 1 each. drop: columns to leave out. use: the only columns to learn from. task: "classes",
    "yes_no", "labels" or "numbers", by the target's values unless given.
    missing: what to do about missing values, "mean", "median", "drop" or "keep" (for marks such as -999); they are refused
    unless it is given. folds: 2 or more, for cross-validation: train and test are then both all the rows, none is held out, and
    `Splits.folds` gives what each fold trains and tests on. parts: (N,) of a table that is parted
    already, for each row 0 to train on, 1 to validate on, 2 to test on.

    Raises DataError, in one line, for whatever cannot be learned from.
    """
    task, missing = check_task(task), missing if missing == "" else limits.one_of("missing", missing, gaps.WAYS, DataError)
    target, drop, use = limits.text("target", target, error=DataError), _names("drop", drop), _names("use", use)
    columns = several(table, target)
    if columns:
        found = roles(table, columns[0], [*drop, *(name for name in columns[1:] if name not in drop)], use)
        left_out = {name: why for name, why in found.left_out.items() if name not in columns}
        found = replace(found, target=",".join(columns), because=f"{len(columns)} columns", left_out=left_out)
    else:
        found = roles(table, target, drop, use)
    labels = bool(columns) or task == "labels" or (not task and holds_labels(table[found.target]))
    whole, told = (table, list[str]()) if labels else gaps.with_target(table, found.target, missing)
    whole, marked = gaps.unmarked(whole, [*found.inputs], missing)
    rows, filled = gaps.checked(whole, [*found.inputs], missing, marked)
    if len(rows) < len(whole):
        whole = whole.take(rows)
    told += marked + filled
    column = whole[columns[0] if columns else found.target]
    if not task and not labels:
        task = "classes" if is_class(column) else "numbers" if column.is_number else ""
    if not task and not labels:
        raise DataError(
            f"{table.name}: the target {column.name!r} ({found.because}) holds {len(np.unique(column.known)):,} different texts "
            f"in {len(column.values):,} rows, and no classes: choose another with --target NAME ({listed(found.inputs)})"
        )
    if labels:
        learned = _labels(whole, found, columns, task)
    else:
        learned = _numbers(whole, found, column) if task == "numbers" else _classes(whole, found, column, task)
    parted = partial(_parted, whole, found, learned, missing)
    cross, validation = None, None
    if parts is not None:
        if folds is not None:
            raise DataError(
                f"{table.name} has its own parts to train and to test on, so folds mean nothing to it: leave folds out"
            )
        of_parts = [np.flatnonzero(parts[whole.lines] == part) for part in range(3)]
        train, *held_sets = parted(*(some for some in of_parts if len(some)))
        test, validation = held_sets[-1], held_sets[0] if len(held_sets) > 1 else None
        split = f"its own parts, {len(train):,} to train on, {len(test):,} to test on"
    elif folds is None:
        rest, held = learned.part(seed)
        split = f"{len(rest):,} rows to train on, {len(held):,} held out to test on, {learned.evenly} (seed {seed})"
        split += f"; {_coarse(learned, len(held))}" if len(whole) < COARSE else ""
        train, test = parted(rest, held)
    else:
        folds, places = learned.folds(folds, seed, whole.name)
        split = f"{folds} folds, {learned.evenly} (seed {seed}), measure it; then all {len(whole):,} rows are trained on"
        cross = Folds(folds, places, parted)
        train = test = parted(np.arange(len(whole)))[0]
    sentences = [
        f"{table.name}: {len(whole):,} rows",
        *table.told,
        learned.told,
        _inputs(whole, found, train.encoding),
        *told,
        split,
    ]
    return Splits(train, validation, test, "; ".join(filter(None, sentences)), cross)


@dataclass(frozen=True)
class _Learned:
    """The target of all rows: labels among names, values to learn, or marks (N, K) of several labels of these names.

    told: what it is in words; evenly: how it is parted.
    """

    labels: Any
    names: tuple[str, ...]
    values: Any
    told: str
    evenly: str
    marks: Any = None

    def _kinds(self) -> tuple[Any, int]:
        """Classes of rows of which each part gets its share, and how many they are."""
        if self.marks is None:
            return self.labels, len(self.names)
        kinds = combinations(self.marks)
        return kinds, int(kinds.max()) + 1

    def part(self, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The rows to train on, and those held out."""
        if self.values is not None:
            return part_numbers(self.values, HELD_OUT, seed)
        return part_classes(*self._kinds(), HELD_OUT, seed)

    def folds(self, folds: Any, seed: int, name: str) -> tuple[int, NDArray[np.intp]]:
        """How many folds, and in which each row is tested; raises DataError where there cannot be so many."""
        folds = limits.whole("folds", folds, least=2, error=DataError)
        numbers = self.values is not None
        places = fold_numbers(self.values, folds, seed) if numbers else fold_classes(*self._kinds(), folds, seed)
        check_folds(name, places, folds)
        return folds, places


def _parted(table: Table, found: Roles, learned: _Learned, missing: str, *parts: NDArray[np.intp]) -> tuple[Dataset, ...]:
    """A data set of the rows to train on and of each other part, read by what stands in the first."""
    rest, scale = parts[0], (0.0, 1.0)
    if learned.values is not None:
        scale = float(learned.values[rest].mean()), float(learned.values[rest].std()) or 1.0
    encoding = fit(table, found, rest, missing, scale, () if learned.marks is None else learned.names)
    sets = []
    for rows in parts:
        labels, values = (None if part is None else part[rows] for part in (learned.labels, learned.values))
        if learned.marks is None:
            sets.append(_dataset(table, encoding, rows, labels, learned.names, values))
        else:
            sets.append(_dataset(table, encoding, rows, None, (), marks=learned.marks[rows]))
    return tuple(sets)


def _coarse(learned: _Learned, n: int) -> str:
    """That a test on few rows says little, and what says more."""
    one = "" if learned.labels is None else f", each worth {1 / n:.1%}"
    return f"so few test rows say little{one}: --folds {USUAL_FOLDS} tests every row once"


def _names(option: str, given: Any) -> tuple[str, ...]:
    """Names of columns, as a list or parted by commas."""
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list | tuple):
        raise DataError(f"{option} must be names of columns, got {limits.told(given)}")
    return tuple(limits.text(option, name, error=DataError).strip() for name in names if name)


def _classes(table: Table, found: Roles, column: Column, task: str) -> _Learned:
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
    if counts.max() < 2:
        raise DataError(f"{table.name}: no class of {column.name!r} has 2 rows or more, one to train and one to test on")
    shown = ", ".join(f"{name!r} {count:,}" for name, count in zip(names[:SHOWN], counts.tolist(), strict=False))
    shown += f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    told = [f"learning {column.name!r} ({found.because}), {kind}: {shown}"]
    if counts.max() > UNEVEN * counts.min():
        most = int(counts.argmax())
        always = f"always {names[most]!r} is right in {counts[most] / counts.sum():.1%}"
        told.append(f"the classes are uneven: {always} (--balance trains evenly)")
    if single:
        told.append(f"of {listed(single)} there is a single row, which is trained on and not tested")
    return _Learned(labels, names, None, "; ".join(told), "evenly of each class")


def _labels(table: Table, found: Roles, columns: Sequence[str], task: str) -> _Learned:
    """Several labels at once, of a column that holds their names or of one column each."""
    if task not in ("", "labels"):
        raise DataError(f"{table.name}: several columns to learn are labels, got task {task!r}: leave out --task")
    if columns:
        names, marks = tuple(columns), marks_of_columns(table, columns)
    else:
        column = table[found.target]
        if column.is_number:
            raise DataError(f"{table.name}: {column.name!r} must hold names of labels, parted by ; or |, got numbers")
        names, marks = marks_of_column(column)
    if len(names) < 2 or len(names) > MOST_LABELS:
        raise DataError(f"{table.name}: there must be 2 to {MOST_LABELS} labels in {found.target!r}, got {len(names):,}")
    counts = marks.sum(axis=0).astype(int)
    always = [name for name, count in zip(names, counts.tolist(), strict=True) if count in (0, len(table))]
    if always:
        raise DataError(
            f"{table.name}: {listed(always)} {'is' if len(always) == 1 else 'are'} the same in all rows, so there is nothing to "
            "learn: leave it out"
        )
    shown = ", ".join(f"{name!r} {count:,}" for name, count in zip(names[:SHOWN], counts.tolist(), strict=False))
    shown += f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    none = int((marks.sum(axis=1) == 0).sum())
    told = f"learning {len(names)} labels at once of {found.target!r} ({found.because}): {shown}"
    told += f"; {none:,} rows have none of them" if none else ""
    return _Learned(None, names, None, told, "evenly of each usual combination of labels", marks)


def _numbers(table: Table, found: Roles, column: Column) -> _Learned:
    if not column.is_number:
        raise DataError(f"{table.name}: {column.name!r} must hold numbers to be learned as such, got {column.words[0]!r}")
    values = column.values
    if values.min() == values.max():
        raise DataError(f"{table.name}: the target {column.name!r} is always {values[0]:g}: there is nothing to learn")
    span = f"a number from {values.min():g} to {values.max():g}, mean {values.mean():.6g}"
    return _Learned(None, (), values, f"learning {column.name!r} ({found.because}), {span}", "of small and large ones alike")


def _dataset(
    table: Table,
    encoding: Encoding,
    rows: NDArray[np.intp],
    labels: Any,
    names: tuple[str, ...],
    values: Any = None,
    marks: Any = None,
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
        standard if marks is None else marks,
        encoding,
        label_names=encoding.labels,
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
    if encoding.labels:
        return _labelled_dataset(table, encoding)
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


def has_answers(table: Table, encoding: Encoding) -> bool:
    """Whether a table has the target that a model tells, or each of its labels as a column."""
    if encoding.target in table.names:
        return not bool(table[encoding.target].missing.all())
    return bool(encoding.labels) and set(encoding.labels) <= set(table.names)


def _labelled_dataset(table: Table, encoding: Encoding) -> tuple[Dataset, list[str]]:
    """All of a table with the labels that a model knows; told: which others it has."""
    if not has_answers(table, encoding):
        raise DataError(
            f"{table.name} has no column {encoding.target!r}, nor one for each label ({listed(encoding.labels)}): there is "
            "nothing to measure the model by"
        )
    _, told = encoding.encoded(table)
    if encoding.target in table.names:
        column = table[encoding.target]
        _, marks = marks_of_column(column, encoding.labels)
        strange = sorted({name for word in column.words for name in names_in(word)} - set(encoding.labels))
        told += [f"labels that the model does not know are left out: {listed(strange)}"] if strange else []
    else:
        marks = marks_of_columns(table, encoding.labels)
    return _dataset(table, encoding, np.arange(len(table)), None, (), marks=marks), told
