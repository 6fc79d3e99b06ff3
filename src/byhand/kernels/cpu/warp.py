"""Images looked up at warped places, pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.kernels.cpu.compiled import compiled


@compiled(error_model="numpy")
def warp(images: Array, maps: Array, fields: Array) -> Any:
    """`byhand.kernels.reference.warp`, pixel by pixel: no arrays between, so an image stays in the first-level cache."""
    m, side, _ = images.shape
    one = np.float32(1)
    centre = np.float32((side - 1) / 2)
    out = np.empty((m, side, side), np.float32)
    for n in range(m):
        image = images[n]
        for r in range(side):
            for c in range(side):
                row, column = np.float32(r) - centre, np.float32(c) - centre
                y = maps[n, 0, 0] * row + maps[n, 0, 1] * column + (maps[n, 0, 2] + centre) + fields[n, 0, r, c]
                x = maps[n, 1, 0] * row + maps[n, 1, 1] * column + (maps[n, 1, 2] + centre) + fields[n, 1, r, c]
                top, left = np.floor(y), np.floor(x)
                down, right = y - top, x - left
                i, j = int(top), int(left)
                upper, lower = np.float32(0), np.float32(0)
                if 0 <= i < side:
                    upper = _across(image, i, j, right, one - right)
                if 0 <= i + 1 < side:
                    lower = _across(image, i + 1, j, right, one - right)
                out[n, r, c] = upper * (one - down) + lower * down
    return out


@compiled()
def _across(image: Array, i: int, j: int, right: float, left: float) -> Any:
    """Between two neighbours of one row; outside is 0."""
    a = image[i, j] if 0 <= j < image.shape[1] else np.float32(0)
    b = image[i, j + 1] if 0 <= j + 1 < image.shape[1] else np.float32(0)
    return a * left + b * right
