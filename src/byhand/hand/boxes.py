"""The boxes of a straightened sheet: the ink of each, what is wrong with it, and the character as EMNIST would have it.

The place of each box is corrected by its own printed lines, which are looked for near where they should be. Only what lies within
them counts. How dark ink must be is measured on the whole sheet, as a pencil's is a third of a pen's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from byhand.data.characters import characters
from byhand.data.photograph import Grey, pieces
from byhand.errors import DataError
from byhand.hand.paper import paper_brightness
from byhand.hand.sheet import Box, Sheet
from byhand.hand.straighten import SCALE

WINDOW = 5.0  # millimetres: a stroke is narrower
SLACK = 1.3  # millimetres by which a line may lie beside its place
WITHIN = 0.4  # millimetres of a line's middle that are still line
DARKER = 1.6  # times as dark as a printed line: a stroke of the writer's
LEAST = 0.12  # of the paper's brightness ink must take away
WEAK = 0.42  # of the sheet's ink: what is fainter is none
LITTLE = 0.35  # square millimetres of ink: less is a speck
SPECK = 0.04  # of a box's ink: a piece with less is a speck
SHARE = 0.38  # of the box: more ink is a scribble
APART = 1.2  # millimetres at least between two characters
FRAME, FILLED, FINER = 28, 24, 8  # pixels of a character, of its longer side, and how much finer it is drawn at first
SOFT = 0.62  # pixels: the deviation of EMNIST's own blur

OK, EMPTY, TOUCHES, TWO, STRUCK = "ok", "empty", "touches the border", "two characters", "crossed out"


@dataclass(frozen=True)
class Reading:
    """What stands in a box: its state, one of the five above; the picture (28, 28) in [0, 1]; the ink's edges in millimetres.

    `extent`: left, top, right and bottom of the ink from the box's upper left corner.
    """

    box: Box
    state: str
    picture: Grey
    extent: tuple[float, float, float, float]


def read_boxes(sheet: Sheet, flat: Grey, name: str) -> list[Reading]:
    """Every box of a straightened sheet, in its order; raises DataError where the whole sheet is blank."""
    darkness = 1 - flat / paper_brightness(flat, WINDOW * SCALE)
    darkness = _smoothed(darkness, 0.09 * SCALE)
    peaks = [profile.max() for box in sheet.boxes for _, _, profile in _profiles(darkness, box)]
    printed = float(np.median(peaks))
    cut = [_inside(darkness, box, printed) for box in sheet.boxes]
    tops = np.array([np.percentile(inside, 98) for inside in cut])
    if (tops > LEAST).sum() == 0:
        raise DataError(f"{name} shows a sheet with nothing in its boxes: fill it in with a dark pen and photograph it again")
    ink = float(np.median(tops[tops > LEAST]))
    return [_reading(box, inside, ink) for box, inside in zip(sheet.boxes, cut, strict=True)]


def _profiles(darkness: Grey, box: Box) -> Iterator[tuple[float, int, Grey]]:
    """Around each line of a box, top, bottom, left, right: its place, which way is inward, the darkness across it.

    It is the median along the line, as a line is dark all along, and hardly a stroke is.
    """
    upright, across = (box.left, box.right), (box.top, box.bottom)
    for lines, other, axis in ((across, upright, 0), (upright, across, 1)):
        along = slice(round((other[0] + 2) * SCALE), round((other[1] - 2) * SCALE))
        for place, inward in zip(lines, (1, -1), strict=True):
            strip = slice(round((place - SLACK) * SCALE), round((place + SLACK) * SCALE))
            yield place, inward, np.median(darkness[strip, along] if axis == 0 else darkness[along, strip], axis=1 - axis)


def _inside(darkness: Grey, box: Box, printed: float) -> Grey:
    """What lies within the lines of a box, whose darkness where they were printed is known: a stem beside one is darker."""
    edges = []
    for place, inward, profile in _profiles(darkness, box):
        pale = np.where(profile < DARKER * printed, profile, 0)
        found = round((place - SLACK) * SCALE) + int(pale.argmax())
        line = found if pale.max() > 0.03 + np.median(profile) else round(place * SCALE)
        edges.append(line + inward * round(WITHIN * SCALE))
    top, bottom, left, right = edges
    return darkness[top : bottom + 1, left : right + 1]


def _reading(box: Box, inside: Grey, ink: float) -> Reading:
    mask = inside > WEAK * ink
    blank = np.zeros((FRAME, FRAME))
    labels, count = pieces(mask)
    area = np.bincount(labels.ravel(), minlength=count + 1)
    area[0] = 0
    if area.sum() / SCALE**2 < LITTLE:
        return Reading(box, EMPTY, blank, (0.0,) * 4)
    edges = [np.unique(side[side > 0]) for side in (labels[:1], labels[-1:], labels[:, :1], labels[:, -1:])]
    # A neighbour's stroke, or a rest of a line: at the border, small, and nowhere near the middle.
    middle = np.unique(labels[inside.shape[0] // 7 : -(inside.shape[0] // 7), inside.shape[1] // 7 : -(inside.shape[1] // 7)])
    stray = np.setdiff1d(np.unique(np.concatenate(edges)), middle)
    keep = area >= max(SPECK * area.sum(), 0.06 * SCALE**2)
    keep[stray] = False
    if not keep.any() or area[keep].sum() / SCALE**2 < LITTLE:
        return Reading(box, EMPTY, blank, (0.0,) * 4)
    kept = keep[labels]
    y, x = np.nonzero(kept)
    extent = (x.min() / SCALE, y.min() / SCALE, (x.max() + 1) / SCALE, (y.max() + 1) / SCALE)
    touched = [bool(keep[side].any()) for side in edges]
    state = OK
    if (sum(touched) >= 2 and ((touched[0] and touched[1]) or (touched[2] and touched[3]))) or kept.mean() > SHARE:
        state = STRUCK
    elif any(touched):
        state = TOUCHES
    elif _two(kept):
        state = TWO
    # Edges as the camera saw them: from half a threshold to the full darkness.
    level = float(np.percentile(inside[kept], 70))
    grown = np.asarray(Image.fromarray(kept).convert("L").filter(ImageFilter.MaxFilter(5))) > 0
    soft = np.where(grown, np.clip((inside / level - 0.25) / 0.5, 0, 1), 0)
    return Reading(box, state, framed(soft[y.min() : y.max() + 1, x.min() : x.max() + 1]), extent)


def _two(ink: NDArray[np.bool_]) -> bool:
    """Whether two characters stand there: side by side, each of half the height at least, with paper between."""
    lines = characters(np.pad(ink, 2))
    for line in lines:
        for one, other in itertools.pairwise(line):
            if other.left - one.right > APART * SCALE and min(one.height, other.height) > 0.6 * max(one.height, other.height):
                return True
    return False


def framed(ink: Grey) -> Grey:
    """Ink (H, W) in [0, 1] as EMNIST frames a character: its longer side 24 of 28 pixels, in the middle, a little soft."""
    fine = FRAME * FINER
    scale = FILLED * FINER / max(ink.shape)
    size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
    drawn = Image.fromarray((ink * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    page = Image.new("L", (fine, fine))
    page.paste(drawn, ((fine - size[0]) // 2, (fine - size[1]) // 2))
    small = page.filter(ImageFilter.GaussianBlur(SOFT * FINER)).resize((FRAME, FRAME), Image.Resampling.BOX)
    found = np.asarray(small, np.float64) / 255
    return found / max(float(found.max()), 1e-6)


def _smoothed(values: Grey, deviation: float) -> Grey:
    levels = Image.fromarray(np.clip(values * 200 + 40, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(deviation))
    return (np.asarray(levels, np.float64) - 40) / 200
