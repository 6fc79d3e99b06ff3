"""Softmax: numbers made probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import DTYPES
from byhand.engine.op import op
from byhand.engine.ops.reduce import axes_of
from byhand.errors import EngineError


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

    def forward(xp: Any, a: Any, *, axis: int = -1) -> Any:
        axis = _axis("softmax", a, axis)
        p = kernels.family("softmax", a).softmax(xp.moveaxis(a, axis, -1))
        return xp.moveaxis(p, -1, axis), (p, axis)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        p, axis = saved
        return xp.moveaxis(kernels.family("softmax", p).softmax_gradient(p, xp.moveaxis(delta, axis, -1)), -1, axis)


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

    def forward(xp: Any, a: Any, *, axis: int = -1) -> Any:
        axis = _axis("log_softmax", a, axis)
        log_p = kernels.family("softmax", a).log_softmax(xp.moveaxis(a, axis, -1))
        return xp.moveaxis(log_p, -1, axis), (log_p, axis)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        log_p, axis = saved
        return xp.moveaxis(kernels.family("softmax", log_p).log_softmax_gradient(log_p, xp.moveaxis(delta, axis, -1)), -1, axis)


def _axis(name: str, a: Any, axis: Any) -> int:
    if np.ndim(a) == 0 or not isinstance(axis, int | np.integer) or a.dtype not in DTYPES.values():
        raise EngineError(
            f"{name}: a is {np.shape(a)} {getattr(a, 'dtype', '')} and the axis {axis!r}: "
            "one axis is wanted, of numbers in float32 or float64"
        )
    (found,) = axes_of(name, a, axis)
    if a.shape[found] == 0:
        raise EngineError(f"{name}: a is {a.shape}, and along axis {axis} there is nothing to choose from")
    return found
