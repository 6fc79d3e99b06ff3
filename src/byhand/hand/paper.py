"""How bright the paper of a photographed sheet is at each place.

`byhand.data.photograph` knows the same of a picture of a few characters, by a grid of 40 cells. A sheet has 124 of them, and
marks as large as a character, so here the window is given in pixels.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from byhand.data.photograph import Grey


def paper_brightness(grey: Grey, window: float, cell: int = 4) -> Grey:
    """How bright paper is at each place, (H, W): what is darker and narrower than `window` pixels is filled up (a closing).

    So it follows the light, and even the edge of a shadow, but no stroke of a pen.
    """
    small = Image.fromarray(grey.astype(np.uint8)).reduce(cell).filter(ImageFilter.MedianFilter(3))
    size = max(3, 2 * round(window / cell / 2) + 1)
    closed = small.filter(ImageFilter.MaxFilter(size)).filter(ImageFilter.MinFilter(size)).filter(ImageFilter.GaussianBlur(1.5))
    brightness = closed.resize((grey.shape[1], grey.shape[0]), Image.Resampling.BILINEAR)
    return np.maximum(np.asarray(brightness, np.float64), 1)
