"""A sentence as vectors: sharp at any size, and to be cut, plotted or printed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from byhand.backend import Array
from byhand.draw.animation import Style
from byhand.writing.centre_lines import drawing
from byhand.writing.frames import CAPITAL, STROKE, middle_grey
from byhand.writing.layout import Page, Placed
from byhand.writing.letters import Letter

SPAN = 9  # points of a smooth line from one Bezier curve's end to the next: a little more than two pixels of the letter


def outline(page: Page, letters: Sequence[Letter], style: Style, scale: float = 1.0, pen: float = 1.0) -> str:
    """The finished sentence as SVG: a group a letter, with its name; strokes are lines of one width, as a plotter draws them."""
    unit = CAPITAL * scale
    width, height = page.width * unit, page.height * unit
    colours = ["#" + "".join(f"{part:02x}" for part in colour) for colour in (style.paper, style.ink)]
    paper = "" if style.transparent else f'<rect width="100%" height="100%" fill="{colours[0]}"/>\n'
    body = "\n".join(
        f"<g><title>{_escaped(letter.character)}</title>{_paths(letter, placed, unit, pen, colours[1])}</g>"
        for letter, placed in ((letters[placed.index], placed) for placed in page.placed)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.2f} {height:.2f}">\n{paper}<g fill="none" stroke="{colours[1]}" '
        f'stroke-width="{STROKE * pen * unit:.2f}" stroke-linecap="round" stroke-linejoin="round">\n{body}\n</g>\n</svg>\n'
    )


def _paths(letter: Letter, placed: Placed, unit: float, pen: float, ink: str) -> str:
    drawn = drawing(letter.ink, middle_grey(letter.ink, placed.pixel, pen))
    corner, size = np.array([placed.left, placed.top]) * unit, placed.pixel * unit
    lines = [curves(corner + stroke.points * size, stroke.closed) for stroke in drawn.strokes]
    edges = [curves(corner + edge * size, True) for edge in drawn.outlines]
    found = f'<path d="{"".join(lines)}"/>' if lines else ""
    return found + (f'<path fill="{ink}" stroke="none" fill-rule="evenodd" d="{"".join(edges)}"/>' if edges else "")


def curves(points: Array, closed: bool) -> str:
    """A smooth line through points as cubic Bezier curves, from every ninth to the next, with tangents of Catmull and Rom.

    Source: Catmull and Rom (1974), "A class of local interpolating splines": at each point the tangent of its neighbours' chord.
    """
    if len(points) == 1:  # a dot: a line of no length with round ends
        return f"M{_at(points[0])}l0 0"
    parts = max(1, round(len(points) / SPAN))
    if closed:
        knots = points[np.round(np.arange(max(3, parts)) * len(points) / max(3, parts)).astype(int)]
        around = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        knots = points[np.round(np.linspace(0, len(points) - 1, parts + 1)).astype(int)]
        around = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    found = f"M{_at(around[1])}"
    for before, start, end, after in zip(around, around[1:], around[2:], around[3:], strict=False):
        found += f"C{_at(start + (end - before) / 6)} {_at(end - (after - start) / 6)} {_at(end)}"
    return found + ("Z" if closed else "")


def _at(point: Array) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _escaped(character: str) -> str:
    return {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(character, character)
