"""Embedding: things that are no numbers get numbers, which are learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import Array, ArrayModule, Indices
from byhand.engine.call import Call, unravelled
from byhand.engine.op import Saved, op
from byhand.engine.threaded import new
from byhand.errors import EngineError
from byhand.formula import Line
from byhand.terms import Aside, At, Sum, indexed, single


@op
class embedding:
    r"""The table's rows at the given places.

    Equation:
        e_j = w_{i_j}
    Gradient:
        \partial C/\partial w_k = \sum_{j:\,i_j = k} \delta_j
    Shapes:
        w: (n, d), indices i: any shape, whole numbers from 0 to n - 1 -> e: (that shape, d)
    Source:
        Bengio et al. (2003), "A neural probabilistic language model", section 2
    """

    def forward(xp: ArrayModule, w: Array, *, indices: Indices) -> Any:
        indices = xp.asarray(indices)
        if w.ndim != 2 or indices.dtype.kind not in "iu":
            raise EngineError(
                f"embedding: w must be a table (n, d) and the indices whole numbers, got {w.shape} and {indices.shape} "
                f"{indices.dtype}"
            )
        if indices.size and not (int(indices.min()) >= 0 and int(indices.max()) < len(w)):
            raise EngineError(f"embedding: the indices must be from 0 to {len(w) - 1}, got {indices.min()} to {indices.max()}")
        indices = indices.copy()  # they are the caller's, who may fill them with the next batch before backward
        out = new(w, (*indices.shape, w.shape[1]))
        if indices.size:
            xp.take(w, indices, axis=0, out=out, **({"mode": "clip"} if xp is np else {}))
        return out, (indices, len(w))

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        indices, rows = saved
        flat = delta.reshape(indices.size, delta.shape[-1])
        return kernels.family("embedding", delta).scattered_sum(indices.reshape(-1), flat, rows)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        indices, rows = saved
        return xp.scatter(delta, key=indices, shape=(rows, delta.shape[-1]))

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(call.operand(0).factor((int(call.saved[0][at[:-1]]), at[-1])))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        """The errors of all places that looked this row up."""
        indices, delta = call.saved[0], call.error
        row, column = at
        errors = np.where(indices == row, delta.values[..., column], 0.0)
        return [Sum(errors, lambda k: (delta.factor((*unravelled(k, errors.shape), column)),), True)]

    def aside(call: Call, at: At) -> Aside:
        row = int(call.saved[0][at[:-1]])
        return Aside((Line((f"{indexed('i', at[:-1])} = {row}",)),), f"Row {row} of the table, as the index says.")

    def gradient_aside(call: Call, slot: int, at: At) -> Aside:
        readers = int((call.saved[0] == at[0]).sum())
        return Aside(note=f"Row {at[0]} of the table was looked up at {readers:,} places of the batch.")
