"""Factors of the optimisers' terms, for explanations."""

from __future__ import annotations

import math

from byhand.formula import number, setting
from byhand.terms import Factor, Sum, single


def rate_factor(symbol: str, value: float) -> Factor:
    return Factor(symbol, value, worked=setting(value))


def running_mean(beta: str, rate: float, before: Factor, *powers: Factor) -> list[Sum]:
    """beta times the old value, and 1 - beta times the gradient, or its square."""
    new = Factor(rf"(1 - {beta})", 1 - rate, worked=setting(round(1 - rate, 12)))
    return [single(rate_factor(beta, rate), before), single(new, *powers)]


def one_over_root(v: Factor, correction: float, epsilon: float) -> Factor:
    """1 / (sqrt(v) + epsilon), with v corrected for its start at zero."""
    root, value = ("v" if correction == 1 else r"\hat v"), v.value / correction
    worked = rf"\frac{{1}}{{\sqrt{{{number(value)}}} + {number(epsilon)}}}"
    return Factor(rf"\frac{{1}}{{\sqrt{{{root}}} + \epsilon}}", 1 / (math.sqrt(value) + epsilon), v.ref, worked)
