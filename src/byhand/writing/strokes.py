"""Marks of which there are no data: drawn from a few strokes, and coming out of noise as letters do.

A mark is lines through points (x, y), x to the right, y up from the baseline, in heights of a
capital; a single point is a dot.
"""

from __future__ import annotations

import numpy as np

from byhand.backend import Array, generator

SIDE = 28
PIXELS = 19  # that are the height of a capital
BASELINE = 21  # its row
WIDTH = 1.05  # half a stroke, in pixels
TREMBLE = 0.5  # how far a hand misses, in pixels

Points = tuple[tuple[float, float], ...]

STROKES: dict[str, tuple[Points, ...]] = {
    ".": (((0.0, 0.03),),),
    ",": (((0.02, 0.05), (0.03, -0.04), (-0.05, -0.17)),),
    "!": (((0.0, 1.0), (-0.01, 0.62), (-0.02, 0.3)), ((-0.02, 0.03),)),
    "?": (
        ((-0.22, 0.8), (-0.13, 0.96), (0.05, 1.0), (0.21, 0.88), (0.2, 0.68), (0.03, 0.52), (-0.02, 0.38), (-0.02, 0.28)),
        ((-0.02, 0.03),),
    ),
    "'": (((0.02, 1.02), (-0.02, 0.8)),),
    '"': (((-0.07, 1.02), (-0.09, 0.8)), ((0.1, 1.02), (0.08, 0.8))),
    "-": (((-0.18, 0.35), (0.18, 0.37)),),
    ":": (((0.0, 0.5),), ((-0.01, 0.05),)),
    ";": (((0.02, 0.5),), ((0.02, 0.05), (0.03, -0.04), (-0.05, -0.17))),
    "/": (((0.2, 1.02), (-0.2, -0.04)),),
    "(": (((0.12, 1.04), (-0.06, 0.8), (-0.11, 0.45), (-0.05, 0.08), (0.12, -0.14)),),
    ")": (((-0.12, 1.04), (0.06, 0.8), (0.11, 0.45), (0.05, 0.08), (-0.12, -0.14)),),
    "+": (((-0.23, 0.43), (0.23, 0.45)), ((0.0, 0.68), (0.01, 0.2))),
    "=": (((-0.22, 0.55), (0.22, 0.57)), ((-0.22, 0.28), (0.22, 0.3))),
}


def draw_mark(mark: str, seed: int = 0, name: str = "") -> Array:
    """The mark as a picture (28, 28) in [0, 1], 19 pixels the height of a capital; each name and seed gives another hand."""
    rng = generator(seed, "mark", *(name + mark).encode())
    down, across = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    distance = np.full((SIDE, SIDE), np.inf)
    for stroke in STROKES[mark]:
        points = np.array([(SIDE / 2 + x * PIXELS, BASELINE - y * PIXELS) for x, y in stroke])
        points += rng.normal(0, TREMBLE, points.shape)
        for start, end in zip(points, points[1:] if len(points) > 1 else points, strict=False):
            distance = np.minimum(distance, _distance(across, down, start, end))
    return np.clip(WIDTH + 0.5 - distance, 0, 1).astype(np.float32)


def _distance(x: Array, y: Array, start: Array, end: Array) -> Array:
    """From every pixel to the line between two points."""
    along = end - start
    share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(float(along @ along), 1e-9)
    share = np.clip(share, 0, 1)
    return np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
