"""Convolution on the processor: which of the ways to compute it pays for which shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array, Shape
from byhand.kernels.cpu import depthwise, im2col, winograd
from byhand.kernels.reference.conv import Pair, output_side
from byhand.kernels.threads import parallel

AT_ONCE = 4096  # errors that BLAS may add up; more than this is worth a thread


def forward(
    x: Array, w: Array, b: Array | None, stride: Pair = (1, 1), padding: Pair = (0, 0), dilation: Pair = (1, 1), groups: int = 1
) -> Any:
    """`byhand.kernels.reference.conv.forward`: by Winograd's filters, tap by tap, or as a matrix product."""
    if winograd.fits(x, w, stride, padding, dilation, groups):
        return winograd.forward(x, w, b, padding)
    if _few_outputs(w.shape, stride, padding, dilation, groups):
        shape = (len(x), *(output_side(x.shape[i + 1], w.shape[i], 1, padding[i], dilation[i]) for i in (0, 1)), w.shape[3])
        z = im2col.gradient_x(x, _mirrored(w), shape, stride, _rest(w.shape, padding, dilation), dilation)
        return z if b is None else np.add(z, b, out=z)
    if depthwise.fits(w.shape, groups):
        return depthwise.forward(x, w, b, stride, padding, dilation)
    if groups > 1:
        parts = [forward(a, v, None, stride, padding, dilation) for a, v in _parted(groups, x, w)]
        z = np.concatenate(parts, axis=3)
        return z if b is None else z + b
    return im2col.forward(x, w, b, stride, padding, dilation)


def gradient_x(delta: Array, w: Array, x_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int = 1) -> Any:
    """`byhand.kernels.reference.conv.gradient_x`."""
    if depthwise.fits(w.shape, groups):
        return depthwise.gradient_x(delta, w, x_shape, stride, padding, dilation)
    if _few_outputs(w.shape, stride, padding, dilation, groups):
        return im2col.forward(delta, _mirrored(w), None, stride, _rest(w.shape, padding, dilation), dilation)
    if groups > 1:
        shape = (*x_shape[:3], x_shape[3] // groups)
        parts = [gradient_x(d, v, shape, stride, padding, dilation) for d, v in _parted(groups, delta, w)]
        return np.concatenate(parts, axis=3)
    return im2col.gradient_x(delta, w, x_shape, stride, padding, dilation)


def gradient_w(x: Array, delta: Array, w_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int = 1) -> Any:
    """`byhand.kernels.reference.conv.gradient_w`."""
    if depthwise.fits(w_shape, groups):
        return depthwise.gradient_w(x, delta, w_shape, stride, padding, dilation)
    if _few_outputs(w_shape, stride, padding, dilation, groups):
        shape = (*w_shape[:2], w_shape[3], w_shape[2])
        return _mirrored(im2col.gradient_w(delta, x, shape, stride, _rest(w_shape, padding, dilation), dilation))
    if groups > 1:
        shape = (*w_shape[:3], w_shape[3] // groups)
        parts = [gradient_w(a, d, shape, stride, padding, dilation) for a, d in _parted(groups, x, delta)]
        return np.concatenate(parts, axis=3)
    return im2col.gradient_w(x, delta, w_shape, stride, padding, dilation)


def gradient(
    x: Array,
    w: Array,
    delta: Array,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    wanted: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[Any, Any, Any]:
    """`byhand.kernels.reference.conv.gradient`."""
    if winograd.fits(x, w, stride, padding, dilation, groups):
        dx, dw = winograd.gradient(x, w, delta, padding, wanted)
    else:
        dx = gradient_x(delta, w, x.shape, stride, padding, dilation, groups) if wanted[0] else None
        dw = gradient_w(x, delta, w.shape, stride, padding, dilation, groups) if wanted[1] else None
    return dx, dw, _sum_over_places(delta) if wanted[2] else None


def _few_outputs(w_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> bool:
    """Whether the outputs are so few that patches of them are much smaller than patches of the inputs.

    A convolution of stride 1 is the transpose of one with the mirrored filters, which reads the outputs and writes the inputs.
    """
    inside = all(padding[i] <= dilation[i] * (w_shape[i] - 1) for i in (0, 1))
    return groups == 1 and stride == (1, 1) and 4 * w_shape[3] <= w_shape[2] and inside


def _mirrored(w: Array) -> Any:
    """Rows and columns turned round, and inputs for outputs: w'_uvoc = w_(kh-1-u)(kw-1-v)co."""
    return np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2))


def _rest(w_shape: Shape, padding: Pair, dilation: Pair) -> Pair:
    """The padding with which the mirrored filters undo the convolution's."""
    return dilation[0] * (w_shape[0] - 1) - padding[0], dilation[1] * (w_shape[1] - 1) - padding[1]


def _sum_over_places(delta: Array) -> Any:
    """dC/db: BLAS adds up rows faster than a sum does, but in their own type: so only so many at a time."""
    rows = delta.reshape(-1, delta.shape[3])

    def share(begin: int, end: int) -> Any:
        blocks = [rows[first : min(first + AT_ONCE, end)] for first in range(begin, max(end, begin + 1), AT_ONCE)]
        return [np.ones(len(block), rows.dtype) @ block for block in blocks]

    return np.sum([block for blocks in parallel(share, len(rows), least=AT_ONCE) for block in blocks], 0, np.float64).astype(
        rows.dtype
    )


def _parted(groups: int, a: Array, w: Array) -> Any:
    """The groups' channels of an image, and of the filters, each laid out without gaps."""
    return [
        (np.ascontiguousarray(one), np.ascontiguousarray(other))
        for one, other in zip(np.split(a, groups, axis=3), np.split(w, groups, axis=3), strict=True)
    ]
