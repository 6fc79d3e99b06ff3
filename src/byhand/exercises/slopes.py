"""The slope of a cost along every number of an array, measured: what a gradient by hand is held beside."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from byhand.backend import Array
from byhand.see.gradient_check import STEP, central_difference


def slopes(cost: Callable[[], float], at: Array) -> Array:
    r"""Each number of `at` is moved up and down by h, and put back.

    Equation:
        \frac{\partial C}{\partial a_i} \approx \frac{C(a_i + h) - C(a_i - h)}{2h}, \quad h = 10^{-5}
    Shapes:
        at: any, which the cost reads -> the same

    >>> w = np.array([1.0, 2.0])
    >>> slopes(lambda: float((w**2).sum()), w).round(6)
    array([2., 4.])
    """
    found = np.empty_like(at)
    for place in np.ndindex(at.shape):
        higher, lower = central_difference(cost, at, place)
        found[place] = (higher - lower) / (2 * STEP)
    return found
