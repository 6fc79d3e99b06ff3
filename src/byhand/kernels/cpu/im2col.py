"""Convolution as one matrix product: every place's patch of pixels laid out as a row, times the filters as columns.

The rows would need kh kw times the image's memory, so a thread unrolls a few images at a time, into a buffer that stays in its
cache. Source: Chellapilla, Puri and Simard (2006), "High performance convolutional neural networks for document processing".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import memory
from byhand.backend import Array, Shape
from byhand.kernels.alike import apart
from byhand.kernels.cpu.compiled import compiled
from byhand.kernels.reference.conv import Pair, output_side
from byhand.kernels.threads import parallel

PATCHES = 256 * 1024  # bytes of patches that a thread makes at a time: a quarter of its second-level cache


class _Layout:
    """The places of the filter, and how many images a thread takes at once."""

    def __init__(self, x_shape: Shape, w_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, dtype: Any) -> None:
        self.n, self.kh, self.kw, self.c = x_shape[0], w_shape[0], w_shape[1], x_shape[3]
        self.stride, self.padding, self.dilation, self.dtype = stride, padding, dilation, dtype
        self.rows, self.columns = (output_side(x_shape[i + 1], w_shape[i], stride[i], padding[i], dilation[i]) for i in (0, 1))
        self.places, self.taps = self.rows * self.columns, self.kh * self.kw * self.c
        # A 1x1 filter at every place reads the image as it is: its patches are its pixels.
        self.plain = (self.kh, self.kw) == (1, 1) and stride == (1, 1) and padding == (0, 0)
        room = PATCHES // max(1, self.places * self.taps * dtype.itemsize)
        self.images = 1 if apart() else max(1, min(self.n, room))

    def pieces(self, begin: int, end: int) -> Any:
        return [slice(start, min(start + self.images, end)) for start in range(begin, end, self.images)]

    def buffer(self) -> Any:
        return memory.empty((self.images * self.places, self.taps), self.dtype)

    def patches(self, x: Array, buffer: Any) -> Any:
        """The patches of some images, one a row: (places, kh kw C)."""
        if self.plain:
            return x.reshape(-1, self.c)
        (s, t), (p, q), (d, e) = self.stride, self.padding, self.dilation
        unroll(x, buffer, self.kh, self.kw, self.rows, self.columns, s, t, p, q, d, e)
        return buffer[: len(x) * self.places]


def forward(x: Array, w: Array, b: Array | None, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """z = patches times filters + b."""
    at = _Layout(x.shape, w.shape, stride, padding, dilation, x.dtype)
    filters = w.reshape(at.taps, -1)
    z = memory.empty((at.n, at.rows, at.columns, w.shape[3]), x.dtype)

    def share(begin: int, end: int) -> None:
        buffer = at.buffer()
        for piece in at.pieces(begin, end):
            out = z[piece].reshape(-1, w.shape[3])
            np.matmul(at.patches(x[piece], buffer), filters, out=out)
            if b is not None:
                out += b

    parallel(share, at.n)
    return z


def gradient_w(x: Array, delta: Array, w_shape: Shape, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """dC/dw = patches, transposed, times the errors; each thread sums over its images, and the threads' sums are added."""
    at = _Layout(x.shape, w_shape, stride, padding, dilation, x.dtype)
    n_out = w_shape[3]

    def share(begin: int, end: int) -> Any:
        buffer, total = at.buffer(), np.zeros((at.taps, n_out), x.dtype)
        for piece in at.pieces(begin, end):
            total += at.patches(x[piece], buffer).T @ delta[piece].reshape(-1, n_out)
        return total

    shares = parallel(share, at.n)
    return sum(shares[1:], shares[0]).reshape(w_shape)


def gradient_x(delta: Array, w: Array, x_shape: Shape, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Each place's error times the filters is what its patch gets; patches that share a pixel add up there."""
    at = _Layout(x_shape, w.shape, stride, padding, dilation, delta.dtype)
    back, n_out = np.ascontiguousarray(w.reshape(at.taps, -1).T), w.shape[3]
    dx = memory.empty(x_shape, delta.dtype)
    (s, t), (p, q), (d, e) = stride, padding, dilation

    def share(begin: int, end: int) -> None:
        buffer = at.buffer()
        for piece in at.pieces(begin, end):
            errors = delta[piece].reshape(-1, n_out)
            if at.plain:
                np.matmul(errors, back, out=dx[piece].reshape(-1, at.c))
                continue
            patches = np.matmul(errors, back, out=buffer[: len(errors)])
            roll_up(patches, dx[piece], at.kh, at.kw, at.rows, at.columns, s, t, p, q, d, e)

    parallel(share, at.n)
    return dx


@compiled()
def unroll(
    x: Array, out: Array, kh: int, kw: int, rows: int, columns: int, s: int, t: int, p: int, q: int, d: int, e: int
) -> None:
    """Row (n, i, j) of `out` is the patch of pixels that the filter meets there; what lies in the padding is 0."""
    n, h, w, c = x.shape
    row = 0
    for image in range(n):
        for i in range(rows):
            for j in range(columns):
                patch = out[row]
                at = 0
                for u in range(kh):
                    y = i * s + u * d - p
                    for v in range(kw):
                        z = j * t + v * e - q
                        if 0 <= y < h and 0 <= z < w:
                            if c == 1:
                                patch[at] = x[image, y, z, 0]
                                at += 1
                                continue
                            pixel = x[image, y, z]
                            for k in range(c):
                                patch[at + k] = pixel[k]
                        else:
                            for k in range(c):
                                patch[at + k] = 0
                        at += c
                row += 1


@compiled()
def roll_up(
    patches: Any, dx: Array, kh: int, kw: int, rows: int, columns: int, s: int, t: int, p: int, q: int, d: int, e: int
) -> None:
    """The transpose of `unroll`: every number of a patch is added to the pixel that it was read from."""
    n, h, w, c = dx.shape
    dx[:] = 0
    row = 0
    for image in range(n):
        for i in range(rows):
            for j in range(columns):
                patch = patches[row]
                at = 0
                for u in range(kh):
                    y = i * s + u * d - p
                    for v in range(kw):
                        z = j * t + v * e - q
                        if 0 <= y < h and 0 <= z < w:
                            pixel = dx[image, y, z]
                            for k in range(c):
                                pixel[k] += patch[at + k]
                        at += c
                row += 1
