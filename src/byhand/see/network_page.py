"""The page of a network of modules: the way through it as a strip of small maps, then every op, then one pixel in full."""

from __future__ import annotations

import html
import math

import numpy as np

from byhand.see.explain_network import NetworkExplanation, drawn
from byhand.see.image import sheet
from byhand.see.mathml import mathml
from byhand.see.numbers import number
from byhand.see.parts import batch, document, facts, outputs, proof_table, pushed, sample_picture, section, sources
from byhand.see.proof import equation, minded, power, proof_source
from byhand.see.tape import Seen
from byhand.see.worked import At

STAGES = (
    ("forward", "Forward", "Op by op, in the order in which the network computed. Each shows one number worked out by hand."),
    ("cost", "Cost", "How far the answer is from the target, in one number."),
    ("backward", "Backward", "The same ops in reverse: each turns the error of what it computed into that of what it read."),
    ("update", "Update", "The optimiser turns the gradient of each parameter into its change. For the followed weight:"),
    ("pixel", "One number, all the way down", "One output with every product in it, and one of the weights that made it."),
)
THUMB = 56  # CSS pixels of a map in the strip
ROW = 1024  # numbers that are no image: of more, the followed row alone is drawn


def network_page(explanation: NetworkExplanation) -> str:
    """The page as text."""
    stages = [stage for stage in STAGES if explanation.stage(stage[0])]
    main = [_stage(explanation, set(), *stage) for stage in stages]
    proof = _proof(explanation)
    links = [(name, title) for name, title, _ in stages] + ([("proof", "Proof")] if proof else [])
    nav = "".join(f'<a href="#{name}">{title}</a>' for name, title in links)
    return document(
        f"One training step of {explanation.step.network!r}",
        f'{_head(explanation)}<nav aria-label="Parts of this page">{nav}</nav>',
        "\n".join([*main, proof]),
        "Rows, columns, channels, samples and classes are counted from 0.",
    )


def _head(explanation: NetworkExplanation) -> str:
    step, sample = explanation.step, explanation.samples[explanation.sample]
    network = step.network
    change = step.cost_after - step.cost
    shapes = [" × ".join(map(str, shape)) for shape in (network.input_shape, network.output_shape)]
    rows = [
        ("Network", f"{shapes[0]} → {shapes[1]}, {len(step.ops)} ops, {network.parameters.size:,} parameters"),
        ("Optimiser", repr(step.optimizer)),
        ("Batch", batch(explanation.samples)),
    ]
    x = step.x[explanation.sample]
    pictures = sample_picture(x, sample, "x") if x.dtype.kind == "f" and float(x.min()) >= 0 else ""
    if sample.label:
        rows.append(("Answer", f"{sample.answer} before the step, {sample.answer_after} after it; asked for {sample.label}"))
        y = step.y[explanation.sample]
        target = y if step.y.ndim > 1 else np.eye(step.answers.shape[1])[y]
        pictures += outputs(step.answers[explanation.sample], step.answers_after[explanation.sample], target)
    rows.append(("Cost", f"{step.cost:.6g} before the step, {step.cost_after:.6g} after it ({change:+.3g})"))
    return f"{facts(rows, pictures)}{_strip(explanation)}"


def _strip(explanation: NetworkExplanation) -> str:
    """Every op with what it made of the followed sample: a map, a row of numbers, or one number."""
    cards = "".join(
        f'<li><a href="#op-{at}">{_thumb(op, place)}<b>{html.escape(op.name)}</b>{_kind(op)}<span>{_shape(op)}</span></a></li>'
        for at, (op, place) in enumerate(zip(explanation.step.ops, explanation.followed, strict=True))
    )
    sample = explanation.samples[explanation.sample]
    many = f" Of the {explanation.step.m} samples, {sample.index} is followed." if explanation.step.m > 1 else ""
    return (
        f'<figure class="strip"><ol>{cards}</ol><figcaption>What each op made of the sample: of many channels or rows '
        f"the one that is followed; blue is above 0, red below, white 0. Choose one to go there.{many}</figcaption></figure>"
    )


def _kind(op: Seen) -> str:
    kind = op.node.op.name
    return "" if kind == op.name else f"<span>{html.escape(kind.replace('_', ' '))}</span>"


def _shape(op: Seen) -> str:
    return " × ".join(map(str, op.output.shape[1:])) or "one number"


def _thumb(op: Seen, at: At) -> str:
    shape = op.output.shape
    if not shape or len(shape) == 1:
        value = float(op.output.reshape(-1)[at[0] if at else 0])
        return f'<span class="value">{mathml(number(value))}</span>'
    values = op.output[at[0], ..., at[-1]] if drawn(op) else op.output[at[0]].reshape(1, -1)
    if values.size > ROW and not drawn(op):
        values = op.output[at[:-1]].reshape(1, -1)
    if not drawn(op) and values.size > 16:  # a long row is broken where it fills a square
        n = math.isqrt(values.size - 1) + 1
        values = np.pad(values.reshape(-1), (0, n * -(-values.size // n) - values.size)).reshape(-1, n)
    address, width, height = sheet(values[None])
    scale = THUMB / max(width, height)
    about = f"what {op.name} computed"
    return (
        f'<img src="{address}" alt="{html.escape(about, quote=True)}" width="{max(1, round(width * scale))}" '
        f'height="{max(6, round(height * scale))}">'
    )


def _stage(explanation: NetworkExplanation, shown: set[str], name: str, title: str, about: str) -> str:
    anchors = {"forward": 0, "cost": len(explanation.step.ops) - 1}
    parts = [
        section(found, shown, f"op-{anchors[name] + at}" if name in anchors else "")
        for at, found in enumerate(explanation.stage(name))
    ]
    return f'<section id="{name}"><h2>{title}</h2><p>{about}</p>\n{"".join(parts)}</section>'


def _proof(explanation: NetworkExplanation) -> str:
    chosen = explanation.weight
    if chosen is None:
        return ""
    proof = chosen.proof
    measured = rf"= \frac{{{proof.higher:.12g} - {proof.lower:.12g}}}{{2 \cdot {power(proof.h)}}}"
    return (
        '<section id="proof"><h2>Proof</h2><p>The same gradient measured without any of the equations above: move the weight '
        f"{html.escape(str(chosen.weight))} a little up and a little down in a float64 copy of the network, and look at the "
        "cost.</p>"
        f'<div class="equation wide">{mathml(equation(proof.h), display=True)}</div>'
        f'<div class="equation wide">{mathml(measured, display=True)}</div>'
        f'{proof_table([proof])}<p class="note">{minded(proof)}</p>'
        f"<details open><summary><h3>How it is measured</h3></summary>"
        f'<div class="source">{sources([proof_source()])}</div></details>'
        "<h2>Who pushed this weight?</h2><p>A gradient is a sum over samples and places, so every sample has its share in "
        "it, what came back through its own numbers: the negative of its part raises the weight where it is above 0. Weight "
        "decay and momentum belong to no sample.</p>"
        f"{pushed(chosen.weight.latex, chosen.before, chosen.after, chosen.up, chosen.down)}</section>"
    )
