"""Many numbers made one: along some axes, or along all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule, Axes
from byhand.engine.call import Call, share, unravelled
from byhand.engine.op import Saved, op
from byhand.errors import EngineError
from byhand.kernels.reference.sums import total
from byhand.terms import At, Factor, NamedArray, Sum, single


def axes_of(name: str, a: Array, axis: Axes) -> tuple[int, ...]:
    """The axes as numbers from 0; all of them for None. Raises EngineError for one that the array does not have.

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


def kept_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with the summed axes kept as 1, so that it broadcasts against the input's."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def spread(xp: ArrayModule, delta: Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """The same delta for each element that went into a sum: a view, of which nothing is copied."""
    return xp.broadcast_to(delta.reshape(kept_shape(shape, axes)), shape)


def count(name: str, a: Array, axes: tuple[int, ...]) -> int:
    n = math.prod(a.shape[i] for i in axes)
    if n == 0:
        raise EngineError(f"{name}: a is {a.shape}, which along axes {axes} holds no numbers: there is no {name} of none")
    return n


# ---------------------------------------------------------------- which numbers share a line, for the terms


def line_of(a: NamedArray, axes: tuple[int, ...], at: At) -> tuple[Any, Callable[[int], At]]:
    """The numbers that one output is of, (n, ...), and where the one at a flat index stands in the array.

    at: of the output, whose summed axes are left out or kept as 1.
    """
    rest = iter(at if len(at) < a.values.ndim else [k for i, k in enumerate(at) if i not in axes])
    index: tuple[Any, ...] = tuple(slice(None) if i in axes else next(rest) for i in range(a.values.ndim))
    line = np.asarray(a.values[index])

    def place(k: int) -> At:
        inner = iter(unravelled(k, line.shape))
        return tuple(next(inner) if i in axes else int(index[i]) for i in range(a.values.ndim))

    return line, place


def terms_along(a: NamedArray, axes: tuple[int, ...], at: At, *times: Factor) -> list[Sum]:
    """All numbers of a line, each with these factors."""
    line, place = line_of(a, axes, at)
    scale = math.prod(each.value for each in times)
    return [Sum(np.asarray(line, np.float64) * scale, lambda k: (*times, a.factor(place(k))))]


def error_of_line(call: Call, axes: tuple[int, ...], at: At) -> Factor:
    """The error of the output that a number went into."""
    kept = call.error.values.ndim == len(at)
    return call.error.factor(tuple(0 if i in axes else k for i, k in enumerate(at) if kept or i not in axes))


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

    def forward(xp: ArrayModule, a: Array, *, axis: Axes = None, keepdims: bool = False) -> Any:
        axes = axes_of("sum", a, axis)
        return total(a, axes, keepdims), (a.shape, axes)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return spread(xp, delta, *saved)

    def terms(call: Call, at: At) -> list[Sum]:
        return terms_along(call.operand(0), axes_of("sum", call.operand(0).values, call.options.get("axis")), at)

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        axes = axes_of("sum", call.operand(0).values, call.options.get("axis"))
        return [single(error_of_line(call, axes, at))]


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

    def forward(xp: ArrayModule, a: Array, *, axis: Axes = None, keepdims: bool = False) -> Any:
        axes = axes_of("mean", a, axis)
        n = count("mean", a, axes)
        return total(a, axes, keepdims, over=n), (a.shape, axes, n)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        shape, axes, n = saved
        return spread(xp, delta / n, shape, axes)

    def terms(call: Call, at: At) -> list[Sum]:
        a = call.operand(0)
        axes = axes_of("mean", a.values, call.options.get("axis"))
        return terms_along(a, axes, at, share(count("mean", a.values, axes)))

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        a = call.operand(0).values
        axes = axes_of("mean", a, call.options.get("axis"))
        return [single(share(count("mean", a, axes)), error_of_line(call, axes, at))]


def _extreme(name: str, xp: ArrayModule, a: Array, axis: Axes, keepdims: bool) -> Any:
    axes = axes_of(name, a, axis)
    count(name, a, axes)
    c = getattr(xp, name)(a, axis=axes, keepdims=True)
    chosen = a == c
    value = c if keepdims else c.reshape(tuple(n for i, n in enumerate(a.shape) if i not in axes))
    return value, (chosen, chosen.sum(axis=axes, keepdims=True), axes)


def _to_the_chosen(saved: Saved, delta: Array) -> Any:
    chosen, how_many, axes = saved
    return chosen * (delta.reshape(kept_shape(chosen.shape, axes)) / how_many.astype(delta.dtype))


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

    def forward(xp: ArrayModule, a: Array, *, axis: Axes = None, keepdims: bool = False) -> Any:
        return _extreme("max", xp, a, axis, keepdims)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return _to_the_chosen(saved, delta)

    def terms(call: Call, at: At) -> list[Sum]:
        a = call.operand(0)
        line, place = line_of(a, axes_of("max", a.values, call.options.get("axis")), at)
        return [single(a.factor(place(int(line.argmax()))))]


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

    def forward(xp: ArrayModule, a: Array, *, axis: Axes = None, keepdims: bool = False) -> Any:
        return _extreme("min", xp, a, axis, keepdims)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return _to_the_chosen(saved, delta)

    def terms(call: Call, at: At) -> list[Sum]:
        a = call.operand(0)
        line, place = line_of(a, axes_of("min", a.values, call.options.get("axis")), at)
        return [single(a.factor(place(int(line.argmin()))))]


@op
class variance:
    r"""Variance along axes: the mean of the squared distances from the mean.

    Equation:
        c = \frac{1}{n - k} \sum_i (a_i - \bar a)^2
    Gradient:
        \partial C/\partial a_i = \delta\,\frac{2}{n - k} (a_i - \bar a)
    Shapes:
        a: any, n: how many numbers each variance is of, correction k: 0, or 1 for an estimate from a sample
        -> c: without the axes, or with 1 in their place (keepdims)
    Source:
        Ioffe and Szegedy (2015), arXiv:1502.03167, algorithm 1
    """

    def forward(xp: ArrayModule, a: Array, *, axis: Axes = None, keepdims: bool = False, correction: float = 0) -> Any:
        axes = axes_of("variance", a, axis)
        n = degrees("variance", a, axes, correction)
        centred = a - total(a, axes, keepdims=True, over=count("variance", a, axes))
        return total(centred * centred, axes, keepdims, over=n), (centred, axes, n)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        centred, axes, n = saved
        return spread(xp, delta * (2 / n), centred.shape, axes) * centred

    def composition(xp: ArrayModule, a: Any, *, axis: Axes = None, keepdims: bool = False, correction: float = 0) -> Any:
        axes = axes_of("variance", a, axis)
        apart = a - a.mean(axis=axes, keepdims=True)
        return (apart * apart).sum(axis=axes, keepdims=keepdims) / degrees("variance", a, axes, correction)

    def terms(call: Call, at: At) -> list[Sum]:
        """Each number's distance from the mean, squared, by n."""
        a = call.operand(0)
        axes = axes_of("variance", a.values, call.options.get("axis"))
        n, line, place = call.saved[2], *line_of(a, axes, at)
        centred = np.asarray(line, np.float64) - np.mean(line, dtype=np.float64)

        def factors(k: int) -> tuple[Factor, ...]:
            number = a.factor(place(k))
            apart = Factor(rf"({number.symbol} - \bar a)", float(centred.reshape(-1)[k]), number.ref)
            return share(n), apart, apart

        return [Sum(centred * centred / n, factors)]


def degrees(name: str, a: Array, axes: tuple[int, ...], correction: float) -> float:
    """What the sum of squares is divided by: the count less the correction, above 0."""
    n = count(name, a, axes) - correction
    if not n > 0:
        raise EngineError(f"{name}: the correction must be below the {n + correction} numbers of each {name}, got {correction}")
    return n


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

    def forward(xp: ArrayModule, a: Array, *, axis: Axes = None, keepdims: bool = False) -> Any:
        axes = axes_of("logsumexp", a, axis)
        count("logsumexp", a, axes)
        top = a.max(axis=axes, keepdims=True)
        top = xp.where(xp.isfinite(top), top, a.dtype.type(0))  # inf - inf is no number
        with np.errstate(divide="ignore", over="ignore"):
            kept = top + xp.log(total(xp.exp(a - top), axes, keepdims=True))
        return kept if keepdims else kept.reshape(tuple(n for i, n in enumerate(a.shape) if i not in axes)), (a, kept, axes)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        a, kept, axes = saved
        return spread(xp, delta, a.shape, axes) * xp.exp(a - xp.where(kept == -xp.inf, a.dtype.type(0), kept))

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        a, _, axes = saved
        top = a.max(axis=axes, keepdims=True).detach()
        e = xp.exp(a - xp.where(xp.isfinite(top), top, 0.0))
        return spread(xp, delta, a.shape, axes) * e / e.sum(axis=axes, keepdims=True)
