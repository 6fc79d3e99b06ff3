"""Typesetting: letters at their sizes, on a line, at natural distances, in lines that are centred.

All lengths are in units of the height of a capital.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from byhand.backend import Array
from byhand.errors import ByhandError
from byhand.writing.characters import BLANK, extent
from byhand.writing.strokes import BASELINE, PIXELS, STROKES

INK = 0.42  # grey from which a pixel counts as ink
GAP, SPACE = 0.15, 0.6  # between two letters, and between two words
CLOSER = 0.14  # how far two letters that leave room for each other move together, at most
LINE = 1.62  # from a baseline to the next
MARGIN = 0.55
SMALLEST, LARGEST = 1 / 44, 1 / 15  # of a pixel
ROWS = 48  # of the profiles by which letters are brought near each other, from a descender's foot to above a capital
WIDEST = 200  # characters a line


@dataclass(frozen=True)
class Placed:
    """Where a letter's 28 x 28 pixels stand: the upper left corner (from the left, from the top) and the size of a pixel."""

    index: int
    left: float
    top: float
    pixel: float


@dataclass(frozen=True)
class Page:
    """Letters in their places on a page of this width and height."""

    width: float
    height: float
    placed: tuple[Placed, ...]


def wrapped(characters: str, width: int) -> list[str]:
    """Lines of whole words of up to `width` characters; a longer word has a line of its own. Line ends of the text stay.

    >>> wrapped("Image generation from scratch", 12)
    ['Image', 'generation', 'from scratch']
    """
    if not 1 <= width <= WIDEST:
        raise ByhandError(f"width must be from 1 to {WIDEST} characters, got {width}")
    lines: list[str] = []
    for paragraph in characters.split("\n"):
        lines.append("")
        for word in filter(None, paragraph.split(" ")):
            if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
                lines.append("")
            lines[-1] += (" " if lines[-1] else "") + word
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def typeset(lines: Sequence[str], inks: Sequence[Array]) -> Page:
    """Set letters, whose pictures (28, 28) are given in reading order, in these lines."""
    rows, index = [], 0
    for line in lines:
        row: list[Placed] = []
        x, before, spaced = 0.0, None, False
        for character in line:
            if character == " ":
                spaced = True
                continue
            if character == BLANK:
                x += SPACE if before is not None or not row else 0.0
                continue
            glyph = _measured(character, inks[index])
            if before is not None:
                x += SPACE if spaced else GAP - _closer(before, glyph)
            row.append(Placed(index, x - glyph.first * glyph.pixel, glyph.rise, glyph.pixel))
            x += glyph.width
            before, spaced, index = glyph, False, index + 1
        rows.append((row, x))
    width = max(length for _, length in rows)
    placed = []
    for number, (row, length) in enumerate(rows):
        baseline = MARGIN + 1.0 + number * LINE
        shift = MARGIN + (width - length) / 2
        placed += [Placed(p.index, p.left + shift, baseline - p.top, p.pixel) for p in row]
    return Page(width + 2 * MARGIN, MARGIN * 2 + 1.28 + (len(rows) - 1) * LINE, tuple(placed))


@dataclass(frozen=True)
class _Measured:
    """A letter's ink: its first column, width, the size of a pixel, how high the frame's upper edge is, and its two profiles."""

    first: int
    width: float
    pixel: float
    rise: float
    left: Array
    right: Array


def _measured(character: str, ink: Array) -> _Measured:
    dark = ink > min(INK, 0.6 * float(ink.max(initial=0)))
    down, across = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    if len(down) == 0:  # nothing came out of the noise: as if the frame were full
        down = across = np.arange(4, 24)
    if character in STROKES:
        pixel, rise = 1 / PIXELS, BASELINE / PIXELS
    else:
        bottom, top = extent(character)
        pixel = float(np.clip((top - bottom) / (down[-1] - down[0] + 1), SMALLEST, LARGEST))
        if (across[-1] - across[0] + 1) * pixel > 1.25 * max(top - bottom, 0.62):  # nobody writes that wide
            pixel = 1.25 * max(top - bottom, 0.62) / (across[-1] - across[0] + 1)
        # Where the size was held back, the foot still stands where it should.
        rise = bottom + (down[-1] + 1) * pixel
    width = (across[-1] - across[0] + 1) * pixel
    left, right = np.full(ROWS, np.inf), np.full(ROWS, np.inf)
    for row in range(dark.shape[0]):
        columns = np.flatnonzero(dark[row])
        if len(columns):
            # A row of pixels covers some rows of the profile.
            high, low = rise - row * pixel, rise - (row + 1) * pixel
            covered = slice(max(0, int((low + 0.45) / 1.7 * ROWS)), max(0, int((high + 0.45) / 1.7 * ROWS) + 1))
            left[covered] = np.minimum(left[covered], (columns[0] - across[0]) * pixel)
            right[covered] = np.minimum(right[covered], (across[-1] - columns[-1]) * pixel)
    return _Measured(int(across[0]), width, pixel, rise, left, right)


def _closer(before: _Measured, after: _Measured) -> float:
    """How far the second letter can move into room that the first leaves, as the V of AV."""
    near = 2  # rows above and below count too: strokes that pass each other closely look as if they touched
    distance = min(float(before.right[max(0, row - near) : row + near + 1].min()) + float(after.left[row]) for row in range(ROWS))
    return float(np.clip(distance, 0, CLOSER))
