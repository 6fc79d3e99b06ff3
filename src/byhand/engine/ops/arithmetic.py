"""Sums, products and their like, element by element, with broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.engine.large import apply
from byhand.engine.op import op
from byhand.errors import EngineError


def sum_to(delta: Any, shape: tuple[int, ...] | None) -> Any:
    r"""The gradient of broadcasting: what was copied along an axis gets the sum along that axis back; None for a plain number.

    >>> sum_to(np.ones((3, 2)), (1, 2))
    array([[3., 3.]])
    """
    if shape is None or delta.shape == shape:
        return None if shape is None else delta
    ahead = delta.ndim - len(shape)
    axes = tuple(range(ahead)) + tuple(ahead + i for i, n in enumerate(shape) if n == 1 and delta.shape[ahead + i] != 1)
    return delta.sum(axis=axes, keepdims=True).reshape(shape)


def together(name: str, function: Any, a: Any, b: Any) -> Any:
    """A ufunc of two that broadcast; raises EngineError where they do not."""
    try:
        return apply(function, a, b)
    except ValueError:
        raise EngineError(
            f"{name}: a is {np.shape(a)} but b is {np.shape(b)}: from the last axis backwards, they must agree or be 1"
        ) from None


def _shapes(a: Any, b: Any) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Of two arrays; None for a plain number, to which no gradient goes back."""
    return getattr(a, "shape", None), getattr(b, "shape", None)


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
        return together("add", xp.add, a, b), _shapes(a, b)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, b = saved
        return sum_to(delta, a) if wanted[0] else None, sum_to(delta, b) if wanted[1] else None


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
        return together("subtract", xp.subtract, a, b), _shapes(a, b)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, b = saved
        return sum_to(delta, a) if wanted[0] else None, apply(xp.negative, sum_to(delta, b)) if wanted[1] else None


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
        return together("multiply", xp.multiply, a, b), (a, b)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, b = saved
        return (
            sum_to(apply(xp.multiply, delta, b), a.shape) if wanted[0] else None,
            sum_to(apply(xp.multiply, delta, a), b.shape) if wanted[1] else None,
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
        c = together("divide", xp.divide, a, b)
        return c, (getattr(a, "shape", None), b, c)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, b, c = saved
        return (
            sum_to(apply(xp.divide, delta, b), a) if wanted[0] else None,
            sum_to(-delta * c / b, b.shape) if wanted[1] else None,
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
        exponent = exponent.item() if isinstance(exponent, np.generic) else exponent
        if not isinstance(exponent, int | float):
            raise EngineError(f"power: the exponent is {type(exponent).__name__}, but it is a plain number: use exp(b * log(a))")
        return a**exponent, (a, exponent)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        a, p = saved
        return delta * (p * a ** (p - 1)) if p != 0 else xp.zeros_like(delta)
