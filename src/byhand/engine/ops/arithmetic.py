"""Sums, products and their like, element by element, with broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.engine.large import apply
from byhand.engine.op import op
from byhand.errors import EngineError


def sum_to(delta: Any, other: Any) -> Any:
    r"""The gradient of broadcasting: what was copied along an axis gets the sum along that axis back; None for a plain number.

    >>> sum_to(np.ones((3, 2)), np.ones((1, 2)))
    array([[3., 3.]])
    """
    if not hasattr(other, "shape"):
        return None
    shape = other.shape
    if delta.shape == shape:
        return delta
    ahead = delta.ndim - len(shape)
    axes = tuple(range(ahead)) + tuple(ahead + i for i, n in enumerate(shape) if n == 1 and delta.shape[ahead + i] != 1)
    return delta.sum(axis=axes, keepdims=True).reshape(shape)


def _together(name: str, a: Any, b: Any) -> None:
    """Raise EngineError where two shapes do not broadcast."""
    if getattr(a, "shape", ()) == getattr(b, "shape", ()):
        return
    try:
        np.broadcast_shapes(np.shape(a), np.shape(b))
    except ValueError:
        raise EngineError(
            f"{name}: a is {np.shape(a)} but b is {np.shape(b)}: from the last axis backwards, they must agree or be 1"
        ) from None


@op
class add:
    r"""Sum.

    Equation:
        c = a + b
    Gradient:
        \partial C/\partial a = \delta
        \partial C/\partial b = \delta
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: Any, a: Any, b: Any) -> Any:
        _together("add", a, b)
        return apply(xp.add, a, b), (_Shape(a), _Shape(b))

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        a, b = saved
        return sum_to(delta, a), sum_to(delta, b)


@op
class subtract:
    r"""Difference.

    Equation:
        c = a - b
    Gradient:
        \partial C/\partial a = \delta
        \partial C/\partial b = -\delta
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: Any, a: Any, b: Any) -> Any:
        _together("subtract", a, b)
        return apply(xp.subtract, a, b), (_Shape(a), _Shape(b))

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, b = saved
        return sum_to(delta, a), sum_to(apply(xp.negative, delta), b) if wanted[1] else None


@op
class multiply:
    r"""Product, element by element (Nielsen's Hadamard product).

    Equation:
        c = a \odot b
    Gradient:
        \partial C/\partial a = \delta \odot b
        \partial C/\partial b = \delta \odot a
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: Any, a: Any, b: Any) -> Any:
        _together("multiply", a, b)
        return apply(xp.multiply, a, b), (a, b)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, b = saved
        return (
            sum_to(apply(xp.multiply, delta, b), a) if wanted[0] else None,
            sum_to(apply(xp.multiply, delta, a), b) if wanted[1] else None,
        )


@op
class divide:
    r"""Quotient.

    Equation:
        c = a / b
    Gradient:
        \partial C/\partial a = \delta / b
        \partial C/\partial b = -\delta \odot c / b
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: Any, a: Any, b: Any) -> Any:
        _together("divide", a, b)
        c = apply(xp.divide, a, b)
        return c, (_Shape(a), b, c)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, b, c = saved
        return (
            sum_to(apply(xp.divide, delta, b), a) if wanted[0] else None,
            sum_to(-delta * c / b, b) if wanted[1] else None,
        )


@op
class negative:
    r"""The other sign.

    Equation:
        c = -a
    Gradient:
        \partial C/\partial a = -\delta
    Shapes:
        a: any -> c: the same
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: Any, a: Any) -> Any:
        return apply(xp.negative, a), None

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return apply(xp.negative, delta)


@op
class power:
    r"""A fixed power.

    Equation:
        c = a^p
    Gradient:
        \partial C/\partial a = \delta \odot p\,a^{p-1}
    Shapes:
        a: any, p: a number -> c: as a
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: Any, a: Any, *, exponent: float) -> Any:
        if not isinstance(exponent, int | float):
            raise EngineError(f"power: the exponent is {type(exponent).__name__}, but it is a plain number: use exp(b * log(a))")
        return a**exponent, (a, exponent)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        a, p = saved
        return delta * (p * a ** (p - 1)) if p != 0 else xp.zeros_like(delta)


class _Shape:
    """The shape of an array, where the gradient needs no more of it; a plain number has none."""

    __slots__ = ("shape",)
    shape: tuple[int, ...]

    def __new__(cls, array: Any) -> Any:
        if not hasattr(array, "shape"):
            return None
        made = super().__new__(cls)
        made.shape = array.shape
        return made
