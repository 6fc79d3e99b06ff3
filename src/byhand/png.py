"""Pixels as a PNG in a `data:` address, for pages and notebooks that have no other file."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray


def address(pixels: NDArray[np.uint8]) -> str:
    """The address of an image: (H, W) grey, (H, W, 3) colours or (H, W, 4) with its transparency.

    >>> address(np.zeros((2, 2), np.uint8))[:22]
    'data:image/png;base64,'
    """
    from PIL import Image  # only where something is drawn

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
