r"""What a number of a training step was made of: the terms of its sum, each a product of factors that are numbers themselves.

    z^2_{i,5} = \sum_k w^2_{5,k}\, a^1_{i,k} + b^2_5

A factor says which number of which array it is, so one can go on asking of that one, from a weight's change down to a pixel. What
is no sum, as sigma(z), is made of one term.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array

At = tuple[int, ...]
SHOWN = 12


@dataclass(frozen=True)
class Ref:
    """One number of a step: the name of the array that it stands in, and its indices."""

    name: str
    at: At


@dataclass(frozen=True)
class Factor:
    """One factor of a term: LaTeX, its value, and which number it is; None where it stands in no array (a constant, a slope)."""

    symbol: str
    value: float
    ref: Ref | None = None


@dataclass(frozen=True)
class Term:
    """One term of a sum: the product of its factors."""

    value: float
    factors: tuple[Factor, ...]


@dataclass(frozen=True)
class Made:
    """A number and what it was made of.

    Attributes:
        ref, symbol, value: which number, as LaTeX, and what the network computed.
        equation: of its array, LaTeX; "" where it was not computed.
        terms: the largest, largest first. others, rest: how many further terms there are, and what they add up to.
        note: what else is to be said, in words, such as why there are no terms.
    """

    ref: Ref
    symbol: str
    value: float
    equation: str
    terms: tuple[Term, ...]
    others: int = 0
    rest: float = 0.0
    note: str = ""

    @property
    def total(self) -> float:
        """All terms added up: the number again, to rounding; NaN where it has none."""
        return math.fsum([*(term.value for term in self.terms), self.rest]) if self.terms else math.nan

    def _repr_html_(self) -> str:
        """For notebooks."""
        from byhand.see.notebook import terms_html  # it sets formulas, which nobody needs who only asks for numbers

        return terms_html(self)


@dataclass(frozen=True)
class Sum:
    """Terms of one kind: their values (any shape), and the factors of the one at a flat index, which are made when asked for.

    by_sample: the first axis of the values counts the samples of the batch, or sample by sample rows of each.
    """

    values: Array
    factors: Callable[[int], tuple[Factor, ...]]
    by_sample: bool = False


def one(*factors: Factor) -> Sum:
    """A single term."""
    return Sum(np.array([math.prod(factor.value for factor in factors)]), lambda _: factors)


def gathered(sums: Sequence[Sum], most: int = SHOWN) -> tuple[tuple[Term, ...], int, float]:
    """The largest terms of all sums, how many others there are, and what those add up to. A 0 is no term, but of a lone one."""
    sizes = [np.abs(np.asarray(found.values, np.float64)).reshape(-1) for found in sums]
    whole = np.concatenate(sizes) if sizes else np.zeros(0)
    order = np.argsort(-whole, kind="stable")
    starts = np.cumsum([0, *(len(size) for size in sizes)])
    nonzero = max(int((whole > 0).sum()), min(1, len(whole)))
    first = order[: min(most, nonzero)]
    terms = []
    for at in first.tolist():
        which = int(np.searchsorted(starts, at, side="right")) - 1
        inner = at - int(starts[which])
        terms.append(Term(float(np.asarray(sums[which].values).reshape(-1)[inner]), sums[which].factors(inner)))
    left = order[len(first) : nonzero].tolist()
    flat = np.concatenate([np.asarray(found.values, np.float64).reshape(-1) for found in sums]) if sums else np.zeros(0)
    return tuple(terms), len(left), math.fsum(flat[left])


def per_sample(sums: Iterable[Sum], m: int) -> NDArray[np.float64]:
    """What each of m samples gave to a number, (m,): the terms that belong to one; weight decay belongs to none."""
    found = np.zeros(m)
    for some in sums:
        if some.by_sample:
            found += np.asarray(some.values, np.float64).reshape(m, -1).sum(axis=1)
    return found


def indexed(symbol: str, at: Sequence[int | str]) -> str:
    r"""A number of an array with all of its indices; they stand at the end, or where the symbol has an @.

    >>> indexed("z^{2}", (0, 5)), indexed("C", ()), indexed(r"\partial C/\partial (w@)", (5, 4))
    ('z^{2}_{0,5}', 'C', '\\partial C/\\partial (w_{5,4})')
    """
    where = f"_{{{','.join(map(str, at))}}}" if len(at) else ""
    return symbol.replace("@", where) if "@" in symbol else symbol + where
