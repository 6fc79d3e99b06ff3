"""Attention: every place looks at every other, and takes what it finds most alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand import kernels
from byhand.engine.op import op
from byhand.engine.ops.arithmetic import sum_to
from byhand.errors import EngineError


@op
class attention:
    r"""Scaled dot-product attention: a mean of the values, weighted by how well each query matches each key.

    Equation:
        y = p\,v, \quad p = \operatorname{softmax}\left(\frac{q k^\top}{\sqrt{d}} + m\right)
    Gradient:
        \partial C/\partial v = p^\top \delta
        \partial C/\partial q = \frac{1}{\sqrt{d}}\,s\,k, \quad s_{ij} = p_{ij} \left(e_{ij} - \sum_l e_{il} p_{il}\right),
        \quad e = \delta v^\top
        \partial C/\partial k = \frac{1}{\sqrt{d}}\,s^\top q
    Shapes:
        q: (..., T, d), k: (..., S, d), v: (..., S, e), the axes in front broadcast; mask m: broadcasts to (..., T, S), numbers to
        add or booleans (True: may look); causal: nobody looks at what comes later -> y: (..., T, e)
    Source:
        Vaswani et al. (2017), arXiv:1706.03762, eq. 1
    """

    def forward(xp: Any, q: Any, k: Any, v: Any, *, mask: Any = None, causal: bool = False) -> Any:
        front = _front(q, k, v)
        scale = 1 / math.sqrt(q.shape[-1])
        hidden = _hidden(xp, mask, causal, (*front, q.shape[-2], k.shape[-2]), q.dtype)
        y, p = kernels.family("attention", q).attention(*_together(xp, front, q, k, v), scale, hidden)
        return y, (q, k, v, p, scale)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        q, k, v, p, scale = saved
        arrays = _together(xp, p.shape[:-2], q, k, v)
        found = kernels.family("attention", q).attention_gradient(*arrays, p, scale, delta)
        return tuple(
            sum_to(gradient, given.shape) if asked else None
            for gradient, given, asked in zip(found, (q, k, v), wanted, strict=True)
        )


def _front(q: Any, k: Any, v: Any) -> tuple[int, ...]:
    """The common axes before the last two."""
    shapes = f"q is {np.shape(q)}, k is {np.shape(k)} and v is {np.shape(v)}"
    if min(np.ndim(q), np.ndim(k), np.ndim(v)) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise EngineError(f"attention: {shapes}: (..., T, d), (..., S, d) and (..., S, e) are wanted")
    if q.shape[-1] == 0 or k.shape[-2] == 0:
        raise EngineError(f"attention: {shapes}: there is nothing to look at, or to look by")
    try:
        return np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    except ValueError:
        raise EngineError(f"attention: {shapes}: the axes before the last two must broadcast") from None


def _together(xp: Any, front: tuple[int, ...], *arrays: Any) -> list[Any]:
    return [a if a.shape[:-2] == front else xp.broadcast_to(a, (*front, *a.shape[-2:])) for a in arrays]


def _hidden(xp: Any, mask: Any, causal: bool, shape: tuple[int, ...], dtype: Any) -> Any:
    """What is added to the scores, -infinity where nothing may be seen; None where all is."""
    added = None
    if mask is not None:
        mask = xp.asarray(mask)
        try:
            np.broadcast_shapes(mask.shape, shape)
            fits = len(mask.shape) <= len(shape) and np.broadcast_shapes(mask.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise EngineError(f"attention: the mask is {mask.shape}, but it must broadcast to {shape}")
        added = xp.where(mask, 0, -np.inf).astype(dtype) if mask.dtype == bool else mask.astype(dtype)
    if causal:
        later = xp.where(xp.tri(*shape[-2:], dtype=bool), 0, -np.inf).astype(dtype)
        added = later if added is None else added + later
    return added
