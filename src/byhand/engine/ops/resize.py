"""Images made larger, by repeating pixels or by mixing neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import Array, ArrayModule
from byhand.engine.call import Call
from byhand.engine.op import Saved, op
from byhand.engine.ops.pool import images, pair
from byhand.engine.ops.shape import errors_of_copies, origin
from byhand.errors import EngineError
from byhand.kernels.reference.sums import scattered
from byhand.terms import At, Sum, single

Pair = tuple[int, int]


@op
class upsample_nearest:
    r"""Each pixel repeated over a rectangle; or an image of any size, whose pixels are the old ones nearest by.

    Equation:
        y_{ijc} = x_{\lfloor i/s \rfloor \lfloor j/t \rfloor c}
    Gradient:
        \partial C/\partial x_{ijc} = \sum_{k, l:\, \lfloor k/s \rfloor = i,\, \lfloor l/t \rfloor = j} \delta_{klc}
    Shapes:
        x: (N, H, W, C), scale s, t: whole numbers, or one for both; or size (H', W') -> y: (N, s H, t W, C) or (N, H', W', C)
    Source:
        Odena et al. (2016), "Deconvolution and checkerboard artifacts"
    """

    def forward(xp: ArrayModule, x: Array, *, scale: int | Pair | None = None, size: int | Pair | None = None) -> Any:
        images("upsample_nearest", x)
        if scale is not None and size is not None:
            raise EngineError(f"upsample_nearest: scale is {scale!r} and size is {size!r}: give one of them")
        if size is None:
            both = pair("upsample_nearest", "the scale", 2 if scale is None else scale, 1)
            return kernels.family("resize", x).upsample_nearest(x, both), (both, None, x.shape)
        target = pair("upsample_nearest", "the size", size, 1)
        if 0 in x.shape[1:3]:
            raise EngineError(f"upsample_nearest: x is {x.shape}, and nothing is near to no pixels")
        rows, columns = (np.arange(m) * n // m for n, m in zip(x.shape[1:3], target, strict=True))
        key = (slice(None), rows[:, None], columns)
        return x[key], (None, key, x.shape)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        both, key, shape = saved
        if both is None:
            return scattered(shape, key, delta)
        return kernels.family("resize", delta).upsample_nearest_gradient(delta, both)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        both, key, shape = saved
        if both is None:
            return xp.scatter(delta, key=key, shape=shape)
        n, h, w, c = shape
        return delta.reshape(n, h, both[0], w, both[1], c).sum(axis=(2, 4))

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(origin(call, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_copies(call, at)


@op
class upsample_bilinear:
    r"""Each new pixel a mean of the four old ones around it, by their nearness.

    The corners of both images lie upon each other where `align_corners` is set, else their outer edges, as in PyTorch.

    Equation:
        y = A\,x\,B^\top, \quad A_{i,l} = 1 - (r - l), \quad A_{i,\,l + 1} = r - l, \quad l = \lfloor r \rfloor,
        \quad r = \frac{i + 1/2}{s} - \frac{1}{2}, \quad \text{aligned: } r = i\,\frac{H - 1}{H' - 1}
    Gradient:
        \partial C/\partial x = A^\top \delta\,B
    Shapes:
        x: (N, H, W, C), scale s: a number, or two; or size (H', W') -> y: (N, H', W', C); A: (H', H), B: (W', W)
    Source:
        Odena et al. (2016), "Deconvolution and checkerboard artifacts"
    """

    def forward(xp: ArrayModule, x: Array, *, scale: Any = None, size: Any = None, align_corners: bool = False) -> Any:
        images("upsample_bilinear", x)
        if (scale is None) == (size is None):
            raise EngineError(f"upsample_bilinear: scale is {scale!r} and size is {size!r}: give one of them")
        if 0 in x.shape[1:3]:
            raise EngineError(f"upsample_bilinear: x is {x.shape}, and there is nothing between no pixels")
        if size is not None:
            target = pair("upsample_bilinear", "the size", size, 1)
            steps = [n / m for n, m in zip(x.shape[1:3], target, strict=True)]
        else:
            factors = tuple(scale) if isinstance(scale, tuple | list) else (scale, scale)
            if len(factors) != 2 or not all(isinstance(f, int | float) and f > 0 for f in factors):
                raise EngineError(f"upsample_bilinear: the scale must be a number above 0, or two, got {scale!r}")
            target = (math.floor(x.shape[1] * factors[0]), math.floor(x.shape[2] * factors[1]))
            steps = [1 / factor for factor in factors]
            if 0 in target:
                raise EngineError(
                    f"upsample_bilinear: x is {x.shape} and the scale is {scale!r}: that makes an image of no pixels"
                )
        matrices = [
            xp.asarray(aligned(n, m) if align_corners else between(n, m, step), dtype=x.dtype)
            for n, m, step in zip(x.shape[1:3], target, steps, strict=True)
        ]
        return kernels.family("resize", x).upsample_bilinear(x, *matrices), matrices

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return kernels.family("resize", delta).upsample_bilinear_gradient(delta, *saved)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        return xp.einsum("nijc,ih,jw->nhwc", delta, *saved)


def between(n: int, m: int, step: float) -> Any:
    """The matrix (m, n) that makes m numbers of n: each a mean of the two that it lies between; outside, the last one.

    >>> between(2, 4, 1 / 2)
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]])
    """
    return _mixed(np.clip((np.arange(m) + 0.5) * step - 0.5, 0, n - 1), n)


def aligned(n: int, m: int) -> Any:
    """The same with the first and the last of both upon each other.

    >>> aligned(2, 3)
    array([[1. , 0. ],
           [0.5, 0.5],
           [0. , 1. ]])
    """
    return _mixed(np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 0.0), n)


def _mixed(place: Any, n: int) -> Any:
    """The matrix whose rows lie at these places between n numbers."""
    m = len(place)
    left = np.floor(place).astype(int)
    right = np.minimum(left + 1, n - 1)
    matrix = np.zeros((m, n))
    np.add.at(matrix, (np.arange(m), left), 1 - (place - left))
    np.add.at(matrix, (np.arange(m), right), place - left)
    return matrix
