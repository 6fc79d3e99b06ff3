"""Rows chosen from a table, and the errors of the choices added up in it."""

from __future__ import annotations

from typing import Any

from byhand.backend import Array, Indices
from byhand.kernels.reference.sums import scattered


def scattered_sum(indices: Indices, delta: Array, rows: int) -> Any:
    r"""The errors of all choices of a row, added up there.

    Equation:
        g_k = \sum_{j:\,i_j = k} \delta_j
    Shapes:
        indices: (m,) whole numbers from 0 to rows - 1, delta: (m, d) -> (rows, d)
    """
    return scattered((rows, delta.shape[1]), indices, delta)
