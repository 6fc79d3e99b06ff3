"""Values that are missing from a table: found, counted, and refused or made up for. Nobody's zeros are invented in silence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from byhand.data.tables.table import Column, Table
from byhand.errors import DataError

WAYS = ("mean", "median", "drop", "keep")
# Numbers that stand for "unknown" in old files.
MARKERS = (-9.0, -200.0, *(sign * value for value in (99.0, 999.0, 9999.0, 99999.0, 999999.0) for sign in (-1, 1)))
SHOWN = 5


def marker(column: Column) -> float | None:
    """A number in a column that looks like a mark for a missing value: one of the usual ones, and far from all others.

    >>> marker(Column("age", np.array([31.0, 58.0, -999.0, 44.0]))), marker(Column("t", np.array([-99.0, -80.0, 20.0])))
    (-999.0, None)
    """
    if not column.is_number:
        return None
    known = column.known
    if not len(known) or not {float(known.min()), float(known.max())} & set(MARKERS):
        return None
    known = np.unique(known)
    if len(known) < 3:
        return None
    for value, near, far in ((known[0], known[1], known[-1]), (known[-1], known[-2], known[0])):
        if float(value) in MARKERS and abs(value - near) > abs(near - far):
            return float(value)
    return None


def unmarked(table: Table, names: list[str], way: str) -> tuple[Table, list[str]]:
    """The table with its markers taken for missing values, and what there is to tell of them; with "keep" they are numbers."""
    columns, told = list(table.columns), []
    for i, column in enumerate(columns):
        mark = marker(column) if column.name in names else None
        if mark is None:
            continue
        count = int((column.values == mark).sum())
        if way == "keep":
            told.append(f"{column.name!r} holds {mark:g} {count:,} times, far from its other numbers, kept as a number")
            continue
        told.append(f"{column.name!r} holds {mark:g} {count:,} times, taken for missing")
        values = column.values.copy()
        values[values == mark] = np.nan
        columns[i] = Column(column.name, values)
    return Table(table.name, tuple(columns), table.lines, table.named, table.told), told


def checked(table: Table, names: list[str], way: str, marks: list[str]) -> tuple[NDArray[np.intp], list[str]]:
    """The rows that can be learned from, and what there is to tell of the others.

    Raises DataError, with columns and counts, where inputs are missing and no way was chosen to make up for them.
    """
    gaps = {name: int(table[name].missing.sum()) for name in names}
    gaps = {name: count for name, count in gaps.items() if count}
    everything = np.arange(len(table))
    if not gaps:
        return everything, []
    shown = [
        f"{name!r} in {count:,} of {len(table):,} rows (the first is row {_first(table, name)})" for name, count in gaps.items()
    ]
    listed = ", ".join(shown[:SHOWN]) + (f" and {len(shown) - SHOWN} more columns" if len(shown) > SHOWN else "")
    if way in ("", "keep"):
        worst = max(gaps, key=lambda name: gaps[name])
        marked = f" ({'; '.join(marks)}, --missing keep takes such for numbers)" if marks else ""
        raise DataError(
            f"{table.name} misses values: {listed}{marked}; fill them with --missing median (or mean), leave such rows out with "
            f"--missing drop, or a column with --drop {worst}"
        )
    if way != "drop":
        return everything, [f"missing values filled with the {way} (of words, the most frequent): {listed}"]
    whole = ~np.any([table[name].missing for name in gaps], axis=0)
    if not whole.any():
        worst = max(gaps, key=lambda name: gaps[name])
        raise DataError(
            f"{table.name}: --missing drop leaves no row, as each misses a value ({listed}): "
            f"choose --missing median, or --drop {worst}"
        )
    return np.flatnonzero(whole), [f"{int((~whole).sum()):,} rows with missing values left out: {listed}"]


def with_target(table: Table, target: str, way: str) -> tuple[Table, list[str]]:
    """The table without the rows that have nothing to learn; raises DataError where they are not to be left out."""
    gone = table[target].missing
    if not gone.any():
        return table, []
    what = f"{int(gone.sum()):,} of {len(table):,} rows have no {target!r} (the first is row {_first(table, target)})"
    if way in ("", "keep"):
        raise DataError(f"{table.name}: {what}, so there is nothing to learn from them: leave them out with --missing drop")
    return table.take(np.flatnonzero(~gone)), [f"{what}, left out"]


def _first(table: Table, name: str) -> int:
    return int(table.lines[np.flatnonzero(table[name].missing)[0]])
