r"""Sums over many numbers.

NumPy adds along the last axis in pairs of pairs, but along any other axis one number after another: in float32 the sum then stops
growing at 2^24 times its addends, and long before that loses its digits. So a long sum is taken in blocks here, whose sums are
few and go on in float64:

    \sum_i a_i = \sum_k \left(\sum_{i \in \text{block } k} a_i\right)

Source: Higham (1993), "The accuracy of floating point summation", section 4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.backend import Array, Axes, array_module

NARROW = (np.dtype(np.float32), np.dtype(np.float16))
BLOCK = 256  # numbers that are added one after another: their sum is right to 1e-6
WIDE = 256  # neighbours from which on a sum's inner loop is as quick as einsum's
PIECE = 8_192  # numbers whose products BLAS may add: it does so in many lanes side by side


def total(a: Array, axis: Axes = None, keepdims: bool = False, over: float = 1) -> Any:
    """The sum of `a` along axes (all, for None), divided by `over`, in the type of `a`: right however many its addends are.

    >>> total(np.ones((20_000_000, 1), np.float32), 0)
    array([2.e+07], dtype=float32)
    """
    if a.dtype not in NARROW or not isinstance(a, np.ndarray) or _few(a, axis):
        found = a.sum(axis=axis, keepdims=keepdims)
        return found if over == 1 else found / over
    axes = tuple(range(a.ndim)) if axis is None else tuple(i % a.ndim for i in (axis if isinstance(axis, tuple) else (axis,)))
    found = _wide(a, axes)
    if over != 1:
        found = found / over
    if keepdims:
        found = found.reshape(tuple(1 if i in axes else n for i, n in enumerate(a.shape)))
    return found.astype(a.dtype)


def _few(a: Array, axis: Axes) -> bool:
    """Whether NumPy's own sum does: of no more numbers than a block."""
    if a.dtype != np.float32:
        return False
    if a.size <= BLOCK:
        return True
    if axis is None:
        return False
    return (a.shape[axis] if isinstance(axis, int) else math.prod(a.shape[i] for i in axis)) <= BLOCK


def _wide(a: Array, axes: tuple[int, ...]) -> Any:
    """The sums, in float64 or from NumPy's pairs, without the axes."""
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    kept = tuple(a.shape[i] for i in rest)
    first, last = min(axes), max(axes)
    if a.dtype == np.float16 or not a.flags.c_contiguous or last - first + 1 != len(axes):
        return np.asarray(a.sum(axis=axes, dtype=np.float64))
    outer, inner = math.prod(a.shape[:first]), math.prod(a.shape[last + 1 :])
    n = math.prod(a.shape[first : last + 1])
    if inner == 1:
        return np.asarray(a.reshape(outer, n).sum(axis=1)).reshape(kept)
    lines = a.reshape(outer, n, inner)
    whole = n // BLOCK * BLOCK
    parts = lines[:, :whole].reshape(outer, n // BLOCK, BLOCK, inner)
    blocks = np.einsum("oknj->okj", parts) if inner < WIDE else parts.sum(axis=2)  # the same additions, the quicker way
    return (blocks.sum(axis=1, dtype=np.float64) + np.einsum("onj->oj", lines[:, whole:])).reshape(kept)


def inner(a: Array, b: Array) -> Any:
    """The inner product of all numbers of two arrays of one shape, in their type."""
    xp = array_module(a)
    if a.size <= PIECE or xp is not np:
        return xp.vdot(a, b)
    a, b = a.reshape(-1), b.reshape(-1)
    whole = a.size // PIECE * PIECE
    blocks = np.einsum("ki,ki->k", a[:whole].reshape(-1, BLOCK), b[:whole].reshape(-1, BLOCK))
    return a.dtype.type(blocks.sum(dtype=np.float64) + np.vdot(a[whole:], b[whole:]))


def scattered(shape: tuple[int, ...], key: Any, parts: Any) -> Any:
    """Zeros of a shape, with the parts added at the places of an index; places named often get all their parts.

    >>> scattered((3,), np.array([1, 1, 2]), np.ones(3, np.float32))
    array([0., 2., 1.], dtype=float32)
    """
    xp = array_module(parts)
    found = xp.zeros(shape, np.float64 if parts.dtype.kind == "f" else parts.dtype)
    xp.add.at(found, key, parts.astype(found.dtype, copy=False))
    return found.astype(parts.dtype, copy=False)
