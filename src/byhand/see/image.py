"""Arrays as small inline images: a sample as the network saw it, and what a unit's weights look at."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from byhand.backend import Array

UP = np.array([33, 102, 172])  # blue and red from ColorBrewer's RdBu: told apart by all kinds of colour vision
DOWN = np.array([178, 24, 43])


def side(n: int) -> int:
    """The side of the square image that n numbers make, 0 where they make none worth drawing.

    >>> side(784), side(4), side(30)
    (28, 0, 0)
    """
    root = math.isqrt(n)
    return root if root * root == n and root >= 8 else 0


def grey(values: Array) -> str:
    """A square image of values in [0, 1], flat, white on black, as a `data:` address."""
    n = side(values.size)
    return _address((np.clip(values, 0, 1) * 255).round().astype(np.uint8).reshape(n, n))


def diverging(values: Array) -> str:
    """A square image of values of both signs, flat: blue above 0, red below, white at 0, scaled by the largest size."""
    n = side(values.size)
    strength = (values / (np.abs(values).max() or 1)).reshape(n, n, 1)
    colour = 255 - np.abs(strength) * (255 - np.where(strength > 0, UP, DOWN))
    return _address(colour.round().astype(np.uint8))


def _address(pixels: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
