"""Whole numbers that layers are made with, checked in one place."""

from __future__ import annotations

import math
from typing import Any

from byhand import limits
from byhand.errors import ModelError

LARGEST_SAMPLE = 1 << 22  # numbers in one sample: an image of 2048 x 2048
WIDEST, MOST_PADDING = 100_000, 1_000  # pixels


def at_least_one(layer: str, **numbers: Any) -> None:
    """Raise ModelError unless each is a whole number, 1 or more, and no absurd number of weights.

    >>> at_least_one("Linear", in_features=0)
    Traceback (most recent call last):
    byhand.errors.ModelError: Linear: in_features must be 1 or more, got 0
    """
    for name, number in numbers.items():
        limits.whole(f"{layer}: {name}", number)
    # Of a convolution in groups each filter sees the channels of its group alone.
    weights = math.prod(number for name, number in numbers.items() if name != "groups") // numbers.get("groups", 1)
    if weights > limits.largest_array():
        raise ModelError(
            f"{layer}: {numbers} make more than {limits.largest_array():,} weights, the most there may be: choose smaller ones"
        )


def sample_shape(written: Any) -> tuple[int, ...]:
    """The shape of a sample as a model file says it; raises ModelError for one that is none, or would take absurd memory.

    >>> sample_shape([28, 28, 1])
    (28, 28, 1)
    """
    shape = tuple(written) if isinstance(written, list | tuple) else ()
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in shape)
    if not shape or not whole or math.prod(shape) > LARGEST_SAMPLE:
        raise ModelError(f"input_shape must be whole numbers, {LARGEST_SAMPLE:,} pixels at most, got {str(written)[:40]}")
    return shape


def pair(layer: str, name: str, given: Any, least: int = 1) -> tuple[int, int]:
    """(vertical, horizontal) of a whole number or of two; raises ModelError for anything else.

    >>> pair("Conv2d", "stride", 2)
    (2, 2)
    """
    if not isinstance(given, list | tuple):
        both = (given, given)
    elif len(given) == 2:
        both = tuple(given)
    else:
        raise ModelError(f"{layer}: {name} must be a whole number or two of them, got {limits.told(given)}")
    # A padding, whose least is 0, makes images larger: a model file must not ask for memory that it does not fill.
    most = WIDEST if least else MOST_PADDING
    return limits.whole(f"{layer}: {name}", both[0], least, most), limits.whole(f"{layer}: {name}", both[1], least, most)
