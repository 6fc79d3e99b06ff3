"""Depthwise convolution: one filter a channel, in as many groups as there are channels.

A matrix product of one column would spend its time on laying out patches. Instead every tap adds its multiple, for all channels
of a place at once: they lie side by side. Source: Howard et al. (2017), arXiv:1704.04861, section 3.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import memory
from byhand.backend import Array, Shape
from byhand.kernels.cpu.compiled import compiled
from byhand.kernels.reference.conv import Pair, output_side
from byhand.kernels.threads import parallel


def fits(w_shape: tuple[int, ...], groups: int) -> bool:
    """One filter a channel."""
    return w_shape[2] == 1 and groups == w_shape[3]


def forward(x: Array, w: Array, b: Array | None, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """z_ijo = b_o + sum over the taps of w_uvo x_o."""
    rows, columns = (output_side(x.shape[i + 1], w.shape[i], stride[i], padding[i], dilation[i]) for i in (0, 1))
    z = memory.empty((len(x), rows, columns, w.shape[3]), x.dtype)
    bias = np.zeros(w.shape[3], x.dtype) if b is None else b
    parallel(lambda begin, end: _add_up(x[begin:end], w, bias, *stride, *padding, *dilation, z[begin:end]), len(x))
    return z


def gradient_w(x: Array, delta: Array, w_shape: Shape, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """dC/dw_uvo = sum over the places of x_o delta_o; each thread sums over its images, and the threads' sums are added."""

    def share(begin: int, end: int) -> Any:
        dw = np.zeros(w_shape, x.dtype)
        for image in range(begin, end):  # image by image, so that a long float32 sum is one of short ones
            part = np.zeros(w_shape, x.dtype)
            _gather(x[image : image + 1], delta[image : image + 1], *stride, *padding, *dilation, part)
            dw += part
        return dw

    shares = parallel(share, len(x))
    return sum(shares[1:], shares[0])


def gradient_x(delta: Array, w: Array, x_shape: Shape, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """dC/dx_o: every place sends its error back through each tap, times the tap."""
    dx = memory.zeros(x_shape, delta.dtype)
    parallel(lambda begin, end: _send_back(delta[begin:end], w, *stride, *padding, *dilation, dx[begin:end]), len(delta))
    return dx


@compiled(fastmath={"contract"})
def _add_up(x: Array, w: Array, b: Array, s: int, t: int, p: int, q: int, d: int, e: int, z: Array) -> None:
    n, h, width, _ = x.shape
    kh, kw, _, n_out = w.shape
    for image in range(n):
        for i in range(z.shape[1]):
            for j in range(z.shape[2]):
                out = z[image, i, j]
                for o in range(n_out):
                    out[o] = b[o]
                for u in range(kh):
                    row = i * s + u * d - p
                    for v in range(kw):
                        column = j * t + v * e - q
                        if 0 <= row < h and 0 <= column < width:
                            pixel, tap = x[image, row, column], w[u, v, 0]
                            for o in range(n_out):
                                out[o] += pixel[o] * tap[o]


@compiled(fastmath={"contract"})
def _gather(x: Array, delta: Array, s: int, t: int, p: int, q: int, d: int, e: int, dw: Any) -> None:
    n, h, width, _ = x.shape
    kh, kw, _, n_out = dw.shape
    for image in range(n):
        for i in range(delta.shape[1]):
            for j in range(delta.shape[2]):
                error = delta[image, i, j]
                for u in range(kh):
                    row = i * s + u * d - p
                    for v in range(kw):
                        column = j * t + v * e - q
                        if 0 <= row < h and 0 <= column < width:
                            pixel, tap = x[image, row, column], dw[u, v, 0]
                            for o in range(n_out):
                                tap[o] += pixel[o] * error[o]


@compiled(fastmath={"contract"})
def _send_back(delta: Array, w: Array, s: int, t: int, p: int, q: int, d: int, e: int, dx: Array) -> None:
    n, h, width, _ = dx.shape
    kh, kw, _, n_out = w.shape
    for image in range(n):
        for i in range(delta.shape[1]):
            for j in range(delta.shape[2]):
                error = delta[image, i, j]
                for u in range(kh):
                    row = i * s + u * d - p
                    for v in range(kw):
                        column = j * t + v * e - q
                        if 0 <= row < h and 0 <= column < width:
                            pixel, tap = dx[image, row, column], w[u, v, 0]
                            for o in range(n_out):
                                pixel[o] += error[o] * tap[o]
