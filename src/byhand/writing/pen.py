"""A pen on paper: strokes and filled outlines as pixels, with an edge one pixel wide at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from byhand.backend import Array

FINER = 4  # times as fine an outline is filled


@dataclass(frozen=True)
class Stroke:
    """Points (n, 2), across and down, in pixels of the letter; `closed`: the last is joined to the first. One point is a dot."""

    points: Array
    closed: bool = False


@dataclass(frozen=True)
class Drawing:
    """A letter as strokes of a pen or, where it has none, as outlines: what lies in an odd number of them is ink."""

    strokes: tuple[Stroke, ...]
    outlines: tuple[Array, ...] = ()


def inked(drawing: Drawing, shape: tuple[int, int], size: float, half: float) -> Array:
    """A letter as ink (H, W) in [0, 1]: `size` pixels here for one of its own, and a pen of half this width, in pixels here."""
    return painted(drawing.strokes, shape, size, half) if drawing.strokes else filled(drawing.outlines, shape, size)


def painted(strokes: Sequence[Stroke], shape: tuple[int, int], size: float, half: float) -> Array:
    """Strokes as ink (H, W) in [0, 1]: `size` pixels here for one of the letter's, and a pen of half this width, in pixels here.

    A pixel's ink is how much of it lies nearer to the line than half the pen's width.
    """
    squared = np.full(shape, np.inf, np.float32)
    reach = half + 1
    for stroke in strokes:
        points = stroke.points * size - 0.5
        ends = np.roll(points, -1, axis=0) if stroke.closed else points[1:] if len(points) > 1 else points
        for (x0, y0), (x1, y1) in zip(points, ends, strict=False):
            left, right = max(0, int(min(x0, x1) - reach)), min(shape[1], int(max(x0, x1) + reach) + 2)
            top, bottom = max(0, int(min(y0, y1) - reach)), min(shape[0], int(max(y0, y1) + reach) + 2)
            if left >= right or top >= bottom:
                continue
            x, y = np.arange(left, right) - x0, (np.arange(top, bottom) - y0)[:, None]
            along_x, along_y = x1 - x0, y1 - y0
            share = np.clip((x * along_x + y * along_y) / max(along_x**2 + along_y**2, 1e-9), 0, 1)
            part = squared[top:bottom, left:right]
            np.minimum(part, (x - share * along_x) ** 2 + (y - share * along_y) ** 2, out=part)
    return np.clip(half + 0.5 - np.sqrt(squared), 0, 1)


def filled(outlines: Sequence[Array], shape: tuple[int, int], size: float) -> Array:
    """Outlines as ink (H, W) in [0, 1]: what lies within an odd number of them."""
    fine = np.zeros((shape[0] * FINER, shape[1] * FINER), bool)
    for outline in outlines:
        image = Image.new("1", (fine.shape[1], fine.shape[0]))
        ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in outline * size * FINER - 0.5], fill=1)
        fine ^= np.asarray(image)
    return fine.reshape(shape[0], FINER, shape[1], FINER).mean(axis=(1, 3))
