"""Errors added up in the rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import memory
from byhand.backend import Array, Indices
from byhand.kernels.cpu.compiled import compiled
from byhand.kernels.cpu.elementwise import WORTH_A_THREAD, flat
from byhand.kernels.threads import parallel


def scattered_sum(indices: Indices, delta: Array, rows: int) -> Any:
    """`byhand.kernels.reference.embedding.scattered_sum`: each thread some columns, so that every sum has its order."""
    found, errors = memory.zeros((rows, delta.shape[1]), np.float64), flat(delta).reshape(delta.shape)
    places = flat(indices.astype(np.int64, copy=False))
    parallel(lambda a, b: _add(places, errors, a, b, found), delta.shape[1], 1 + WORTH_A_THREAD // max(1, len(places)))
    return found.astype(delta.dtype)


@compiled(error_model="numpy")
def _add(indices: Indices, delta: Array, first: int, last: int, found: Any) -> None:
    for j in range(len(indices)):
        to, error = found[indices[j], first:last], delta[j, first:last]
        for k in range(to.size):
            to[k] += error[k]
