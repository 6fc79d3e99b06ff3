"""What a history, a data set and a model show of themselves in a notebook: small tables, curves and pictures as plain HTML.

Jupyter calls `_repr_html_` of what a cell returns. Nothing here runs a script or reaches another file.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from byhand import png
from byhand.colours import ACCENT, INK, SECOND

WIDTH, HEIGHT, MARGIN = 460, 160, 34  # of curves, in pixels
SHOWN_SIZE = 56  # pixels that a small picture is drawn at
COLOURS = (ACCENT, SECOND)


def heading(text: str) -> str:
    """One line above the rest."""
    return f'<p style="margin:0.3em 0"><strong>{html.escape(text)}</strong></p>'


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows of words and numbers under their heads; numbers with five digits.

    >>> table(("what", "how many"), [("a < b", 3)]).partition("<tbody>")[2]
    '<tr><td>a &lt; b</td><td>3</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(_told(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _told(cell: Any) -> str:
    if cell is None:
        return ""
    return f"{cell:.5g}" if isinstance(cell, float | np.floating) else str(cell)


def curves(named: Mapping[str, Sequence[float | None]], about: str) -> str:
    """Values over the epochs, from 1, as one SVG: a line for each name; what is missing or not finite leaves a gap."""
    known = [value for values in named.values() for value in values if value is not None and math.isfinite(value)]
    length = max(len(values) for values in named.values())
    if not known or length < 2:
        return ""
    least, most = min(*known, 0.0) if min(known) >= 0 else min(known), max(known)
    span = (most - least) or 1.0

    def place(k: int, value: float) -> str:
        x = MARGIN + (WIDTH - 2 * MARGIN) * k / (length - 1)
        return f"{x:.1f},{HEIGHT - MARGIN + 12 - (HEIGHT - MARGIN) * (value - least) / span:.1f}"

    parts = [
        f'<svg role="img" aria-label="{html.escape(about)}" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'style="background:#fff">',
        _text(2, 16, f"{most:.3g}"),
        _text(2, HEIGHT - MARGIN + 16, f"{least:.3g}"),
        _text(MARGIN, HEIGHT - 4, f"{about}, epochs 1 to {length}"),
    ]
    for (name, values), colour in zip(named.items(), COLOURS, strict=False):
        for stretch in _stretches(values):
            points = " ".join(place(k, value) for k, value in stretch)
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(WIDTH - 90, 16 + 16 * list(named).index(name), name, colour))
    return "".join([*parts, "</svg>"])


def _stretches(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The values without a gap in them, with their places; one alone is doubled, so that it is seen."""
    found: list[list[tuple[int, float]]] = [[]]
    for k, value in enumerate(values):
        if value is None or not math.isfinite(value):
            found.append([])
        else:
            found[-1].append((k, value))
    return [stretch if len(stretch) > 1 else stretch * 2 for stretch in found if stretch]


def _text(x: float, y: float, words: str, colour: str = INK) -> str:
    return f'<text x="{x}" y="{y}" font-size="12" font-family="sans-serif" fill="{colour}">{html.escape(words)}</text>'


def pictures(images: Any, names: Sequence[str]) -> str:
    """Images (N, H, W, C) in [0, 1] side by side, each with its name below; C is 1 or 3."""
    parts = []
    for image, name in zip(images, names, strict=True):
        pixels = (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
        address = png.address(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        parts.append(
            f'<figure style="display:inline-block;margin:2px;text-align:center"><img alt="{html.escape(name, quote=True)}" '
            f'width="{SHOWN_SIZE}" height="{SHOWN_SIZE}" style="image-rendering:pixelated" src="{address}">'
            f"<figcaption>{html.escape(name)}</figcaption></figure>"
        )
    return f"<div>{''.join(parts)}</div>"
