"""Images made larger, or brought to a size, on (N, H, W, C)."""

from __future__ import annotations

from typing import Any

from byhand import limits
from byhand.backend import array_module
from byhand.engine import ops
from byhand.errors import EngineError, ModelError
from byhand.nn.module import Module
from byhand.nn.sizes import pair


class Upsample(Module):
    r"""Images made larger, by a factor or to a size: each pixel repeated ("nearest"), or interpolated ("bilinear").

    Equation:
        \text{nearest: } y_{ijc} = x_{\lfloor i/s \rfloor \lfloor j/s \rfloor c}, \quad
        \text{bilinear: } y = A\,x\,B^\top
    Shapes:
        x: (N, H, W, C) -> y: (N, s H, s W, C), or (N, *size, C)
    Source:
        Odena et al. (2016), "Deconvolution and checkerboard artifacts"; A and B: `byhand.engine.ops.upsample_bilinear`

    `align_corners`, of "bilinear" alone: the corner pixels of both images lie upon each other, not their outer edges.

    >>> import numpy as np
    >>> from byhand.engine import Tensor
    >>> Upsample(scale_factor=2)(Tensor(np.zeros((1, 3, 4, 2), np.float32))).shape
    (1, 6, 8, 2)
    """

    settings = ("size", "scale_factor", "mode", "align_corners")

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
    ) -> None:
        self.mode = limits.one_of("Upsample: mode", mode, ("nearest", "bilinear"))
        if (size is None) == (scale_factor is None):
            raise ModelError("Upsample: give size or scale_factor, one of them: Upsample(scale_factor=2)")
        self.size = None if size is None else pair("Upsample", "size", size)
        self.scale_factor = None if scale_factor is None else pair("Upsample", "scale_factor", scale_factor)
        self.align_corners = None if align_corners is None else limits.truth("Upsample: align_corners", align_corners)
        if self.align_corners is not None and mode != "bilinear":
            raise ModelError(f"Upsample: align_corners is of mode='bilinear' alone, got mode={mode!r}: leave it out")

    def forward(self, x: Any) -> Any:
        if self.mode == "nearest":
            return ops.upsample_nearest(x, scale=self.scale_factor, size=self.size)
        return ops.upsample_bilinear(x, scale=self.scale_factor, size=self.size, align_corners=bool(self.align_corners))


def check_images(layer: str, x: Any) -> None:
    """Raise EngineError for what are no images of a pixel or more."""
    if x.ndim != 4 or 0 in x.shape[1:3]:
        raise EngineError(f"{layer}: x must be images (N, H, W, C) of 1 pixel or more, got {x.shape}")


def mixed(x: Any, lines: Any, columns: Any) -> Any:
    """y = A x B^T of each channel: the new lines are mixed of the old ones by A (H', H), the new columns by B (W', W)."""
    n, h, w, c = x.shape
    lines, columns = (array_module(x.data).asarray(matrix, dtype=x.dtype) for matrix in (lines, columns))
    y = ops.reshape(ops.matmul(lines, ops.reshape(x, shape=(n, h, w * c))), shape=(n, len(lines), w, c))
    return ops.matmul(columns, y)
