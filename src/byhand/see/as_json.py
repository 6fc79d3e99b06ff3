"""An explanation as one plain object, for `--json`: every number in full, every formula as LaTeX and as text."""

from __future__ import annotations

import math
from typing import Any

from byhand.see.explain import ChosenWeight, Explanation
from byhand.see.explain_codes import CodesExplanation
from byhand.see.explain_diffusion import DiffusionExplanation
from byhand.see.explain_network import NetworkExplanation
from byhand.see.numbers import Line
from byhand.see.pixel import ChosenEntry
from byhand.see.plaintext import plain
from byhand.see.pushes import Push
from byhand.see.section import Grid, Listing, Section


def to_dict(explanation: Explanation | NetworkExplanation | CodesExplanation | DiffusionExplanation) -> dict[str, Any]:
    """Only dicts, lists, strings, numbers and booleans. Layers are counted from the input, layer 1; units from 0."""
    if isinstance(explanation, NetworkExplanation):
        return _network(explanation)
    if isinstance(explanation, CodesExplanation):
        return _codes(explanation) | {"code": explanation.code, "pixel": explanation.pixel}
    if isinstance(explanation, DiffusionExplanation):
        return _codes(explanation) | {"t": explanation.step.t, "at": list(explanation.place)}
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


def _network(explanation: NetworkExplanation) -> dict[str, Any]:
    """Of a network of modules; everything is counted from 0, and `at` is the place that each op's numbers are of."""
    step, pixel = explanation.step, explanation.pixel
    return {
        "network": repr(step.network),
        "optimizer": repr(step.optimizer),
        "samples": [
            {"index": sample.index, "label": sample.label, "answer": sample.answer, "answer_after": sample.answer_after}
            for sample in explanation.samples
        ],
        "sample": explanation.sample,
        "cost": step.cost,
        "cost_after": step.cost_after,
        "ops": [
            {"scope": op.name, "op": op.node.op.name, "shape": list(op.output.shape), "at": list(at)}
            for op, at in zip(step.ops, explanation.followed, strict=True)
        ],
        "sections": [_section(section) for section in explanation.sections],
        "pixel": None
        if pixel is None
        else {"scope": pixel.scope, "at": list(pixel.at), "sum": pixel.value, "network": pixel.network},
        "weights": [] if explanation.weight is None else [_entry(explanation.weight)],
    }


def _codes(explanation: CodesExplanation | DiffusionExplanation) -> dict[str, Any]:
    """Of a VAE, an autoencoder or a diffusion network; everything is counted from 0, times from 1."""
    step = explanation.step
    return {
        "network": repr(step.network),
        "optimizer": repr(step.optimizer),
        "samples": [{"index": sample.index, "label": sample.label} for sample in explanation.samples],
        "cost": step.cost,
        "cost_after": step.cost_after,
        "sections": [_section(section) for section in explanation.sections],
        "weights": [
            {
                "weight": str(proof.weight),
                "gradient": proof.by_hand,
                "measured": proof.numeric,
                "relative_error": proof.relative_error,
                "agrees": proof.agrees,
            }
            for proof in explanation.proofs
        ],
    }


def _entry(chosen: ChosenEntry) -> dict[str, Any]:
    return {
        "weight": str(chosen.weight),
        "parameter": chosen.weight.name,
        "place": list(chosen.weight.place),
        "sum": chosen.gradient,
        **_followed(chosen),
        "h": chosen.proof.h,
        "kinks": chosen.proof.kinks,
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "stage": section.stage,
        **({"scope": section.scope} if section.scope else {"layer": section.layer}),
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
        **({"grids": [[_grid(grid) for grid in row] for row in section.grids]} if section.grids else {}),
        **({"listing": _listing(section.listing)} if section.listing else {}),
    }


def _grid(grid: Grid) -> dict[str, Any]:
    values = [[None if math.isnan(value) else float(value) for value in row] for row in grid.values]
    return {
        **_formula(grid.symbol),
        "about": grid.about,
        "values": values,
        "mark": None if grid.mark is None else list(grid.mark),
    }


def _listing(listing: Listing) -> dict[str, Any]:
    return {"title": listing.title, "heads": list(listing.heads), "rows": [list(row) for row in listing.rows]}


def _formula(latex: str) -> dict[str, Any]:
    return {"latex": latex, "text": plain(latex)}


def _line(line: Line) -> dict[str, Any]:
    return _formula(line.latex) | ({} if line.value is None else {"value": line.value})


def _weight(chosen: ChosenWeight) -> dict[str, Any]:
    return {
        "weight": str(chosen.weight),
        "layer": chosen.weight.layer,
        "j": chosen.weight.j,
        "k": chosen.weight.k,
        **_followed(chosen),
    }


def _followed(chosen: ChosenWeight | ChosenEntry) -> dict[str, Any]:
    proof = chosen.proof
    return {
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
