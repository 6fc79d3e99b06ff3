"""Ink becomes the way of a pen: lines in the middle of strokes, one width, an edge of one pixel at any size."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
import pytest

from byhand.writing.centre_lines import FINER, drawing, half_widths
from byhand.writing.outline import curves
from byhand.writing.pen import Stroke, filled, painted
from byhand.writing.thinning import branches, thinned

GRID = (np.stack(np.meshgrid(np.arange(28), np.arange(28)), axis=-1) + 0.5).astype(np.float64)  # across, down


def near(points: np.ndarray) -> np.ndarray:
    """The distance of each pixel of a letter to the nearest of these points."""
    return np.asarray(np.sqrt(((GRID[:, :, None] - points) ** 2).sum(axis=-1)).min(axis=-1))


def inked(*lines: np.ndarray, half: float = 1.3) -> np.ndarray:
    return np.clip(half + 0.5 - np.min([near(line) for line in lines], axis=0), 0, 1).astype(np.float32)


def along(*corners: tuple[float, float]) -> np.ndarray:
    return np.concatenate([np.linspace(a, b, 60) for a, b in pairwise(corners)])


def ring(radius: float = 7.0) -> np.ndarray:
    turn = np.linspace(0, 2 * math.pi, 200)
    return np.stack([14 + radius * np.cos(turn), 14 + radius * np.sin(turn)], axis=1)


def away(points: np.ndarray, line: np.ndarray) -> float:
    """How far the furthest of the points lies from a line."""
    return float(np.sqrt(((points[:, None] - line) ** 2).sum(axis=-1)).min(axis=1).max())


def test_the_half_width_is_the_distance_to_the_nearest_paper() -> None:
    dark = np.random.default_rng(0).random((30, 40)) > 0.1
    dark[4:25, 5:30] = True
    paper = np.argwhere(~np.pad(dark, 1)) - 1
    expected = np.array([[np.hypot(*(paper - [i, j]).T).min() for j in range(40)] for i in range(30)])
    np.testing.assert_allclose(half_widths(dark), expected)


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_a_bar_is_thinned_to_one_line_and_a_ring_to_a_ring(turned: int) -> None:
    bar = np.zeros((20, 30), bool)
    bar[8:13, 3:27] = True
    bar = np.rot90(bar, turned)
    lines = thinned(bar)
    assert not (lines & ~bar).any()
    (line,) = branches(lines, 1.3 * half_widths(bar))
    assert line.start is None and line.end is None and not line.ring and 18 <= len(line.pixels) <= 24
    loop = np.asarray(np.abs(near(ring()) - 0.0) < 2)
    (line,) = branches(thinned(loop), 1.3 * half_widths(loop))
    assert line.ring


def test_a_stroke_is_found_in_its_middle_and_ends_where_it_ends() -> None:
    line = along((6, 22), (12, 6), (20, 20))
    (stroke,) = drawing(inked(line), 0.5).strokes
    assert away(stroke.points, line) < 1.2  # the corner is rounded by as much
    assert away(line[:40], stroke.points) < 0.6 and away(line[-40:], stroke.points) < 0.6


def test_strokes_that_cross_go_straight_on() -> None:
    one, other = along((6, 6), (22, 22)), along((22, 6), (6, 22))
    strokes = drawing(inked(one, other), 0.5).strokes
    assert len(strokes) == 2
    for stroke in strokes:
        assert min(away(stroke.points, one), away(stroke.points, other)) < 0.6


def test_a_ring_is_closed_and_a_dot_is_a_point() -> None:
    (stroke,) = drawing(inked(ring()), 0.5).strokes
    assert stroke.closed and away(stroke.points, ring()) < 0.5
    (dot,) = drawing(inked(np.array([[14.0, 14.0]]), half=1.6), 0.5).strokes
    assert len(dot.points) == 1 and np.hypot(*(dot.points[0] - 14)) < 0.4


def test_what_is_full_of_ink_keeps_its_outline() -> None:
    blot = np.clip(7 - near(np.array([[14.0, 14.0]])), 0, 1).astype(np.float32) + inked(along((3, 25), (25, 25)), half=0.9)
    found = drawing(np.clip(blot, 0, 1), 0.5)
    assert not found.strokes and len(found.outlines) == 2
    size = 4.0
    ink = filled(found.outlines, (112, 112), size)
    assert ink.sum() / size**2 == pytest.approx(float((blot > 0.5).sum()), rel=0.1)


def test_paper_is_no_drawing() -> None:
    assert drawing(np.zeros((28, 28), np.float32), 0.4).strokes == ()


@pytest.mark.parametrize("size", [1.0, 4.0, 20.0])
@pytest.mark.parametrize("half", [1.0, 2.5, 9.0])
def test_a_line_is_as_wide_as_the_pen_with_an_edge_of_one_pixel(size: float, half: float) -> None:
    line = Stroke(np.array([[0.0, 14.0], [28.0, 14.0]]))
    side = round(28 * size)
    ink = painted([line], (side, side), size, half)[:, side // 2]
    assert ink.sum() == pytest.approx(min(2 * half, side), abs=0.02)
    assert ((ink > 0) & (ink < 1)).sum() <= 2


def test_a_curve_passes_through_the_line_it_was_made_of() -> None:
    points = ring()[:-1]
    for closed in (True, False):
        numbers = [float(one) for one in re.findall(r"-?\d+\.\d", curves(points * 10, closed))]
        start, *bends = np.array(numbers).reshape(-1, 2)
        t = np.linspace(0, 1, 20)[:, None]
        for a, b, end in np.array(bends).reshape(-1, 3, 2):
            bent = (1 - t) ** 3 * start + 3 * t * (1 - t) ** 2 * a + 3 * t**2 * (1 - t) * b + t**3 * end
            assert away(bent / 10, ring()) < 0.15
            start = end
        assert len(bends) / 3 <= len(points) / 8


def test_the_thinned_lines_of_the_finer_grid_are_in_the_letters_pixels() -> None:
    (stroke,) = drawing(inked(along((14, 5), (14, 23))), 0.5).strokes
    assert stroke.points[:, 0] == pytest.approx(np.full(len(stroke.points), 14.0), abs=1 / FINER)
