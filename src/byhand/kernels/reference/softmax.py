"""Softmax along the last axis: numbers made probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array, array_module
from byhand.kernels.reference.sums import total


def softmax(a: Array) -> Any:
    r"""Probabilities; of a row that is -infinity throughout there are none: they are NaN, as PyTorch's.

    Equation:
        p_i = \frac{e^{a_i - \max a}}{\sum_j e^{a_j - \max a}}
    """
    with np.errstate(invalid="ignore"):
        e = array_module(a).exp(a - a.max(axis=-1, keepdims=True))
    e /= total(e, -1, keepdims=True)
    return e


def masked_softmax(a: Array) -> Any:
    """The same, but 0 throughout for a row that is -infinity throughout: who may look at nothing sees nothing."""
    xp = array_module(a)
    top = a.max(axis=-1, keepdims=True)
    e = xp.exp(a - xp.where(top == -np.inf, a.dtype.type(0), top))
    sums = total(e, -1, keepdims=True)
    return e / xp.where(sums == 0, a.dtype.type(1), sums)


def softmax_gradient(p: Array, delta: Array) -> Any:
    r"""What comes back through a softmax.

    Equation:
        \frac{\partial C}{\partial a_i} = p_i \left(\delta_i - \sum_j \delta_j p_j\right)
    """
    return p * (delta - total(delta * p, -1, keepdims=True))


def log_softmax(a: Array) -> Any:
    r"""Logarithms of probabilities, without forming the probabilities.

    Equation:
        l_i = a_i - \max a - \ln \sum_j e^{a_j - \max a}
    """
    xp = array_module(a)
    with np.errstate(invalid="ignore"):  # a row that is -infinity throughout has none: NaN, as PyTorch's
        shifted = a - a.max(axis=-1, keepdims=True)
    return shifted - xp.log(total(xp.exp(shifted), -1, keepdims=True))


def log_softmax_gradient(log_p: Array, delta: Array) -> Any:
    r"""What comes back through the logarithm of a softmax.

    Equation:
        \frac{\partial C}{\partial a_i} = \delta_i - e^{l_i} \sum_j \delta_j
    """
    return delta - array_module(log_p).exp(log_p) * total(delta, -1, keepdims=True)
