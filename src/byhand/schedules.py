r"""Learning-rate schedules: the factor on eta as the training goes on, from its progress p in [0, 1)."""

from __future__ import annotations

import math
from collections.abc import Callable

from byhand import limits
from byhand.errors import ModelError
from byhand.registry import Registry

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


SCHEDULES: dict[str, Callable[[float], float]] = Registry(
    "schedule",
    {
        "constant": constant,
        "linear": linear,
        "cosine": cosine,
        "step": step,
        "one_cycle": one_cycle,
    },
)


def by_name(name: str) -> Callable[[float], float]:
    """The schedule of this name; raises ModelError for an unknown one.

    >>> by_name("cosine")(0.5)
    0.5
    """
    return SCHEDULES[limits.one_of("schedule", name, SCHEDULES)]


def own(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function of one's own as a schedule: what it returns is checked, 0 or more.

    Raises ModelError where it does not take a progress, or returns no such number.

    >>> own(lambda p: 1 / (1 + 9 * p))(0.5)
    0.18181818181818182
    """

    def factor(p: float) -> float:
        try:
            found = function(p)
        except Exception as error:
            raise ModelError(
                f"the schedule {limits.told(function)} must be a function of the progress in [0, 1): {error}"
            ) from error
        return limits.number(f"the schedule {limits.told(function)} at {p:g}", found, least=0)

    factor(0.0)
    return factor
