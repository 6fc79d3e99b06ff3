"""Scaled dot-product attention, a few matrices of scores at a time: they stay in the cache from the product to the softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import memory
from byhand.backend import Array
from byhand.kernels.cpu.elementwise import flat
from byhand.kernels.cpu.softmax import LONG, masked_softmax_rows, softmax_gradient_rows
from byhand.kernels.reference import attention as reference
from byhand.kernels.threads import one_blas_thread, parallel

AT_ONCE = 64 * 1024  # scores that a thread has at hand


def attention(q: Array, k: Array, v: Array, scale: float, added: Any = None) -> tuple[Any, Any]:
    """`byhand.kernels.reference.attention.attention`."""
    if k.shape[-2] > LONG:
        return reference.attention(q, k, v, scale, added)
    shape = (*q.shape[:-1], k.shape[-2])
    p, y = memory.empty(shape, q.dtype), memory.empty((*q.shape[:-1], v.shape[-1]), q.dtype)
    q, k, v, weights, means = (_stack(array) for array in (q, k, v, p, y))
    hidden = None if added is None else _stack(np.broadcast_to(added, shape))

    def few(mine: slice) -> None:
        scores = np.matmul(q[mine], k[mine].swapaxes(1, 2))
        if hidden is not None:
            scores *= q.dtype.type(scale)
            scores += hidden[mine]
        masked_softmax_rows(_rows(scores), weights[mine].reshape(-1, shape[-1]), scale if hidden is None else 1.0)
        np.matmul(weights[mine], v[mine], out=means[mine])

    _shared(few, weights.shape)
    return y, p


def attention_gradient(q: Array, k: Array, v: Array, p: Array, scale: float, delta: Array) -> tuple[Any, Any, Any]:
    """`byhand.kernels.reference.attention.attention_gradient`."""
    if k.shape[-2] > LONG:
        return reference.attention_gradient(q, k, v, p, scale, delta)
    found = [memory.empty(array.shape, array.dtype) for array in (q, k, v)]
    q, k, v, p, delta, dq, dk, dv = (_stack(array) for array in (q, k, v, p, delta, *found))

    def few(mine: slice) -> None:
        errors = np.matmul(delta[mine], v[mine].swapaxes(1, 2))
        s = np.empty_like(errors)
        softmax_gradient_rows(_rows(p[mine]), _rows(errors), s.reshape(-1, s.shape[-1]), scale)
        np.matmul(s, k[mine], out=dq[mine])
        np.matmul(s.swapaxes(1, 2), q[mine], out=dk[mine])
        np.matmul(p[mine].swapaxes(1, 2), delta[mine], out=dv[mine])

    _shared(few, p.shape)
    return found[0], found[1], found[2]


def _stack(array: Array) -> Any:
    """All axes before the last two as one."""
    return array.reshape(-1, *array.shape[-2:])


def _rows(scores: Any) -> Any:
    return flat(scores).reshape(-1, scores.shape[-1])


def _shared(function: Any, shape: tuple[int, ...]) -> None:
    """`function(slice)` for a few matrices at a time, each thread its share of them."""
    n, each = shape[0], max(1, shape[1] * shape[2])
    step = max(1, AT_ONCE // each)

    def share(begin: int, end: int) -> None:
        for first in range(begin, end, step):
            function(slice(first, min(first + step, end)))

    with one_blas_thread():  # also where the share is one: OpenBLAS would wake its threads for every small product
        parallel(share, n, 1 + 20_000 // each)
