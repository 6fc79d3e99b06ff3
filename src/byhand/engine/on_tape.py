"""NumPy's functions, as gradients call them, computed with ops on tensors: what they compute is on the tape itself.

An op's `gradient` is written with `xp` and operators. Called with NumPy for `xp` it computes numbers; called with this module,
and with tensors, it computes the same and leaves a tape, along which it can be differentiated again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.engine import ops
from byhand.engine.tensor import Tensor

inf = np.inf


class linalg:
    """The functions of `numpy.linalg` that gradients call."""

    inv, solve = ops.inv, ops.solve


add, subtract, multiply, divide, negative = ops.add, ops.subtract, ops.multiply, ops.divide, ops.negative
abs, sign, sqrt, exp, log, sin, cos = ops.absolute, ops.sign, ops.sqrt, ops.exp, ops.log, ops.sin, ops.cos
cosh, sinh, tanh, sigmoid, softplus, relu, silu, erf = (
    ops.cosh, ops.sinh, ops.tanh, ops.sigmoid, ops.softplus, ops.relu, ops.silu, ops.erf,
)  # fmt: skip
where, maximum, minimum, matmul, power = ops.where, ops.maximum, ops.minimum, ops.matmul, ops.power
floor_divide = ops.floor_divide
scatter, pad, logsumexp, log_softmax, softmax = ops.scatter, ops.pad, ops.logsumexp, ops.log_softmax, ops.softmax
conv2d, conv_transpose2d, filter_gradient = ops.conv2d, ops.conv_transpose2d, ops.filter_gradient


def clip(a: Any, low: float, high: float) -> Tensor:
    return ops.clip(a, low=low, high=high)


def zeros_like(a: Any) -> Tensor:
    return Tensor(np.zeros(a.shape, a.dtype))


def ones_like(a: Any) -> Tensor:
    return Tensor(np.ones(a.shape, a.dtype))


def zeros(shape: tuple[int, ...], dtype: Any) -> Tensor:
    return Tensor(np.zeros(shape, dtype))


def asarray(a: Any) -> Any:
    return a


def eye(n: int, dtype: Any) -> Tensor:
    return Tensor(np.eye(n, dtype=dtype))


def isfinite(a: Any) -> Any:
    return np.isfinite(a.data)


def broadcast_to(a: Any, shape: tuple[int, ...]) -> Tensor:
    return ops.broadcast(a, shape=shape)


def flip(a: Any, axis: Any) -> Tensor:
    return ops.flip(a, axis=axis)


def roll(a: Any, shifts: Any, axis: Any = None) -> Tensor:
    return ops.roll(a, shifts=shifts, axis=axis)


def cumsum(a: Any, axis: int) -> Tensor:
    return ops.cumsum(a, axis=axis)


def cumprod(a: Any, axis: int) -> Tensor:
    return ops.cumprod(a, axis=axis)


def concatenate(parts: list[Any], axis: int) -> Tensor:
    return ops.concat(*parts, axis=axis)


def stack(parts: list[Any], axis: int) -> Tensor:
    return ops.stack(*parts, axis=axis)


def einsum(equation: str, *arrays: Any) -> Tensor:
    return ops.einsum(*arrays, equation=equation)
