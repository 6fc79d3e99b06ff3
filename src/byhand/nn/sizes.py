"""Whole numbers that layers are made with, checked in one place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from byhand.errors import ModelError

LARGEST = 500_000_000  # numbers in one parameter: 2 GB in float32
_largest: ContextVar[int] = ContextVar("largest", default=LARGEST)


@contextmanager
def at_most(numbers: int) -> Iterator[None]:
    """Layers made inside may not have a parameter of more numbers: a model file must not ask for memory that it does not fill."""
    token = _largest.set(min(numbers, _largest.get()))
    try:
        yield
    finally:
        _largest.reset(token)


def at_least_one(layer: str, **numbers: Any) -> None:
    """Raise ModelError unless each is a whole number from 1 up, and their product no absurd size.

    >>> at_least_one("Linear", in_features=0)
    Traceback (most recent call last):
    byhand.errors.ModelError: Linear: in_features is 0, but it is a whole number from 1 up
    """
    for name, number in numbers.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ModelError(f"{layer}: {name} is {number!r}, but it is a whole number from 1 up")
    if math.prod(numbers.values()) > _largest.get():
        raise ModelError(
            f"{layer}: {numbers} make more than {_largest.get():,} weights, the most there may be: choose smaller ones"
        )


def pair(layer: str, name: str, given: Any, least: int = 1) -> tuple[int, int]:
    """(vertical, horizontal) of a whole number or of two; raises ModelError for anything else.

    >>> pair("Conv2d", "stride", 2)
    (2, 2)
    """
    both = (given, given) if isinstance(given, int) else tuple(given) if isinstance(given, list | tuple) else ()
    if len(both) != 2 or not all(isinstance(n, int) and n >= least for n in both):
        raise ModelError(f"{layer}: {name} is {given!r}, but it is a whole number from {least} up, or two of them")
    return both[0], both[1]
