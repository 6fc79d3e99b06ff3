"""A sentence as vector outlines: sharp at any size, and to be cut, plotted or printed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from byhand.backend import Array
from byhand.draw.animation import Style
from byhand.writing.frames import CAPITAL, inked, middle_grey
from byhand.writing.layout import Page, Placed
from byhand.writing.letters import Letter

FINER = 4  # times as fine as the letter's pixels


def outline(page: Page, letters: Sequence[Letter], style: Style, scale: float = 1.0) -> str:
    """The finished sentence as SVG: one path a letter, with its name."""
    unit = CAPITAL * scale
    width, height = page.width * unit, page.height * unit
    colours = ["#" + "".join(f"{part:02x}" for part in colour) for colour in (style.paper, style.ink)]
    paper = "" if style.transparent else f'<rect width="100%" height="100%" fill="{colours[0]}"/>\n'
    paths = [_path(letters[placed.index], placed, unit) for placed in page.placed]
    body = "\n".join(
        f'<path d="{path}"><title>{_escaped(letters[placed.index].character)}</title></path>'
        for path, placed in zip(paths, page.placed, strict=True)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.2f} {height:.2f}">\n{paper}<g fill="{colours[1]}" fill-rule="evenodd">\n{body}\n</g>\n</svg>\n'
    )


def _path(letter: Letter, placed: Placed, unit: float) -> str:
    from contourpy import contour_generator

    side = 28 * FINER
    large: Array = np.asarray(Image.fromarray(letter.ink, "F").resize((side, side), Image.Resampling.BICUBIC))
    ink = np.pad(inked(large, middle_grey(letter.ink, placed.pixel)), 1)
    step = placed.pixel * unit / FINER
    lines = contour_generator(z=ink).lines(0.5)
    pieces = []
    for line in lines:
        points = np.asarray(line)[:: 2 if len(line) > 24 else 1]  # every second point is enough for the eye
        x = placed.left * unit + (points[:, 0] - 0.5) * step
        y = placed.top * unit + (points[:, 1] - 0.5) * step
        pieces.append("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)) + "Z")
    return "".join(pieces)


def _escaped(character: str) -> str:
    return {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(character, character)
