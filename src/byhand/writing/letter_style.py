r"""What a hand is recognised by: how far its letters lean and how broad they are, measured on pictures of single letters.

    slant   = mean angle of all edges within 45 degrees of the vertical, weighted by their contrast; positive leans to the right
    breadth = ln(width / height) of the ink

A z leans as a z does, in whatever hand: so both are compared with what is usual for the character (`usual`).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from PIL import Image

from byhand.backend import Array

SIDE = 28
FINER = 2  # the measures are taken on letters twice as fine
GREY, EDGE = 0.4, 0.34  # the grey that parts ink from paper, and how soft the edge between them is
LEAST = 0.05  # of the darkest grey there must be, or there is no letter to measure


def slants(pictures: Array) -> Array:
    """The slant of each letter in degrees, (N,), of pictures (N, 28, 28) in [0, 1]."""
    return _slants(_ink(_finer(pictures)))


def breadths(pictures: Array) -> Array:
    """ln(width / height) of the ink of each letter, (N,); 0 where there is none."""
    dark = _ink(_finer(pictures)) > 0.5
    width, height = _length(dark.any(axis=1)), _length(dark.any(axis=2))
    return np.where(height > 0, np.log(np.maximum(width, 1) / np.maximum(height, 1)), 0.0)


def leaning(pictures: Array, shear: float, stretch: Array | float = 1.0) -> Array:
    """Letters that lean further by `shear` columns a row, and are broader by the factor `stretch`, about the frame's centre.

    Each pixel is looked up where it came from: x' = c + (x - c) / stretch + shear (y - c), between pixels by cubic splines.
    """
    side = pictures.shape[-1]
    middle = side / 2
    turned = []
    for picture, factor in zip(pictures, np.broadcast_to(stretch, len(pictures)), strict=True):
        along = 1 / float(factor)
        given = (along, shear, middle * (1 - along - shear), 0.0, 1.0, 0.0)
        image = Image.fromarray(np.asarray(picture, np.float32), "F")
        turned.append(np.asarray(image.transform((side, side), Image.Transform.AFFINE, given, Image.Resampling.BICUBIC)))
    return np.clip(np.stack(turned), 0, 1) if turned else np.asarray(pictures)


@cache
def usual() -> dict[str, tuple[float, float]]:
    """Slant and breadth that are usual for each character: means over images of EMNIST, by `scripts/usual_letters.py`."""
    held = json.loads(files("byhand.writing").joinpath("usual_letters.json").read_text(encoding="utf-8"))
    return {character: (float(slant), float(breadth)) for character, (slant, breadth) in held.items()}


def upright_shear(picture: Array, slant: float) -> float:
    """The shear that gives a letter this measured slant: found among shears of up to 30 degrees; 0 where there is no ink.

    A round letter's edges turn by less than the shear does, a stem's by all of it; so the shear is looked for, not computed.
    """
    if float(picture.max(initial=0)) < LEAST:
        return 0.0
    tried = np.linspace(-0.58, 0.58, 13)
    fine = _finer(picture[None])
    found = np.concatenate([_slants(_ink(leaning(fine, shear))) for shear in tried])
    order = np.argsort(found, kind="stable")
    return float(np.interp(slant, found[order], tried[order]))


def _finer(pictures: Array) -> Array:
    side = SIDE * FINER
    return np.stack(
        [
            np.asarray(Image.fromarray(np.asarray(one, np.float32), "F").resize((side, side), Image.Resampling.BICUBIC))
            for one in pictures
        ]
    )


def _ink(fine: Array) -> Array:
    return np.pad(np.clip((fine - GREY) / EDGE + 0.5, 0, 1), ((0, 0), (2, 2), (2, 2)))


def _slants(ink: Array) -> Array:
    down, across = np.gradient(ink, axis=(1, 2))
    contrast = np.hypot(down, across)
    angle = (np.arctan2(down, across) + np.pi / 2) % np.pi - np.pi / 2  # of an edge from the vertical
    weight = contrast * (np.abs(angle) < np.pi / 4)
    return np.degrees((weight * angle).sum(axis=(1, 2)) / np.maximum(weight.sum(axis=(1, 2)), 1e-6))


def _length(dark: Any) -> Array:
    """From the first to the last of each row of booleans that is true."""
    return np.where(dark.any(axis=1), dark.shape[1] - dark[:, ::-1].argmax(axis=1) - dark.argmax(axis=1), 0)
