"""An explanation as one plain object, for `--json`: every number in full, every formula as LaTeX and as text."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from byhand.formula import Line
from byhand.see.explanation import Explanation, FollowedWeight
from byhand.see.section import Section
from byhand.see.unicode_math import plain
from byhand.terms import Grid


def to_dict(explanation: Explanation) -> dict[str, Any]:
    """Only dicts, lists, strings, numbers and booleans. Layers count from the input, layer 1; all else from 0, times from 1.

    What only one kind of network has, such as the op and place that is followed, stands beside what all have.
    """
    step = explanation.step
    return {
        "network": repr(step.network),
        "provenance": explanation.provenance,
        "optimizer": repr(step.optimizer),
        "samples": [asdict(sample) for sample in explanation.samples],
        "cost": step.cost,
        "cost_after": step.cost_after,
        **_plain(explanation.details),
        "counting": explanation.counting,
        "stages": [asdict(stage) for stage in explanation.stages],
        "sections": [_section(section) for section in explanation.sections],
        "weights": [_weight(followed) for followed in explanation.weights],
        "names": _plain(asdict(explanation.names)),
    }


def _plain(value: Any) -> Any:
    """The same with lists for tuples, and with words for keys."""
    match value:
        case dict():
            return {str(key): _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
    return value


def _section(section: Section) -> dict[str, Any]:
    return {
        "stage": section.stage,
        "scope": section.scope,
        "title": section.title,
        "why": section.why,
        "equations": [_formula(latex) for latex in section.equations],
        **({"book": _formula(section.book)} if section.book else {}),
        "numbers": [_line(line) for line in section.numbers],
        "shapes": section.shapes,
        "sizes": section.sizes,
        "arrays": [
            {**_formula(array.symbol), "shape": list(array.shape), "min": array.least, "mean": array.mean, "max": array.most}
            for array in section.summaries
        ],
        "source": [
            {"name": source.name, "file": source.file, "lines": [{"number": at, "code": code} for at, code in source.lines]}
            for source in section.source
        ],
        "reference": section.reference,
        "note": section.note,
        **({"grids": [[_grid(grid) for grid in row] for row in section.grids]} if section.grids else {}),
        **({"listing": _plain(asdict(section.listing))} if section.listing else {}),
    }


def _formula(latex: str) -> dict[str, Any]:
    return {"latex": latex, "text": plain(latex)}


def _line(line: Line) -> dict[str, Any]:
    return _formula(line.latex) | ({} if line.value is None else {"value": line.value})


def _grid(grid: Grid) -> dict[str, Any]:
    values = [[None if math.isnan(value) else float(value) for value in row] for row in grid.values]
    return {**_formula(grid.symbol), "about": grid.about, "values": values, "mark": _plain(grid.mark)}


def _weight(followed: FollowedWeight) -> dict[str, Any]:
    proof = followed.proof
    return {
        "weight": str(followed.weight),
        **followed.weight.figures(),
        "before": followed.before,
        "after": followed.after,
        "sum": followed.gradient,
        "gradient": proof.by_hand,
        "measured": proof.numeric,
        "relative_error": proof.relative_error,
        "agrees": proof.agrees,
        "h": proof.h,
        "kinks": proof.kinks,
        "up": [asdict(push) for push in followed.up],
        "down": [asdict(push) for push in followed.down],
    }
