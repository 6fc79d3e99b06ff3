"""How far numbers lie from their mean, and a vector from 0."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule, Axes
from byhand.engine.op import Saved, op
from byhand.engine.ops.reduce import axes_of, count, degrees, kept_shape
from byhand.errors import EngineError
from byhand.kernels.reference.sums import total


def _without(c: Array, axes: tuple[int, ...], keepdims: bool) -> Any:
    """What was computed with 1 in place of the axes, with or without them."""
    return c if keepdims else c.reshape(tuple(n for i, n in enumerate(c.shape) if i not in axes))


@op
class std:
    r"""Standard deviation along axes. Where all numbers are equal, its gradient is 0.

    Equation:
        c = \sqrt{\frac{1}{n - k} \sum_i (a_i - \bar a)^2}
    Gradient:
        \partial C/\partial a_i = \delta\,\frac{a_i - \bar a}{(n - k)\,c}
    Shapes:
        a: any, n: how many numbers each is of, correction k: 0, or 1 for an estimate from a sample
        -> c: without the axes, or with 1 in their place (keepdims)
    Source:
        Bessel (1838); the gradient by the chain rule through the root
    """

    def forward(xp: ArrayModule, a: Array, *, axis: Axes = None, keepdims: bool = False, correction: float = 0) -> Any:
        axes = axes_of("std", a, axis)
        n = degrees("std", a, axes, correction)
        apart = a - total(a, axes, keepdims=True, over=count("std", a, axes))
        c = xp.sqrt(total(apart * apart, axes, keepdims=True, over=n))
        return _without(c, axes, keepdims), (apart, c, axes, n)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        apart, c, axes, n = saved
        flat = c == 0
        slope = xp.where(flat, 0, delta.reshape(kept_shape(apart.shape, axes)) / (n * xp.where(flat, 1, c)))
        return (slope * apart).astype(apart.dtype)

    def composition(xp: ArrayModule, a: Any, *, axis: Axes = None, keepdims: bool = False, correction: float = 0) -> Any:
        axes = axes_of("std", a, axis)
        apart = a - a.mean(axis=axes, keepdims=True)
        square = (apart * apart).sum(axis=axes, keepdims=keepdims) / degrees("std", a, axes, correction)
        flat = square == 0
        return xp.where(flat, square, xp.where(flat, 1.0, square).sqrt())


@op
class norm:
    r"""Length of vectors along axes, by the p-norm. At 0 its gradient is 0.

    Equation:
        c = \left(\sum_i |a_i|^p\right)^{1/p}, \quad p = \infty:\; c = \max_i |a_i|
    Gradient:
        \partial C/\partial a_i = \delta \operatorname{sign}(a_i) \left(\frac{|a_i|}{c}\right)^{p - 1}
    Shapes:
        a: any, p: 1 or more, or infinity -> c: without the axes, or with 1 in their place (keepdims)
    Source:
        Golub and Van Loan (2013), "Matrix Computations", section 2.2
    """

    def forward(xp: ArrayModule, a: Array, *, p: float = 2, axis: Axes = None, keepdims: bool = False) -> Any:
        _check(p)
        axes = axes_of("norm", a, axis)
        size = xp.abs(a if a.dtype.kind == "f" else a.astype(float))
        if p == math.inf:
            count("norm", a, axes)
            c = size.max(axis=axes, keepdims=True)
        else:
            # By the largest, so that no square overflows and none falls to 0.
            top = size.max(axis=axes, keepdims=True, initial=0)
            scale = xp.where((top > 0) & xp.isfinite(top), top, 1).astype(size.dtype)
            c = scale * total((size / scale) ** p, axes, keepdims=True) ** (1 / p)
        return _without(c.astype(size.dtype), axes, keepdims), (a, c.astype(size.dtype), axes, p)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        a, c, axes, p = saved
        kept = delta.reshape(kept_shape(a.shape, axes))
        if p == math.inf:
            top = xp.abs(a) == c
            return (kept * xp.sign(a) * top / top.sum(axis=axes, keepdims=True)).astype(delta.dtype)
        return kept * xp.sign(a) * (xp.abs(a) / xp.where(c == 0, 1, c)) ** (p - 1)

    def composition(xp: ArrayModule, a: Any, *, p: float = 2, axis: Axes = None, keepdims: bool = False) -> Any:
        axes = axes_of("norm", a, axis)
        size = xp.abs(a)
        if p == math.inf:
            return size.max(axis=axes, keepdims=keepdims)
        whole = (a * a if p == 2 else size**p).sum(axis=axes, keepdims=keepdims)
        zero = whole == 0
        return xp.where(zero, whole, xp.where(zero, 1.0, whole) ** (1 / p))


def _check(p: Any) -> None:
    if isinstance(p, bool) or not isinstance(p, int | float | np.number) or not p >= 1:
        raise EngineError(f"norm: p must be a number, 1 or more, got {p!r}")
