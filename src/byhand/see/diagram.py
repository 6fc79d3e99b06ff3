"""The network of a step as one SVG: units filled by their activation, the strongest weights between them.

A wide layer is cut down to its most active units, and to those that the explanation follows; dots stand for the rest.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

from byhand.backend import Array
from byhand.see.explanation import LayerGraph

SHOWN = 11  # units of a wide layer
EDGES = 40  # weights between two layers
GAP, TOP, MARGIN = 34, 22, 48


@dataclass(frozen=True)
class Dot:
    """One unit on the page."""

    unit: int
    x: float
    y: float


def diagram(graph: LayerGraph) -> str:
    """The SVG, with its colours left to the page's style sheet (classes unit, up, down, followed, name)."""
    shown, last = {layer: _shown(graph, layer) for layer in graph.a}, max(graph.a)
    height = round(TOP + GAP * max(_rows(shown[layer], len(a)) for layer, a in graph.a.items())) + 44
    layers = {layer: _placed(layer, shown[layer], len(a), last, height - 44) for layer, a in graph.a.items()}
    title = f"The network {'-'.join(str(len(a)) for a in graph.a.values())} on this sample"
    about = (
        "Circles are units, filled by their activation; lines are the strongest weights: blue above 0, dashed red below. "
        "The units and weights that the formulas follow are outlined."
    )
    parts = [
        f'<svg class="diagram" viewBox="0 0 {_width(last)} {height}" role="img" aria-labelledby="dt dd">',
        f'<title id="dt">{title}</title><desc id="dd">{about}</desc>',
    ]
    for layer in graph.w:
        parts += _edges(graph, layer, layers[layer - 1], layers[layer])
    for layer, dots in layers.items():
        parts += _units(graph, layer, dots, height)
    return "".join([*parts, "</svg>"])


def _followed(graph: LayerGraph, layer: int) -> list[int]:
    """The units of a layer that formulas or weights follow."""
    units = [graph.followed[layer]] if layer in graph.followed else []
    units += [weight.j for weight in graph.weights if weight.layer == layer]
    return units + [weight.k for weight in graph.weights if weight.layer == layer + 1]


def _shown(graph: LayerGraph, layer: int) -> list[int]:
    a = graph.a[layer]
    if len(a) <= SHOWN + 1:
        return list(range(len(a)))
    return sorted(list(dict.fromkeys([*_followed(graph, layer), *_spread(a)]))[:SHOWN])


def _spread(a: Array) -> list[int]:
    """Units by activation, strongest first; of many equally strong ones, some from all over."""
    order = np.argsort(-np.abs(a), kind="stable")
    strong = np.sort(order[: max(SHOWN, int((np.abs(a) > 0.9 * np.abs(a).max()).sum()))])
    return [int(unit) for unit in strong[np.linspace(0, len(strong) - 1, SHOWN).astype(int)]]


def _gaps(units: list[int], n: int) -> list[bool]:
    """Whether units are left out before each one, and after the last."""
    return [b > a + 1 for a, b in zip([-1, *units], [*units, n], strict=True)]


def _rows(units: list[int], n: int) -> float:
    return len(units) + 0.55 * sum(_gaps(units, n))


def _width(last: int) -> int:
    return max(520, 130 * last)  # so that a network of three layers can still be read on a telephone


def _placed(layer: int, units: list[int], n: int, last: int, height: float) -> list[Dot]:
    x = MARGIN + (_width(last) - 2 * MARGIN) * (layer - 1) / (last - 1)
    y = (height - GAP * _rows(units, n)) / 2 + GAP / 2
    dots = []
    for unit, gap in zip(units, _gaps(units, n), strict=False):
        y += 0.55 * GAP if gap else 0
        dots.append(Dot(unit, x, y))
        y += GAP
    return dots


def _edges(graph: LayerGraph, layer: int, before: list[Dot], after: list[Dot]) -> list[str]:
    w = graph.w[layer]
    chosen = {(weight.j, weight.k) for weight in graph.weights if weight.layer == layer}
    largest = float(np.abs(w[np.ix_([dot.unit for dot in after], [dot.unit for dot in before])]).max()) or 1.0
    every = [(float(w[end.unit, start.unit]), start, end) for start in before for end in after]
    every.sort(key=lambda edge: abs(edge[0]))
    strongest = [edge for edge in every[-EDGES:] if (edge[2].unit, edge[1].unit) not in chosen]
    followed = [edge for edge in every if (edge[2].unit, edge[1].unit) in chosen]
    parts = []
    for edges, extra in ((strongest, ""), (followed, " followed")):
        for value, start, end in edges:
            sign, strength = "up" if value >= 0 else "down", abs(value) / largest
            width = 0.4 + 2.2 * strength if not extra else 3.5
            opacity = 0.15 + 0.5 * strength if not extra else 1
            about = f"<title>w {layer}:{end.unit},{start.unit} = {value:.4g}</title>" if extra else ""
            parts.append(
                f'<line class="{sign}{extra}" x1="{start.x:.1f}" y1="{start.y:.1f}" x2="{end.x:.1f}" y2="{end.y:.1f}" '
                f'stroke-width="{width:.2f}" stroke-opacity="{opacity:.2f}">{about}</line>'
            )
    return parts


def _units(graph: LayerGraph, layer: int, dots: list[Dot], height: int) -> list[str]:
    a, n = graph.a[layer], len(graph.a[layer])
    largest = float(np.abs(a).max()) or 1.0
    followed = _followed(graph, layer)
    parts = []
    gaps = _gaps([dot.unit for dot in dots], n)
    for dot, gap in zip(dots, gaps, strict=False):
        if gap:
            parts.append(_dots(dot.x, dot.y - 0.78 * GAP))
        value = float(a[dot.unit])
        strength = abs(value) / largest
        kind = "unit followed" if dot.unit in followed else "unit"
        ink = "over" if strength > 0.55 else "name"
        parts.append(
            f"<g><title>unit {dot.unit} of layer {layer}: a = {value:.4g}</title>"
            f'<circle class="paper" cx="{dot.x:.1f}" cy="{dot.y:.1f}" r="13"/>'
            f'<circle class="{kind}" cx="{dot.x:.1f}" cy="{dot.y:.1f}" r="13" fill-opacity="{strength:.2f}"/>'
            f'<text class="{ink}" x="{dot.x:.1f}" y="{dot.y + 4:.1f}">{dot.unit}</text></g>'
        )
    if gaps[-1]:
        parts.append(_dots(dots[-1].x, dots[-1].y + 0.78 * GAP))
    name = graph.names.get(layer, "input").replace("_", " ")
    x = dots[0].x
    parts.append(f'<text class="name strong" x="{x:.1f}" y="{height - 26}">layer {layer}</text>')
    parts.append(f'<text class="name" x="{x:.1f}" y="{height - 8}">{n:,} · {html.escape(name)}</text>')
    return parts


def _dots(x: float, y: float) -> str:
    return f'<text class="name" x="{x:.1f}" y="{y + 4:.1f}">⋮</text>'
