"""Scaled dot-product attention, with the whole matrix of scores at once."""

from __future__ import annotations

from typing import Any

from byhand.backend import Array
from byhand.kernels.reference.softmax import masked_softmax, softmax_gradient


def attention(q: Array, k: Array, v: Array, scale: float, added: Any = None) -> tuple[Any, Any]:
    r"""The values' weighted means, and their weights.

    Equation:
        y = p\,v, \quad p = \operatorname{softmax}(c\,q k^\top + m)
    Shapes:
        q: (..., T, d), k: (..., S, d), v: (..., S, e), m: broadcasts to (..., T, S), or none -> y: (..., T, e), p: (..., T, S)
    Source:
        Vaswani et al. (2017), arXiv:1706.03762, eq. 1
    """
    scores = (q @ k.swapaxes(-1, -2)) * q.dtype.type(scale)
    p = masked_softmax(scores if added is None else scores + added)
    return p @ v, p


def attention_gradient(q: Array, k: Array, v: Array, p: Array, scale: float, delta: Array) -> tuple[Any, Any, Any]:
    """dC/dq, dC/dk and dC/dv."""
    s = softmax_gradient(p, delta @ v.swapaxes(-1, -2)) * q.dtype.type(scale)
    return s @ k, s.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ delta
