"""What makes a prepared picture doubtful: no preparation can know what is cut off, or which of several characters is meant.

A network names a class for whatever it is given, often with an output near 1, so this is told beside its answer. The drawing
page does the same (`web/page/doubt.js`), and a test holds the two together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float64]

SMALLEST = 64  # pixels of the shorter side: what is smaller was cut out by somebody, closely as a rule
STRONG = 0.5  # of the brightest pixel: so strong at the border, it is a stroke that goes on behind it
LEAST = 12  # pixels of the ink's longer side: below, its shape is a guess
BAND = 4  # times as wide as high: no character is
PART = 0.2  # of all ink: so much on both sides of a gap, it parts two characters
GAP = 0.1  # of the ink's height: bars of one character lie nearer above each other; columns without ink part at any width


def doubt_of(ink: Grey, whole: Grey) -> str:
    """Why the reading of a picture is doubtful, in words; "" where nothing speaks against it.

    `ink` is the part (h, w) of the picture `whole` (H, W) that has ink, white on black, 0 where there is none.

    >>> page = np.zeros((100, 100)); page[20:80, 20:26] = page[20:80, 60:66] = 255
    >>> doubt_of(page[20:80, 20:66], page)
    'there are several pieces of ink, and one character is read at a time'
    """
    if min(whole.shape) < SMALLEST:
        return ""
    border = max(float(line.max()) for line in (whole[0], whole[-1], whole[:, 0], whole[:, -1]))
    height, width = ink.shape
    if border >= STRONG * ink.max():
        return "ink touches the border, and a part may be cut off"
    if max(height, width) < LEAST:
        return f"there is almost no ink: {width} x {height} pixels"
    if _parted(ink.sum(axis=0), 1) or _parted(ink.sum(axis=1), GAP * height):
        return "there are several pieces of ink, and one character is read at a time"
    if width > BAND * height:
        return f"the ink is a band, {width} x {height} pixels"
    return ""


def _parted(sums: Grey, gap: float) -> bool:
    """Whether lines without ink, so many in a row, have a good part of the ink on both sides."""
    total, before, empty = float(sums.sum()), 0.0, 0
    for one in sums.tolist():
        if one == 0:
            empty += 1
            continue
        if empty >= gap and min(before, total - before) >= PART * total:
            return True
        empty = 0
        before += one
    return False
