"""Embedding: things that are no numbers get numbers, which are learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import kernels
from byhand.engine.large import new
from byhand.engine.op import op
from byhand.errors import EngineError


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

    def forward(xp: Any, w: Any, *, indices: Any) -> Any:
        indices = xp.asarray(indices)
        if w.ndim != 2 or indices.dtype.kind not in "iu":
            raise EngineError(
                f"embedding: w is {w.shape} and the indices are {indices.shape} {indices.dtype}: "
                "a table (n, d) and whole numbers are wanted"
            )
        if indices.size and not (int(indices.min()) >= 0 and int(indices.max()) < len(w)):
            raise EngineError(
                f"embedding: the indices go from {indices.min()} to {indices.max()}, but w is {w.shape}: "
                f"0 to {len(w) - 1} are wanted"
            )
        indices = indices.copy()  # they are the caller's, who may fill them with the next batch before backward
        out = new(w, (*indices.shape, w.shape[1]))
        if indices.size:
            w.take(indices, axis=0, out=out, **({"mode": "clip"} if xp is np else {}))
        return out, (indices, len(w))

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        indices, rows = saved
        flat = delta.reshape(indices.size, delta.shape[-1])
        return kernels.family("embedding", delta).scattered_sum(indices.reshape(-1), flat, rows)
