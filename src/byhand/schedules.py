r"""Learning-rate schedules: the factor on eta as the training goes on, from its progress p in [0, 1)."""

from __future__ import annotations

import math
from collections.abc import Callable

from byhand.errors import ModelError

WARM_UP = 0.1


def constant(p: float) -> float:
    """1 throughout."""
    return 1.0


def linear(p: float) -> float:
    """1 - p: down to 0 in a straight line."""
    return 1 - p


def cosine(p: float) -> float:
    """(1 + cos(pi p)) / 2. Source: Loshchilov and Hutter (2017), arXiv:1608.03983, eq. 5."""
    return 0.5 * (1 + math.cos(math.pi * p))


def step(p: float) -> float:
    """1, then 1/10 from half of the training on, 1/100 from three quarters on."""
    return 1.0 if p < 0.5 else 0.1 if p < 0.75 else 0.01


def one_cycle(p: float) -> float:
    """Up from 1/25 over the first tenth, then down along a cosine. Source: Smith and Topin (2018), arXiv:1708.07120."""
    if p < WARM_UP:
        return 0.04 + 0.96 * p / WARM_UP
    return cosine((p - WARM_UP) / (1 - WARM_UP))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "step": step,
    "one_cycle": one_cycle,
}


def named(name: str) -> Callable[[float], float]:
    """The schedule of this name; raises ModelError for an unknown one.

    >>> named("cosine")(0.5)
    0.5
    """
    if name not in SCHEDULES:
        raise ModelError(f"schedule {name!r} is unknown: choose one of {', '.join(SCHEDULES)}")
    return SCHEDULES[name]
