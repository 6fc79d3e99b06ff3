"""Products of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.engine.large import product
from byhand.engine.op import op
from byhand.engine.ops.arithmetic import sum_to
from byhand.errors import EngineError
from byhand.kernels.alike import apart


@op
class linear:
    r"""Weighted input of a layer.

    Equation:
        z = a w^\top + b
    Gradient:
        \partial C/\partial a = \delta w
        \partial C/\partial w = \delta^\top a
        \partial C/\partial b = \sum_m \delta_m
    Shapes:
        a: (m, n_in), w: (n_out, n_in), b: (n_out,) or none -> z: (m, n_out); further axes of a before its last are kept
    Source:
        Nielsen (2015), chapter 2, BP2 to BP4
    """

    def forward(xp: Any, a: Any, w: Any, b: Any = None) -> Any:
        if np.ndim(a) < 1 or np.ndim(w) != 2 or a.shape[-1] != w.shape[1]:
            raise EngineError(f"linear: a is {np.shape(a)} but w is {np.shape(w)}: their last axes must agree")
        if b is not None and b.shape != w.shape[:1]:
            raise EngineError(f"linear: w is {w.shape} but b is {b.shape}: b must be {w.shape[:1]}")
        z = product(a.reshape(len(a), -1, a.shape[-1]) if apart() and np.ndim(a) > 1 and a.size else _rows(a), w.T)
        if b is not None:
            z += b
        return z.reshape(*a.shape[:-1], len(w)), (a, w)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, w = saved
        rows, errors = _rows(a), _rows(delta)
        return (
            product(errors, w).reshape(a.shape) if wanted[0] else None,
            product(errors.T, rows) if wanted[1] else None,
            *((errors.sum(axis=0) if wanted[2] else None,) if len(wanted) == 3 else ()),
        )


def _rows(a: Any) -> Any:
    """(..., n) as (m, n): -1 would not do, where n is 0."""
    return a.reshape(math.prod(a.shape[:-1]), a.shape[-1])


@op
class matmul:
    r"""Product of matrices, or of stacks of them.

    Equation:
        c = a\,b
    Gradient:
        \partial C/\partial a = \delta\,b^\top
        \partial C/\partial b = a^\top \delta
    Shapes:
        a: (..., m, k), b: (..., k, n) -> c: (..., m, n); the axes before broadcast
    Source:
        Giles (2008), "Collected matrix derivative results", section 2.2.2
    """

    def forward(xp: Any, a: Any, b: Any) -> Any:
        if np.ndim(a) < 2 or np.ndim(b) < 2 or a.shape[-1] != b.shape[-2]:
            raise EngineError(
                f"matmul: a is {np.shape(a)} but b is {np.shape(b)}: both need two axes or more, "
                "and a's last must agree with b's last but one"
            )
        try:
            np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        except ValueError:
            raise EngineError(f"matmul: a is {a.shape} but b is {b.shape}: the axes before the last two must broadcast") from None
        return product(a, b), (a, b)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, b = saved
        return (
            sum_to(product(delta, b.swapaxes(-1, -2)), a.shape) if wanted[0] else None,
            sum_to(product(a.swapaxes(-1, -2), delta), b.shape) if wanted[1] else None,
        )
