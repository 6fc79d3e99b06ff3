"""Products of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule
from byhand.engine.call import Call, broadcast_place, sum_of_errors, unravelled
from byhand.engine.op import Saved, op
from byhand.engine.ops.arithmetic import sum_to
from byhand.engine.threaded import product
from byhand.errors import EngineError
from byhand.kernels.alike import apart
from byhand.kernels.reference.sums import total
from byhand.terms import At, Factor, Sum, single


@op
class linear:
    r"""Weighted input of a layer.

    Equation:
        z = a w^\top + b
    Book:
        z = w a + b
    Gradient:
        \partial C/\partial a = \delta w
        \partial C/\partial w = \delta^\top a
        \partial C/\partial b = \sum_m \delta_m
    Shapes:
        a: (m, n_in), w: (n_out, n_in), b: (n_out,) or none -> z: (m, n_out); further axes of a before its last are kept
    Source:
        Nielsen (2015), chapter 2, BP2 to BP4
    """

    def forward(xp: ArrayModule, a: Array, w: Array, b: Array | None = None) -> Any:
        if np.ndim(a) < 1 or np.ndim(w) != 2 or a.shape[-1] != w.shape[1]:
            raise EngineError(f"linear: a is {np.shape(a)} but w is {np.shape(w)}: their last axes must agree")
        if b is not None and b.shape != w.shape[:1]:
            raise EngineError(f"linear: w is {w.shape} but b is {b.shape}: b must be {w.shape[:1]}")
        z = product(a.reshape(len(a), -1, a.shape[-1]) if apart() and np.ndim(a) > 1 and a.size else _rows(a), w.T)
        if b is not None:
            z += b
        return z.reshape(*a.shape[:-1], len(w)), (a, w)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, w = saved
        rows, errors = _rows(a), _rows(delta)
        return (
            product(errors, w).reshape(a.shape) if wanted[0] else None,
            product(errors.T, rows) if wanted[1] else None,
            *((total(errors, 0) if wanted[2] else None,) if len(wanted) == 3 else ()),
        )

    def terms(call: Call, at: At) -> list[Sum]:
        a, w, b = call.operand(0), call.operand(1), call.named("b")
        row, j = at[:-1], at[-1]
        products = Sum(w.values[j] * a.values[row], lambda k: (w.factor((j, k)), a.factor((*row, k))))
        return [products, *([single(b.factor((j,)))] if b is not None else [])]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        a, w, delta = call.operand(0), call.operand(1), call.error
        if slot == 0:
            row, k = at[:-1], at[-1]
            return [Sum(delta.values[row] * w.values[:, k], lambda j: (w.factor((j, k)), delta.factor((*row, j))))]
        if slot == 2:
            return sum_of_errors(delta, at[0])
        j, k = at
        products = np.asarray(a.values[..., k], np.float64) * delta.values[..., j]

        def factors(flat: int) -> tuple[Factor, ...]:
            row = unravelled(flat, products.shape)
            return delta.factor((*row, j)), a.factor((*row, k))

        return [Sum(products, factors, True)]


def _rows(a: Array) -> Any:
    """(..., n) as (m, n): -1 would not do, where n is 0."""
    return a.reshape(math.prod(a.shape[:-1]), a.shape[-1])


@op
class matmul:
    r"""Product of matrices, or of stacks of them; a vector counts as a row on the left, as a column on the right.

    Equation:
        c = a\,b
    Gradient:
        \partial C/\partial a = \delta\,b^\top
        \partial C/\partial b = a^\top \delta
    Shapes:
        a: (..., m, k) or (k,), b: (..., k, n) or (k,) -> c: (..., m, n), without m or n for a vector; the axes before broadcast
    Source:
        Giles (2008), "Collected matrix derivative results", section 2.2.2
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        if np.ndim(a) < 1 or np.ndim(b) < 1 or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
            raise EngineError(
                f"matmul: a is {np.shape(a)} but b is {np.shape(b)}: both need an axis or more, "
                "and a's last must agree with b's last but one, or with the only one of a vector"
            )
        try:
            np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        except ValueError:
            raise EngineError(f"matmul: a is {a.shape} but b is {b.shape}: the axes before the last two must broadcast") from None
        if a.ndim > 1 and b.ndim > 1:
            return product(a, b), (a, b)
        return xp.asarray(xp.matmul(a, b)), (a, b)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b = saved
        if a.ndim > 1 and b.ndim > 1:
            return (
                sum_to(product(delta, b.swapaxes(-1, -2)), a.shape) if wanted[0] else None,
                sum_to(product(a.swapaxes(-1, -2), delta), b.shape) if wanted[1] else None,
            )
        rows, columns = _as_row(a), _as_column(b)
        errors = delta.reshape(_without_vectors(a, b, delta.shape))
        return (
            sum_to(errors @ columns.swapaxes(-1, -2), rows.shape).reshape(a.shape) if wanted[0] else None,
            sum_to(rows.swapaxes(-1, -2) @ errors, columns.shape).reshape(b.shape) if wanted[1] else None,
        )

    def terms(call: Call, at: At) -> list[Sum]:
        a, b = call.operand(0), call.operand(1)
        if a.values.ndim == 1 or b.values.ndim == 1:
            return _terms_of_vectors(call, at)
        row: Any = (*broadcast_place(at[:-2], a.values.shape[:-2]), at[-2])
        front = broadcast_place(at[:-2], b.values.shape[:-2])
        column: Any = (*front, slice(None), at[-1])
        return [Sum(a.values[row] * b.values[column], lambda k: (a.factor((*row, k)), b.factor((*front, k, at[-1]))))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum] | None:
        """Each error of the number's row (of a) or column (of b) with the number of the other that it met there."""
        mine, other, delta = call.operand(slot), call.operand(1 - slot), call.error
        if 1 in (mine.values.ndim, other.values.ndim):
            return None  # of a vector: by linearity
        front = delta.values.shape[:-2]
        lead = len(front) - len(at[:-2])
        readers: list[Any] = [
            range(n) if i < lead or (mine.values.shape[i - lead] == 1 and n > 1) else (at[i - lead],) for i, n in enumerate(front)
        ]
        rows, columns = delta.values.shape[-2:]
        places: list[Any] = [*readers, *((at[-2:-1], range(columns)) if slot == 0 else (range(rows), at[-1:]))]
        met: list[Any] = [*readers, *((at[-1:], range(columns)) if slot == 0 else (range(rows), at[-2:-1]))]
        whole = np.broadcast_to(other.values, (*front, *other.values.shape[-2:]))
        products = np.asarray(delta.values[np.ix_(*places)], np.float64) * whole[np.ix_(*met)]

        def factors(flat: int) -> tuple[Factor, ...]:
            inner = unravelled(flat, products.shape)
            here = tuple(axis[k] for axis, k in zip(places, inner, strict=True))
            there = tuple(axis[k] for axis, k in zip(met, inner, strict=True))
            return delta.factor(here), other.factor((*broadcast_place(there[:-2], other.values.shape[:-2]), *there[-2:]))

        return [Sum(products, factors, len(places[0]) == delta.values.shape[0])]


def _as_row(a: Array) -> Any:
    return a.reshape(1, a.shape[0]) if a.ndim == 1 else a


def _as_column(b: Array) -> Any:
    return b.reshape(b.shape[0], 1) if b.ndim == 1 else b


def _without_vectors(a: Array, b: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a product as though both had been matrices."""
    shape = shape if b.ndim > 1 else (*shape, 1)
    return shape if a.ndim > 1 else (*shape[:-1], 1, shape[-1])


def _terms_of_vectors(call: Call, at: At) -> list[Sum]:
    """The products of a row of a and a column of b, one of which is a vector."""
    a, b = call.operand(0), call.operand(1)
    if b.values.ndim == 1:
        row = at if a.values.ndim > 1 else ()
        return [Sum(a.values[row] * b.values, lambda k: (a.factor((*row, k)), b.factor((k,))))]
    column: Any = (*at[:-1], slice(None), at[-1])
    return [Sum(a.values * b.values[column], lambda k: (a.factor((k,)), b.factor((*at[:-1], k, at[-1]))))]
