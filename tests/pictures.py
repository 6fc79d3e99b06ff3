"""Folders of made-up pictures: coloured discs, and four shapes in noise, whose class no colour tells.

`python -m tests.pictures FOLDER` writes both.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"red": (215, 40, 40), "green": (40, 170, 60), "blue": (40, 70, 215)}
SHAPES = ("circle", "square", "star", "triangle")
FINE = 4  # times the size that shapes are drawn in, so that their edges are smooth


def discs(folder: Path, each: int = 60, seed: int = 0) -> Path:
    """Discs of three colours on a background of any, 28 to 64 pixels on a side: the colour of the disc is its class."""
    rng = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for i in range(each):
            side = int(rng.integers(28, 65))
            picture = Image.new("RGB", (side, side), tuple(map(int, rng.integers(0, 256, 3))))
            radius = side * rng.uniform(0.2, 0.35)
            x, y = rng.uniform(radius, side - radius, 2)
            ImageDraw.Draw(picture).ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)
            picture.save(folder / name / f"{i}.png")
    return folder


def shapes(folder: Path, each: int = 250, seed: int = 0, side: int = 64) -> Path:
    """Four shapes in any bright colour on any dark background, moved, turned and noisy."""
    rng = np.random.default_rng(seed)
    for name in SHAPES:
        (folder / name).mkdir(parents=True)
        for i in range(each):
            shape(name, rng, side).save(folder / name / f"{i}.png")
    return folder


def shape(name: str, rng: np.random.Generator, side: int = 64) -> Image.Image:
    """One of them."""
    dark = tuple(map(int, rng.integers(0, 70, 3)))
    hue = np.abs(rng.uniform(0, 6) - np.array([3, 2, 4]))
    bright = np.clip(np.array([hue[0] - 1, 2 - hue[1], 2 - hue[2]]), 0.15, 1)
    picture = Image.new("RGB", (FINE * side, FINE * side), dark)
    radius = FINE * side * rng.uniform(0.28, 0.38)
    x, y = FINE * side / 2 + rng.uniform(-0.1, 0.1, 2) * FINE * side
    fill, turn = tuple(map(int, 255 * bright)), rng.uniform(-0.25, 0.25)
    draw = ImageDraw.Draw(picture)
    if name == "circle":
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)
    else:
        corners = {"square": 4, "triangle": 3, "star": 10}[name]
        start = {"square": math.pi / 4}.get(name, -math.pi / 2)
        around = [start + turn + 2 * math.pi * k / corners for k in range(corners)]
        reach = [radius * (0.42 if name == "star" and k % 2 else 1) for k in range(corners)]
        draw.polygon([(x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(around, reach, strict=True)], fill=fill)
    small = np.asarray(picture.resize((side, side), Image.Resampling.BOX), np.float64)
    return Image.fromarray(np.clip(small + rng.normal(0, 12, small.shape), 0, 255).astype(np.uint8))


if __name__ == "__main__":
    discs(Path(sys.argv[1]) / "discs")
    shapes(Path(sys.argv[1]) / "shapes")
