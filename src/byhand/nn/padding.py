"""What is put around images (N, H, W, C): zeros, or the image itself, mirrored, repeated or from the other side."""

from __future__ import annotations

from typing import Any

from byhand import limits
from byhand.engine import ops
from byhand.errors import ModelError
from byhand.nn.module import Module
from byhand.nn.sizes import MOST_PADDING

Four = tuple[int, int, int, int]  # left, right, top, bottom: PyTorch's order
MODES = ("zeros", "reflect", "replicate", "circular")


def pad_images(x: Any, around: Four, mode: str = "zeros", value: float = 0.0) -> Any:
    """Images with so many pixels (left, right, top, bottom) around them."""
    left, right, top, bottom = around
    if not any(around):
        return x
    mode = "constant" if mode == "zeros" else mode
    return ops.pad(x, widths=((0, 0), (top, bottom), (left, right), (0, 0)), mode=mode, value=value)


class ZeroPad2d(Module):
    r"""Zeros around an image.

    Equation:
        y_{i + t,\; j + l,\; c} = x_{ijc}, \quad \text{0 elsewhere}
    Shapes:
        x: (N, H, W, C) -> y: (N, t + H + b, l + W + r, C); padding: a whole number, or (l, r, t, b): left, right, top, bottom
    Source:
        Dumoulin and Visin (2016), arXiv:1603.07285, section 2.2
    """

    settings = ("padding",)
    mode = "zeros"

    def __init__(self, padding: Any) -> None:
        name = type(self).__name__
        if isinstance(padding, list | tuple):
            if len(padding) != 4:
                raise ModelError(f"{name}: padding must be one number or (left, right, top, bottom), got {limits.told(padding)}")
            self.padding = tuple(limits.whole(f"{name}: padding", n, 0, MOST_PADDING) for n in padding)
        else:
            self.padding = (limits.whole(f"{name}: padding", padding, 0, MOST_PADDING),) * 4

    def forward(self, x: Any) -> Any:
        left, right, top, bottom = self.padding
        return pad_images(x, (left, right, top, bottom), self.mode)


class ReflectionPad2d(ZeroPad2d):
    r"""An image mirrored around its border pixels, which stand once.

    Equation:
        y_{i + t,\; j + l,\; c} = x_{|i| |j| c}, \quad \text{and likewise at the other ends}
    Shapes:
        as ZeroPad2d's; each padding below the image's side
    Source:
        Johnson, Alahi and Fei-Fei (2016), arXiv:1603.08155, supplementary material, section 1
    """

    mode = "reflect"


class ReplicationPad2d(ZeroPad2d):
    r"""An image whose border pixels go on outwards.

    Equation:
        y_{i + t,\; j + l,\; c} = x_{\min(\max(i, 0), H - 1),\; \min(\max(j, 0), W - 1),\; c}
    Shapes:
        as ZeroPad2d's
    Source:
        Gonzalez and Woods (2018), "Digital Image Processing", section 3.4
    """

    mode = "replicate"


class CircularPad2d(ZeroPad2d):
    r"""An image that goes on with its other side, as if it lay on a torus.

    Equation:
        y_{i + t,\; j + l,\; c} = x_{i \bmod H,\; j \bmod W,\; c}
    Shapes:
        as ZeroPad2d's; each padding at most the image's side
    Source:
        Gonzalez and Woods (2018), "Digital Image Processing", section 4.6
    """

    mode = "circular"
