"""The frames of a written sentence: letters come out of the noise one after the other, in reading order, and then stay.

A letter on its way is shown as the network's pixels; at the end of it a pen follows the middle of its strokes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from byhand.backend import Array
from byhand.draw.animation import Frame
from byhand.errors import ByhandError
from byhand.writing.centre_lines import drawing
from byhand.writing.layout import Page
from byhand.writing.letters import SIDE, Letter
from byhand.writing.pen import inked

SHOWN = 18  # frames of each letter
LATER = 2.0  # frames after which the next letter begins
LONGEST = 64  # frames from the first letter's beginning to the last one's
PACE, HOLD = 55, 2_800  # ms a frame, and of the last
CAPITAL = 46  # pixels, at scale 1
LARGEST = 40_000_000  # pixels of a frame
STROKE = 0.1  # width of a stroke, in heights of a capital, where the pen's factor is 1
EDGE = 0.34  # grey levels, of 1, between paper and ink
WRITTEN = 0.9  # the signal rate from which the pen's ink takes the place of the pixels
LIGHTEST, DARKEST = 0.2, 0.8  # of the grey that parts ink from paper


@dataclass(frozen=True)
class Inked:
    """A letter in its place: its frame's upper left corner and side in pixels, its middle grey, and a pen's ink of it."""

    letter: Letter
    left: int
    top: int
    side: int
    middle: float
    pen: Array


def inked_letters(page: Page, letters: Sequence[Letter], unit: float, pen: float) -> list[Inked]:
    """Every letter as a pen writes it that is `pen` times as wide as usual, at `unit` pixels for the height of a capital."""
    found = []
    for placed in page.placed:
        letter = letters[placed.index]
        middle = middle_grey(letter.ink, placed.pixel, pen)
        side = max(1, round(SIDE * placed.pixel * unit))
        ink = inked(drawing(letter.ink, middle), (side, side), side / SIDE, STROKE * pen * unit / 2)
        found.append(Inked(letter, round(placed.left * unit), round(placed.top * unit), side, middle, ink))
    return found


def picture(page: Page, letters: Sequence[Letter], scale: float = 1.0, pen: float = 1.0) -> Frame:
    """The finished sentence, (H, W), 0 for paper to 255 for ink."""
    unit = _unit(page, scale)
    sheet = _sheet(page, unit)
    for one in inked_letters(page, letters, unit, pen):
        _put(sheet, one, one.pen)
    return _levels(sheet)


def frames(page: Page, letters: Sequence[Letter], scale: float = 1.0, pen: float = 1.0) -> tuple[list[Frame], list[int]]:
    """Frames (H, W) and how long each is shown, in ms."""
    unit, count = _unit(page, scale), len(page.placed)
    later = min(LATER, LONGEST / max(1, count - 1))
    begins = [round(k * later) for k in range(count)]
    written = inked_letters(page, letters, unit, pen)
    shown, times = [], []
    finished = _sheet(page, unit)  # what will not change any more
    for now in range(begins[-1] + SHOWN):
        sheet = finished.copy()
        for one, begin in zip(written, begins, strict=True):
            age = now - begin
            if 0 <= age < SHOWN:
                _put(sheet, one, _coming(one, frame_at(one.letter.signal_rates, age)))
            if age == SHOWN - 1:
                _put(finished, one, one.pen)
        shown.append(_levels(sheet))
        times.append(PACE)
    times[-1] = HOLD
    return shown, times


def frame_at(signal_rates: Array, age: int) -> int:
    """Which of a letter's frames is shown at an age of 0 to SHOWN - 1: most of them while the letter forms.

    The signal rate of the frame goes from 0 to 1; the ages go through it evenly, but for a gentle beginning.
    """
    target = (age / (SHOWN - 1)) ** 1.3
    if age == SHOWN - 1:
        return len(signal_rates) - 1
    # Towards the end a rate of almost 1 stays long: half of the way by rate, half by time.
    way = 0.5 * signal_rates / signal_rates[-1] + 0.5 * np.linspace(0, 1, len(signal_rates))
    return int(np.abs(way - target).argmin())


def _unit(page: Page, scale: float) -> float:
    if not 0.1 <= scale <= 100:
        raise ByhandError(f"scale must be from 0.1 to 100, got {scale:g}")
    unit = CAPITAL * scale
    if page.width * page.height * unit * unit > LARGEST:
        raise ByhandError(
            f"the picture would be {page.width * unit:,.0f} x {page.height * unit:,.0f} pixels: choose a smaller scale, or .svg"
        )
    return unit


def _sheet(page: Page, unit: float) -> Array:
    return np.zeros((round(page.height * unit), round(page.width * unit)), np.float32)


def _levels(sheet: Array) -> Frame:
    return np.round(255 * np.clip(sheet, 0, 1)).astype(np.uint8)


def _coming(one: Inked, at: int) -> Array:
    """A letter on its way out of the noise: the network's pixels, which become ink, and at last the pen's."""
    signal_rate, side = float(one.letter.signal_rates[at]), one.side
    if signal_rate >= 0.999:
        return one.pen
    large = np.asarray(Image.fromarray(one.letter.frames[at], "F").resize((side, side), Image.Resampling.BICUBIC))
    veil = np.asarray(Image.fromarray(_veil(), "F").resize((side, side), Image.Resampling.BILINEAR))
    settled, written = signal_rate**3, max(0.0, signal_rate - WRITTEN) / (1 - WRITTEN)
    noisy = np.clip(large, 0, 1) * (0.55 + 0.25 * signal_rate)
    ink = (1 - written) * as_ink(large, one.middle) + written * one.pen
    # The noise fades towards the frame's edge: where letters stand close, their frames would be seen as squares.
    return np.asarray((settled * ink + (1 - settled) * noisy) * (settled**2 + (1 - settled**2) * veil))


def _put(sheet: Array, one: Inked, ink: Array) -> None:
    """Onto the sheet; where two letters meet, the darker ink stays."""
    left, top, side = one.left, one.top, one.side
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(sheet.shape[1], left + side), min(sheet.shape[0], top + side)
    if x0 < x1 and y0 < y1:
        part = sheet[y0:y1, x0:x1]
        np.maximum(part, ink[y0 - top : y1 - top, x0 - left : x1 - left], out=part)


def as_ink(grey: Array, middle: float) -> Array:
    """Grey as ink: what is lighter than `middle` is paper, what is darker ink, with an edge that is soft for the eye."""
    return np.clip((grey - middle) / EDGE + 0.5, 0, 1)


def middle_grey(ink: Array, pixel: float, pen: float = 1.0) -> float:
    """The grey that parts a letter's ink from its paper such that its strokes are as wide as the pen.

    A letter that was made small has thin strokes: there a lighter grey counts as ink already. A stroke of width w has twice the
    area divided by the length of its outline; both shrink as the grey rises, so it is found by halving.
    """
    large = np.asarray(Image.fromarray(ink.astype(np.float32), "F").resize((112, 112), Image.Resampling.BICUBIC))
    low, high = LIGHTEST, DARKEST
    for _ in range(6):
        middle = (low + high) / 2
        dark = as_ink(large, middle)
        down, across = np.gradient(dark)
        outline = float(np.hypot(down, across).sum())
        if outline > 0 and 2 * float(dark.sum()) / outline * pixel / 4 > STROKE * pen:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _veil() -> Array:
    """1 in the middle of a frame, 0 at its rounded edge, (28, 28)."""
    along = np.abs((np.arange(28) - 13.5) / 14) ** 3
    away = np.cbrt(along[:, None] + along)
    return np.clip((0.97 - away) / 0.45, 0, 1).astype(np.float32)
