"""Images made larger, by repeating pixels or by mixing neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand import kernels
from byhand.engine.op import op
from byhand.engine.ops.pool import images, pair
from byhand.errors import EngineError

Pair = tuple[int, int]


@op
class upsample_nearest:
    r"""Each pixel repeated over a rectangle.

    Equation:
        y_{ijc} = x_{\lfloor i/s \rfloor \lfloor j/s \rfloor c}
    Gradient:
        \partial C/\partial x_{ijc} = \sum_{u < s,\, v < s} \delta_{is + u,\; js + v,\; c}
    Shapes:
        x: (N, H, W, C), scale s: a whole number, or two -> y: (N, s H, s W, C)
    Source:
        Odena et al. (2016), "Deconvolution and checkerboard artifacts"
    """

    def forward(xp: Any, x: Any, *, scale: int | Pair = 2) -> Any:
        images("upsample_nearest", x)
        both = pair("upsample_nearest", "the scale", scale, 1)
        return kernels.family("resize", x).upsample_nearest(x, both), both

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return kernels.family("resize", delta).upsample_nearest_gradient(delta, saved)


@op
class upsample_bilinear:
    r"""Each new pixel a mean of the four old ones around it, by their nearness; corners are not aligned, as in PyTorch.

    Equation:
        y = A\,x\,B^\top, \quad A_{i,l} = 1 - (r - l), \quad A_{i,\,l + 1} = r - l, \quad l = \lfloor r \rfloor,
        \quad r = \frac{i + 1/2}{s} - \frac{1}{2}
    Gradient:
        \partial C/\partial x = A^\top \delta\,B
    Shapes:
        x: (N, H, W, C), scale s: a number, or two; or size (H', W') -> y: (N, H', W', C); A: (H', H), B: (W', W)
    Source:
        Odena et al. (2016), "Deconvolution and checkerboard artifacts"
    """

    def forward(xp: Any, x: Any, *, scale: Any = None, size: Any = None) -> Any:
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
                raise EngineError(f"upsample_bilinear: the scale is {scale!r}, but a number above 0 is wanted, or two")
            target = (math.floor(x.shape[1] * factors[0]), math.floor(x.shape[2] * factors[1]))
            steps = [1 / factor for factor in factors]
            if 0 in target:
                raise EngineError(
                    f"upsample_bilinear: x is {x.shape} and the scale is {scale!r}: that makes an image of no pixels"
                )
        matrices = [
            xp.asarray(between(n, m, step), dtype=x.dtype) for n, m, step in zip(x.shape[1:3], target, steps, strict=True)
        ]
        return kernels.family("resize", x).upsample_bilinear(x, *matrices), matrices

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return kernels.family("resize", delta).upsample_bilinear_gradient(delta, *saved)


def between(n: int, m: int, step: float) -> Any:
    """The matrix (m, n) that makes m numbers of n: each a mean of the two that it lies between; outside, the last one.

    >>> between(2, 4, 1 / 2)
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]])
    """
    place = np.clip((np.arange(m) + 0.5) * step - 0.5, 0, n - 1)
    left = np.floor(place).astype(int)
    right = np.minimum(left + 1, n - 1)
    matrix = np.zeros((m, n))
    np.add.at(matrix, (np.arange(m), left), 1 - (place - left))
    np.add.at(matrix, (np.arange(m), right), place - left)
    return matrix
