"""A walk through latent spaces: from the code of one image to the code of another, several networks side by side.

At every step of the way the decoders draw what they take the code for. A straight way is the shortest; a spherical one keeps its
distance from the origin, as Gaussian codes of many dimensions do (White 2016, arXiv:1609.04468, section 2.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from byhand.backend import Array
from byhand.draw.animation import Frame
from byhand.draw.square import is_square, levels, square
from byhand.errors import ByhandError

LARGE = 196  # pixels on a side of the large pictures: 7 for each of MNIST's
MARGIN, GAP = 28, 36  # pixels
SMALL = 56  # of the two images between which one walks
MOST = 1_000  # moments of a walk
NEIGHBOURS = 50


class Coder(Protocol):
    """What can be walked through: an autoencoder or a VAE."""

    def code(self, x: Array) -> Array: ...
    def decode(self, z: Array) -> Array: ...


@dataclass(frozen=True)
class Walk:
    """What each network draws on the way.

    Attributes:
        names: of the networks. shares: (T,) how far along each moment is, from 0 to 1.
        drawn: one (T, n) a network. ends: the two images, (2, n): square ones, grey or in colour.
    """

    names: tuple[str, ...]
    shares: Array
    drawn: tuple[Array, ...]
    ends: Array


def way(start: Array, end: Array, shares: Array, spherical: bool = False) -> Array:
    r"""The codes on the way, (T, d).

    Equation:
        z(t) = (1 - t) z_0 + t z_1, \qquad \text{spherical: } z(t) = \frac{\sin((1 - t) \theta)}{\sin \theta} z_0
        + \frac{\sin(t \theta)}{\sin \theta} z_1
    Shapes:
        start, end: (d,), shares t: (T,), theta the angle between the two -> (T, d)
    Source:
        Shoemake (1985), "Animating rotation with quaternion curves", section 3.3

    >>> way(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.5]), spherical=True).round(3)
    array([[0.707, 0.707]])
    """
    t = shares[:, None]
    lengths = np.linalg.norm(start) * np.linalg.norm(end)
    theta = math.acos(float(np.clip(start @ end / lengths, -1, 1))) if lengths > 0 else 0.0
    if not spherical or math.sin(theta) < 1e-4:  # in one line with the origin there is no arc to follow
        return (1 - t) * start + t * end
    return (np.sin((1 - t) * theta) * start + np.sin(t * theta) * end) / math.sin(theta)


def eased(count: int) -> Array:
    r"""Moments from 0 to 1 that set out and arrive gently: t = (1 - \cos(\pi s)) / 2; raises ByhandError for fewer than 2.

    >>> eased(3)
    array([0. , 0.5, 1. ])
    """
    if not 2 <= count <= MOST:
        raise ByhandError(f"a walk of {count:,} steps cannot be drawn: choose 2 to {MOST:,}")
    return 0.5 - 0.5 * np.cos(np.pi * np.linspace(0, 1, count))


def walk(coders: dict[str, Any], ends: Array, shares: Array, spherical: bool = False) -> Walk:
    """Walk from the first to the second of two images (2, n) in [0, 1], through each network's own latent space.

    `shares` (T,), from 0 to 1, are the moments at which is drawn: `eased` ones for what moves, even ones for paper.
    """
    if ends.ndim != 2 or len(ends) != 2 or not is_square(ends.shape[1]):
        wanted = ends.shape[1] if ends.ndim == 2 and is_square(ends.shape[1]) else "n"
        raise ByhandError(f"the two images of a walk must be (2, {wanted}), got {ends.shape}")
    drawn = []
    for coder in coders.values():
        start, end = coder.code(ends)
        drawn.append(coder.decode(way(start, end, shares, spherical)))
    return Walk(tuple(coders), shares, tuple(drawn), ends)


def frames(walked: Walk, hold: int = 900, pace: int = 40) -> tuple[list[Frame], list[int]]:
    """There and back again: frames (H, W) and how long each is shown, in ms; `hold` at both ends, `pace` between."""
    there = [_frame(walked, i) for i in range(len(walked.shares))]
    times = [hold, *[pace] * (len(there) - 2), hold]
    return [*there, *there[-2:0:-1]], [*times, *times[-2:0:-1]]


def strip(walked: Walk) -> Frame:
    """The walk for print: a row a network, its name before it, all moments from one end to the other."""
    count, font = len(walked.shares), _font(26)
    label = max(int(font.getlength(name)) for name in walked.names) + 24
    size, gap = LARGE // 7 * 4, 8
    sheet = Image.new(_mode(walked), (label + count * (size + gap) - gap + 24, len(walked.names) * (size + gap) + 48), 0)
    draw = ImageDraw.Draw(sheet)
    for row, (name, pictures) in enumerate(zip(walked.names, walked.drawn, strict=True)):
        top = 12 + row * (size + gap)
        draw.text((12, top + size // 2), name, fill=_shade(walked, 255), font=font, anchor="lm")
        for column, picture in enumerate(pictures):
            sheet.paste(_large(picture, size), (label + column * (size + gap), top))
    for column, share in enumerate(walked.shares):
        draw.text(
            (label + column * (size + gap) + size // 2, sheet.height - 14),
            f"{share:.0%}",
            fill=_shade(walked, 150),
            font=_font(17),
            anchor="ms",
        )
    return np.asarray(sheet)


def _frame(walked: Walk, i: int) -> Frame:
    count, size = len(walked.names), LARGE
    width = 2 * MARGIN + count * size + (count - 1) * GAP
    small = SMALL
    height = MARGIN + size + 54 + small + 20
    sheet = Image.new(_mode(walked), (width, height), 0)
    draw = ImageDraw.Draw(sheet)
    for place, (name, pictures) in enumerate(zip(walked.names, walked.drawn, strict=True)):
        left = MARGIN + place * (size + GAP)
        sheet.paste(_large(pictures[i], size), (left, MARGIN))
        draw.text((left + size // 2, MARGIN + size + 24), name, fill=_shade(walked, 225), font=_font(19), anchor="mm")
    # Below: the two images, and how far along the way between them this is.
    top, middle = height - small - 14, height - 14 - small // 2
    for x, image in ((MARGIN, walked.ends[0]), (width - MARGIN - small, walked.ends[1])):
        sheet.paste(_large(image, small), (x, top))
    first, last = MARGIN + small + 20, width - MARGIN - small - 20
    draw.line([(first, middle), (last, middle)], fill=_shade(walked, 80), width=2)
    here = first + (last - first) * float(walked.shares[i])
    draw.line([(first, middle), (here, middle)], fill=_shade(walked, 170), width=2)
    draw.ellipse([here - 6, middle - 6, here + 6, middle + 6], fill=_shade(walked, 255))
    return np.asarray(sheet)


def _large(pixels: Any, size: int) -> Image.Image:
    return Image.fromarray(levels(pixels[None])[0]).resize((size, size), Image.Resampling.BICUBIC)


def _mode(walked: Walk) -> str:
    return "L" if len(square(walked.ends.shape[1])) == 2 else "RGB"


def _shade(walked: Walk, grey: int) -> Any:
    """A grey in the mode of the walk's pictures."""
    return grey if _mode(walked) == "L" else (grey, grey, grey)


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def typical(coder: Any, images: Array, labels: Any, digit: int) -> int:
    """The index of the image of a class that has most others near it, by their codes: a digit as most write it.

    (The one nearest to the middle of its class may be an odd one: where there are two ways to write a 7, it stands between them.)
    """
    members = np.flatnonzero(np.asarray(labels) == digit)
    if len(members) == 0:
        raise ByhandError(f"there is no image of class {digit} here")
    codes = coder.code(images[members]).astype(np.float64)
    square = np.square(codes).sum(axis=1)
    distances = square[:, None] - 2 * codes @ codes.T + square  # squared distances
    near = np.sort(distances, axis=1)[:, : NEIGHBOURS + 1]
    return int(members[near.mean(axis=1).argmin()])
