"""Convolution of images (N, H, W, C), as its definition says it: one matrix product for each tap of the filter."""

from __future__ import annotations

from typing import Any

from byhand.backend import Array, ArrayModule, Shape, array_module
from byhand.kernels.reference.sums import total

Pair = tuple[int, int]


def output_side(n: int, k: int, stride: int, padding: int, dilation: int) -> int:
    """How many places a filter of k taps finds along n pixels.

    >>> output_side(28, 3, 1, 1, 1), output_side(28, 3, 2, 1, 1)
    (28, 14)
    """
    return (n + 2 * padding - dilation * (k - 1) - 1) // stride + 1


def forward(
    x: Array, w: Array, b: Array | None, stride: Pair = (1, 1), padding: Pair = (0, 0), dilation: Pair = (1, 1), groups: int = 1
) -> Any:
    r"""Two-dimensional convolution (as the field says it; strictly, cross-correlation).

    Equation:
        z_{ijo} = b_o + \sum_{u, v, c} w_{uvco}\, x_{i s + u d - p,\; j s + v d - p,\; c}
    Shapes:
        x: (N, H, W, C_in), w: (kh, kw, C_in / groups, C_out), b: (C_out,) or none -> z: (N, H', W', C_out)
    Source:
        Dumoulin and Visin (2016), arXiv:1603.07285, relationship 6 and section 5.1
    """
    xp = array_module(x)
    if groups > 1:
        parts = [forward(a, v, None, stride, padding, dilation) for a, v in _parted(xp, groups, x, w)]
        z = xp.concatenate(parts, axis=3)
    else:
        padded = _padded(xp, x, padding)
        z = xp.zeros((*_places(x.shape, w.shape, stride, padding, dilation), w.shape[3]), x.dtype)
        for u, v, taken in _taps(w.shape, z.shape, stride, dilation):
            z += padded[taken] @ w[u, v]
    return z if b is None else z + b


def gradient_x(
    delta: Array, w: Array, x_shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int = 1
) -> Any:
    r"""What each pixel did to the cost: every place that saw it sends its error back through the tap that saw it.

    Equation:
        \frac{\partial C}{\partial x_{i s + u d - p,\; j s + v d - p,\; c}} \mathrel{+}= \sum_o w_{uvco}\, \delta_{ijo}
    Shapes:
        delta: (N, H', W', C_out), w: (kh, kw, C_in / groups, C_out) -> (N, H, W, C_in)
    Source:
        Dumoulin and Visin (2016), arXiv:1603.07285, chapter 4
    """
    xp = array_module(delta)
    if groups > 1:
        shape = (*x_shape[:3], x_shape[3] // groups)
        parts = [gradient_x(d, v, shape, stride, padding, dilation) for d, v in _parted(xp, groups, delta, w)]
        return xp.concatenate(parts, axis=3)
    (p, q), (n, h, width, c) = padding, x_shape
    padded = xp.zeros((n, h + 2 * p, width + 2 * q, c), delta.dtype)
    for u, v, taken in _taps(w.shape, delta.shape, stride, dilation):
        padded[taken] += delta @ w[u, v].T
    return padded[:, p : p + h, q : q + width]


def gradient_w(
    x: Array, delta: Array, w_shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int = 1
) -> Any:
    r"""What each weight did to the cost: at every place it multiplied a pixel, and so shares in the error there.

    Equation:
        \frac{\partial C}{\partial w_{uvco}} = \sum_{n, i, j} x_{n,\; i s + u d - p,\; j s + v d - p,\; c}\, \delta_{nijo}
    Shapes:
        x: (N, H, W, C_in), delta: (N, H', W', C_out) -> (kh, kw, C_in / groups, C_out)
    Source:
        LeCun et al. (1998), "Gradient-based learning applied to document recognition", section II
    """
    xp = array_module(x)
    if groups > 1:
        shape = (*w_shape[:3], w_shape[3] // groups)
        parts = [
            gradient_w(a, d, shape, stride, padding, dilation)
            for a, d in zip(xp.split(x, groups, axis=3), xp.split(delta, groups, axis=3), strict=True)
        ]
        return xp.concatenate(parts, axis=3)
    padded = _padded(xp, x, padding)
    found = xp.zeros(w_shape, x.dtype)
    for u, v, taken in _taps(w_shape, delta.shape, stride, dilation):
        found[u, v] = xp.tensordot(padded[taken], delta, axes=((0, 1, 2), (0, 1, 2)))
    return found


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
    """dC/dx, dC/dw and dC/db: those that are wanted, None for the others."""
    return (
        gradient_x(delta, w, x.shape, stride, padding, dilation, groups) if wanted[0] else None,
        gradient_w(x, delta, w.shape, stride, padding, dilation, groups) if wanted[1] else None,
        total(delta, (0, 1, 2)) if wanted[2] else None,
    )


def _places(x_shape: Shape, w_shape: Shape, stride: Pair, padding: Pair, dilation: Pair) -> tuple[int, int, int]:
    """(N, H', W')."""
    rows, columns = (output_side(x_shape[i + 1], w_shape[i], stride[i], padding[i], dilation[i]) for i in (0, 1))
    return x_shape[0], rows, columns


def _padded(xp: ArrayModule, x: Array, padding: Pair) -> Any:
    p, q = padding
    return xp.pad(x, ((0, 0), (p, p), (q, q), (0, 0))) if p or q else x


def _parted(xp: ArrayModule, groups: int, a: Array, w: Array) -> Any:
    """The groups' channels of an image, and the filters that read (or wrote) them."""
    return zip(xp.split(a, groups, axis=3), xp.split(w, groups, axis=3), strict=True)


def _taps(w_shape: Shape, z_shape: Shape, stride: Pair, dilation: Pair) -> Any:
    """Each tap (u, v) of the filter, and the pixels of the padded image that it meets, one for each place."""
    (s, t), (d, e), (rows, columns) = stride, dilation, z_shape[1:3]
    for u in range(w_shape[0]):
        for v in range(w_shape[1]):
            yield (
                u,
                v,
                (
                    slice(None),
                    slice(u * d, u * d + s * (rows - 1) + 1, s) if rows else slice(0, 0),
                    slice(v * e, v * e + t * (columns - 1) + 1, t) if columns else slice(0, 0),
                ),
            )
