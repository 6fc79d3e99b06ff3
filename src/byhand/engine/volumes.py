r"""Convolutions and windows over volumes (N, D, H, W, C), as compositions of the ops over images.

A convolution over depth is a sum of convolutions over images, one for each of the filter's kd slices: z_d = sum over u of
conv2d(x_{d s + u a - p}, w_u), with stride s, dilation a and padding p. The transpose sends the images back to those places. The
largest of a box is the largest of its images' largest, and its mean is the mean of their means. So their gradients, of any order,
are those of the ops that they are made of.

Source: Dumoulin and Visin (2016), arXiv:1603.07285, section 1.1: each axis of a convolution has its own settings.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.engine import ops
from byhand.engine.tensor import Tensor
from byhand.errors import EngineError


def conv3d(x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Tensor:
    """A filter slid over volumes.

    Shapes: x (N, D, H, W, C_in), w (kd, kh, kw, C_in / groups, C_out), b (C_out,) -> (N, D', H', W', C_out).
    Settings: a number for all three axes, or one for each. Raises EngineError for what does not fit.

    >>> from byhand.engine import ones
    >>> conv3d(ones(1, 4, 5, 6, 2), ones(3, 3, 3, 2, 7), padding=1, stride=(1, 2, 2)).shape
    (1, 4, 3, 3, 7)
    """
    x, w = _volumes("conv3d", x, w)
    (s, *strides), (p, *paddings), (a, *dilations) = (
        _three("conv3d", name, given, least)
        for name, given, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
    )
    n, depth = x.shape[:2]
    kd = w.shape[0]
    depths = (depth + 2 * p - a * (kd - 1) - 1) // s + 1
    if depths < 1:
        raise EngineError(
            f"conv3d: x is {x.shape} but w is {w.shape}: the filter is larger than the {depth} slices with padding {p}"
        )
    if p:
        x = ops.pad(x, widths=((0, 0), (p, p), (0, 0), (0, 0), (0, 0)))
    settings = {"stride": tuple(strides), "padding": tuple(paddings), "dilation": tuple(dilations), "groups": groups}
    total: Any = None
    for u in range(kd):
        met = x[:, u * a : u * a + (depths - 1) * s + 1 : s]
        one = ops.conv2d(met.reshape(n * depths, *met.shape[2:]), w[u], **settings)
        total = one if total is None else total + one
    total = total.reshape(n, depths, *total.shape[1:])
    return total if b is None else total + b


def conv_transpose3d(
    x: Any,
    w: Any,
    b: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    output_padding: Any = 0,
    groups: int = 1,
) -> Tensor:
    """The transpose of `conv3d`: every number adds its multiple of the filter to the output.

    Shapes: x (N, D, H, W, C_in), w (kd, kh, kw, C_out / groups, C_in), b (C_out,) -> (N, D', H', W', C_out).

    >>> from byhand.engine import ones
    >>> conv_transpose3d(ones(1, 2, 2, 2, 3), ones(2, 2, 2, 5, 3), stride=2).shape
    (1, 4, 4, 4, 5)
    """
    x, w = _volumes("conv_transpose3d", x, w)
    (s, *strides), (p, *paddings), (a, *dilations), (more, *mores) = (
        _three("conv_transpose3d", name, given, least)
        for name, given, least in (
            ("stride", stride, 1),
            ("padding", padding, 0),
            ("dilation", dilation, 1),
            ("output_padding", output_padding, 0),
        )
    )
    n, depth = x.shape[:2]
    kd = w.shape[0]
    depths = (depth - 1) * s - 2 * p + a * (kd - 1) + 1 + more
    if depths < 1:
        raise EngineError(f"conv_transpose3d: x is {x.shape} and w is {w.shape}: nothing is left with padding {p}")
    images = x.reshape(n * depth, *x.shape[2:])
    settings = {
        "stride": tuple(strides), "padding": tuple(paddings), "dilation": tuple(dilations), "output_padding": tuple(mores),
        "groups": groups,
    }  # fmt: skip
    slices = [ops.conv_transpose2d(images, w[u], **settings) for u in range(kd)]
    sent = ops.stack(slices, axis=1)  # (N D, kd, H', W', C_out)
    shape = sent.shape[2:]
    # The u-th image of the d-th slice goes to place d s + u a - p, or nowhere.
    place = np.add.outer(np.arange(depth) * s, np.arange(kd) * a).reshape(-1) - p
    where = (np.arange(depths)[:, None] == place).astype(x.dtype)
    total = ops.matmul(where, sent.reshape(n, depth * kd, -1)).reshape(n, depths, *shape)
    return total if b is None else total + b


def max_pool3d(
    x: Any, kernel: Any, *, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """The largest number of each box of volumes (N, D, H, W, C).

    >>> from byhand.engine import arange
    >>> max_pool3d(arange(8.0).reshape(1, 2, 2, 2, 1), 2).tolist()
    [[[[[7.0]]]]]
    """
    return _pooled(
        "max_pool3d", ops.max_pool2d, x, kernel, stride, {"padding": (padding, 0), "dilation": (dilation, 1)}, ceil_mode=ceil_mode
    )


def avg_pool3d(
    x: Any, kernel: Any, *, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Tensor:
    """The mean of each box of volumes (N, D, H, W, C).

    >>> from byhand.engine import arange
    >>> avg_pool3d(arange(8.0).reshape(1, 2, 2, 2, 1), 2).tolist()
    [[[[[3.5]]]]]
    """
    options = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    return _pooled("avg_pool3d", ops.avg_pool2d, x, kernel, stride, {"padding": (padding, 0)}, **options)


def _pooled(
    name: str, pool: Any, x: Any, kernel: Any, stride: Any, settings: dict[str, tuple[Any, int]], **options: Any
) -> Tensor:
    """Windows over the images of all slices, then over the slices."""
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.ndim != 5:
        raise EngineError(f"{name}: x must be volumes (N, D, H, W, C), got {x.shape}")
    boxes = _three(name, "kernel", kernel, 1)
    steps = boxes if stride is None else _three(name, "stride", stride, 1)
    given = {key: _three(name, key, value, least) for key, (value, least) in settings.items()}
    n, depth, h, w, c = x.shape
    y = pool(
        x.reshape(n * depth, h, w, c),
        kernel=boxes[1:],
        stride=steps[1:],
        **{key: one[1:] for key, one in given.items()},
        **options,
    )
    rows, columns = y.shape[1:3]
    lines = y.reshape(n, depth, rows * columns, c)
    neutral = {"padding": 0, "dilation": 1}
    z = pool(
        lines,
        kernel=(boxes[0], 1),
        stride=(steps[0], 1),
        **{key: (one[0], neutral[key]) for key, one in given.items()},
        **options,
    )
    return z.reshape(n, z.shape[1], rows, columns, c)


def _volumes(name: str, x: Any, w: Any) -> tuple[Any, Any]:
    x, w = (one if isinstance(one, Tensor) else Tensor(one) for one in (x, w))
    if x.ndim != 5 or w.ndim != 5:
        raise EngineError(f"{name}: x must be volumes (N, D, H, W, C) and w must have five axes, got {x.shape} and {w.shape}")
    return x, w


def _three(name: str, setting: str, given: Any, least: int) -> tuple[int, int, int]:
    found = tuple(given) if isinstance(given, tuple | list) else (given,) * 3
    if len(found) != 3 or any(isinstance(n, bool) or not isinstance(n, int | np.integer) or n < least for n in found):
        raise EngineError(f"{name}: {setting} must be whole numbers, {least} or more, for each of three axes, got {given!r}")
    return found
