"""The running mean of weights, with which one draws: the last steps of a training are noisy, their mean is not."""

from __future__ import annotations

import copy

from byhand.backend import Array
from byhand.nn import Module


def take_into(average: Array, parameters: Array, k: float, ema_decay: float) -> None:
    r"""Take the parameters into their running mean, in place; k: how often that was done before.

    Equation:
        m_k = d_k m_{k-1} + (1 - d_k)\, \theta_k, \quad d_k = \min\left(d, \frac{1 + k}{10 + k}\right), \quad k = 0, 1, \dots
    Source:
        Ho, Jain and Abbeel (2020), arXiv:2006.11239, appendix B; the beginning as in TensorFlow's ExponentialMovingAverage
    """
    decay = min(ema_decay, (1 + k) / (10 + k))
    average *= decay
    average += (1 - decay) * parameters


def with_parameters(module: Module, flat: Array) -> Module:
    """The module once more, for evaluation, with this vector for parameters: there is nothing to swap in and out."""
    twin = copy.deepcopy(module)
    start = 0
    for (_, mine), (_, parameter) in zip(module.parameters(), twin.parameters(), strict=True):
        parameter.data = flat[start : start + mine.size].reshape(mine.shape)
        parameter.grad, parameter.requires_grad = None, False
        start += mine.size
    for (_, one), (_, other) in zip(module.modules(), twin.modules(), strict=True):
        for name in one.buffers:
            object.__setattr__(other, name, getattr(one, name))  # one for both
    twin.eval()
    return twin
