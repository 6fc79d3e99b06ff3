"""Softmax along the last axis, row by row. The sums are in the numbers' own type: rows too long for that go to the reference."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import memory
from byhand.backend import Array
from byhand.kernels.cpu.compiled import compiled
from byhand.kernels.cpu.elementwise import WORTH_A_THREAD, flat
from byhand.kernels.cpu.exponential import exp
from byhand.kernels.reference import softmax as reference
from byhand.kernels.threads import parallel

LONG = 4_096  # numbers: those of a row are added in sixteen lanes side by side


def softmax(a: Array) -> Any:
    """`byhand.kernels.reference.softmax.softmax`."""
    return reference.softmax(a) if a.shape[-1] > LONG else _shared(_softmax_rows, a)


def softmax_gradient(p: Array, delta: Array) -> Any:
    """`byhand.kernels.reference.softmax.softmax_gradient`."""
    return reference.softmax_gradient(p, delta) if p.shape[-1] > LONG else _shared(softmax_gradient_rows, p, delta)


def log_softmax(a: Array) -> Any:
    """`byhand.kernels.reference.softmax.log_softmax`."""
    return reference.log_softmax(a) if a.shape[-1] > LONG else _shared(_log_softmax_rows, a)


def log_softmax_gradient(log_p: Array, delta: Array) -> Any:
    """`byhand.kernels.reference.softmax.log_softmax_gradient`."""
    if log_p.shape[-1] > LONG:
        return reference.log_softmax_gradient(log_p, delta)
    return _shared(_log_softmax_gradient_rows, log_p, delta)


def _shared(loop: Any, *arrays: Any) -> Any:
    """`loop` over the rows, a share for each thread."""
    c = arrays[0].shape[-1]
    rows = [flat(array).reshape(-1, c) for array in arrays]
    out = memory.empty(arrays[0].shape, arrays[0].dtype)
    out_rows = out.reshape(-1, c)
    parallel(lambda a, b: loop(*(array[a:b] for array in rows), out_rows[a:b], 1.0), len(out_rows), 1 + WORTH_A_THREAD // c)
    return out


@compiled(error_model="numpy", fastmath={"nnan", "nsz"})
def _largest(row: Array) -> Any:
    """A NaN may be passed over here: it comes back with the exponentials."""
    top = row[0]
    for i in range(row.size):
        top = row[i] if row[i] > top else top
    return top


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def masked_softmax_rows(a: Array, p: Array, scale: float) -> None:
    """p = softmax(scale a), but 0 throughout for a row that is -infinity throughout.

    Arrays that overlap would be computed number by number: the compiler could not use vectors.
    """
    zero, factor = p.dtype.type(0), p.dtype.type(scale)
    for m in range(len(a)):
        row, out = a[m], p[m]
        top = factor * _largest(row)
        top = zero if top == -np.inf else top
        total = zero
        for i in range(row.size):
            e = exp(factor * row[i] - top)
            out[i] = e
            total += e
        share = p.dtype.type(0 if total == 0 else 1 / total)
        for i in range(out.size):
            out[i] *= share


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _softmax_rows(a: Array, p: Array, scale: float) -> None:
    """p = softmax(a)."""
    zero = p.dtype.type(0)
    for m in range(len(a)):
        row, out = a[m], p[m]
        top = _largest(row)
        total = zero
        for i in range(row.size):
            e = exp(row[i] - top)
            out[i] = e
            total += e
        share = p.dtype.type(1 / total)
        for i in range(out.size):
            out[i] *= share


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def softmax_gradient_rows(p: Array, delta: Array, out: Array, scale: float) -> None:
    """scale p (delta - sum(delta p))."""
    zero, factor = p.dtype.type(0), p.dtype.type(scale)
    for m in range(len(p)):
        row, error, found = p[m], delta[m], out[m]
        total = zero
        for i in range(row.size):
            total += error[i] * row[i]
        for i in range(row.size):
            found[i] = factor * row[i] * (error[i] - total)


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _log_softmax_rows(a: Array, log_p: Array, scale: float) -> None:
    zero = a.dtype.type(0)
    for m in range(len(a)):
        row, out = a[m], log_p[m]
        top = _largest(row)
        total = zero
        for i in range(row.size):
            total += exp(row[i] - top)
        log_total = a.dtype.type(np.log(total))
        for i in range(row.size):
            out[i] = (row[i] - top) - log_total


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _log_softmax_gradient_rows(log_p: Array, delta: Array, out: Array, scale: float) -> None:
    zero = log_p.dtype.type(0)
    for m in range(len(log_p)):
        row, error, found = log_p[m], delta[m], out[m]
        total = zero
        for i in range(row.size):
            total += error[i]
        for i in range(row.size):
            found[i] = error[i] - exp(row[i]) * total
