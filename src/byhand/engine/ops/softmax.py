"""Softmax: numbers made probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import DTYPES, Array, ArrayModule, Axes
from byhand.engine.call import Call, constant
from byhand.engine.op import Saved, op
from byhand.engine.ops.reduce import axes_of
from byhand.errors import EngineError
from byhand.formula import number, setting
from byhand.terms import At, Factor, Sum, single


@op
class softmax:
    r"""Numbers made probabilities: positive, with sum 1.

    Equation:
        p_i = \frac{e^{a_i}}{\sum_j e^{a_j}}
    Gradient:
        \partial C/\partial a_i = p_i \left(\delta_i - \sum_j \delta_j p_j\right)
    Shapes:
        a: any -> p: the same; the sums are along one axis
    Source:
        Nielsen (2015), chapter 3, eq. 78
    """

    def forward(xp: ArrayModule, a: Array, *, axis: int = -1) -> Any:
        axis = _axis("softmax", a, axis)
        if not a.size:  # no probabilities of nothing
            return a.copy(), (a, axis)
        p = kernels.family("softmax", a).softmax(xp.moveaxis(a, axis, -1))
        return xp.moveaxis(p, -1, axis), (p, axis)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        p, axis = saved
        if not p.size:
            return delta
        return xp.moveaxis(kernels.family("softmax", p).softmax_gradient(p, xp.moveaxis(delta, axis, -1)), -1, axis)

    def composition(xp: ArrayModule, a: Any, *, axis: int = -1) -> Any:
        return xp.exp(a - a.logsumexp(axis=axis, keepdims=True))

    def terms(call: Call, at: At) -> list[Sum]:
        a, row, k = _line(call, at)
        shift = float(row.max())  # e^a overflows above 709; shifting all changes nothing in the quotient
        shown, whole = setting(round(shift, 6)), math.fsum(np.exp(row - shift))
        power = Factor(f"e^{{{a.symbol} - {shown}}}", math.exp(row[k] - shift), a.ref, f"e^{{{number(row[k])} - {shown}}}")
        return [single(power, Factor(r"\frac{1}{\sum e}", 1 / whole, worked=rf"\frac{{1}}{{{number(whole)}}}"))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        """dC/da_i = sum over k of delta_k p_k ([k = i] - p_i)."""
        axis = call.options.get("axis", -1) % len(at)
        index: tuple[Any, ...] = tuple(slice(None) if i == axis else k for i, k in enumerate(at))
        p, delta = call.output.values[index], call.error
        slopes = p * ((np.arange(len(p)) == at[axis]) - p[at[axis]])

        def factors(k: int) -> tuple[Factor, ...]:
            place = (*at[:axis], k, *at[axis + 1 :])
            symbol = rf"\frac{{\partial p_{{{k}}}}}{{\partial a_{{{at[axis]}}}}}"
            return delta.factor(place), Factor(symbol, float(slopes[k]), call.output.factor(place).ref)

        return [Sum(delta.values[index] * slopes, factors)]


@op
class log_softmax:
    r"""Logarithms of the probabilities that softmax makes, without forming them, so that none becomes 0.

    Equation:
        l_i = a_i - \ln \sum_j e^{a_j}
    Gradient:
        \partial C/\partial a_i = \delta_i - e^{l_i} \sum_j \delta_j
    Shapes:
        a: any -> l: the same; the sums are along one axis
    Source:
        Blanchard, Higham and Higham (2021), eq. 1.3
    """

    def forward(xp: ArrayModule, a: Array, *, axis: int = -1) -> Any:
        axis = _axis("log_softmax", a, axis)
        if not a.size:
            return a.copy(), (a, axis)
        log_p = kernels.family("softmax", a).log_softmax(xp.moveaxis(a, axis, -1))
        return xp.moveaxis(log_p, -1, axis), (log_p, axis)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        log_p, axis = saved
        if not log_p.size:
            return delta
        return xp.moveaxis(kernels.family("softmax", log_p).log_softmax_gradient(log_p, xp.moveaxis(delta, axis, -1)), -1, axis)

    def composition(xp: ArrayModule, a: Any, *, axis: int = -1) -> Any:
        return a - a.logsumexp(axis=axis, keepdims=True)

    def terms(call: Call, at: At) -> list[Sum]:
        a, row, _ = _line(call, at)
        shift = float(row.max())
        log = shift + math.log(math.fsum(np.exp(row - shift)))
        return [single(a), single(constant(-1.0), Factor(r"\ln \sum_j e^{a_j}", log))]


def _line(call: Call, at: At) -> tuple[Factor, Any, int]:
    """The number itself, the numbers that it is compared with, (n,), and its place among them."""
    axis, a = call.options.get("axis", -1) % len(at), call.operand(0)
    row = a.values[tuple(slice(None) if i == axis else k for i, k in enumerate(at))]
    return a.factor(at), np.asarray(row, np.float64), at[axis]


def _axis(name: str, a: Array, axis: Axes) -> int:
    if np.ndim(a) == 0 or not isinstance(axis, int | np.integer) or a.dtype not in DTYPES.values():
        raise EngineError(
            f"{name}: a is {np.shape(a)} {getattr(a, 'dtype', '')} and the axis {axis!r}: "
            "it must be one axis, of numbers in float32 or float64"
        )
    (found,) = axes_of(name, a, axis)
    return found
