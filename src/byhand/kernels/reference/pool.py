"""Pooling of images (N, H, W, C): each place becomes one number for what a small window saw there."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array, array_module

Pair = tuple[int, int]


def output_shape(shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> tuple[int, ...]:
    """(N, H, W, C) -> (N, H', W', C).

    >>> output_shape((1, 28, 28, 3), (2, 2), (2, 2), (0, 0))
    (1, 14, 14, 3)
    """
    h, w = ((n + 2 * p - k) // s + 1 for n, k, s, p in zip(shape[1:3], kernel, stride, padding, strict=True))
    return shape[0], h, w, shape[3]


def _windows(padded: Array, shape: tuple[int, ...], kernel: Pair, stride: Pair) -> Any:
    """For each tap of the window, from left to right and down: the pixels it sees, as a view (N, H', W', C)."""
    h, w = shape[1:3]
    for u in range(kernel[0]):
        for v in range(kernel[1]):
            yield padded[:, u : u + stride[0] * (h - 1) + 1 : stride[0], v : v + stride[1] * (w - 1) + 1 : stride[1]]


def _padded(x: Array, padding: Pair, value: float) -> Any:
    (p, q), xp = padding, array_module(x)
    return xp.pad(x, ((0, 0), (p, p), (q, q), (0, 0)), constant_values=value) if p or q else x


def max_pool2d(x: Array, kernel: Pair, stride: Pair, padding: Pair) -> tuple[Any, Any]:
    """The largest of each window (a NaN is larger than all), and which tap of the window it was: the first of equal ones."""
    xp = array_module(x)
    shape = output_shape(x.shape, kernel, stride, padding)
    y = xp.full(shape, -np.inf, x.dtype)
    which = xp.zeros(shape, tap_type(kernel))
    for tap, seen in enumerate(_windows(_padded(x, padding, -np.inf), shape, kernel, stride)):
        larger = (seen > y) | xp.isnan(seen)
        y[larger], which[larger] = seen[larger], tap
    return y, which


def tap_type(kernel: Pair) -> Any:
    """A byte holds which of a window's taps it was; two, where the window is large."""
    return np.uint8 if kernel[0] * kernel[1] <= 256 else np.uint16


def max_pool2d_gradient(which: Any, delta: Array, shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> Any:
    """The error goes to the pixel that was the largest, all of it; windows that overlap add theirs up."""
    where = array_module(delta).where
    return _to_windows(shape, delta, kernel, stride, padding, lambda tap: where(which == tap, delta, delta.dtype.type(0)))


def avg_pool2d(x: Array, kernel: Pair, stride: Pair, padding: Pair) -> Any:
    """The mean of each window, with the zeros around the image counted in."""
    xp = array_module(x)
    shape = output_shape(x.shape, kernel, stride, padding)
    y = xp.zeros(shape, np.float64)  # in float32 the sum of a large window would lose digits
    for seen in _windows(_padded(x, padding, 0), shape, kernel, stride):
        y += seen
    return (y * (1 / (kernel[0] * kernel[1]))).astype(x.dtype)


def avg_pool2d_gradient(delta: Array, shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> Any:
    """The error goes to all pixels of the window alike."""
    share = delta * delta.dtype.type(1 / (kernel[0] * kernel[1]))
    return _to_windows(shape, share, kernel, stride, padding, lambda tap: share)


def _to_windows(shape: tuple[int, ...], delta: Array, kernel: Pair, stride: Pair, padding: Pair, part: Any) -> Any:
    """Each window's error added to the pixels that it saw: `part` says what goes to a tap."""
    (p, q), (n, h, w, c) = padding, shape
    padded = array_module(delta).zeros((n, h + 2 * p, w + 2 * q, c), np.float64)  # many windows may overlap in a pixel
    for tap, seen in enumerate(_windows(padded, delta.shape, kernel, stride)):
        seen += part(tap)  # noqa: PLW2901 - a view: this adds into the padded image
    return padded[:, p : p + h, q : q + w].astype(delta.dtype)
