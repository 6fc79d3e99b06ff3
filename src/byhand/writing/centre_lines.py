"""A letter's picture as the way of a pen: the middle of its ink, without the bumps of its edge.

The ink is thinned on a finer grid; lines that meet at a crossing and go straight on are one stroke; each stroke is smoothed along
its length. Where a pen on these lines would not give the letter back, as with a loop that is full of ink, the outline is smoothed
instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from byhand.backend import Array
from byhand.writing.pen import Drawing, Stroke, painted
from byhand.writing.thinning import Branch, branches, thinned

Mask: TypeAlias = NDArray[np.bool_]

FINER = 6  # times as fine as the letter's pixels the ink is thinned
BLUR = 0.35  # pixels over which it is blurred before: the edges of pixels are no bumps of the stroke
STEP = 0.25  # pixels from one point of a stroke to the next
SMOOTH = 0.9  # pixels over which a line is smoothed: the standard deviation of a Gaussian
STRAIGHT = math.radians(55)  # up to such a turn a stroke goes on through a crossing
SPUR = 1.0  # of the ink's half width: a branch that is shorter is a bump of the edge
NARROW = 1.2  # pixels: half the width of a usual pen
DOT = 2.2  # of the ink's half width: what is not longer is a dot
SPECK = 6  # pixels of the finer grid: less ink than this squared is none
UNLIKE = 0.2  # share of the ink that may differ from the letter's before its outline is taken instead


def drawing(ink: Array, middle: float) -> Drawing:
    """The strokes of a letter (28, 28), whose ink is what is darker than `middle`; its outline where strokes would differ."""
    larger = _enlarging(len(ink))
    fine = larger @ ink @ larger.T
    dark = fine > middle
    if not dark.any():
        return Drawing(())
    half, lines = half_widths(dark), thinned(dark)
    found = strokes(lines, half)
    if found and _difference(dark, found, float(np.median(half[lines]))) <= UNLIKE:
        return Drawing(tuple(found))
    return Drawing((), tuple(outlines(fine, middle)))


def strokes(lines: Mask, half: Array) -> list[Stroke]:
    """The strokes of thinned ink, booleans on the finer grid; `half`: half the ink's width at each of its pixels."""
    found = []
    for ends in _through_crossings(branches(lines, SPUR * half), half):
        points = (np.concatenate([np.array(piece, np.float64) for piece in ends.pieces])[:, ::-1] + 0.5) / FINER
        around = float(np.median([half[pixel] for piece in ends.pieces for pixel in map(tuple, piece)])) / FINER
        if not ends.closed and not ends.crosses and _length(points) <= DOT * around:
            found.append(Stroke(points.mean(axis=0, keepdims=True)))
        else:
            line = smoothed(even(points, ends.closed), ends.closed)
            found.append(Stroke(line if ends.closed else _to_the_tips(line, ends, half), ends.closed))
    return found


def _to_the_tips(points: Array, chain: _Chain, half: Array) -> Array:
    """Free ends made longer: thinned ink ends half its width before the tip, a narrower pen may go further."""
    points = points.copy()
    for end, before, free, pixel in ((0, 4, chain.free[0], chain.pieces[0][0]), (-1, -5, chain.free[1], chain.pieces[-1][-1])):
        further = float(half[pixel]) / FINER - NARROW
        if free and further > 0 and len(points) > 5:
            away = points[end] - points[before]
            points[end] += further * away / max(float(np.hypot(*away)), 1e-9)
    return points


@dataclass
class _Chain:
    """Branches that are one stroke: their pixels, piece by piece; whether it ends where it began; which ends meet no other.

    `crosses`: whether it meets others anywhere.
    """

    pieces: list[list[tuple[int, int]]]
    closed: bool
    crosses: bool
    free: tuple[bool, bool]


def _through_crossings(lines: list[Branch], half: Array) -> list[_Chain]:
    """Branches joined where they go straight on; the others end in the crossing's middle."""
    at: dict[int, list[tuple[int, int]]] = {}  # of each crossing: branches and which end of theirs
    for i, line in enumerate(lines):
        for side, number in enumerate((line.start, line.end)):
            if number is not None:
                at.setdefault(number, []).append((i, side))
    middles = {
        number: np.mean([lines[i].pixels[-side] for i, side in ends], axis=0).round().astype(int) for number, ends in at.items()
    }
    joined: dict[tuple[int, int], tuple[int, int]] = {}
    for number, ends in at.items():
        turns = sorted((_turn(lines, a, b, middles[number], half), a, b) for k, a in enumerate(ends) for b in ends[k + 1 :])
        for turn, a, b in turns:
            if a not in joined and b not in joined and (turn <= STRAIGHT or len(ends) == 2):
                joined[a], joined[b] = b, a
    chains, used = [], set()
    order = sorted(range(len(lines)), key=lambda i: ((i, 0) in joined) + ((i, 1) in joined))  # open ends first
    for i in order:
        if i in used:
            continue
        side = 1 if (i, 0) in joined and (i, 1) not in joined else 0
        first, pieces, crosses = (i, side), [], False
        here: tuple[int, int] | None = first
        while here is not None and here[0] not in used:
            k, entered = here
            used.add(k)
            pixels = lines[k].pixels if entered == 0 else lines[k].pixels[::-1]
            piece = _clear_of_crossings(pixels, lines[k], entered, half)
            for end, out in ((entered, False), (1 - entered, True)):
                number = (lines[k].start, lines[k].end)[end]
                if number is not None and (k, end) not in joined:
                    middle = (int(middles[number][0]), int(middles[number][1]))
                    piece = [*piece, middle] if out else [middle, *piece]
                crosses = crosses or number is not None
            pieces.append(piece)
            last = (lines[k].start, lines[k].end)[1 - entered]
            here = joined.get((k, 1 - entered))
        free = ((lines[i].start, lines[i].end)[side] is None, last is None)
        chains.append(_Chain(pieces, lines[i].ring or here == first, crosses, free))
    return chains


def _clear_of_crossings(pixels: list[tuple[int, int]], line: Branch, entered: int, half: Array) -> list[tuple[int, int]]:
    """Without the part near a crossing, where the middle of the ink is not the middle of the stroke."""
    start, end = (line.start, line.end) if entered == 0 else (line.end, line.start)
    ahead = int(0.8 * half[pixels[0]]) if start is not None else 0
    behind = int(0.8 * half[pixels[-1]]) if end is not None else 0
    if ahead + behind >= len(pixels) - 1:
        return [pixels[len(pixels) // 2]]
    return pixels[ahead : len(pixels) - behind]


def _turn(lines: list[Branch], a: tuple[int, int], b: tuple[int, int], middle: Array, half: Array) -> float:
    """By how much a pen turns that comes along one branch and goes on along another."""
    directions = []
    for i, side in (a, b):
        pixels = lines[i].pixels if side == 0 else lines[i].pixels[::-1]
        far = pixels[min(len(pixels) - 1, int(2.5 * half[pixels[0]]))]
        away = np.array(far, np.float64) - middle
        directions.append(away / max(float(np.hypot(*away)), 1e-9))
    return math.acos(float(np.clip(-directions[0] @ directions[1], -1, 1)))


def even(points: Array, closed: bool = False) -> Array:
    """Points at even steps along a line."""
    around = np.concatenate([points, points[:1]]) if closed else points
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(around, axis=0).T))])
    at = np.linspace(0, way[-1], max(4, round(way[-1] / STEP) + 1), endpoint=not closed)
    return np.stack([np.interp(at, way, around[:, k]) for k in (0, 1)], axis=1)


def smoothed(points: Array, closed: bool = False) -> Array:
    """Each of evenly spaced points as the weighted mean of its neighbours along the line; the ends stay where they are."""
    reach = max(1, min(len(points) - 1, round(3 * SMOOTH / STEP)))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * STEP / SMOOTH) ** 2)
    weights /= weights.sum()
    if closed:
        wide = np.concatenate([points[-reach:], points, points[:reach]])
    else:  # turned about its end, the line goes on as it came
        wide = np.concatenate([2 * points[0] - points[reach:0:-1], points, 2 * points[-1] - points[-2 : -2 - reach : -1]])
    return np.stack([np.convolve(wide[:, k], weights, "valid") for k in (0, 1)], axis=1)


def outlines(fine: Array, middle: float) -> list[Array]:
    """The edges of ink on the finer grid, smoothed along themselves; what smoothing drew in is given back once."""
    from contourpy import contour_generator

    found: list[Array] = []
    for line in contour_generator(z=np.pad(fine, 1)).lines(middle):
        points = (np.asarray(line)[:-1] - 0.5) / FINER
        if len(points) > 4 * SPECK:
            once = smoothed(even(points, closed=True), closed=True)
            found.append(once + (once - smoothed(once, closed=True)))
    return found


def half_widths(dark: Mask) -> Array:
    """Of each pixel of ink the distance to the nearest paper, in pixels of this grid: down each column first, then across."""
    wide = np.pad(dark, 1)
    down = np.zeros(wide.shape)
    for one, walked in ((wide, down), (wide[::-1], down[::-1])):  # from above and from below
        count = np.zeros(wide.shape[1])
        for row in range(len(one)):
            count = np.where(one[row], count + 1, 0)
            walked[row] = count if one is wide else np.minimum(walked[row], count)
    squared, most = down**2, int(down.max())
    out = squared.copy()
    for shift in range(1, min(most, wide.shape[1] - 1) + 1):
        np.minimum(out[:, shift:], squared[:, :-shift] + shift**2, out=out[:, shift:])
        np.minimum(out[:, :-shift], squared[:, shift:] + shift**2, out=out[:, :-shift])
    return np.asarray(np.sqrt(out[1:-1, 1:-1]))


def _difference(dark: Mask, found: list[Stroke], half: float) -> float:
    """Share of the ink that a pen of this half width, in pixels of the finer grid, would leave out or add."""
    pen = painted(found, dark.shape, FINER, half) > 0.5
    near = _edge(dark)
    return float(((pen != dark) & ~near).sum()) / float(dark.sum())


def _edge(dark: Mask) -> Mask:
    """Pixels at the ink's edge: whether they are ink says nothing."""
    wide, (height, width) = np.pad(dark, 2), dark.shape
    around = [wide[down : down + height, across : across + width] for down in (0, 2, 4) for across in (0, 2, 4)]
    return np.asarray(np.logical_or.reduce(around) & ~np.logical_and.reduce(around))


def _length(points: Array) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum()) if len(points) > 1 else 0.0


@cache
def _enlarging(side: int) -> Array:
    """The matrix that makes columns of so many numbers `FINER` times as long: cubic splines between them, then a Gaussian."""
    large = side * FINER
    columns = Image.fromarray(np.eye(side, dtype=np.float32), "F").resize((side, large), Image.Resampling.BICUBIC)
    away = np.arange(large)[:, None] - np.arange(large)
    weights = np.exp(-0.5 * (away / (BLUR * FINER)) ** 2)
    return np.asarray((weights / weights.sum(axis=1, keepdims=True)) @ np.asarray(columns, np.float64))
