"""Rows of numbers as the square pictures that they are, grey or in colour."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.errors import ModelError


def square(n: int) -> tuple[int, ...]:
    """The shape of the square picture that n numbers are: a square number is grey, three times one is in colour.

    No number is both. Raises ModelError where n is neither.

    >>> square(784), square(3072)
    ((28, 28), (32, 32, 3))
    """
    for channels, rest in ((1, ()), (3, (3,))):
        side = math.isqrt(n // channels)
        if side * side * channels == n:
            return (side, side, *rest)
    raise ModelError(f"images of {n} numbers are not square, and cannot be drawn")


def is_square(n: int) -> bool:
    """Whether n numbers are such a picture."""
    return any(math.isqrt(n // channels) ** 2 * channels == n for channels in (1, 3))


def levels(images: Array) -> NDArray[np.uint8]:
    """Images (N, n) or (N, side, side, C) in [0, 1] as bytes (N, side, side), in colour (N, side, side, 3)."""
    rows: Any = np.asarray(images).reshape(len(images), -1)
    shape = square(rows.shape[1])
    return np.round(255 * np.clip(rows, 0, 1)).astype(np.uint8).reshape(len(rows), *shape)
