"""Softmax along the last axis: numbers made probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import array_module


def softmax(a: Any) -> Any:
    r"""Probabilities; of a row that is -infinity throughout they are all 0.

    Equation:
        p_i = \frac{e^{a_i - \max a}}{\sum_j e^{a_j - \max a}}
    """
    xp = array_module(a)
    top = a.max(axis=-1, keepdims=True)
    shifted = a - xp.where(top == -np.inf, a.dtype.type(0), top)
    e = xp.exp(shifted)
    total = e.sum(axis=-1, keepdims=True)
    return e / xp.where(total == 0, a.dtype.type(1), total)


def softmax_gradient(p: Any, delta: Any) -> Any:
    r"""What comes back through a softmax.

    Equation:
        \frac{\partial C}{\partial a_i} = p_i \left(\delta_i - \sum_j \delta_j p_j\right)
    """
    return p * (delta - (delta * p).sum(axis=-1, keepdims=True))


def log_softmax(a: Any) -> Any:
    r"""Logarithms of probabilities, without forming the probabilities.

    Equation:
        l_i = a_i - \max a - \ln \sum_j e^{a_j - \max a}
    """
    xp = array_module(a)
    shifted = a - a.max(axis=-1, keepdims=True)
    return shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))


def log_softmax_gradient(log_p: Any, delta: Any) -> Any:
    r"""What comes back through the logarithm of a softmax.

    Equation:
        \frac{\partial C}{\partial a_i} = \delta_i - e^{l_i} \sum_j \delta_j
    """
    return delta - array_module(log_p).exp(log_p) * delta.sum(axis=-1, keepdims=True)
