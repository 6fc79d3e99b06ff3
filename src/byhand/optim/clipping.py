"""A gradient that is too long, made shorter."""

from __future__ import annotations

import math

import numpy as np

from byhand.backend import Array


def clip(gradient: Array, largest: float) -> float:
    r"""Scale the gradient in place so that its length is at most `largest`; return the length it had.

    Source: Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063, algorithm 1.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        length = math.sqrt(float(np.dot(gradient, gradient)))
    if math.isinf(length):  # its square does not fit into float32, but the gradient may
        length = float(np.linalg.norm(gradient.astype(np.float64)))
    if length > largest:
        gradient *= largest / length
    return length
