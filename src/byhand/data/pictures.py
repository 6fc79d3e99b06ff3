"""Pictures of anything, as they are: scaled to one square size, in colour or grey, never cropped.

What is being looked at may stand anywhere and have any colour, so nothing is centred and nothing is turned into ink on paper
(`byhand.data.prepare` does that for characters). A picture that is not square keeps its proportions, and the margins get the
mean colour of its own border.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from byhand import limits
from byhand.data.picture_file import opened
from byhand.data.prepare import Prepared, prepare_file
from byhand.errors import DataError

Pixels = NDArray[np.uint8]
PREPARATIONS = ("auto", "scaled", "mnist")
SMALLEST, LARGEST = 8, 512  # pixels on a side of what a network reads
USUAL_SIDE = 32  # unless another is asked for: what two cores train on in minutes
COLOURFUL = 24  # levels between the largest and the least channel of a pixel: more is a colour, less a warm or a cold grey
SOME = 0.002  # of the pixels of a picture: so many with a colour make it a coloured one


@dataclass(frozen=True)
class PicturePreparation:
    """How pictures became inputs: scaled to side x side pixels, with the three channels of colour or one of grey."""

    side: int
    colour: bool

    def to_json(self) -> dict[str, Any]:
        """As a model file keeps it."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.side} x {self.side} {'colour' if self.colour else 'grey'}"


def preparation_of(preprocessing: dict[str, Any]) -> PicturePreparation | None:
    """How a model with this `preprocessing` was trained to read pictures; None where they were prepared as MNIST's."""
    told = preprocessing.get("pictures")
    if not isinstance(told, dict):
        return None
    return PicturePreparation(size_checked(told.get("side")), limits.truth("colour", told.get("colour"), DataError))


def size_checked(size: Any) -> int:
    """A side that pictures may be scaled to: from 8 to 512 pixels; raises DataError for others."""
    return limits.whole("size", size, SMALLEST, LARGEST, error=DataError)


def prepare_for(preprocessing: dict[str, Any], path: Path, ink: str = "auto") -> Prepared:
    """The picture in a file as a model with this `preprocessing` was trained to read it; raises DataError where it is none."""
    how = preparation_of(preprocessing)
    if how is None:
        return prepare_file(path, ink)
    pixels = scaled(open_picture(path), how.side)
    return Prepared(pixels if how.colour else grey(pixels), empty=False)


def open_picture(path: Path) -> Image.Image:
    """A picture file as red, green and blue of 8 bits, the right way up, whatever it was: alpha is laid on white.

    Raises DataError for a file that is no picture, is damaged, or is absurdly large.
    """
    with opened(path) as image:
        image.load()
        return _red_green_blue(ImageOps.exif_transpose(image))


def scaled(image: Image.Image, side: int) -> Pixels:
    """A picture as (side, side, 3) bytes: its longer side becomes `side`, and margins get the mean colour of its border.

    >>> scaled(Image.new("RGB", (60, 30), (200, 0, 0)), 8)[0, 0].tolist()
    [200, 0, 0]
    """
    if image.size == (side, side):
        return np.asarray(image)
    share = side / max(image.size)
    width, height = (max(1, round(length * share)) for length in image.size)
    small = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0))
    if width == height:
        return small
    pixels = np.empty((side, side, 3), np.uint8)
    pixels[:] = border(small).mean(axis=0).round()
    top, left = (side - height) // 2, (side - width) // 2
    pixels[top : top + height, left : left + width] = small
    return pixels


def border(pixels: Any) -> Any:
    """The pixels of the frame one pixel wide, (n, channels)."""
    return np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])


def grey(pixels: Pixels) -> Pixels:
    """The brightness (..., 1) of red, green and blue (..., 3)."""
    levels = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.floor(levels + np.float32(0.5)).astype(np.uint8)[..., None]


def is_coloured(pixels: Pixels) -> bool:
    """Whether a picture (H, W, 3) shows colours, and not only greys."""
    spread = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)
    return bool((spread > COLOURFUL).mean() > SOME)


def looks_like_ink(pixels: Pixels) -> bool:
    """Whether a picture (H, W, 3) looks like a character: a border of one shade, black or white, and few strokes of the other.

    >>> page = np.full((40, 40, 3), 255, np.uint8); page[5:35, 18:22] = 0
    >>> looks_like_ink(page), looks_like_ink(255 - page // 3)
    (True, False)
    """
    if is_coloured(pixels):
        return False
    levels = grey(pixels)
    frame = border(levels).astype(np.int16)
    paper = int(np.median(frame))
    if 64 <= paper <= 191 or (np.abs(frame - paper) > 40).mean() > 0.1:
        return False
    ink = np.abs(levels.astype(np.int16) - paper)
    marked = ink > 40
    return bool(0.003 < marked.mean() < 0.35 and (ink[marked] > 0.7 * ink.max()).mean() > 0.35 and ink.max() > 100)


def _red_green_blue(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits: Pillow's own conversion cuts them off at 255
        levels = np.asarray(image.convert("F"), np.float32) / np.float32(257 if image.mode.startswith("I") else 1)
        return Image.fromarray(np.clip(levels + 0.5, 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")
