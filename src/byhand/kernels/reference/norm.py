r"""Normalisation: numbers shifted and scaled to mean 0 and variance 1, then to a mean and a scale that are learned.

    \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \quad y = \gamma \hat x + \beta

The four kinds differ only in which numbers share a mean: those of a channel in the whole batch, those of a group of channels in
one image, or those of one row. An activation function may follow in the same pass. `rstd` is 1 / sqrt(variance + epsilon).

Source: Ioffe and Szegedy (2015), arXiv:1502.03167; Wu and He (2018), arXiv:1803.08494; Ba et al. (2016), arXiv:1607.06450.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.backend import Array, array_module
from byhand.kernels.reference.elementwise import activated, activation_gradient


def _normalised(x: Array, mean: Array | float, rstd: Array, gamma: Array | None, beta: Array | None) -> tuple[Any, Any]:
    x_hat = ((x - mean) * rstd).astype(x.dtype)
    y = x_hat if gamma is None else x_hat * gamma
    return x_hat, y if beta is None else y + beta


def _back(x_hat: Array, rstd: Array, error: Array, axes: tuple[int, ...]) -> Any:
    r"""Through the normalisation: the error, without the parts that shift and scale would have undone.

    Equation:
        \frac{\partial C}{\partial x} = \frac{1}{\sigma} \left(e - \bar e - \hat x\,\overline{e \hat x}\right)
    Source:
        Ioffe and Szegedy (2015), arXiv:1502.03167, section 3
    """
    both = (error * x_hat).mean(axis=axes, keepdims=True, dtype=np.float64)
    mean = error.mean(axis=axes, keepdims=True, dtype=np.float64)
    return (rstd * (error - mean - x_hat * both)).astype(x_hat.dtype)


def _over_rows(error: Array, x_hat: Array, gamma: Array | None, beta: Array | None) -> tuple[Any, Any]:
    """dC/d gamma and dC/d beta: the sums over all axes but the last; None where there is no gamma, or no beta."""
    rows = tuple(range(error.ndim - 1))
    return (
        None if gamma is None else (error * x_hat).sum(axis=rows, dtype=np.float64).astype(gamma.dtype),
        None if beta is None else error.sum(axis=rows, dtype=np.float64).astype(beta.dtype),
    )


def channel_moments(x: Array) -> tuple[Any, Any]:
    """Mean and variance of each channel, over all axes but the last: (..., C) -> float64 (C,), (C,)."""
    rows = tuple(range(x.ndim - 1))
    return x.mean(axis=rows, dtype=np.float64), x.var(axis=rows, dtype=np.float64)


def batch_norm(x: Array, gamma: Array | None, beta: Array | None, mean: Array, rstd: Array, activation: str | None = None) -> Any:
    """x (..., C) normalised by a mean and an rstd (C,) that are given, then activated."""
    return activated(_normalised(x, mean, rstd, gamma, beta)[1], activation)


def batch_norm_gradient(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    mean: Array,
    rstd: Array,
    delta: Array,
    activation: str | None = None,
    training: bool = True,
) -> tuple[Any, Any, Any]:
    """dC/dx, dC/d gamma and dC/d beta; when not training, mean and rstd did not come from x, and are constants."""
    x_hat, y = _normalised(x, mean, rstd, gamma, beta)
    error = activation_gradient(y, delta, activation)
    inner = error if gamma is None else error * gamma
    dx = _back(x_hat, rstd, inner, tuple(range(x.ndim - 1))) if training else (inner * rstd).astype(x.dtype)
    return dx, *_over_rows(error, x_hat, gamma, beta)


def group_norm(
    x: Array, gamma: Array | None, beta: Array | None, groups: int, eps: float, activation: str | None = None
) -> tuple[Any, Any, Any]:
    """x (N, ..., C) normalised in each image over its pixels and each group's channels; also mean and rstd (N, groups)."""
    parts = _by_groups(x, groups)
    mean = parts.mean(axis=(1, 3), dtype=np.float64)
    rstd = 1 / np.sqrt(parts.var(axis=(1, 3), dtype=np.float64) + eps)
    y = _normalised(x, _each_channel(mean, x), _each_channel(rstd, x), gamma, beta)[1]
    return activated(y, activation), mean, rstd


def group_norm_gradient(
    x: Array, gamma: Array | None, beta: Array | None, mean: Array, rstd: Array, delta: Array, activation: str | None = None
) -> tuple[Any, Any, Any]:
    """dC/dx, dC/d gamma and dC/d beta."""
    groups = mean.shape[1]
    x_hat, y = _normalised(x, _each_channel(mean, x), _each_channel(rstd, x), gamma, beta)
    error = activation_gradient(y, delta, activation)
    inner = error if gamma is None else error * gamma
    dx = _back(_by_groups(x_hat, groups), rstd[:, None, :, None], _by_groups(inner, groups), (1, 3)).reshape(x.shape)
    return dx, *_over_rows(error, x_hat, gamma, beta)


def _by_groups(x: Array, groups: int) -> Any:
    """(N, ..., C) -> (N, pixels, groups, channels of each)."""
    return x.reshape(len(x), math.prod(x.shape[1:-1]), groups, x.shape[-1] // groups)


def _each_channel(value: Array, x: Array) -> Any:
    """(N, groups) -> (N, 1, ..., 1, C): a group's value for each of its channels."""
    c = x.shape[-1]
    repeated = array_module(x).repeat(value, c // value.shape[1], axis=1)
    return repeated.reshape(len(x), *(1,) * (x.ndim - 2), c)


def layer_norm(x: Array, gamma: Array | None, beta: Array | None, eps: float) -> tuple[Any, Any, Any]:
    """x (..., C) normalised over its last axis; also mean and rstd (..., 1)."""
    mean = x.mean(axis=-1, keepdims=True, dtype=np.float64)
    rstd = 1 / np.sqrt(x.var(axis=-1, keepdims=True, dtype=np.float64) + eps)
    return _normalised(x, mean, rstd, gamma, beta)[1], mean, rstd


def layer_norm_gradient(
    x: Array, gamma: Array | None, beta: Array | None, mean: Array, rstd: Array, delta: Array
) -> tuple[Any, Any, Any]:
    """dC/dx, dC/d gamma and dC/d beta."""
    x_hat = _normalised(x, mean, rstd, None, None)[0]
    inner = delta if gamma is None else delta * gamma
    return _back(x_hat, rstd, inner, (-1,)), *_over_rows(delta, x_hat, gamma, beta)


def rms_norm(x: Array, gamma: Array | None, eps: float) -> tuple[Any, Any]:
    """x (..., C) divided by the root of its mean square over the last axis; also that root's reciprocal (..., 1)."""
    wide = x.astype(np.float64)
    rrms = 1 / np.sqrt((wide * wide).mean(axis=-1, keepdims=True) + eps)
    return _normalised(x, 0, rrms, gamma, None)[1], rrms


def rms_norm_gradient(x: Array, gamma: Array | None, rrms: Array, delta: Array) -> tuple[Any, Any]:
    r"""dC/dx and dC/d gamma: nothing was shifted, so only the scale's part is taken from the error.

    Equation:
        \frac{\partial C}{\partial x} = \frac{1}{r} \left(e - \hat x\,\overline{e \hat x}\right)
    Source:
        Zhang and Sennrich (2019), arXiv:1910.07467, section 4
    """
    x_hat = _normalised(x, 0, rrms, None, None)[0]
    inner = delta if gamma is None else delta * gamma
    both = (inner * x_hat).mean(axis=-1, keepdims=True, dtype=np.float64)
    return (rrms * (inner - x_hat * both)).astype(x.dtype), _over_rows(delta, x_hat, gamma, None)[0]
