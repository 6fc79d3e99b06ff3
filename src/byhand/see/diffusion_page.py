"""The page of a diffusion network's step: the sample with and without noise, then the step in its order, and the proof."""

from __future__ import annotations

from byhand.see.explain_diffusion import DiffusionExplanation, images
from byhand.see.image import grey
from byhand.see.mathml import mathml
from byhand.see.parts import batch, document, facts, figure, proof_table, section, sources
from byhand.see.proof import EQUATION, proof_source

STAGES = (
    (
        "forward",
        "Forward",
        "A time and noise are drawn, the sample is hidden in it, and the network is asked what it sees.",
    ),
    ("cost", "Cost", "How far the answers are from what was asked for."),
    ("backward", "A step back", "How one draws with the answer: a step from this noise to a little less of it, in two ways."),
    (
        "update",
        "Update",
        "The optimiser turns the gradient into the parameters' change; a running mean follows them.",
    ),
)


def diffusion_page(explanation: DiffusionExplanation) -> str:
    """The page as text."""
    step, shown = explanation.step, set[str]()
    stages = []
    for name, title, about in STAGES:
        parts = "".join(section(found, shown) for found in explanation.stage(name))
        stages.append(f'<section id="{name}"><h2>{title}</h2><p>{about}</p>\n{parts}</section>')
    links = [(name, title) for name, title, _ in STAGES] + [("proof", "Proof")]
    nav = "".join(f'<a href="#{name}">{title}</a>' for name, title in links)
    proof = (
        '<section id="proof"><h2>Proof</h2><p>The same gradients measured without backpropagation: move one weight a little up '
        "and a little down, with the same t, &epsilon; and labels, and look at the cost.</p>"
        f'<div class="equation wide">{mathml(EQUATION, display=True)}</div>{proof_table(explanation.proofs)}'
        f"<details open><summary><h3>How it is measured</h3></summary>"
        f'<div class="source">{sources([proof_source()])}</div></details></section>'
    )
    return document(
        f"One training step of {step.network!r}",
        f'{_head(explanation)}<nav aria-label="Parts of this page">{nav}</nav>',
        "\n".join([*stages, proof]),
        "Samples and numbers of a sample are counted from 0, times from 1.",
    )


def _head(explanation: DiffusionExplanation) -> str:
    step, sample = explanation.step, explanation.samples[0]
    change = step.cost_after - step.cost
    rows = [
        ("Network", repr(step.network)),
        ("Optimiser", repr(step.optimizer)),
        ("Batch", batch(explanation.samples)),
        ("Followed", f"sample {sample.name}, its number [{', '.join(map(str, explanation.place))}], at t = {step.t}"),
        ("Cost", f"{step.cost:.6g} before the step, {step.cost_after:.6g} after it ({change:+.3g})"),
    ]
    return facts(rows, "".join(figure(grey(values), title, title) for title, values in images(explanation)))
