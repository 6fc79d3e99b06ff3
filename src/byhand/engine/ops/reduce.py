"""Many numbers made one: along some axes, or along all of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.backend import array_module
from byhand.engine.op import op
from byhand.errors import EngineError


def axes_of(name: str, a: Any, axis: Any) -> tuple[int, ...]:
    """The axes as numbers from 0 up; all of them for None. Raises EngineError for one that the array does not have.

    >>> import numpy as np
    >>> axes_of("sum", np.ones((2, 3, 4)), -1)
    (2,)
    """
    if axis is None:
        return tuple(range(a.ndim))
    axes = tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    for one in axes:
        if not isinstance(one, int | np.integer) or not -a.ndim <= one < a.ndim:
            choice = f"choose from {-a.ndim} to {a.ndim - 1}" if a.ndim else "it has no axes"
            raise EngineError(f"{name}: a is {a.shape}, and has no axis {one!r}: {choice}")
    found = tuple(int(one) % a.ndim for one in axes)
    if len(set(found)) != len(found):
        raise EngineError(f"{name}: the axes {axes} name one twice: name each once")
    return found


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with the summed axes kept as 1, so that it broadcasts against the input's."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _spread(delta: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """The same delta for each element that went into a sum: a view, of which nothing is copied."""
    xp = array_module(delta)
    return xp.broadcast_to(xp.reshape(delta, _kept(shape, axes)), shape)


def _count(name: str, a: Any, axes: tuple[int, ...]) -> int:
    n = math.prod(a.shape[i] for i in axes)
    if n == 0:
        raise EngineError(f"{name}: a is {a.shape}, which along axes {axes} holds no numbers: there is no {name} of none")
    return n


@op
class sum:
    r"""Sum along axes.

    Equation:
        c = \sum_i a_i
    Gradient:
        \partial C/\partial a_i = \delta
    Shapes:
        a: any -> c: without the axes, or with 1 in their place (keepdims)
    Source:
        Baydin et al. (2018), section 3.2
    """

    def forward(xp: Any, a: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        axes = axes_of("sum", a, axis)
        return a.sum(axis=axes, keepdims=keepdims), (a.shape, axes)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return _spread(delta, *saved)


@op
class mean:
    r"""Mean along axes.

    Equation:
        c = \frac{1}{n} \sum_i a_i
    Gradient:
        \partial C/\partial a_i = \delta / n
    Shapes:
        a: any, n: how many numbers each mean is of -> c: without the axes, or with 1 in their place (keepdims)
    Source:
        Baydin et al. (2018), section 3.2
    """

    def forward(xp: Any, a: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        axes = axes_of("mean", a, axis)
        n = _count("mean", a, axes)
        return a.sum(axis=axes, keepdims=keepdims) / n, (a.shape, axes, n)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        shape, axes, n = saved
        return _spread(delta / n, shape, axes)


def _extreme(name: str, xp: Any, a: Any, axis: Any, keepdims: bool) -> Any:
    axes = axes_of(name, a, axis)
    _count(name, a, axes)
    c = getattr(xp, name)(a, axis=axes, keepdims=True)
    chosen = a == c
    value = c if keepdims else c.reshape(tuple(n for i, n in enumerate(a.shape) if i not in axes))
    return value, (chosen, chosen.sum(axis=axes, keepdims=True), axes)


def _to_the_chosen(saved: Any, delta: Any) -> Any:
    chosen, how_many, axes = saved
    return chosen * (delta.reshape(_kept(chosen.shape, axes)) / how_many).astype(delta.dtype)


@op
class max:
    r"""The largest along axes; where several are, they share the gradient equally.

    Equation:
        c = \max_i a_i
    Gradient:
        \partial C/\partial a_i = \delta\,[a_i = c] / \sum_j [a_j = c]
    Shapes:
        a: any -> c: without the axes, or with 1 in their place (keepdims)
    Source:
        Boyd and Vandenberghe (2022), "Subgradients", section 3.4: a mean of subgradients is one
    """

    def forward(xp: Any, a: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        return _extreme("max", xp, a, axis, keepdims)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return _to_the_chosen(saved, delta)


@op
class min:
    r"""The smallest along axes; where several are, they share the gradient equally.

    Equation:
        c = \min_i a_i
    Gradient:
        \partial C/\partial a_i = \delta\,[a_i = c] / \sum_j [a_j = c]
    Shapes:
        a: any -> c: without the axes, or with 1 in their place (keepdims)
    Source:
        Boyd and Vandenberghe (2022), "Subgradients", section 3.4: a mean of subgradients is one
    """

    def forward(xp: Any, a: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        return _extreme("min", xp, a, axis, keepdims)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return _to_the_chosen(saved, delta)


@op
class variance:
    r"""Variance along axes: the mean of the squared distances from the mean.

    Equation:
        c = \frac{1}{n} \sum_i (a_i - \bar a)^2
    Gradient:
        \partial C/\partial a_i = \delta\,\frac{2}{n} (a_i - \bar a)
    Shapes:
        a: any, n: how many numbers each variance is of -> c: without the axes, or with 1 in their place (keepdims)
    Source:
        Ioffe and Szegedy (2015), arXiv:1502.03167, algorithm 1
    """

    def forward(xp: Any, a: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        axes = axes_of("variance", a, axis)
        n = _count("variance", a, axes)
        centred = a - a.mean(axis=axes, keepdims=True)
        return (centred * centred).sum(axis=axes, keepdims=keepdims) / n, (centred, axes, n)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        centred, axes, n = saved
        return _spread(delta * (2 / n), centred.shape, axes) * centred


@op
class logsumexp:
    r"""Logarithm of a sum of exponentials, shifted by the largest so that nothing overflows.

    Equation:
        c = \ln \sum_i e^{a_i}
    Gradient:
        \partial C/\partial a_i = \delta\,e^{a_i - c}
    Shapes:
        a: any -> c: without the axes, or with 1 in their place (keepdims)
    Source:
        Blanchard, Higham and Higham (2021), eq. 1.2
    """

    def forward(xp: Any, a: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        axes = axes_of("logsumexp", a, axis)
        _count("logsumexp", a, axes)
        top = a.max(axis=axes, keepdims=True)
        top = xp.where(xp.isfinite(top), top, a.dtype.type(0))  # inf - inf is no number
        with np.errstate(divide="ignore", over="ignore"):
            kept = top + xp.log(xp.exp(a - top).sum(axis=axes, keepdims=True))
        return kept if keepdims else kept.reshape(tuple(n for i, n in enumerate(a.shape) if i not in axes)), (a, kept, axes)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        a, kept, axes = saved
        return _spread(delta, a.shape, axes) * xp.exp(a - xp.where(kept == -xp.inf, a.dtype.type(0), kept))
