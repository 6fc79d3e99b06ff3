"""What stands around the layers in a step of an autoencoder or a VAE: the code, the parts of the loss, and the code's errors.

The formulas follow one number of the code and one pixel of the batch's first sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.formula import Line, Term, factor, number, setting, signed, total
from byhand.models.elbo import divergence, draw_code
from byhand.models.layer_stack import Stack
from byhand.models.vae import code_errors
from byhand.see.layer import FIRST, Layer, products
from byhand.see.layer_sections import cost_terms
from byhand.see.section import Section, documented, sources, summary
from byhand.see.step import TrainingStep

COLLAPSE = "A sum over the pixels: their mean would weigh the other part 784 times as much, and the codes would collapse."


# ---------------------------------------------------------------- forward


def drawn_code_section(step: TrainingStep, j: int) -> Section:
    mu, s, eps, z = (step.record.found[name] for name in ("mu", "log_sigma", "eps", "z"))
    m, log_sigma, e = (values[FIRST, j] for values in (mu, s, eps))
    given = (rf"\mu_{{{j}}} = {number(m)},", rf"s_{{{j}}} = {number(log_sigma)},", rf"\varepsilon_{{{j}}} = {number(e)}")
    return documented(
        draw_code,
        stage="forward",
        scope="code",
        title=f"The code is drawn: number {j}",
        why="The encoder gives no point but a cloud, and the decoder has to do with any point of it: so codes next to one "
        "another come to mean images like one another.",
        numbers=(
            Line(given),
            Line((rf"z_{{{j}}} = {number(m)}", rf"+ {factor(e)} \cdot e^{{{number(log_sigma)}}}")),
            Line((rf"= {number(m)}", rf"{signed(e * np.exp(log_sigma))}")),
            Line((f"= {number(z[FIRST, j])}",), float(z[FIRST, j])),
        ),
        sizes={"m": step.m, "d": step.network.latent},
        summaries=(summary(r"\mu", mu), summary("s", s), summary(r"\varepsilon", eps), summary("z", z)),
        note="With eps held fixed this is a function like any other, and gradients go through it: the reparameterisation.",
    )


def code_section(step: TrainingStep, j: int) -> Section:
    net: Any = step.network
    code = step.record.found["encoder.a"][-1]
    lines, note = [Line((rf"c_{{{j}}} = {number(code[FIRST, j])}",), float(code[FIRST, j]))], ""
    if net.noise:
        fed = float(step.record.found["decoder.a"][0][FIRST, j])
        noise = rf"{number(code[FIRST, j])} + {setting(net.noise)} \cdot {factor(step.chance[0][FIRST, j])}"
        lines.append(Line((rf"c_{{{j}}} + \sigma \varepsilon_{{{j}}} = {noise}", f"= {number(fed)}"), fed))
        note = f" In training, noise of standard deviation {net.noise:g} is added to it."
    return Section(
        stage="forward",
        scope="code",
        title=f"The code: number {j}",
        why="Few numbers for many pixels: only what images have in common fits through.",
        numbers=tuple(lines),
        sizes=f"code: ({step.m}, {net.latent})",
        summaries=(summary("c", code),),
        source=sources(type(net).learn),
        note=f"What the encoder says is the code; nothing pulls it to any place.{note}",
    )


# ---------------------------------------------------------------- the cost


def reconstruction_section(step: TrainingStep, output: Layer, pixel: int) -> Section:
    net = step.network
    (_, front), terms = cost_terms(net.cost, output, step.x[FIRST], "x")
    value = float(net.cost.per_sample(output.z, output.a, step.x, output.activation)[FIRST])
    scale = 0.5 if front else 1.0
    costs = [Term(f"l_{{{k}}}", factor(scale * term.value), scale * term.value) for k, term in enumerate(terms)]
    own = rf"l_{{{pixel}}} = {front} {terms[pixel].numbers}".replace("  ", " ")
    return Section(
        stage="cost",
        scope="cost",
        title="L_rec: how far the image that came back is from the one that went in",
        why="Each pixel that came back wrong costs something: the more so the surer the decoder was of it.",
        equations=(
            r"L_{\text{rec}} = \tfrac{1}{2} \sum_k (a_k - x_k)^2"
            if front
            else r"L_{\text{rec}} = -\sum_k \left(x_k \ln a_k + (1 - x_k) \ln (1 - a_k)\right)",
        ),
        numbers=(
            Line((own, f"= {costs[pixel].numbers}"), costs[pixel].value),
            *total(r"L_{\text{rec}}", costs, value),
        ),
        sizes=f"x, a: ({step.m}, {net.n})",
        summaries=(summary("x", step.x), summary("a", step.answers)),
        source=sources(type(net)._reconstruction_cost, net.cost.per_sample),
        reference=COLLAPSE,
    )


def divergence_section(step: TrainingStep) -> Section:
    kl = step.record.found["kl"]
    j = int(kl[FIRST].argmax())
    mu, s = step.record.found["mu"][FIRST, j], step.record.found["log_sigma"][FIRST, j]
    own = rf"\tfrac{{1}}{{2}} \left({factor(mu)}^2 + e^{{2 \cdot {factor(s)}}} - 1 - 2 \cdot {factor(s)}\right)"
    terms = [Term(rf"k_{{{d}}}", factor(value), float(value)) for d, value in enumerate(kl[FIRST])]
    return documented(
        divergence,
        stage="cost",
        scope="cost",
        title="L_reg: how far the Gaussian of the code is from N(0, 1)",
        why="It keeps the clouds near one another, so that a code drawn from N(0, 1) means an image too.",
        numbers=(
            Line((rf"k_{{{j}}} = {own}", f"= {number(kl[FIRST, j])}"), float(kl[FIRST, j])),
            *total(r"L_{\text{reg}}", terms, kl[FIRST].sum()),
        ),
        sizes={"m": step.m, "d": step.network.latent},
        summaries=(summary("k", kl),),
        note="In nats: what the code tells the decoder about this image, number by number.",
    )


def cost_section(step: TrainingStep, output: Layer) -> Section:
    net: Any = step.network
    rec = own = float(net.cost.per_sample(output.z, output.a, step.x, output.activation)[FIRST])
    equation, first, note = r"C = \frac{1}{m} \sum_i L_{\text{rec}}", rf"L = {number(rec)}", ""
    if "kl" in step.record.found:
        kl = float(step.record.found["kl"][FIRST].sum())
        equation = r"C = \frac{1}{m} \sum_i \left(L_{\text{rec}} + \beta L_{\text{reg}}\right)"
        first, own = (
            rf"L = {number(rec)} + {setting(step.network.warmed_beta())} \cdot {number(kl)}",
            rec + step.network.warmed_beta() * kl,
        )
        if net.warm_up:
            note = f"beta is {step.network.warmed_beta():.4g} of {net.beta:g}: it grows over the first {net.warm_up:,} steps. "
    note += f"C is the mean of this over all {step.m} samples." if step.m > 1 else "There is one sample, so C is its L."
    return Section(
        stage="cost",
        scope="cost",
        title="The cost: both parts together" if "kl" in step.record.found else "The cost",
        why="One number for all of it. What follows asks how each weight could make it smaller.",
        equations=(equation,),
        numbers=(Line((first, f"= {number(own)}"), own), Line((rf"C = {number(step.cost)}",), step.cost)),
        source=sources(type(net).learn),
        note=note,
    )


# ---------------------------------------------------------------- backward


def out_of_decoder_section(step: TrainingStep, first: Layer, j: int) -> Section:
    """From the decoder's first layer to the code."""
    w, delta, letter = first.w[:, j], first.delta[FIRST], "z" if "kl" in step.record.found else "c"
    terms = products((lambda k: first.symbol("w", k, j), w), (lambda k: first.symbol(r"\delta", k), delta))
    return Section(
        stage="backward",
        scope="decoder",
        title=f"Out of the decoder: the error of number {j} of the code",
        why="What the decoder would rather have been told: BP2 once more, past its first layer.",
        equations=(rf"\frac{{\partial L_{{\text{{rec}}}}}}{{\partial {letter}}} = \delta^2 w^2",),
        book=rf"\frac{{\partial L_{{\text{{rec}}}}}}{{\partial {letter}}} = (w^2)^\top \delta^2",
        numbers=tuple(
            total(rf"\frac{{\partial L_{{\text{{rec}}}}}}{{\partial {letter}_{{{j}}}}}", terms, float((w * delta).sum()))
        ),
        sizes=f"w: {first.w.shape}, delta: {first.delta.shape}",
        summaries=(summary(first.symbol(r"\delta"), first.delta),),
        source=sources(Stack.input_error),
        reference="BP2 without an activation: before the decoder's first layer there is none.",
    )


def draw_errors_section(step: TrainingStep, j: int) -> Section:
    mu, s, eps, dz, d_mu, d_s = (
        float(step.record.found[name][FIRST, j]) for name in ("mu", "log_sigma", "eps", "dz", "d_mu", "d_log_sigma")
    )
    beta = setting(step.network.warmed_beta())
    left = rf"\frac{{\partial L}}{{\partial \mu_{{{j}}}}} = {number(dz)}"
    below = rf"\frac{{\partial L}}{{\partial s_{{{j}}}}} = {factor(dz)} \cdot {factor(eps)} \cdot e^{{{number(s)}}}"
    arrays = (
        (r"\partial L_{\text{rec}}/\partial z", "dz"),
        (r"\partial L/\partial \mu", "d_mu"),
        (r"\partial L/\partial s", "d_log_sigma"),
    )
    return documented(
        code_errors,
        stage="backward",
        scope="code",
        title=f"Through the draw: the errors of mu and s, number {j}",
        why="The draw only shifts and stretches eps, so its error goes on to both: to the mean as it is, to the width times eps.",
        numbers=(
            Line((left, rf"+ {beta} \cdot {factor(mu)}", f"= {number(d_mu)}"), d_mu),
            Line((below, rf"+ {beta} \cdot \left(e^{{2 \cdot {factor(s)}}} - 1\right)")),
            Line(
                (
                    rf"= {number(dz * eps * np.exp(s))}",
                    signed(step.network.warmed_beta() * (np.exp(2 * s) - 1)),
                    f"= {number(d_s)}",
                ),
                d_s,
            ),
        ),
        sizes={"m": step.m, "d": step.network.latent},
        summaries=tuple(summary(symbol, step.record.found[name]) for symbol, name in arrays),
        note="The first parts come from the reconstruction, the second pull the code to N(0, 1).",
    )
