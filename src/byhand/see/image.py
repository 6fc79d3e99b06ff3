"""Arrays as small inline images: a sample as the network saw it, and what a unit's weights look at."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from byhand import png
from byhand.backend import Array

UP = np.array([33, 102, 172])  # blue and red from ColorBrewer's RdBu: told apart by all kinds of colour vision
DOWN = np.array([178, 24, 43])
MARK = (224, 112, 0)  # orange, what is followed


def side(n: int) -> int:
    """The side of the square image that n numbers make, 0 where they make none worth drawing.

    >>> side(784), side(4), side(30)
    (28, 0, 0)
    """
    root = math.isqrt(n)
    return root if root * root == n and root >= 8 else 0


def grey(values: Array) -> str:
    """A square image of values in [0, 1], flat, white on black, as a `data:` address."""
    n = side(values.size)
    return png.address((np.clip(values, 0, 1) * 255).round().astype(np.uint8).reshape(n, n))


def diverging(values: Array) -> str:
    """A square image of values of both signs, flat: blue above 0, red below, white at 0, scaled by the largest size."""
    n = side(values.size)
    return png.address(_signed(values.reshape(n, n)))


def sheet(maps: Array, *, followed: int | None = None, grey: bool = False) -> tuple[str, int, int]:
    """Maps (K, H, W) side by side in rows, on one scale, as a `data:` address with its width and height in pixels.

    Thin gaps between them are clear; the followed one's are orange.
    """
    k, h, w = maps.shape
    columns = min(k, max(1, round(math.sqrt(k * (h + 1) / (w + 1)))))
    rows = -(-k // columns)
    pixels = np.zeros((rows * (h + 1) + 1, columns * (w + 1) + 1, 4), np.uint8)
    colours = _grey(maps) if grey else _signed(maps)
    corners = [(at // columns * (h + 1), at % columns * (w + 1)) for at in range(k)]
    if followed is not None:
        top, left = corners[followed]
        pixels[top : top + h + 2, left : left + w + 2] = (*MARK, 255)
    for (top, left), colour in zip(corners, colours, strict=True):
        pixels[top + 1 : top + 1 + h, left + 1 : left + 1 + w] = np.dstack([colour, np.full((h, w), 255, np.uint8)])
    return png.address(pixels), pixels.shape[1], pixels.shape[0]


def framed(values: Array, box: tuple[int, int, int, int], *, grey: bool = False, scale: int = 8) -> tuple[str, int, int]:
    """One map (H, W), enlarged, with a frame around the pixels of the box (top, left, height, width), which may reach outside."""
    top, left, height, width = box
    outside = max(0, -top, -left, top + height - values.shape[0], left + width - values.shape[1])
    margin, line = scale * outside + 3, 3
    colour = (_grey(values) if grey else _signed(values)).repeat(scale, 0).repeat(scale, 1)
    pixels = np.pad(np.dstack([colour, np.full(colour.shape[:2], 255, np.uint8)]), ((margin, margin), (margin, margin), (0, 0)))
    y, x = margin + scale * top, margin + scale * left
    inside = pixels[y : y + scale * height, x : x + scale * width].copy()
    pixels[y - line : y + scale * height + line, x - line : x + scale * width + line] = (*MARK, 255)
    pixels[y : y + scale * height, x : x + scale * width] = inside
    return png.address(pixels), pixels.shape[1], pixels.shape[0]


def shade(value: float, largest: float) -> tuple[str, bool]:
    """The colour of one value of both signs as CSS, and whether ink on it should be white."""
    strength = min(1.0, abs(value) / largest) if largest else 0.0
    colour = 255 - strength * (255 - (UP if value > 0 else DOWN))
    return "#" + "".join(f"{int(part):02x}" for part in colour.round()), strength > 0.6


def _grey(values: Array) -> NDArray[np.uint8]:
    levels = (np.clip(values, 0, 1) * 255).round().astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=-1)


def _signed(values: Array) -> NDArray[np.uint8]:
    strength = (values / (np.abs(values).max() or 1))[..., None]
    colour = 255 - np.abs(strength) * (255 - np.where(strength > 0, UP, DOWN))
    return colour.round().astype(np.uint8)
