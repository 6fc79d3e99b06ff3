"""An explanation as one plain object, for `--json`: every number in full, every formula as LaTeX and as text."""

from __future__ import annotations

from typing import Any

from byhand.see.explain import ChosenWeight, Explanation
from byhand.see.numbers import Line
from byhand.see.plaintext import plain
from byhand.see.pushes import Push
from byhand.see.section import Section


def to_dict(explanation: Explanation) -> dict[str, Any]:
    """Only dicts, lists, strings, numbers and booleans. Layers are counted from the input, layer 1; units from 0."""
    step = explanation.step
    return {
        "network": repr(step.network),
        "sizes": list(step.sizes),
        "optimizer": repr(step.optimizer),
        "samples": [
            {"index": sample.index, "label": sample.label, "answer": sample.answer, "answer_after": sample.answer_after}
            for sample in explanation.samples
        ],
        "cost": step.cost,
        "cost_after": step.cost_after,
        "followed": {str(layer): unit for layer, unit in explanation.followed.items()},
        "sections": [_section(section) for section in explanation.sections],
        "weights": [_weight(chosen) for chosen in explanation.weights],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "stage": section.stage,
        "layer": section.layer,
        "title": section.title,
        "equations": [_formula(latex) for latex in section.equations],
        "numbers": [_line(line) for line in section.numbers],
        "shapes": section.shapes,
        "sizes": section.sizes,
        "arrays": [
            {
                **_formula(found.symbol),
                "shape": list(found.shape),
                "min": found.least,
                "mean": found.mean,
                "max": found.most,
            }
            for found in section.summaries
        ],
        "source": [
            {"name": found.name, "file": found.file, "lines": [{"number": at, "code": code} for at, code in found.lines]}
            for found in section.source
        ],
        "reference": section.reference,
        "note": section.note,
    }


def _formula(latex: str) -> dict[str, Any]:
    return {"latex": latex, "text": plain(latex)}


def _line(line: Line) -> dict[str, Any]:
    return _formula(line.latex) | ({} if line.value is None else {"value": line.value})


def _weight(chosen: ChosenWeight) -> dict[str, Any]:
    proof = chosen.proof
    return {
        "weight": str(chosen.weight),
        "layer": chosen.weight.layer,
        "j": chosen.weight.j,
        "k": chosen.weight.k,
        "before": chosen.before,
        "after": chosen.after,
        "gradient": proof.by_hand,
        "measured": proof.numeric,
        "relative_error": proof.relative_error,
        "agrees": proof.agrees,
        "up": [_push(push) for push in chosen.up],
        "down": [_push(push) for push in chosen.down],
    }


def _push(push: Push) -> dict[str, Any]:
    return {"index": push.index, "label": push.label, "value": push.value, "share": push.share}
