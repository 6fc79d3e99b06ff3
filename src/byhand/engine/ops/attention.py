"""Attention: every place looks at every other, and takes what it finds most alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand import formula, kernels
from byhand.backend import Array, ArrayModule
from byhand.engine.call import Call, broadcast_place
from byhand.engine.op import Saved, op
from byhand.engine.ops.arithmetic import sum_to
from byhand.errors import EngineError
from byhand.formula import Line, factor, number
from byhand.terms import Aside, At, Factor, Sum


@op
class attention:
    r"""Scaled dot-product attention: a mean of the values, weighted by how well each query matches each key.

    Equation:
        y = p\,v, \quad p = \operatorname{softmax}\left(\alpha\,q k^\top + m\right), \quad \alpha = \frac{1}{\sqrt{d}}
    Gradient:
        \partial C/\partial v = p^\top \delta
        \partial C/\partial q = \alpha\,s\,k, \quad s_{ij} = p_{ij} \left(e_{ij} - \sum_l e_{il} p_{il}\right),
        \quad e = \delta v^\top
        \partial C/\partial k = \alpha\,s^\top q
    Shapes:
        q: (..., T, d), k: (..., S, d), v: (..., S, e), the axes in front broadcast; mask m: broadcasts to (..., T, S), numbers to
        add or booleans (True: may look); causal: nobody looks at what comes later; scale alpha: 1/sqrt(d), or a number
        -> y: (..., T, e)
    Source:
        Vaswani et al. (2017), arXiv:1706.03762, eq. 1
    """

    def forward(
        xp: ArrayModule,
        q: Array,
        k: Array,
        v: Array,
        *,
        mask: NDArray[np.bool_] | None = None,
        causal: bool = False,
        scale: float | None = None,
    ) -> Any:
        front = _front(q, k, v)
        scale = _scale(scale, q.shape[-1])
        hidden = _hidden(xp, mask, causal, (*front, q.shape[-2], k.shape[-2]), q.dtype)
        y, p = kernels.family("attention", q).attention(*_together(xp, front, q, k, v), scale, hidden)
        return y, (q, k, v, p, scale)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        q, k, v, p, scale = saved
        arrays = _together(xp, p.shape[:-2], q, k, v)
        found = kernels.family("attention", q).attention_gradient(*arrays, p, scale, delta)
        return tuple(
            sum_to(gradient, given.shape) if asked else None
            for gradient, given, asked in zip(found, (q, k, v), wanted, strict=True)
        )

    def composition(
        xp: ArrayModule,
        q: Any,
        k: Any,
        v: Any,
        *,
        mask: NDArray[np.bool_] | None = None,
        causal: bool = False,
        scale: float | None = None,
    ) -> Any:
        front = _front(q, k, v)
        scores = xp.matmul(q, k.swapaxes(-1, -2)) * _scale(scale, q.shape[-1])
        hidden = _hidden(np, mask, causal, (*front, q.shape[-2], k.shape[-2]), q.dtype)
        return xp.matmul(xp.softmax(scores if hidden is None else scores + hidden), v)

    def terms(call: Call, at: At) -> list[Sum]:
        """y = sum of p v."""
        p, (_, _, v, _), value = looked_at(call, at), _looks(call, at), call.operand(2)
        lead = broadcast_place(at[:-2], value.values.shape[:-2]) if len(at) > 2 else ()
        i, c = at[-2:]
        return [Sum(p * v[:, c], lambda j: (Factor(f"p_{{{i},{j}}}", float(p[j])), value.factor((*lead, j, c))))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum] | None:
        """Back to v by p, and to q and k by the slopes of the scores: ds = p (dp - sum of p dp), dp = delta v."""
        operand, delta = call.operand(slot), call.error
        if operand.values.shape[:-2] != delta.values.shape[:-2]:
            return None  # it was broadcast: by linearity
        head = at[:-2]
        errors = np.asarray(delta.values[head], np.float64)
        i, c = at[-2:]
        p = np.array([looked_at(call, (*head, row, 0)) for row in range(len(errors))])
        queries = call.operand(0).values
        rows = np.asarray(queries[broadcast_place(head, queries.shape[:-2])], np.float64)
        _, k, v, scale = _looks(call, (*head, 0, 0))
        if slot == 2:
            return [
                Sum(p[:, i] * errors[:, c], lambda t: (Factor(f"p_{{{t},{i}}}", float(p[t, i])), delta.factor((*head, t, c))))
            ]
        dp = errors @ v.T
        ds = p * (dp - (p * dp).sum(axis=1, keepdims=True))
        other = call.operand(1 - slot)
        slopes, others = (ds[i], k) if slot == 0 else (ds[:, i], rows)
        front = broadcast_place(head, other.values.shape[:-2])

        def factors(j: int) -> tuple[Factor, ...]:
            where = f"{i},{j}" if slot == 0 else f"{j},{i}"
            return (
                Factor(rf"\frac{{\partial C}}{{\partial s_{{{where}}}}}", float(slopes[j])),
                other.factor((*front, j, c)),
                Factor(_shown(call), scale),
            )

        return [Sum(slopes * others[:, c] * scale, factors)]

    def aside(call: Call, at: At) -> Aside:
        """The score and the weight of the place that is looked at most."""
        q, k, _, scale = _looks(call, at)
        p, i = looked_at(call, at), at[-2]
        best = int(p.argmax())
        products = q * k[best]
        parts = [
            formula.Term(rf"q_{{{i},{c}}}\, k_{{{best},{c}}}", rf"{factor(q[c])} \cdot {factor(k[best, c])}", float(products[c]))
            for c in range(len(q))
        ]
        own = call.options.get("scale") is not None
        front = number(scale) if own else rf"\frac{{1}}{{\sqrt{{{len(q)}}}}}"
        left, score = rf"{_shown(call)}\, q_{{{i}}} k_{{{best}}}^\top", math.fsum(products) * scale
        lines = formula.total(left, parts, score, before=(front, front))
        lines.append(Line((rf"p_{{{i},{best}}} = {number(p[best])}",), float(p[best])))
        head = at[-3] if len(at) > 2 else "the only one"
        later = " It may not look at what comes later." if call.options.get("causal") else ""
        return Aside(tuple(lines), f"Place {i} looks most at place {best}; q, k and v are of its head, {head}.{later}")


def _scale(given: Any, d: int) -> float:
    """What the scores are multiplied with: 1/sqrt(d), unless it is given."""
    if given is None:
        return 1 / math.sqrt(d)
    if isinstance(given, bool) or not isinstance(given, int | float | np.number) or not math.isfinite(given):
        raise EngineError(f"attention: scale must be a finite number, got {given!r:.60}")
    return float(given)


def _shown(call: Call) -> str:
    return r"\frac{1}{\sqrt{d}}" if call.options.get("scale") is None else r"\alpha"


def _looks(call: Call, at: At) -> tuple[Any, Any, Any, float]:
    """Of one output: q of its place (d,), k (S, d), v (S, e), each of its head; and the scale."""
    q, k, v = (np.asarray(call.operand(slot).values, np.float64) for slot in range(3))
    front = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    q, k, v = (np.broadcast_to(one, (*front, *one.shape[-2:]))[at[:-2]] for one in (q, k, v))
    return q[at[-2]], k, v, _scale(call.options.get("scale"), q.shape[-1])


def looked_at(call: Call, at: At) -> Any:
    """p (S,): how much the output's place looks at each place, by the definition."""
    q, k, _, scale = _looks(call, at)
    shape = (*call.output.values.shape[:-1], len(k))
    hidden = _hidden(np, call.options.get("mask"), call.options.get("causal", False), shape, np.float64)
    scores = (k @ q) * scale
    if hidden is not None:
        scores = scores + np.broadcast_to(hidden, shape)[at[:-1]]
    e = np.exp(scores - scores.max())
    return e / math.fsum(e)


def _front(q: Array, k: Array, v: Array) -> tuple[int, ...]:
    """The common axes before the last two."""
    shapes = f"q is {np.shape(q)}, k is {np.shape(k)} and v is {np.shape(v)}"
    if min(np.ndim(q), np.ndim(k), np.ndim(v)) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise EngineError(f"attention: q, k and v must be (..., T, d), (..., S, d) and (..., S, e); {shapes}")
    if q.shape[-1] == 0 or k.shape[-2] == 0:
        raise EngineError(f"attention: {shapes}: there is nothing to look at, or to look by")
    try:
        return np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    except ValueError:
        raise EngineError(f"attention: {shapes}: the axes before the last two must broadcast") from None


def _together(xp: ArrayModule, front: tuple[int, ...], *arrays: Any) -> list[Any]:
    return [a if a.shape[:-2] == front else xp.broadcast_to(a, (*front, *a.shape[-2:])) for a in arrays]


def _hidden(xp: ArrayModule, mask: NDArray[np.bool_] | None, causal: bool, shape: tuple[int, ...], dtype: Any) -> Any:
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
            raise EngineError(f"attention: the mask must broadcast to {shape}, got {mask.shape}")
        added = xp.where(mask, 0, -np.inf).astype(dtype) if mask.dtype == bool else mask.astype(dtype)
    if causal:
        later = xp.where(xp.tri(*shape[-2:], dtype=bool), 0, -np.inf).astype(dtype)
        added = later if added is None else added + later
    return added
