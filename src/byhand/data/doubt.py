"""What makes a prepared picture of one character doubtful: no preparation can know what is cut off.

A network names a class for whatever it is given, often with an output near 1, so this is told beside its answer. The drawing
page does the same (`web/page/doubt.js`), and a test holds the two together. Which of several characters are meant need not be
known: each is cut out and read (`characters.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float64]

SMALLEST = 64  # pixels of the shorter side: what is smaller was cut out by somebody, closely as a rule
STRONG = 0.5  # of the brightest pixel: so strong at the border, it is a stroke that goes on behind it
LEAST = 12  # pixels of the ink's longer side: below, its shape is a guess
BAND = 4  # times as wide as high: no character is


def doubt_of(ink: Grey, whole: Grey) -> str:
    """Why the reading of a picture is doubtful, in words; "" where nothing speaks against it.

    `ink` is the part (h, w) of the picture `whole` (H, W) that has ink, white on black, 0 where there is none.

    >>> page = np.zeros((100, 100)); page[0:80, 20:26] = 255
    >>> doubt_of(page[0:80, 20:26], page)
    'ink touches the border, and a part may be cut off'
    """
    if min(whole.shape) < SMALLEST:
        return ""
    border = max(float(line.max()) for line in (whole[0], whole[-1], whole[:, 0], whole[:, -1]))
    height, width = ink.shape
    if border >= STRONG * ink.max():
        return "ink touches the border, and a part may be cut off"
    if max(height, width) < LEAST:
        return f"there is almost no ink: {width} x {height} pixels"
    if width > BAND * height:
        return f"the ink is a band, {width} x {height} pixels"
    return ""
