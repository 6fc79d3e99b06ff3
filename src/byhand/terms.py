r"""What a number is the sum of: terms, each a product of factors that are numbers themselves.

    z^2_{i,5} = \sum_k w^2_{5,k}\, a^1_{i,k} + b^2_5

A factor says which number of which array it is, so that you can go on asking about that one, from a weight's change down to a
pixel. A function such as sigma(z) is one term of one factor, which keeps the formula with its number in it.

This is mathematics and stands below the engine: an op says its terms beside its `forward` and its `gradient`. Drawing them is
the work of `byhand.see`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.formula import Line

Array = NDArray[Any]
At = tuple[int, ...]
SHOWN = 12


@dataclass(frozen=True)
class Ref:
    """One number of a step: the name of the array that it stands in, and its indices."""

    name: str
    at: At


@dataclass(frozen=True)
class Factor:
    """One factor of a term.

    symbol: LaTeX. ref: which number it is; None where it stands in no array (a constant, a slope). worked: the formula that gives
    the value, LaTeX with its numbers in it; "" where the value stands for itself.
    """

    symbol: str
    value: float
    ref: Ref | None = None
    worked: str = ""


@dataclass(frozen=True)
class Term:
    """One term of a sum: the product of its factors."""

    value: float
    factors: tuple[Factor, ...]


@dataclass(frozen=True)
class Sum:
    """Terms of one kind: their values (any shape), and the factors of the one at a flat index, which are made when asked for.

    by_sample: the first axis of the values counts the samples of the batch, or sample by sample rows of each.
    """

    values: Array
    factors: Callable[[int], tuple[Factor, ...]]
    by_sample: bool = False


@dataclass(frozen=True)
class Grid:
    """A few numbers as they stand in rows and columns, such as a filter. `mark` is the one that matters most, or None."""

    symbol: str
    values: Array
    about: str = ""
    mark: tuple[int, int] | None = None


@dataclass(frozen=True)
class Aside:
    """What leads to a sum and is no term of it, such as a mean. lines: in order; note: in words; grids: to look at."""

    lines: tuple[Line, ...] = ()
    note: str = ""
    grids: tuple[Grid, ...] = ()


NOTHING = Aside()


@dataclass(frozen=True)
class NamedArray:
    """An array whose numbers can be factors: its name, its symbol (LaTeX, see `indexed`), and its numbers."""

    name: str
    symbol: str
    values: Array

    def factor(self, at: At) -> Factor:
        """One number of it, as a factor of another number."""
        return Factor(indexed(self.symbol, at), float(self.values[at]), Ref(self.name, at))


def single(*factors: Factor) -> Sum:
    """A single term."""
    return Sum(np.array([math.prod(factor.value for factor in factors)]), lambda _: factors)


def largest_terms(sums: Sequence[Sum], most: int = SHOWN) -> tuple[tuple[Term, ...], int, float]:
    """The largest terms of all sums, how many others there are, and what those add up to. A 0 counts only where it is alone."""
    flat = [np.asarray(each.values, np.float64).reshape(-1) for each in sums]
    values = np.concatenate(flat) if flat else np.zeros(0)
    order = np.argsort(-np.abs(values), kind="stable")
    starts = np.cumsum([0, *(len(part) for part in flat)])
    nonzero = max(int(np.count_nonzero(values)), min(1, len(values)))
    first = order[: min(most, nonzero)]
    terms = []
    for at in first.tolist():
        which = int(np.searchsorted(starts, at, side="right")) - 1
        inner = at - int(starts[which])
        terms.append(Term(float(values[at]), sums[which].factors(inner)))
    others = order[len(first) : nonzero].tolist()
    return tuple(terms), len(others), math.fsum(values[others])


def place_of_largest(values: Array) -> At:
    """Where the number of the largest size stands in an array.

    >>> place_of_largest(np.array([[1.0, -3.0], [2.0, 0.5]]))
    (0, 1)
    """
    return tuple(int(k) for k in np.unravel_index(int(np.abs(values).argmax()), values.shape))


def per_sample(sums: Iterable[Sum], m: int) -> NDArray[np.float64]:
    """What each of m samples gave to a number, (m,): the terms that belong to one; weight decay belongs to none."""
    total = np.zeros(m)
    for each in sums:
        if each.by_sample:
            total += np.asarray(each.values, np.float64).reshape(m, -1).sum(axis=1)
    return total


def indexed(symbol: str, at: Sequence[int | str]) -> str:
    r"""A number of an array with all of its indices; they stand at the end, or where the symbol has an @.

    >>> indexed("z^{2}", (0, 5)), indexed("C", ()), indexed(r"\partial C/\partial (w@)", (5, 4))
    ('z^{2}_{0,5}', 'C', '\\partial C/\\partial (w_{5,4})')
    """
    where = f"_{{{','.join(map(str, at))}}}" if len(at) else ""
    return symbol.replace("@", where) if "@" in symbol else symbol + where
