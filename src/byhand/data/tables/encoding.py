r"""How a table becomes the numbers that a network reads, and how others are read in the same way later.

A column of numbers is standardised, x' = (x - mean) / std, with the mean and the deviation of the training rows alone: those of
the test rows are not known to whoever trains. A column of words becomes one input per word, 1 where it stands and else 0.
All of that is kept in the model file, and `measured` undoes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand import limits
from byhand.backend import Array
from byhand.data.tables.columns import Roles, is_pixels
from byhand.data.tables.table import Column, Table, listed
from byhand.errors import DataError

FILLS = ("mean", "median")


@dataclass(frozen=True)
class Input:
    """One column that is read. Of numbers: mean and std of the training rows; of words: its words, one input for each.

    `fill` stands in for a missing value; None where such are refused.
    """

    name: str
    mean: float = 0.0
    std: float = 1.0
    words: tuple[str, ...] = ()
    fill: float | str | None = None

    @property
    def features(self) -> list[str]:
        """The names of the inputs that it becomes."""
        return [f"{self.name}={word}" for word in self.words] if self.words else [self.name]


@dataclass(frozen=True)
class Encoding:
    """The inputs in their order, and the target: its name, and for numbers to learn its mean and deviation.

    Of several labels at once `labels` are their names, and the target is a column that holds them, or their columns by commas.

    >>> from byhand.data.tables.table import of_arrays
    >>> table = of_arrays("t", {"age": [20.0, 40.0], "colour": ["red", "blue"], "y": ["a", "b"]})
    >>> encoding = fit(table, Roles("y", "", ("age", "colour"), {}), np.arange(2))
    >>> encoding.encoded(table)[0].tolist(), encoding.features
    ([[-1.0, 0.0, 1.0], [1.0, 1.0, 0.0]], ('age', 'colour=blue', 'colour=red'))
    """

    inputs: tuple[Input, ...]
    target: str
    target_mean: float = 0.0
    target_std: float = 1.0
    labels: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(name for one in self.inputs for name in one.features)

    @property
    def scaling(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(mean, deviation) of each feature; 0 and 1 for those of words."""
        mean = [value for one in self.inputs for value in ([0.0] * len(one.words) or [one.mean])]
        std = [value for one in self.inputs for value in ([1.0] * len(one.words) or [one.std])]
        return tuple(mean), tuple(std)

    def encoded(self, table: Table, rows: NDArray[np.intp] | None = None) -> tuple[NDArray[np.float32], list[str]]:
        """The inputs (N, n) of these rows of a table, or all, and what of them there is to tell, such as unknown words.

        Raises DataError for a column that is not there, or holds words in place of numbers, or misses values.
        """
        columns = [self._column(table, one) for one in self.inputs]
        n = len(table) if rows is None else len(rows)
        found, told, at = np.zeros((n, len(self.features)), np.float32), list[str](), 0
        for one, column in zip(self.inputs, columns, strict=True):
            values, missing = (part if rows is None else part[rows] for part in (column.values, column.missing))
            if missing.any() and one.fill is None:
                row = table.lines[np.flatnonzero(column.missing)[0]]
                raise DataError(
                    f"{table.name}: {column.name!r} has no value in {int(missing.sum()):,} rows (the first is row {row}), and the"
                    " network learned from none without: fill them in, or train with --missing median"
                )
            if one.words:
                places, strange = _places(one, column)
                if strange.any():
                    told.append(_strange(table, column, strange))
                chosen = np.where(missing, one.words.index(str(one.fill)) if one.fill is not None else -1, places[values])
                at_rows = np.flatnonzero(chosen >= 0)
                found[at_rows, at + chosen[at_rows]] = 1
            else:
                numbers = np.where(missing, one.fill, values) if one.fill is not None else values
                found[:, at] = (numbers - one.mean) / one.std
            at += len(one.features)
        return found, told

    def _column(self, table: Table, one: Input) -> Column:
        """The column that an input reads: by its name; by its place where neither table has names and no target is there."""
        if one.name in table.names and (table.named or len(table.columns) != len(self.inputs)):
            column = table[one.name]
        elif not table.named and len(table.columns) == len(self.inputs):
            column = table.columns[self.inputs.index(one)]
        else:
            have = ", ".join(table.names[:12])
            raise DataError(
                f"{table.name} lacks the column {one.name!r} that the model reads: it reads "
                f"{', '.join(i.name for i in self.inputs[:12])}, and the table has {have}; columns are matched by name"
            )
        if one.words and column.is_number:
            return _as_words(column)
        if not one.words and not column.is_number and len(column.words):
            raise DataError(f"{table.name}: {column.name!r} must hold numbers, as the model learned, got {column.words[0]!r}")
        return column

    def measured(self, feature: int, value: float) -> str:
        """What a number that the network reads was in the table.

        >>> Encoding((Input("age", 40.0, 10.0), Input("colour", words=("blue", "red"))), "y").measured(0, 0.1)
        'age = 41, standardised 0.1'
        """
        at = 0
        for one in self.inputs:
            if feature < at + len(one.features):
                if one.words:
                    return f"{one.name} {'=' if value else 'is not'} {one.words[feature - at]}"
                return f"{one.name} = {value * one.std + one.mean:.6g}, standardised {value:.3g}"
            at += len(one.features)
        raise DataError(f"the inputs are 0 to {at - 1}, got {feature}")

    def row(self, values: Array) -> list[str]:
        """What a row of numbers that the network reads was in the table, a word for each column.

        >>> Encoding((Input("age", 40.0, 10.0), Input("colour", words=("blue", "red"))), "y").row(np.array([0.1, 0.0, 1.0]))
        ['age = 41', 'colour = red']
        """
        found, at = list[str](), 0
        for one in self.inputs:
            if one.words:
                chosen = [word for word, value in zip(one.words, values[at:], strict=False) if value > 0]
                found.append(f"{one.name} = {chosen[0] if chosen else '?'}")
            else:
                found.append(f"{one.name} = {float(values[at]) * one.std + one.mean:.5g}")
            at += len(one.features)
        return found

    def to_json(self) -> dict[str, Any]:
        """The same as a model file keeps it."""
        inputs = []
        for one in self.inputs:
            kept: dict[str, Any] = {"name": one.name}
            kept |= {"words": list(one.words)} if one.words else {"mean": one.mean, "std": one.std}
            inputs.append(kept | ({} if one.fill is None else {"fill": one.fill}))
        about = {"target": self.target, "target_mean": self.target_mean, "target_std": self.target_std, "inputs": inputs}
        return about | ({"labels": list(self.labels)} if self.labels else {})


def from_json(kept: Any) -> Encoding:
    """The encoding that a model file keeps; raises DataError where what stands there is none."""
    try:
        inputs = tuple(_input(one) for one in kept["inputs"])
        mean = limits.number("target_mean", kept["target_mean"], error=DataError)
        std = limits.number("target_std", kept["target_std"], above=0, error=DataError)
        target = limits.text("target", kept["target"], error=DataError)
        labels = tuple(limits.text("a label", name, error=DataError) for name in kept.get("labels", ()))
    except (KeyError, TypeError, IndexError, DataError) as error:
        raise DataError(f"the model file does not say how its table was read ({error}): train it again") from error
    return Encoding(inputs, target, mean, std, labels)


def _input(kept: Any) -> Input:
    name, words, fill = limits.text("name", kept["name"], error=DataError), kept.get("words"), kept.get("fill")
    if words is not None:
        known = tuple(limits.text("a word", word, error=DataError) for word in words)
        if not known or (fill is not None and fill not in known):
            raise DataError(f"{name} has no words, or another one to fill in")
        return Input(name, words=known, fill=fill)
    number = None if fill is None else limits.number("fill", fill, error=DataError)
    mean, std = limits.number("mean", kept["mean"], error=DataError), limits.number("std", kept["std"], above=0, error=DataError)
    return Input(name, mean, std, fill=number)


def fit(
    table: Table,
    roles: Roles,
    rows: NDArray[np.intp],
    missing: str = "",
    target: tuple[float, float] = (0.0, 1.0),
    labels: tuple[str, ...] = (),
) -> Encoding:
    """The encoding by what stands in these rows, those that are trained on. missing: "mean", "median" or "" for refusing."""
    if is_pixels(table, roles.inputs):
        return Encoding(tuple(Input(name, 0.0, 255.0) for name in roles.inputs), roles.target, *target, labels)
    return Encoding(tuple(_fitted(table[name].take(rows), missing) for name in roles.inputs), roles.target, *target, labels)


def _fitted(column: Column, missing: str) -> Input:
    known = column.known
    if not column.is_number:
        counts = np.bincount(known, minlength=len(column.words))
        words = tuple(sorted(word for word, count in zip(column.words, counts, strict=True) if count))
        return Input(column.name, words=words or column.words[:1], fill=column.words[int(counts.argmax())] if missing else None)
    fill = None if missing not in FILLS or not len(known) else float(np.median(known) if missing == "median" else known.mean())
    values = np.where(column.missing, fill, column.values) if fill is not None else known
    mean, std = float(values.mean()) if len(values) else 0.0, float(values.std()) if len(values) else 0.0
    # Of a column that is always the same, rounding may leave a deviation that is not quite 0.
    return Input(column.name, mean, std if std > 1e-12 * max(1e-300, abs(mean)) and math.isfinite(std) else 1.0, fill=fill)


def _places(one: Input, column: Column) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each word of a column stands among those that the model knows, -1 for a strange one; and which rows have such."""
    known = {word: place for place, word in enumerate(one.words)}
    places = np.array([*(known.get(word, -1) for word in column.words), -1], np.int64)
    return places, (places[column.values] < 0) & ~column.missing


def _strange(table: Table, column: Column, rows: NDArray[np.bool_]) -> str:
    words = list(dict.fromkeys(column.words[code] for code in column.values[rows].tolist()))
    first = table.lines[np.flatnonzero(rows)[0]]
    where = f"in {int(rows.sum()):,} rows (the first is row {first})"
    return f"{column.name!r} holds {listed(words)} {where}, unknown to the network: read as none"


def _as_words(column: Column) -> Column:
    """Numbers where the model knows words, such as 1 and 2 beside "1b"."""
    texts, missing = column.texts(), column.missing
    known: dict[str, int] = {}
    codes = [-1 if gone else known.setdefault(text, len(known)) for text, gone in zip(texts, missing.tolist(), strict=True)]
    return Column(column.name, np.array(codes, np.int32), tuple(known))


def as_numbers(values: Array, encoding: Encoding) -> NDArray[np.float64]:
    """Numbers that a network tells, back in the target's own unit."""
    found: NDArray[np.float64] = np.asarray(values, np.float64) * encoding.target_std + encoding.target_mean
    return found
