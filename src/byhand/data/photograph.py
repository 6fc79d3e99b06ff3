"""Ink on paper as a camera sees it: the light taken out, the lines of the paper told from the strokes, specks left out.

A camera's grey level is the light at a place times what the paper gives back of it. The light changes slowly, so it is
estimated in a coarse grid from the paper around each place (a closing: what is darker and narrower than the grid's window is
filled up), and divided out. What is left is how dark the ink is, from 0 to 1, wherever it lies. The drawing page does the same
(`web/page/photograph.js`), and a test holds the two together.

Source: Serra (1982), "Image analysis and mathematical morphology", for closings.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.float64]

SIDE = 640  # pixels: what a photograph is reduced to; a digit on a sheet of twenty still has fifty of them
SMALLEST = 64  # pixels of the shorter side: what is smaller is no photograph
FLAT, SAME = 2.0, 0.98  # paper is even where so large a share of the border is within so many levels of its median
CELLS = 40  # of the coarse grid, along the longer side
WINDOW = 4  # cells to each side that a closing fills up: a stroke up to a fifth of the picture wide
PAPER = 0.8  # quantile of a cell that is paper: lines of the paper, and noise, are on both sides of it
WEAK = 0.45  # of the ink's darkness: what is fainter is no part of a stroke
SPECK = 0.08  # of the largest piece's ink: what has less is a speck
FAINTEST = 0.08  # of the light: ink must take away so much


def is_even(grey: Grey) -> bool:
    """Whether the paper has one level all along the border, as drawings and scans have: there is no light to take out."""
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    middle = np.sort(border)[(border.size - 1) // 2]
    return min(grey.shape) < SMALLEST or bool((np.abs(border - middle) <= FLAT).mean() >= SAME)


def ink_of(grey: Grey, ink: str) -> Grey:
    """How dark the ink is, (H, W) from 0 to 255, white on black, at most `SIDE` pixels; all 0 where there is none.

    `ink` is "auto", "white" or "black", as `prepare` takes it.
    """
    grey = _reduced(grey)
    dark = _darkness(grey)
    if ink == "white" or (ink == "auto" and _is_light(dark, light := _darkness(255 - grey))):
        dark = light if ink == "auto" else _darkness(255 - grey)
    dark = _smooth(np.maximum(dark, 0))
    strokes = strokes_of(dark)
    if not strokes.any():
        return np.zeros(dark.shape)
    level = np.sort(dark[strokes])[int(0.7 * strokes.sum())]  # a stroke's middle; its edges are fainter
    return np.where(_grown(strokes), np.minimum(dark / level, 1), 0) * 255


def _is_light(dark: Grey, light: Grey) -> bool:
    """Whether the strokes are lighter than their paper: strokes are few and strong, and what is left of the light is faint."""
    spread = [float(np.maximum(one, 0).mean() / (one.max() + 0.1)) for one in (dark, light)]
    return spread[1] < 0.5 * spread[0]


def _reduced(grey: Grey) -> Grey:
    longer = max(grey.shape)
    if longer <= SIDE:
        return grey
    height, width = (max(1, math.floor(side * SIDE / longer + 0.5)) for side in grey.shape)
    small = Image.fromarray(grey.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float64)


def _darkness(grey: Grey) -> Grey:
    """1 - grey / light, where the light is what the paper around gives back."""
    light = _light(grey)
    return 1 - grey / np.maximum(light, 8)


def _light(grey: Grey) -> Grey:
    cell = max(1, math.ceil(max(grey.shape) / CELLS))
    rows, columns = (math.ceil(side / cell) for side in grey.shape)
    padded = np.pad(grey, ((0, rows * cell - grey.shape[0]), (0, columns * cell - grey.shape[1])), mode="edge")
    cells = np.sort(padded.reshape(rows, cell, columns, cell).swapaxes(1, 2).reshape(rows, columns, -1), axis=2)
    paper = cells[:, :, int(PAPER * (cell * cell - 1))]
    closed = -_largest(-_largest(_extended(_extended(paper, 0), 1)))
    return _enlarged(closed, cell, grey.shape)


def _extended(cells: Grey, axis: int) -> Grey:
    """Two windows more on both ends, mirrored in place and value: light that falls towards the border falls on behind it."""
    n = cells.shape[axis]
    steps = np.minimum(np.arange(1, 2 * WINDOW + 1), n - 1)
    before = 2 * cells.take([0], axis) - cells.take(steps[::-1], axis)
    after = 2 * cells.take([n - 1], axis) - cells.take(n - 1 - steps, axis)
    return np.concatenate([before, cells, after], axis)


def _largest(values: Grey) -> Grey:
    """The largest value within `WINDOW` cells in both directions, of the cells that have so many around them."""
    for axis in (0, 1):
        values = np.lib.stride_tricks.sliding_window_view(values, 2 * WINDOW + 1, axis=axis).max(axis=-1)
    return values


def _enlarged(cells: Grey, cell: int, shape: tuple[int, ...]) -> Grey:
    """One value for each pixel, on straight lines between the cells' middles."""
    for axis in (0, 1):
        at = np.clip((np.arange(shape[axis]) + 0.5) / cell - 0.5, 0, cells.shape[axis] - 1)
        low = at.astype(np.intp)
        high = np.minimum(low + 1, cells.shape[axis] - 1)
        share = (at - low)[:, None] if axis == 0 else at - low
        cells = cells.take(low, axis) * (1 - share) + cells.take(high, axis) * share
    return cells


def _smooth(values: Grey) -> Grey:
    """The mean of 3 x 3 pixels: a camera's noise is of single ones."""
    padded = np.pad(values, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    mean: Grey = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    return mean


def strokes_of(dark: Grey) -> NDArray[np.bool_]:
    """Where ink is: dark enough, in pieces that are no specks, and not a part of what lies around the paper."""
    top = np.sort(dark, axis=None)[int((1 - 0.004) * (dark.size - 1))]
    if top < FAINTEST:
        return np.zeros(dark.shape, bool)
    mask = dark >= WEAK * top
    labels, count = pieces(mask)
    ink = np.bincount(labels[mask], dark[mask], count + 1)
    edge = np.zeros(count + 1, bool)
    edge[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    inside = np.where(edge, 0, ink)
    inside[0] = 0
    whole = inside if inside.max() > 0.1 * ink[1:].max() else ink
    keep = whole >= SPECK * whole[1:].max()
    keep[0] = False
    return keep[labels]


def pieces(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], int]:
    """A number from 1 up for each piece of touching pixels (8 neighbours), 0 elsewhere; and how many there are.

    Runs of pixels of each row are joined with the runs that they touch in the row above.
    """
    height, width = mask.shape
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, first = np.nonzero(steps == 1)
    _, end = np.nonzero(steps == -1)
    begins = np.searchsorted(row, np.arange(height + 1)).tolist()
    firsts, ends = first.tolist(), end.tolist()
    parent = list(range(len(firsts)))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for line in range(1, height):
        above, below = begins[line - 1], begins[line]
        while above < begins[line] and below < begins[line + 1]:
            if firsts[above] <= ends[below] and firsts[below] <= ends[above]:
                a, b = root(above), root(below)
                parent[max(a, b)] = min(a, b)
            if ends[above] < ends[below]:
                above += 1
            else:
                below += 1
    roots = np.array([root(one) for one in range(len(parent))], np.intp)
    names, numbers = np.unique(roots, return_inverse=True)
    labels = np.zeros((height, width), np.intp)
    for r, a, b, number in zip(row.tolist(), firsts, ends, numbers.tolist(), strict=True):
        labels[r, a:b] = number + 1
    return labels, len(names)


def _grown(mask: Any) -> Any:
    """And the pixels around it: a stroke's soft edge."""
    padded = np.pad(mask, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
