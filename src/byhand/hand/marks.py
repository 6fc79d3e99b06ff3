"""A sheet's four marks on a photograph, wherever it lies and however it is turned.

A mark is a dark ring around a dark square with the same middle. Such a thing hardly occurs by chance, and it is one from
whatever side and at whatever angle it is seen, so neither the paper nor its edges need to be found.

Source: ISO/IEC 18004, the finder patterns of QR codes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from byhand.data.photograph import Grey, pieces
from byhand.errors import DataError
from byhand.hand.paper import paper_brightness

SIDE = 1600  # pixels that a photograph is reduced to, while marks are looked for
WINDOW = 0.1  # of the picture's longer side: what is darker and narrower is no paper; a mark is up to 0.06
DARK = 0.62  # of the paper's brightness, at most, is a mark's
SMALLEST, LARGEST = 0.008, 0.15  # of the longer side: a mark's size
TOO_DARK = 40  # grey level of the brightest tenth of the picture
LEAST_CONTRAST = 0.2  # of all grey levels: a picture with less shows nothing that could be blurred
SHARP = 0.16  # of the contrast from one pixel to the next, at the steepest edges; less is a blur of 3 pixels or more

WHERE = (("upper left", "upper right"), ("lower left", "lower right"))


@dataclass(frozen=True)
class Mark:
    """Its middle and its side in pixels of the photograph."""

    x: float
    y: float
    side: float


def find_marks(photo: Image.Image, name: str) -> list[Mark]:
    """The four marks of the sheet, clockwise as they lie on the photograph.

    Raises DataError where they cannot be found: what is wrong with the photograph, and what to do.
    """
    factor = max(1.0, max(photo.size) / SIDE)
    size = (round(photo.width / factor), round(photo.height / factor))
    grey = np.asarray(photo.resize(size, Image.Resampling.BOX), np.float64)
    if np.percentile(grey, 90) < TOO_DARK:
        raise DataError(f"{name} is too dark to be read: photograph the sheet again with more light")
    longer = max(size)
    found: list[Mark] = []
    for window in (WINDOW, WINDOW / 2, 2 * WINDOW):
        dark = grey < DARK * paper_brightness(grey, window * longer)
        more = [Mark(x * factor, y * factor, side * factor) for x, y, side in _nested(dark, longer)]
        found += [mark for mark in more if not any(np.hypot(mark.x - one.x, mark.y - one.y) < one.side for one in found)]
        if len(found) >= 4:
            break
    if len(found) < 3 and _is_blurred(grey):
        raise DataError(f"{name} is blurred: photograph the sheet again, sharp, and hold still")
    if len(found) < 4:
        raise DataError(_missing(found, photo, name))
    return _quadrilateral(found, name)


def _nested(dark: NDArray[np.bool_], longer: int) -> list[tuple[float, float, float]]:
    """Middle and side of each ring with a square in it."""
    labels, count = pieces(dark)
    y, x = np.nonzero(labels)
    one = labels[y, x] - 1
    area = np.bincount(one, minlength=count)
    middle = np.stack([np.bincount(one, at, count) / np.maximum(area, 1) for at in (x, y)], axis=1)
    low, high = np.full((count, 2), 10**9), np.full((count, 2), -1)
    for axis, at in enumerate((x, y)):
        np.minimum.at(low[:, axis], one, at)
        np.maximum.at(high[:, axis], one, at)
    extent = high - low + 1
    sized = extent.max(axis=1)
    likely = (sized >= SMALLEST * longer) & (sized <= LARGEST * longer) & (sized <= 3 * extent.min(axis=1))
    found = []
    inner = np.flatnonzero((sized >= 3) & (sized <= 0.6 * LARGEST * longer))
    for ring in np.flatnonzero(likely):
        near = inner[(np.abs(middle[inner] - middle[ring]) < 0.12 * sized[ring] + 0.5).all(axis=1)]
        for square in near:
            if square == ring:
                continue
            smaller = extent[square] / extent[ring]
            share = area[square] / area[ring]
            # Exactly 3/7, and 9 modules to 24; a thick blur eats from the square, an overexposed picture from the ring.
            if (smaller > 0.28).all() and (smaller < 0.6).all() and 0.15 < share < 0.75:
                x0, y0 = (middle[ring] + middle[square]) / 2 + 0.5
                found.append((float(x0), float(y0), float(np.sqrt(area[ring] / 24) * 7)))
                break
    return found


def _is_blurred(grey: Grey) -> bool:
    """Whether its steepest edges, which print would give it, take many pixels from dark to light."""
    seen = Image.fromarray(grey.astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))  # a camera's noise is steep too
    levels = np.asarray(seen, np.float64)
    contrast = float(np.ptp(np.percentile(levels, [1, 99])))
    steep = max(float(np.percentile(np.abs(np.diff(levels, axis=axis)), 99.9)) for axis in (0, 1))
    return contrast > LEAST_CONTRAST * 255 and steep < SHARP * contrast


def _missing(found: list[Mark], photo: Image.Image, name: str) -> str:
    if not found:
        return f"{name} shows none of the sheet's four marks: photograph a sheet of `byhand hand sheet`, whole, sharp and flat"
    again = "photograph the whole sheet again, with all four corners"
    if len(found) < 3:
        return f"{name} shows {len(found)} of the sheet's four marks: {again}"
    at = np.array([(mark.x, mark.y) for mark in found])
    sides = [float(np.hypot(*(at[i - 1] - at[i - 2]))) for i in range(3)]
    corner = int(np.argmax(sides))  # opposite to the longest side is the right angle
    x, y = at[corner - 1] + at[corner - 2] - at[corner]
    where = WHERE[int(y > at[:, 1].mean())][int(x > at[:, 0].mean())]
    gone = "hidden" if 0 < x < photo.width and 0 < y < photo.height else "cut off"
    return f"{name} shows three of the sheet's four marks, the one at the {where} is {gone}: {again}"


def _quadrilateral(found: list[Mark], name: str) -> list[Mark]:
    """The four of them that span the most, of about one size, clockwise."""
    best, chosen = 0.0, None
    for four in itertools.combinations(sorted(found, key=lambda mark: -mark.side)[:8], 4):
        sides = [mark.side for mark in four]
        if max(sides) > 2.5 * min(sides):
            continue
        x, y = np.mean([mark.x for mark in four]), np.mean([mark.y for mark in four])
        turned = sorted(four, key=lambda mark: np.arctan2(mark.y - y, mark.x - x))
        at = np.array([(mark.x, mark.y) for mark in turned])
        after = np.roll(at, -1, axis=0) - at
        turns = after[:, 0] * np.roll(after[:, 1], -1) - after[:, 1] * np.roll(after[:, 0], -1)
        span = float((at[:, 0] * np.roll(at[:, 1], -1) - at[:, 1] * np.roll(at[:, 0], -1)).sum()) / 2
        if (turns > 0).all() and span > best:
            best, chosen = span, turned
    if chosen is None:
        raise DataError(f"{name} shows marks, but no four of one sheet: photograph one sheet, whole and from above")
    return chosen
