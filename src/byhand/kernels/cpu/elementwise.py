"""Activation functions and their slopes, each in one pass over memory.

Most are z times a logistic function or a step; SiLU is z sigma(z), and GELU in its tanh form is z sigma(2u), because
1 + tanh u = 2 sigma(2u). Their exponential is one of our own, so a number of theirs may differ in its last digit from NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand import memory
from byhand.backend import Array
from byhand.kernels.cpu.compiled import compiled
from byhand.kernels.cpu.exponential import exp, exp_to_single
from byhand.kernels.reference import elementwise as reference
from byhand.kernels.reference import normal
from byhand.kernels.threads import parallel

WORTH_A_THREAD = 50_000  # numbers: a thread wakes in the time that these take
F = np.float32
ZERO, HALF, ONE, FAR = F(0), F(0.5), F(1), F(1e4)
MIDDLE, ROOT_HALF, DENSITY = F(normal.MIDDLE), F(normal.ROOT_HALF), F(normal.DENSITY)
P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11 = (F(coefficient) for coefficient in normal.SINGLE)


def sigmoid(z: Array) -> Any:
    """`byhand.kernels.reference.elementwise.sigmoid`, shared between the threads: NumPy's own passes, so the same bits."""
    return _shared(_sigmoids, z) if _fits(z) else reference.sigmoid(z)


def relu(z: Array) -> Any:
    """`byhand.kernels.reference.elementwise.relu`."""
    return _shared(_relu, z) if _fits(z) else reference.relu(z)


def silu(z: Array) -> Any:
    """`byhand.kernels.reference.elementwise.silu`."""
    return _shared(_silu, z) if _fits(z) else reference.silu(z)


def gelu(z: Array) -> Any:
    """`byhand.kernels.reference.elementwise.gelu`."""
    return _shared(_gelu, z) if _fits(z) and z.dtype == np.float32 else reference.gelu(z)


def gelu_tanh(z: Array) -> Any:
    """`byhand.kernels.reference.elementwise.gelu_tanh`."""
    return _shared(_gelu_tanh, z) if _fits(z) else reference.gelu_tanh(z)


def sigmoid_gradient(z: Array, delta: Array) -> Any:
    """`byhand.kernels.reference.elementwise.sigmoid_gradient`."""
    return _shared(_sigmoid_gradient, z, delta) if _fits(z, delta) else reference.sigmoid_gradient(z, delta)


def relu_gradient(z: Array, delta: Array) -> Any:
    """`byhand.kernels.reference.elementwise.relu_gradient`."""
    return _shared(_relu_gradient, z, delta) if _fits(z, delta) else reference.relu_gradient(z, delta)


def silu_gradient(z: Array, delta: Array) -> Any:
    """`byhand.kernels.reference.elementwise.silu_gradient`."""
    return _shared(_silu_gradient, z, delta) if _fits(z, delta) else reference.silu_gradient(z, delta)


def gelu_gradient(z: Array, delta: Array) -> Any:
    """`byhand.kernels.reference.elementwise.gelu_gradient`."""
    narrow = _fits(z, delta) and z.dtype == np.float32
    return _shared(_gelu_gradient, z, delta) if narrow else reference.gelu_gradient(z, delta)


def gelu_tanh_gradient(z: Array, delta: Array) -> Any:
    """`byhand.kernels.reference.elementwise.gelu_tanh_gradient`."""
    return _shared(_gelu_tanh_gradient, z, delta) if _fits(z, delta) else reference.gelu_tanh_gradient(z, delta)


def dropped(a: Array, kept: NDArray[np.bool_], factor: float) -> Any:
    """`byhand.kernels.reference.elementwise.dropped`."""
    if not _fits(a):
        return reference.dropped(a, kept, factor)
    return _shared(lambda x, mask, out: _dropped(x, mask, out, a.dtype.type(factor)), a, kept)


def _fits(*arrays: Any) -> bool:
    """Whether the loops are made for these."""
    return all(array.dtype in (np.float32, np.float64) and array.dtype == arrays[0].dtype for array in arrays)


def _shared(loop: Any, *arrays: Any) -> Any:
    """`loop` over the arrays' numbers, a share for each thread."""
    flats = [flat(array) for array in arrays]
    out = memory.empty(arrays[0].shape, arrays[0].dtype)
    out_flat = out.reshape(-1)
    parallel(lambda a, b: loop(*(array[a:b] for array in flats), out_flat[a:b]), out.size, WORTH_A_THREAD)
    return out


def flat(x: Array) -> Any:
    """An input's numbers in a row, read-only: Numba compiles other loops for arrays that may be written into."""
    row = np.ascontiguousarray(x).reshape(-1)
    row.flags.writeable = False
    return row


@compiled(error_model="numpy", fastmath={"contract"})
def logistic(z: Any, one: Any) -> Any:
    """sigma(z); `one` in the type of z, because Numba makes float64 of float32 + 1."""
    return one / (one + exp(-z))


@compiled(error_model="numpy", fastmath={"contract"})
def silu_slope(z: Any, one: Any) -> Any:
    sigma = logistic(z, one)
    return sigma * (one + z * (one - sigma))


def _sigmoids(z: Array, out: Array) -> None:
    with np.errstate(over="ignore"):
        np.negative(z, out=out)
        np.exp(out, out=out)
        np.add(out, 1, out=out)
        np.divide(1, out, out=out)


@compiled(error_model="numpy", fastmath={"contract"})
def _sigmoid_gradient(z: Array, delta: Array, out: Array) -> None:
    one = z.dtype.type(1)
    for i in range(z.size):
        e = exp(-abs(z[i]))
        out[i] = delta[i] * (e / ((one + e) * (one + e)))


@compiled(error_model="numpy", fastmath={"contract"})
def _relu(z: Array, out: Array) -> None:
    zero = z.dtype.type(0)
    for i in range(z.size):
        out[i] = zero if z[i] <= zero else z[i]  # in this order a NaN stays


@compiled(error_model="numpy", fastmath={"contract"})
def _relu_gradient(z: Array, delta: Array, out: Array) -> None:
    zero = z.dtype.type(0)
    for i in range(z.size):
        out[i] = zero if z[i] <= zero else delta[i]


@compiled(error_model="numpy", fastmath={"contract"})
def _silu(z: Array, out: Array) -> None:
    one = z.dtype.type(1)
    for i in range(z.size):
        out[i] = z[i] * logistic(z[i], one)


@compiled(error_model="numpy", fastmath={"contract"})
def _silu_gradient(z: Array, delta: Array, out: Array) -> None:
    one = z.dtype.type(1)
    for i in range(z.size):
        out[i] = delta[i] * silu_slope(z[i], one)


@compiled(error_model="numpy", fastmath={"contract"})
def _gelu_tanh(z: Array, out: Array) -> None:
    one, a, b = z.dtype.type(1), z.dtype.type(2 * reference.ROOT), z.dtype.type(2 * reference.ROOT * 0.044715)
    for i in range(z.size):
        out[i] = z[i] * logistic(z[i] * (a + b * z[i] * z[i]), one)


@compiled(error_model="numpy", fastmath={"contract"})
def _gelu_tanh_gradient(z: Array, delta: Array, out: Array) -> None:
    one, a, b = z.dtype.type(1), z.dtype.type(2 * reference.ROOT), z.dtype.type(2 * reference.ROOT * 0.044715)
    three_b = z.dtype.type(6 * reference.ROOT * 0.044715)
    for i in range(z.size):
        sigma = logistic(z[i] * (a + b * z[i] * z[i]), one)
        out[i] = delta[i] * (sigma + z[i] * sigma * (one - sigma) * (a + three_b * z[i] * z[i]))


@compiled(error_model="numpy", fastmath={"contract"})
def _bell_and_below(z: Any) -> Any:
    """e^(-z^2/2) and Phi(z) of a float32, as `byhand.kernels.reference.normal` has them."""
    wide = np.float64(z)
    bell = exp_to_single(-0.5 * wide * wide)
    x = min(abs(z), FAR) * ROOT_HALF
    t = (x - MIDDLE) / (x + MIDDLE)
    scaled = P6 + t * (P7 + t * (P8 + t * (P9 + t * (P10 + t * P11))))
    scaled = P0 + t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * (P5 + t * scaled)))))
    tail = HALF * bell * scaled / (ONE + x + x)
    return bell, (ONE - tail if z > ZERO else tail)


@compiled(error_model="numpy", fastmath={"contract"})
def _gelu(z: Array, out: Array) -> None:
    for i in range(z.size):
        out[i] = z[i] * _bell_and_below(z[i])[1]


@compiled(error_model="numpy", fastmath={"contract"})
def _gelu_gradient(z: Array, delta: Array, out: Array) -> None:
    for i in range(z.size):
        bell, below = _bell_and_below(z[i])
        out[i] = delta[i] * (below + z[i] * (DENSITY * bell))


@compiled(error_model="numpy")
def _dropped(a: Array, kept: NDArray[np.bool_], out: Array, factor: Any) -> None:
    zero = a.dtype.type(0)
    for i in range(a.size):
        out[i] = a[i] * factor if kept[i] else zero
