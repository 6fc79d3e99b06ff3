r"""The one preparation of images: any picture of one character becomes 28 x 28 pixels as MNIST has them.

Grey; white ink on black, and of a photograph only the ink (`photograph.py`); crop to the ink; scale the longer side to 20
pixels; put the centre of mass in the middle. The drawing page does the same in the browser (`web/page/prepare.js`), step by
step, and a test holds the two together.

Source: LeCun et al. (1998), "Gradient-based learning applied to document recognition", section III.A, for MNIST's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from byhand import limits
from byhand.data import photograph
from byhand.data.doubt import doubt_of
from byhand.data.picture_file import check_size, opened
from byhand.errors import DataError

FRAME, BOX = 28, 20  # pixels: the image, and the square in it that the ink is scaled into
MIDDLE = 14.0  # pixels: where MNIST's digits have their centre of mass, in both directions
FAINTEST = 8.0  # of 255: an image whose shades differ by less, or whose ink is fainter, is empty
NOISE = 0.1  # of the brightest pixel: what is darker is paper, not ink
TIE = 1e-6  # pixels: so that two sums that differ in their last digit do not part a tie differently
STRIP = 64  # rows of a picture that are converted at once

INKS = ("auto", "white", "black")
GREY = ("1", "L", "I;16", "I;16B", "I", "F")  # Pillow's modes of one channel; those with an I have 16 bits


@dataclass(frozen=True)
class Prepared:
    """A prepared image: pixels (28, 28) uint8, white ink on black; `empty` where there was no ink at all.

    `doubt` says in words why its reading is doubtful, and is "" where nothing speaks against it.
    """

    pixels: NDArray[np.uint8]
    empty: bool
    doubt: str = ""


def prepare(image: Image.Image | NDArray[Any], ink: str = "auto") -> Prepared:
    """Prepare a picture, or an array (H, W) of grey levels from 0 to 255.

    `ink` is "white" (on black), "black" (on white), or "auto": by the brightness of the picture's border.

    Raises DataError for an image of absurd size, an array that is no grey image, or an unknown ink.

    >>> stroke = np.zeros((100, 60)); stroke[10:90, 28:32] = 255
    >>> prepare(stroke).pixels[:, 13:15].sum() > 0
    np.True_
    """
    return framed(ink_levels(image, ink))


def ink_levels(image: Image.Image | NDArray[Any], ink: str = "auto") -> NDArray[np.float64] | None:
    """How much ink is where, (H, W), 0 for paper; None for a picture with nothing on it. Arguments and errors: as `prepare`."""
    grey = _grey(image)
    if ink not in INKS:
        raise DataError(f"ink must be one of {', '.join(INKS)}, got {limits.told(ink)}")
    if not photograph.is_even(grey):
        grey = photograph.ink_of(grey, ink)
    elif ink == "black" or (ink == "auto" and _border_mean(grey) > 127.5):
        grey = np.subtract(255, grey, out=grey)
    contrast = float(grey.max() - grey.min())
    grey = _without_paper(grey)
    brightest = float(grey.max())
    if min(contrast, brightest) < FAINTEST:
        return None
    grey[grey < NOISE * brightest] = 0
    return grey


def framed(grey: NDArray[np.float64] | None) -> Prepared:
    """Ink, (H, W), as a (28, 28) image: cropped, scaled, and put with its centre of mass in the middle; empty of None."""
    if grey is None:
        return Prepared(np.zeros((FRAME, FRAME), np.uint8), empty=True)
    rows, columns = np.flatnonzero(grey.any(axis=1)), np.flatnonzero(grey.any(axis=0))
    cut = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    small = _scale(cut)
    small *= 255 / small.max()
    pixels = np.zeros((FRAME, FRAME))
    top, left = (_offset(small, axis) for axis in (0, 1))
    pixels[top : top + small.shape[0], left : left + small.shape[1]] = small
    return Prepared(np.floor(pixels + 0.5).astype(np.uint8), empty=False, doubt=doubt_of(cut, grey))


def prepare_file(path: Path, ink: str = "auto") -> Prepared:
    """Prepare the picture in a file; raises DataError for a file that is none, or an absurdly large one."""
    return framed(ink_of_file(path, ink))


def ink_of_file(path: Path, ink: str = "auto") -> NDArray[np.float64] | None:
    """As `ink_levels`, of the picture in a file; raises DataError for a file that is none, or an absurdly large one."""
    with opened(path) as image:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)  # a phone stores its photos lying, and says so in a tag
        return ink_levels(image, ink)


def _grey(image: Image.Image | NDArray[Any]) -> NDArray[np.float64]:
    if isinstance(image, Image.Image):
        check_size(image.width, image.height, "the image")
        if image.mode in GREY and "transparency" not in image.info:
            levels = np.array(image.convert("F"), np.float64)
            return _checked(np.divide(levels, 257, out=levels) if image.mode.startswith("I") else levels)
        grey = np.empty((image.height, image.width))
        for top in range(0, image.height, STRIP):  # strip by strip: a large photo would take ten times its size
            bottom = min(top + STRIP, image.height)
            grey[top:bottom] = _luminance(image.crop((0, top, image.width, bottom)).convert("RGBA"))
        return grey
    grey = np.array(image, np.float64)  # a copy, which is worked on in place
    if grey.ndim == 2:
        check_size(grey.shape[1], grey.shape[0], "the image")
    return _checked(grey)


def _luminance(image: Image.Image) -> NDArray[np.float64]:
    red, green, blue, alpha = (np.asarray(band) for band in image.split())
    grey: NDArray[np.float64] = 0.299 * red + 0.587 * green + 0.114 * blue
    if alpha.min() < 255:  # what is transparent is white paper
        opaque = alpha / 255
        grey = grey * opaque + 255 * (1 - opaque)
    return grey


def _checked(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    if grey.ndim != 2 or grey.size == 0:
        raise DataError(f"the image is an array of shape {grey.shape}: expected finite grey levels (H, W) from 0 to 255")
    low, high = float(grey.min()), float(grey.max())
    if not (low >= 0 and high <= 255):  # so too where one is NaN
        raise DataError(f"the image holds grey levels from {low:g} to {high:g}: expected finite ones, from 0 to 255")
    return grey


def _border_mean(grey: NDArray[np.float64]) -> float:
    """Mean of the frame one pixel wide, each pixel counted once."""
    inner = grey[1:-1, 1:-1]
    return float((grey.sum() - inner.sum()) / (grey.size - inner.size))


def _without_paper(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Paper is seldom quite white: its level, the border's lower median, is taken off, unless the border itself is mostly ink."""
    frame = np.ones(grey.shape, bool)
    frame[1:-1, 1:-1] = False
    border = np.sort(grey[frame])
    paper = float(border[(border.size - 1) // 2])
    if 0 < paper < grey.max() / 2:
        np.maximum(np.subtract(grey, paper, out=grey), 0, out=grey)
    return grey


def _scale(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """To 20 pixels on the longer side, anti-aliased by a triangle filter that widens with the reduction."""
    height, width = (max(1, math.floor(side * BOX / max(grey.shape) + 0.5)) for side in grey.shape)
    resized = Image.fromarray(grey.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float64).copy()


def _offset(small: NDArray[np.float64], axis: int) -> int:
    """Where the first row (column) goes, so that the centre of mass falls nearest the middle of the frame."""
    mass = small.sum(axis=1 - axis)
    centre = float((mass * np.arange(len(mass))).sum() / mass.sum())
    return min(max(math.floor(MIDDLE - centre + 0.5 + TIE), 0), FRAME - len(mass))
