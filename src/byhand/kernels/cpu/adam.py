"""Adam in one pass over memory, where NumPy needs twelve."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.kernels.cpu.compiled import compiled


@compiled(error_model="numpy")
def adam(
    theta: Array, g: Array, m: Array, v: Array, update: Array, beta1: Any, beta2: Any, rest1: Any, rest2: Any, eps: Any, rate: Any
) -> None:
    """`byhand.optim.Adam._change` and the update after it, element by element.

    The scalars come in the vectors' own type: a float64 factor would lift the whole loop to float64, and change its bits.
    """
    for i in range(theta.size):
        m[i] = m[i] * beta1 + g[i] * rest1
        v[i] = v[i] * beta2 + g[i] * g[i] * rest2
        update[i] = m[i] / (np.sqrt(v[i]) + eps) * rate
        theta[i] += update[i]
