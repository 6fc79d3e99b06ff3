"""An explanation as one HTML file: typeset, collapsible, printable, and whole without script or network."""

from __future__ import annotations

import html
from pathlib import Path

from byhand.files import write_atomically
from byhand.see.codes_page import codes_page
from byhand.see.diagram import diagram
from byhand.see.diffusion_page import diffusion_page
from byhand.see.explain import Explanation
from byhand.see.explain_codes import CodesExplanation
from byhand.see.explain_diffusion import DiffusionExplanation
from byhand.see.explain_network import NetworkExplanation
from byhand.see.forward import ROW
from byhand.see.mathml import mathml
from byhand.see.network_page import network_page
from byhand.see.parts import HEADING, batch, document, facts, outputs, proof_table, pushed, sample_picture, section, sources
from byhand.see.proof import EQUATION, proof_source

LEGEND = (
    'Units are filled by their activation on this sample; lines are the strongest weights, <span class="up">blue above 0</span>, '
    '<span class="down">dashed red below</span>. What is followed here is outlined in orange; dots stand for units left out.'
)

STAGES = (
    ("forward", "Forward", "Layer by layer, what goes in is weighted, added up and squashed."),
    ("cost", "Cost", "How far the answer is from the target, in one number."),
    ("backward", "Backward", "From the last layer to the first: who is to blame, and how the cost changes with each parameter."),
    ("update", "Update", "The optimiser turns the gradient of each parameter into its change. For the followed weights:"),
)


def write_page(explanation: Explanation | NetworkExplanation | CodesExplanation | DiffusionExplanation, path: Path | str) -> None:
    """Write the page; raises ByhandError where the file cannot be written."""
    write_atomically(Path(path), page(explanation).encode())


def page(explanation: Explanation | NetworkExplanation | CodesExplanation | DiffusionExplanation, moment: str = "") -> str:
    """The page as text; moment: of which training and when, in a line under the heading."""
    text = _page(explanation)
    return text.replace(HEADING, f"{HEADING}\n<p>{html.escape(moment)}.</p>", 1) if moment else text


def _page(explanation: Explanation | NetworkExplanation | CodesExplanation | DiffusionExplanation) -> str:
    if isinstance(explanation, NetworkExplanation):
        return network_page(explanation)
    if isinstance(explanation, CodesExplanation):
        return codes_page(explanation)
    if isinstance(explanation, DiffusionExplanation):
        return diffusion_page(explanation)
    parts = [_stage(explanation, *stage) for stage in STAGES]
    return document(
        f"One training step of a {'-'.join(map(str, explanation.step.sizes))} network",
        _head(explanation),
        "\n".join([*parts, _proof(explanation)]),
        "Layers are counted from the input, layer 1; units, samples and classes from 0.",
    )


def _head(explanation: Explanation) -> str:
    step, sample = explanation.step, explanation.samples[ROW]
    change = step.cost_after - step.cost
    rows = [
        ("Network", f"{'-'.join(map(str, step.sizes))}, {step.network.parameters.size:,} parameters"),
        ("Activations", ", ".join(activation.name.replace("_", " ") for activation in step.activations.values())),
        ("Optimiser", repr(step.optimizer)),
        ("Batch", batch(explanation.samples)),
        ("Answer", f"{sample.answer} before the step, {sample.answer_after} after it; asked for {sample.label}"),
        ("Cost", f"{step.cost:.6g} before the step, {step.cost_after:.6g} after it ({change:+.3g})"),
    ]
    pictures = sample_picture(step.a[1][ROW], sample, "a<sup>1</sup>")
    pictures += outputs(step.full[step.last][ROW], step.output_after[ROW], step.y[ROW])
    note = ""
    if step.m > 1:
        note = f"<p>The formulas follow the batch's first sample, {sample.index}; an index i counts samples in the batch.</p>"
    return (
        f'{facts(rows, pictures)}{note}<figure class="network">{diagram(explanation)}<figcaption>{LEGEND}</figcaption></figure>'
    )


def _stage(explanation: Explanation, name: str, title: str, about: str) -> str:
    sections = "\n".join(map(section, explanation.stage(name)))
    return f'<section id="{name}"><h2>{title}</h2><p>{about}</p>\n{sections}</section>'


PUSH = r"-\frac{1}{m} \delta^l_{i,j}\, a^{l-1}_{i,k}"


def _proof(explanation: Explanation) -> str:
    names = "".join(pushed(one.weight.latex, one.before, one.after, one.up, one.down) for one in explanation.weights)
    return (
        '<section id="proof"><h2>Proof</h2><p>The same gradients measured without any of the equations above: move one weight a '
        "little up and a little down, and look at the cost.</p>"
        f'<div class="equation wide">{mathml(EQUATION, display=True)}</div>'
        f"{proof_table(chosen.proof for chosen in explanation.weights)}"
        f"<details open><summary><h3>How it is measured</h3></summary>"
        f'<div class="source">{sources([proof_source()])}</div></details>'
        "<h2>Who pushed these weights?</h2><p>A gradient is a mean over the samples, so every sample has its share in it: "
        f"{mathml(PUSH)} raises the weight where it is above 0. Weight decay and momentum belong to no sample.</p>"
        f"{names}</section>"
    )
