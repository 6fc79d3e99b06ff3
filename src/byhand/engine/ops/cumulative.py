"""Sums and products that go on along an axis, and the product of all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule, Axes
from byhand.engine.call import Call
from byhand.engine.op import Saved, op
from byhand.engine.ops.reduce import axes_of, error_of_line, line_of
from byhand.errors import EngineError
from byhand.terms import At, Factor, NamedArray, Sum


def _one_axis(name: str, a: Array, axis: Axes) -> int:
    if a.ndim == 0:
        raise EngineError(f"{name}: a is a single number, which has no axis: give it one by reshape(1)")
    if not isinstance(axis, int | np.integer) or isinstance(axis, bool):
        raise EngineError(f"{name}: the axis must be a whole number, got {axis!r}")
    return axes_of(name, a, axis)[0]


def _up_to(a: NamedArray, axis: int, at: At) -> tuple[Any, Any]:
    """The numbers of a line up to this place, and where each stands."""
    line = np.asarray(a.values[tuple(slice(0, k + 1) if i == axis else k for i, k in enumerate(at))], np.float64)
    return line, lambda k: (*at[:axis], k, *at[axis + 1 :])


@op
class cumsum:
    r"""Running sum along an axis.

    Equation:
        c_i = \sum_{j \le i} a_j
    Gradient:
        \partial C/\partial a_j = \sum_{i \ge j} \delta_i
    Shapes:
        a: any with an axis -> c: the same
    Source:
        Blelloch (1990), "Prefix sums and their applications", section 1
    """

    def forward(xp: ArrayModule, a: Array, *, axis: int = -1) -> Any:
        axis = _one_axis("cumsum", a, axis)
        dtype = np.float64 if a.dtype == np.float32 else None  # a long sum of float32 would lose its digits
        return xp.cumsum(a, axis=axis, dtype=dtype).astype(a.dtype if a.dtype.kind == "f" else np.int64), axis

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return xp.flip(xp.cumsum(xp.flip(delta, axis=saved), axis=saved), axis=saved)

    def terms(call: Call, at: At) -> list[Sum]:
        a, axis = call.operand(0), call.saved
        line, place = _up_to(a, axis, at)
        return [Sum(line, lambda k: (a.factor(place(k)),))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        delta, axis = call.error, call.saved
        line = np.asarray(delta.values[tuple(slice(k, None) if i == axis else k for i, k in enumerate(at))], np.float64)
        return [Sum(line, lambda k: (delta.factor((*at[:axis], at[axis] + k, *at[axis + 1 :])),))]


def _exclusive(xp: ArrayModule, a: Array, axis: int) -> Any:
    """Of each number the product of those before it; 1 of none."""
    before = tuple(slice(None) if i != axis else slice(0, -1) for i in range(a.ndim))
    first = tuple(slice(None) if i != axis else slice(0, 1) for i in range(a.ndim))
    return xp.concatenate([xp.ones_like(a[first]), xp.cumprod(a, axis=axis)[before]], axis=axis)


@op
class cumprod:
    r"""Running product along an axis. No number is divided by, so that zeros do no harm.

    Equation:
        c_i = \prod_{j \le i} a_j
    Gradient:
        \partial C/\partial a_j = r_j \prod_{i < j} a_i, \quad r_j = \delta_j + a_{j + 1}\, r_{j + 1}
    Shapes:
        a: any with an axis -> c: the same
    Source:
        Blelloch (1990), "Prefix sums and their applications", section 1.4: a first-order recurrence
    """

    def forward(xp: ArrayModule, a: Array, *, axis: int = -1) -> Any:
        axis = _one_axis("cumprod", a, axis)
        return xp.cumprod(a, axis=axis), (a, axis)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        a, axis = saved
        n = a.shape[axis]
        if n == 0:
            return xp.zeros_like(a)
        front = (slice(None),) * axis
        rest = [delta[(*front, n - 1)]]
        for k in range(n - 2, -1, -1):
            rest.append(delta[(*front, k)] + a[(*front, k + 1)] * rest[-1])
        return xp.stack(rest[::-1], axis=axis) * _exclusive(xp, a, axis)


@op
class logcumsumexp:
    r"""Logarithm of a running sum of exponentials. Nothing overflows: each step is the logarithm of a sum of two.

    Equation:
        c_i = \ln \sum_{j \le i} e^{a_j}
    Gradient:
        \partial C/\partial a_j = e^{a_j - c_j}\,r_j, \quad r_j = \delta_j + e^{c_j - c_{j + 1}}\, r_{j + 1}
    Shapes:
        a: any with an axis -> c: the same
    Source:
        Blelloch (1990), "Prefix sums and their applications", section 1.4: a first-order recurrence
    """

    def forward(xp: ArrayModule, a: Array, *, axis: int = -1) -> Any:
        axis = _one_axis("logcumsumexp", a, axis)
        front: tuple[Any, ...] = (slice(None),) * axis
        so_far: list[Any] = [a[(*front, k)] for k in range(a.shape[axis])]
        for k in range(1, len(so_far)):
            so_far[k] = xp.logaddexp(so_far[k - 1], so_far[k])
        c = xp.stack(so_far, axis=axis) if so_far else xp.array(a)
        return c, (a, c, axis)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        a, c, axis = saved
        n = a.shape[axis]
        if n == 0:
            return xp.zeros_like(a)
        front = (slice(None),) * axis
        rest = [delta[(*front, n - 1)]]
        for k in range(n - 2, -1, -1):
            rest.append(delta[(*front, k)] + xp.exp(c[(*front, k)] - c[(*front, k + 1)]) * rest[-1])
        return xp.exp(a - c) * xp.stack(rest[::-1], axis=axis)


@op
class prod:
    r"""Product along axes. No number is divided by, so that zeros do no harm.

    Equation:
        c = \prod_i a_i
    Gradient:
        \partial C/\partial a_i = \delta \prod_{j \ne i} a_j
    Shapes:
        a: any -> c: without the axes, or with 1 in their place (keepdims)
    Source:
        Baydin et al. (2018), section 3.2
    """

    def forward(xp: ArrayModule, a: Array, *, axis: Axes = None, keepdims: bool = False) -> Any:
        axes = axes_of("prod", a, axis)
        return xp.prod(a, axis=axes, keepdims=keepdims), (a, axes)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        a, axes = saved
        rest = tuple(i for i in range(a.ndim) if i not in axes)
        n, kept = math.prod(a.shape[i] for i in axes), tuple(a.shape[i] for i in rest)
        if a.size == 0:
            return xp.zeros_like(a)
        lines = a.transpose((*rest, *axes)).reshape((*kept, n))
        before, last = _exclusive(xp, lines, len(kept)), len(kept)
        after = xp.flip(_exclusive(xp, xp.flip(lines, axis=last), last), axis=last)
        found = delta.reshape((*kept, 1)) * before * after
        back = np.argsort((*rest, *axes))
        return found.reshape((*kept, *(a.shape[i] for i in axes))).transpose(tuple(int(i) for i in back))

    def terms(call: Call, at: At) -> list[Sum]:
        a = call.operand(0)
        axes = axes_of("prod", a.values, call.options.get("axis"))
        line, place = line_of(a, axes, at)
        factors = tuple(a.factor(place(k)) for k in range(line.size))
        whole = math.prod(each.value for each in factors)
        return [Sum(np.array([whole]), lambda _: factors or (Factor("1", 1.0),))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        a = call.operand(0)
        axes = axes_of("prod", a.values, call.options.get("axis"))
        line, place = line_of(a, axes, at)
        others = tuple(a.factor(place(k)) for k in range(line.size) if place(k) != at)
        factors = (error_of_line(call, axes, at), *others)
        return [Sum(np.array([math.prod(each.value for each in factors)]), lambda _: factors)]
