"""Layers that move numbers and change none: images to rows and back, channels to pixels and back."""

from __future__ import annotations

import math
from typing import Any

from byhand import limits
from byhand.engine import ops
from byhand.errors import EngineError, ModelError
from byhand.nn.module import Module
from byhand.nn.sizes import LARGEST_SAMPLE, at_least_one


class Flatten(Module):
    """Each sample as one row: (N, H, W, C) -> (N, C H W).

    Channel by channel, as PyTorch does it, so that the weights of a Linear behind it can be exchanged as they are.
    """

    def forward(self, x: Any) -> Any:
        if x.ndim == 4:
            x = ops.transpose(x, axes=(0, 3, 1, 2))
        return ops.reshape(x, shape=(x.shape[0], -1)) if x.size else ops.reshape(x, shape=(x.shape[0], x.size))


class Unflatten(Module):
    """One axis as several, in PyTorch's order: of rows and (C, H, W) it makes images (N, H, W, C), and undoes `Flatten`.

    Anything else is reshaped as it lies: rows and (T, d) become sequences (N, T, d).

    >>> import numpy as np
    >>> from byhand.engine import Tensor
    >>> Unflatten(1, (3, 8, 8))(Tensor(np.zeros((2, 192)))).shape
    (2, 8, 8, 3)
    """

    settings = ("dim", "unflattened_size")

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        self.dim = limits.whole("Unflatten: dim", dim, least=-32, most=31)
        self.unflattened_size = limits.whole_numbers("Unflatten: unflattened_size", unflattened_size, fewest=1, most=32)
        if math.prod(self.unflattened_size) > LARGEST_SAMPLE:
            raise ModelError(f"Unflatten: unflattened_size must hold at most {LARGEST_SAMPLE:,}, got {self.unflattened_size}")

    def forward(self, x: Any) -> Any:
        if not -x.ndim <= self.dim < x.ndim or x.shape[self.dim] != math.prod(self.unflattened_size):
            raise EngineError(
                f"Unflatten: x is {x.shape}: its axis {self.dim} must be {math.prod(self.unflattened_size)} long, "
                f"to become {self.unflattened_size}"
            )
        dim = self.dim % x.ndim
        y = ops.reshape(x, shape=(*x.shape[:dim], *self.unflattened_size, *x.shape[dim + 1 :]))
        images = x.ndim == 2 and dim == 1 and len(self.unflattened_size) == 3
        return ops.transpose(y, axes=(0, 2, 3, 1)) if images else y


class PixelShuffle(Module):
    r"""Channels become pixels: each pixel's r^2 C numbers are laid out as a square of r by r pixels of C channels.

    Equation:
        y_{i r + u,\; j r + v,\; c} = x_{i,\; j,\; c r^2 + u r + v}
    Shapes:
        x: (N, H, W, r^2 C) -> y: (N, r H, r W, C)
    Source:
        Shi et al. (2016), arXiv:1609.05158, eq. 4
    """

    settings = ("upscale_factor",)

    def __init__(self, upscale_factor: int) -> None:
        at_least_one("PixelShuffle", upscale_factor=upscale_factor)
        self.upscale_factor = upscale_factor

    def forward(self, x: Any) -> Any:
        r = self.upscale_factor
        n, h, w, c = _images("PixelShuffle", x)
        if c % r**2:
            raise EngineError(f"PixelShuffle: x is {x.shape}: its channels must be a multiple of {r}^2 = {r**2}")
        y = ops.reshape(x, shape=(n, h, w, c // r**2, r, r))
        return ops.reshape(ops.transpose(y, axes=(0, 1, 4, 2, 5, 3)), shape=(n, h * r, w * r, c // r**2))


class PixelUnshuffle(Module):
    r"""Pixels become channels: what undoes `PixelShuffle`.

    Equation:
        y_{i,\; j,\; c r^2 + u r + v} = x_{i r + u,\; j r + v,\; c}
    Shapes:
        x: (N, r H, r W, C) -> y: (N, H, W, r^2 C)
    Source:
        Shi et al. (2016), arXiv:1609.05158, eq. 4, backwards
    """

    settings = ("downscale_factor",)

    def __init__(self, downscale_factor: int) -> None:
        at_least_one("PixelUnshuffle", downscale_factor=downscale_factor)
        self.downscale_factor = downscale_factor

    def forward(self, x: Any) -> Any:
        r = self.downscale_factor
        n, h, w, c = _images("PixelUnshuffle", x)
        if h % r or w % r:
            raise EngineError(f"PixelUnshuffle: x is {x.shape}: its sides must be multiples of {r}")
        y = ops.reshape(x, shape=(n, h // r, r, w // r, r, c))
        return ops.reshape(ops.transpose(y, axes=(0, 1, 3, 5, 2, 4)), shape=(n, h // r, w // r, c * r * r))


def _images(layer: str, x: Any) -> tuple[int, int, int, int]:
    if x.ndim != 4:
        raise EngineError(f"{layer}: x must be images (N, H, W, C), got {x.shape}")
    n, h, w, c = x.shape
    return n, h, w, c
