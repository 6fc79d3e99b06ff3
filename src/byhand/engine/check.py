r"""Gradients are never trusted: what the tape says against what moving each number a little does to the cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine.tensor import Tensor, no_grad
from byhand.engine.transform import vjp
from byhand.errors import EngineError

STEP = 1e-6  # about the cube root of float64's precision, where the two errors of a central difference balance


def central_difference(function: Callable[..., Tensor], inputs: list[Any], which: int, v: Any) -> Array:
    r"""The gradient of C = sum(v * f) with respect to one input, number by number.

    Equation:
        \frac{\partial C}{\partial x_i} \approx \frac{C(x + h e_i) - C(x - h e_i)}{2h}
    Source:
        Baydin et al. (2018), section 2.2, eq. 2
    """

    def cost() -> Any:
        with no_grad():
            return float(np.vdot(v, function(*inputs).data))

    x = inputs[which]
    found = np.empty_like(x)
    for place in np.ndindex(x.shape):
        old = x[place]
        h = STEP * max(1.0, abs(old))
        x[place] = old + h
        above = cost()
        x[place] = old - h
        below = cost()
        x[place] = old
        found[place] = (above - below) / (2 * h)
    return found


def check_gradient(function: Callable[..., Tensor], *inputs: Array, tolerance: float = 1e-7, seed: int = 0) -> float:
    """Check the gradient of a function of float64 arrays for all of them; the largest error, relative to the gradient's scale.

    The function's outputs are weighted with random numbers, so that no error hides in a sum of equal parts.

    Raises EngineError where an error is above the tolerance: which input, where, and both numbers.

    >>> check_gradient(lambda x: x * x, np.array([1.0, 2.0])) < 1e-7
    True
    """
    arrays: list[Any] = [np.array(given, dtype=np.float64) for given in inputs]
    value, pull_back = vjp(function, *arrays)
    v = np.random.default_rng(seed).standard_normal(value.shape)
    worst = 0.0
    for which, gradient in enumerate(pull_back(v)):
        expected = central_difference(function, arrays, which, v)
        if expected.size == 0:
            continue
        error = np.abs(gradient - expected)
        relative = float(error.max() / max(1.0, float(np.abs(expected).max())))
        if not relative <= tolerance:
            place = tuple(int(i) for i in np.unravel_index(error.argmax(), error.shape))
            raise EngineError(
                f"gradient check: of input {which} {expected.shape} at {place} the gradient is {gradient[place]:.9g}, "
                f"but the central difference {expected[place]:.9g}: {relative:.1e} apart, allowed is {tolerance:.0e}"
            )
        worst = max(worst, relative)
    return worst
