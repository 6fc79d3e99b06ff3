"""Pooling of images, image by image and window by window, all channels of a pixel at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import memory
from byhand.backend import Array
from byhand.kernels.cpu.compiled import compiled
from byhand.kernels.cpu.elementwise import WORTH_A_THREAD, flat
from byhand.kernels.reference.pool import Pair, output_shape, tap_type
from byhand.kernels.threads import parallel

FEW = 64  # numbers whose sum is as good in float32 as in float64, and twice as quick; a larger window would lose digits


def max_pool2d(x: Array, kernel: Pair, stride: Pair, padding: Pair) -> tuple[Any, Any]:
    """`byhand.kernels.reference.pool.max_pool2d`."""
    shape = output_shape(x.shape, kernel, stride, padding)
    images, y, which = _images(x), memory.empty(shape, x.dtype), memory.empty(shape, tap_type(kernel))
    _shared(lambda a, b: _max_pool2d(images, a, b, kernel, stride, padding, y, which), x.shape)
    return y, which


def max_pool2d_gradient(which: Any, delta: Array, shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> Any:
    """`byhand.kernels.reference.pool.max_pool2d_gradient`."""
    errors, dx = _images(delta), memory.empty(shape, delta.dtype)
    _shared(lambda a, b: _max_pool2d_gradient(which, errors, a, b, kernel, stride, padding, dx), shape)
    return dx


def avg_pool2d(x: Array, kernel: Pair, stride: Pair, padding: Pair) -> Any:
    """`byhand.kernels.reference.pool.avg_pool2d`."""
    images, y = _images(x), memory.empty(output_shape(x.shape, kernel, stride, padding), x.dtype)
    sums = np.dtype(np.float64) if kernel[0] * kernel[1] > FEW else x.dtype
    share = sums.type(1 / (kernel[0] * kernel[1]))
    _shared(lambda a, b: _avg_pool2d(images, a, b, kernel, stride, padding, share, np.empty(x.shape[3], sums), y), x.shape)
    return y


def avg_pool2d_gradient(delta: Array, shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> Any:
    """`byhand.kernels.reference.pool.avg_pool2d_gradient`."""
    many = kernel[0] * kernel[1] > FEW * stride[0] * stride[1]  # windows that overlap in a pixel
    sums = np.dtype(np.float64) if many else delta.dtype
    errors, dx = _images(delta), memory.empty(shape, sums)
    share = sums.type(1 / (kernel[0] * kernel[1]))
    _shared(lambda a, b: _avg_pool2d_gradient(errors, a, b, kernel, stride, padding, share, dx), shape)
    return dx.astype(delta.dtype, copy=False)


def _images(x: Array) -> Any:
    return flat(x).reshape(x.shape)


def _shared(function: Any, shape: tuple[int, ...]) -> None:
    """Each thread some of the images: `function(first, last)`."""
    n, h, w, c = shape
    if n:
        parallel(function, n, 1 + WORTH_A_THREAD // max(1, h * w * c))


@compiled(error_model="numpy")
def _max_pool2d(x: Array, first: int, last: int, kernel: Any, stride: Any, padding: Any, y: Array, which: Any) -> None:
    for n in range(first, last):
        for i in range(y.shape[1]):
            top = i * stride[0] - padding[0]
            for j in range(y.shape[2]):
                left = j * stride[1] - padding[1]
                largest, tap_of = y[n, i, j], which[n, i, j]
                none_yet = True
                for u in range(max(0, -top), min(kernel[0], x.shape[1] - top)):
                    for v in range(max(0, -left), min(kernel[1], x.shape[2] - left)):
                        seen, tap = x[n, top + u, left + v], u * kernel[1] + v
                        for c in range(seen.size):
                            larger = none_yet or seen[c] > largest[c] or seen[c] != seen[c]
                            largest[c] = seen[c] if larger else largest[c]
                            tap_of[c] = tap if larger else tap_of[c]
                        none_yet = False


@compiled(error_model="numpy")
def _max_pool2d_gradient(
    which: Any, delta: Array, first: int, last: int, kernel: Any, stride: Any, padding: Any, dx: Array
) -> None:
    zero = delta.dtype.type(0)
    for n in range(first, last):
        dx[n] = zero
        for i in range(delta.shape[1]):
            top = i * stride[0] - padding[0]
            for j in range(delta.shape[2]):
                left = j * stride[1] - padding[1]
                error, tap_of = delta[n, i, j], which[n, i, j]
                for u in range(max(0, -top), min(kernel[0], dx.shape[1] - top)):
                    for v in range(max(0, -left), min(kernel[1], dx.shape[2] - left)):
                        to, tap = dx[n, top + u, left + v], u * kernel[1] + v
                        for c in range(to.size):
                            to[c] += error[c] if tap_of[c] == tap else zero


@compiled(error_model="numpy")
def _avg_pool2d(
    x: Array, first: int, last: int, kernel: Any, stride: Any, padding: Any, share: Any, mean: Array, y: Array
) -> None:
    for n in range(first, last):
        for i in range(y.shape[1]):
            top = i * stride[0] - padding[0]
            for j in range(y.shape[2]):
                left = j * stride[1] - padding[1]
                mean[:] = 0
                for u in range(max(0, -top), min(kernel[0], x.shape[1] - top)):
                    for v in range(max(0, -left), min(kernel[1], x.shape[2] - left)):
                        seen = x[n, top + u, left + v]
                        for c in range(seen.size):
                            mean[c] += seen[c] * share
                y[n, i, j] = mean


@compiled(error_model="numpy")
def _avg_pool2d_gradient(
    delta: Array, first: int, last: int, kernel: Any, stride: Any, padding: Any, share: Any, dx: Array
) -> None:
    for n in range(first, last):
        dx[n] = 0
        for i in range(delta.shape[1]):
            top = i * stride[0] - padding[0]
            for j in range(delta.shape[2]):
                left = j * stride[1] - padding[1]
                error = delta[n, i, j]
                for u in range(max(0, -top), min(kernel[0], dx.shape[1] - top)):
                    for v in range(max(0, -left), min(kernel[1], dx.shape[2] - left)):
                        to = dx[n, top + u, left + v]
                        for c in range(to.size):
                            to[c] += error[c] * share
