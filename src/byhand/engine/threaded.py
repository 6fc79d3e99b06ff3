"""NumPy's functions over large arrays: memory from the pool, and the work shared between the threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import memory
from byhand.kernels.threads import count, one_blas_thread, parallel
from byhand.memory import SMALLEST

WORTH_THREADS = 200_000  # elements: a pass over fewer takes less time than waking a thread
WORTH_FLOPS = 8_000_000  # of a product: about what a thread computes while another wakes
TINY = 250_000  # multiplications: so small a product OpenBLAS computes in one thread by itself; to hold it to one takes 3 us


def new(like: Any, shape: tuple[int, ...] | None = None) -> Any:
    """An array for a result, of this one's type: from the pool, or on the GPU where this one is there."""
    shape = like.shape if shape is None else shape
    return memory.empty(shape, like.dtype) if isinstance(like, np.ndarray) else _cupy().empty(shape, like.dtype)


def _cupy() -> Any:
    import cupy

    return cupy


def add_into(total: Any, more: Any) -> None:
    """`total += more`, for arrays of one shape."""
    apply(np.add if isinstance(total, np.ndarray) else _cupy().add, total, more, out=total)


def apply(function: Any, *arrays: Any, out: Any = None) -> Any:
    """An elementwise function (a ufunc) of arrays that broadcast together, or of an array and numbers; into `out`, if given.

    >>> apply(np.add, np.ones(3), 2.0)
    array([3., 3., 3.])
    """
    first = arrays[0]
    if type(first) is np.ndarray and first.nbytes < SMALLEST and out is None:
        return function(*arrays)
    small = getattr(first, "nbytes", 0) < SMALLEST or not isinstance(first, np.ndarray) or first.dtype.kind != "f"
    if small or any(_larger(other, first) or _type(other, first) for other in arrays[1:]):
        return function(*arrays) if out is None else function(*arrays, out=out)
    out = memory.empty(first.shape, first.dtype) if out is None else out
    if first.size < WORTH_THREADS or count() == 1:
        return function(*arrays, out=out)
    rows: list[Any] = [np.broadcast_to(array, first.shape) if getattr(array, "shape", ()) else array for array in arrays]
    into, least = out, max(1, WORTH_THREADS // 2 * len(first) // first.size)
    if all(not getattr(row, "shape", ()) or row.flags.c_contiguous for row in rows):  # then any part will do
        rows = [row.reshape(-1) if getattr(row, "shape", ()) else row for row in rows]
        into, least = out.reshape(-1), WORTH_THREADS // 2
    parallel(
        lambda a, b: function(*(row[a:b] if getattr(row, "shape", ()) else row for row in rows), out=into[a:b]),
        len(into),
        least,
    )
    return out


def _larger(other: Any, first: Any) -> bool:
    """Whether the two together broadcast to another shape than the first's (or to none)."""
    shape = getattr(other, "shape", ())
    if shape in ((), first.shape):
        return False
    fits = len(shape) <= first.ndim and all(n in (1, m) for n, m in zip(reversed(shape), reversed(first.shape), strict=False))
    return not fits


def _type(other: Any, first: Any) -> bool:
    """Whether this array would change the type of the result."""
    return getattr(other, "dtype", first.dtype) != first.dtype


def product(a: Any, b: Any) -> Any:
    """`a @ b`, large ones with each thread computing some of its rows (or some of the stack's matrices).

    >>> product(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [3., 4.]])
    """
    if not isinstance(a, np.ndarray) or a.dtype != b.dtype:
        return a @ b
    if a.ndim == 2 and b.ndim == 2:
        (m, k), n = a.shape, b.shape[1]
        out = memory.empty((m, n), a.dtype)
        if m * k * n < TINY and max(m, n) * k < TINY // 32:
            return np.matmul(a, b, out=out)
        if 2 * m * k * n < WORTH_FLOPS:
            with one_blas_thread():
                return np.matmul(a, b, out=out)
        if m >= n:
            parallel(lambda begin, end: np.matmul(a[begin:end], b, out=out[begin:end]), m)
        else:
            parallel(lambda begin, end: np.matmul(a, b[:, begin:end], out=out[:, begin:end]), n)
        return out
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if stack and a.shape[:-2] == b.shape[:-2] and a.size * b.shape[-1] * 2 >= WORTH_FLOPS:
        out = memory.empty((*stack, a.shape[-2], b.shape[-1]), a.dtype)
        flat_a, flat_b = a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:])
        flat_out = out.reshape(-1, *out.shape[-2:])
        parallel(lambda begin, end: np.matmul(flat_a[begin:end], flat_b[begin:end], out=flat_out[begin:end]), len(flat_a))
        return out
    with one_blas_thread():
        return a @ b
