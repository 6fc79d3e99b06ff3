"""The page of a VAE or an autoencoder: the image, its code and what came back, then the step in its order, and the proof."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.models.vae import VAE
from byhand.see.explain_codes import CodesExplanation
from byhand.see.image import grey, side
from byhand.see.mathml import mathml
from byhand.see.parts import batch, document, facts, figure, picture, proof_table, section, sources
from byhand.see.proof import EQUATION, proof_source
from byhand.see.section import Picture

STAGES = (
    ("forward", "Forward", "Encoder, code, decoder: of each layer the followed unit, worked out by hand."),
    ("cost", "Cost", "The two parts of the loss, and their sum."),
    ("backward", "Backward", "The error goes back through the decoder, through the draw of the code, and through the encoder."),
    ("update", "Update", "The optimiser turns the gradient of each parameter into its change."),
)


def codes_page(explanation: CodesExplanation) -> str:
    """The page as text."""
    step, shown = explanation.step, set[str]()
    stages = []
    for name, title, about in STAGES:
        parts = "".join(section(found, shown) for found in explanation.stage(name))
        stages.append(f'<section id="{name}"><h2>{title}</h2><p>{about}</p>\n{parts}</section>')
    links = [(name, title) for name, title, _ in STAGES] + [("proof", "Proof")]
    nav = "".join(f'<a href="#{name}">{title}</a>' for name, title in links)
    proof = (
        '<section id="proof"><h2>Proof</h2><p>The same gradients measured without any of the equations above: move one weight a '
        "little up and a little down, with the same &epsilon;, and look at the cost.</p>"
        f'<div class="equation wide">{mathml(EQUATION, display=True)}</div>{proof_table(explanation.proofs)}'
        f"<details open><summary><h3>How it is measured</h3></summary>"
        f'<div class="source">{sources([proof_source()])}</div></details></section>'
    )
    return document(
        f"One training step of {step.network!r}",
        f'{_head(explanation)}<nav aria-label="Parts of this page">{nav}</nav>',
        "\n".join([*stages, proof]),
        "Samples, units, numbers of the code and pixels are counted from 0.",
    )


def _head(explanation: CodesExplanation) -> str:
    step, sample = explanation.step, explanation.samples[0]
    change = step.cost_after - step.cost
    rows = [
        ("Network", repr(step.network)),
        ("Optimiser", repr(step.optimizer)),
        ("Batch", batch(explanation.samples)),
        ("Followed", f"sample {sample.name}, number {explanation.code} of its code, pixel {explanation.pixel}"),
        ("Cost", f"{step.cost:.6g} before the step, {step.cost_after:.6g} after it ({change:+.3g})"),
    ]
    images = (("What went in", step.x[0]), ("What came back", step.back[0]), ("after the step", step.back_after[0]))
    pictures = "".join(_image(title, values) for title, values in images)
    return facts(rows, pictures) + _code(step.found["mu" if isinstance(step.network, VAE) else "encoder.a"])


def _image(title: str, values: Array) -> str:
    if not side(values.size):
        return ""
    return figure(grey(np.clip(values, 0, 1)), title, title)


def _code(found: Array | list[Array]) -> str:
    """The code of the followed sample as a row of colours."""
    values = (found[-1] if isinstance(found, list) else found)[0]
    return picture(Picture(values.reshape(1, 1, -1), r"\mu", "the code, one field a number"))
