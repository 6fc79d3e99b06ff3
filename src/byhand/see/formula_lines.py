"""A sum of terms as lines of a formula: in symbols, in numbers, term by term, and what it comes to."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from byhand.formula import SHOWN, Line, Term, factor, total
from byhand.terms import Factor, Sum

FRACTION = re.compile(r"\\t?frac\{-?\d+\}\{\d+\}")


def lines_of(left: str, sums: Sequence[Sum], value: float) -> list[Line]:
    """A sum as lines of a formula; what all of its products share, such as 1/m or a slope, stands in front of it."""
    flat = [np.asarray(each.values, np.float64).reshape(-1) for each in sums]
    values = np.concatenate(flat) if flat else np.zeros(0)
    few = len(values) <= SHOWN + 2
    first = set(range(len(values)) if few else np.argsort(-np.abs(values), kind="stable")[: 2 * SHOWN].tolist())
    # What stands beside a long sum, such as a bias, is never left out.
    every = [(each, k, not few and len(part) == 1) for each, part in zip(sums, flat, strict=True) for k in range(len(part))]
    shown = {at: each.factors(k) for at, (each, k, beside) in enumerate(every) if beside or at in first}  # these need symbols
    shared = shared_factors(list(shown.values()))
    share = math.prod(one.value for one in shared)
    terms: list[Term] = []
    last: list[Term] = []
    for at, (each_value, (_, _, beside)) in enumerate(zip((values / share).tolist(), every, strict=True)):
        (last if beside else terms).append(_product([one for one in shown.get(at, ()) if one not in shared], each_value))
    front = _product(shared, share)
    return total(left, terms, value, last=last, before=(front.symbols, front.numbers))


def shared_factors(products: Sequence[tuple[Factor, ...]]) -> list[Factor]:
    """The factors that stand in every one of these products, where there are several and none is of them alone."""
    if len(products) < 2:
        return []
    shared = [one for one in products[0] if one.value and all(one in each for each in products)]
    return shared if all(len(each) > len(shared) for each in products) else []


def _product(factors: Sequence[Factor], value: float) -> Term:
    powers = [(one, "" if (n := len(list(same))) == 1 else f"^{n}") for one, same in groupby(factors)]
    symbols, numbers = ([f"{of(one)}{power}" for one, power in powers] for of in (lambda one: one.symbol, _number))
    return Term(r"\, ".join(symbols), r" \cdot ".join(numbers), value)


def _number(one: Factor) -> str:
    """A factor in numbers; 1/10 stays as it is."""
    return one.worked or (one.symbol if FRACTION.fullmatch(one.symbol) else factor(one.value))
