"""Images looked up at warped places."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array


def warp(images: Array, maps: Array, fields: Array) -> Any:
    r"""Look images up, bilinearly, at warped places; outside of an image is black.

    Equation:
        o_{i}(p) = I_i\left(A_i (p - c) + c + t_i + e_i(p)\right)
    Shapes:
        images: (m, side, side), maps [A | t]: (m, 2, 3), fields e: (m, 2, side, side) -> (m, side, side)
    Source:
        Simard, Steinkraus and Platt (2003), section 2
    """
    m, side = images.shape[0], images.shape[1]
    centre = np.float32((side - 1) / 2)
    line = np.arange(side, dtype=np.float32) - centre
    rows, columns = line[:, None], line[None, :]
    places = [
        maps[:, axis, 0, None, None] * rows
        + maps[:, axis, 1, None, None] * columns
        + (maps[:, axis, 2, None, None] + centre)
        + fields[:, axis]
        for axis in (0, 1)
    ]
    top, left = np.floor(places[0]), np.floor(places[1])
    down, right = places[0] - top, places[1] - left
    padded = np.zeros((m, side + 2, side + 2), np.float32)
    padded[:, 1:-1, 1:-1] = images
    i = np.clip(top.astype(np.int64) + 1, 0, side + 1)
    j = np.clip(left.astype(np.int64) + 1, 0, side + 1)
    i1, j1 = np.clip(top.astype(np.int64) + 2, 0, side + 1), np.clip(left.astype(np.int64) + 2, 0, side + 1)
    which = np.arange(m)[:, None, None]
    upper = padded[which, i, j] * (1 - right) + padded[which, i, j1] * right
    lower = padded[which, i1, j] * (1 - right) + padded[which, i1, j1] * right
    return upper * (1 - down) + lower * down
