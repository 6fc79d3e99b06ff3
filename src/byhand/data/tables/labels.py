"""Several labels at once: a column that holds their names, parted by ; or |, or one column of yes and no for each of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from byhand.data.classes import ordered
from byhand.data.tables.table import Column, Table, listed
from byhand.data.task import is_yes_no
from byhand.errors import DataError

MOST_LABELS = 200
_BETWEEN = re.compile(r"[;|]")


def names_in(cell: str) -> list[str]:
    """The labels in a cell, each once.

    >>> names_in("red; round|red"), names_in("")
    (['red', 'round'], [])
    """
    return list(dict.fromkeys(name for name in map(str.strip, _BETWEEN.split(cell)) if name))


def holds_labels(column: Column) -> bool:
    """Whether the cells of a column hold several names each, of which the same come again in other company.

    >>> cells = ("red;round", "red", "round;small", "small")
    >>> holds_labels(Column("tags", np.array([0, 1, 2, 3], np.int32), cells))
    True
    >>> holds_labels(Column("kind", np.array([0, 1, 0], np.int32), ("a;b", "c")))
    False
    """
    joined = [word for word in column.words if _BETWEEN.search(word)]
    if column.is_number or not joined:
        return False
    company = Counter(name for word in column.words for name in names_in(word))
    return 2 <= len(company) <= MOST_LABELS and sum(count > 1 for count in company.values()) > len(company) / 2


def several(table: Table, target: str) -> tuple[str, ...]:
    """The columns that a target names, where it is no column itself but the names of some, parted by commas; else ()."""
    names = tuple(name.strip() for name in target.split(","))
    if target in table.names or len(names) < 2:
        return ()
    return tuple(dict.fromkeys(names)) if all(name in table.names for name in names) else ()


def marks_of_column(column: Column, names: Sequence[str] = ()) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The labels that the cells of a column hold, or those that are known, in their order; and (N, K) whether each row has each.

    An empty cell has none.
    """
    found = tuple(names) or tuple(ordered(name for word in column.words for name in names_in(word)))
    places = {name: place for place, name in enumerate(found)}
    table = np.zeros((len(column.words) + 1, len(found)), np.float32)
    for row, word in enumerate(column.words):
        table[row, [places[name] for name in names_in(word) if name in places]] = 1
    return found, table[column.values]  # of a missing cell, -1, the last row


def marks_of_columns(table: Table, names: Sequence[str]) -> NDArray[np.float32]:
    """(N, K), whether each row has each label, of columns that hold yes or no; raises DataError for one that does not."""
    return np.stack([_marks(table, table[name]) for name in names], axis=1)


def _marks(table: Table, column: Column) -> NDArray[np.float32]:
    if column.missing.any():
        row, n = table.lines[np.flatnonzero(column.missing)[0]], int(column.missing.sum())
        raise DataError(
            f"{table.name}: the label {column.name!r} has no value in {n:,} rows (the first is row {row}): "
            "write 0 or 1 there, or leave it out of --target"
        )
    found: NDArray[np.bool_]
    if column.is_number:
        found = column.values == 1
        wrong = np.flatnonzero(~found & (column.values != 0))
        what = f"{column.values[wrong[0]]:g}" if len(wrong) else ""
    else:
        words = ordered(column.words)
        found = np.array(column.texts()) == words[-1]
        wrong = np.arange(not is_yes_no(words))
        what = repr(listed(words)) if len(wrong) else ""
    if len(wrong):
        raise DataError(
            f"{table.name}: a label must be 0 or 1, or no or yes, but {column.name!r} holds {what}: give it a --target of its own"
        )
    return found.astype(np.float32)
