"""A training step of a VAE or an autoencoder, explained: encoder, the drawn code, decoder, the two parts of the loss, and back.

One real step is taken on copies in float64, with the eps that the training would have drawn. One sample is followed, and of it
one number of the code and one pixel: unless named, the number whose divergence is largest and the pixel that costs most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.equation import read
from byhand.errors import ModelError
from byhand.feedforward import activate, backpropagated_error, weight_gradient, weighted_input
from byhand.models.autoencoder import Autoencoder
from byhand.models.bound import divergence, draw_code
from byhand.models.stack import Stack
from byhand.models.vae import VAE, code_errors
from byhand.optim import SGD, Optimizer
from byhand.see.codes_step import CodesStep, copied_codes, take_codes
from byhand.see.explain import Sample
from byhand.see.numbers import Line, Term, factor, number, setting, signed, total
from byhand.see.proof import STEP, Proof, central_difference
from byhand.see.section import Section, sized, sources, summary
from byhand.see.update import Change, update_section
from byhand.see.weight import Entry

PLACE = re.compile(r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*")


@dataclass(frozen=True)
class CodesExplanation:
    """One step of a VAE or an autoencoder. `code` and `pixel` are the followed ones of the batch's first sample."""

    step: CodesStep
    samples: tuple[Sample, ...]
    sections: tuple[Section, ...]
    code: int
    pixel: int
    proofs: tuple[Proof, ...]

    def stage(self, name: str) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if section.stage == name)

    def _repr_html_(self) -> str:
        """For notebooks."""
        from byhand.see.notebook import html_of  # it draws pages of all kinds, this one among them

        return html_of(self)


def explain_codes(
    network: VAE | Autoencoder,
    x: Array,
    y: Array,
    *,
    optimizer: Optimizer | None = None,
    indices: Sequence[int] | None = None,
    at: Sequence[str] = (),
    classes: Sequence[str] = (),
    clip: float | None = None,
) -> CodesExplanation:
    """Take one training step on this batch and lay it out. The network and the optimiser that are given stay as they are.

    Arguments:
        x, y: the batch, (m, n) images and their (m, K) targets. indices: (m,) of the samples in their data set.
        optimizer: SGD with a learning rate of 0.01 unless another is given; its state is taken along.
        at: "J,P": the number of the code and the pixel to follow, both from 0.
        classes: names of the classes. clip: the largest length of the gradient, or None.

    Raises ModelError for a place that there is not, a batch that does not fit, and numbers that are not finite.

    >>> found = explain_codes(VAE(6, (5,), 2, seed=1), np.full((3, 6), 0.5), np.eye(3), at=["1,4"])
    >>> (found.code, found.pixel), [proof.agrees for proof in found.proofs]
    ((1, 4), [True, True])
    """
    step = take_codes(network, x, y, optimizer if optimizer is not None else SGD(0.01), clip)
    numbers = list(range(step.m)) if indices is None else [int(index) for index in indices]
    names = list(classes) or [str(k) for k in range(y.shape[1])]
    samples = tuple(Sample(index, names[int(row.argmax())], "", "") for index, row in zip(numbers, y, strict=True))
    code, pixel = _followed(step, at)
    units = {"encoder": _units(step, "encoder", code), "decoder": _units(step, "decoder", pixel)}
    entries = _entries(step, code, pixel, units)
    proofs = _prove(step, entries)
    sections = (
        *_half(step, "encoder", units["encoder"]),
        _code(step, code),
        *_half(step, "decoder", units["decoder"]),
        _reconstruction(step, pixel),
        *([_divergence(step)] if isinstance(step.network, VAE) else []),
        _cost(step),
        _output_error(step, pixel),
        _blame(step, code),
        *([_code_errors(step, code)] if isinstance(step.network, VAE) else []),
        _back_through(step, units["encoder"]),
        *(_weight_gradient(step, entry) for entry in entries),
        *_updates(step, entries),
    )
    return CodesExplanation(step, samples, sections, code, pixel, proofs)


# ---------------------------------------------------------------- what is followed


def _stacks(step: CodesStep) -> dict[str, Stack]:
    return {"encoder": step.network.encoder, "decoder": step.network.decoder}


def _followed(step: CodesStep, at: Sequence[str]) -> tuple[int, int]:
    net = step.network
    if at:
        found = PLACE.fullmatch(at[0])
        if not found or len(at) > 1:
            raise ModelError(f"place {', '.join(at)!r} is not J,P: a number of the code and a pixel, as in --at 3,406")
        code, pixel = map(int, found.groups())
        if code >= net.latent or pixel >= net.n:
            raise ModelError(
                f"place {at[0]!r} is not in this network: its code has the numbers 0 to {net.latent - 1}, "
                f"and an image the pixels 0 to {net.n - 1}"
            )
        return code, pixel
    strength = step.found["kl"][0] if isinstance(net, VAE) else np.abs(step.found["encoder.a"][-1][0])
    return int(strength.argmax()), int(_pixel_costs(step).argmax())


def _pixel_costs(step: CodesStep) -> Array:
    """What each pixel of the first sample costs, (n,)."""
    x, a = step.x[0], step.back[0]
    if step.network.reconstruction == "gaussian":
        return 0.5 * (a - x) ** 2
    z = step.found["decoder.z"][-1][0]
    return np.logaddexp(0, z) - x * z


def _units(step: CodesStep, half: str, last: int) -> list[int]:
    """The unit that is followed in each layer of a half: backward from the last one, each time the strongest term of its sum."""
    units, weights = [last], _stacks(step)[half].weights
    for layer in range(len(weights) - 1, 0, -1):
        units.insert(0, int(np.abs(weights[layer][units[0]] * step.found[f"{half}.a"][layer][0]).argmax()))
    return units


# ---------------------------------------------------------------- forward


def _half(step: CodesStep, half: str, units: Sequence[int]) -> Iterator[Section]:
    stack = _stacks(step)[half]
    for layer, j in enumerate(units):
        yield _layer(step, half, stack, layer, j)


def _layer(step: CodesStep, half: str, stack: Stack, layer: int, j: int) -> Section:
    found, bent = read(weighted_input), stack.activations[layer]
    a, z, out = (step.found[f"{half}.{what}"][at][0] for what, at in (("a", layer), ("z", layer), ("a", layer + 1)))
    w, b = stack.weights[layer][j], stack.biases[layer][j]
    terms = [
        Term(rf"w_{{{j},{k}}}\, a_{{{k}}}", rf"{factor(w[k])} \cdot {factor(a[k])}", float(w[k] * a[k])) for k in range(len(a))
    ]
    lines = total(f"z_{{{j}}}", terms, z[j], last=[Term(f"b_{{{j}}}", factor(b), float(b))])
    equations = [found.equation]
    code: list[Any] = [weighted_input]
    if bent.name != "identity":
        equations.append(bent.equation)
        code.append(activate)
        name = bent.name.replace("_", r"\_")
        lines.append(Line((rf"a_{{{j}}} = \operatorname{{{name}}}({number(z[j])})", f"= {number(out[j])}"), float(out[j])))
    sizes = sized(found.shapes, m=step.m, n_in=len(a), n_out=len(z))
    whole = step.found[f"{half}.z"][layer]
    return Section(
        stage="forward",
        layer=0,
        title=f"{half.capitalize()}, layer {layer + 1} of {len(stack.weights)}: unit {j}",
        equations=tuple(equations),
        numbers=tuple(lines),
        shapes=found.shapes,
        sizes=sizes,
        summaries=(summary("a", step.found[f"{half}.a"][layer]), summary("w", stack.weights[layer]), summary("z", whole)),
        source=sources(*code),
        reference=found.source,
        scope=half,
    )


def _code(step: CodesStep, j: int) -> Section:
    found, net = read(draw_code), step.network
    if isinstance(net, VAE):
        mu, s, eps, z = (step.found[name] for name in ("mu", "log_sigma", "eps", "z"))
        lines = (
            Line(
                (
                    rf"\mu_{{{j}}} = {number(mu[0, j])},",
                    rf"s_{{{j}}} = {number(s[0, j])},",
                    rf"\varepsilon_{{{j}}} = {number(eps[0, j])}",
                )
            ),
            Line((rf"z_{{{j}}} = {number(mu[0, j])}", rf"+ {factor(eps[0, j])} \cdot e^{{{number(s[0, j])}}}")),
            Line((rf"= {number(mu[0, j])}", rf"{signed(eps[0, j] * np.exp(s[0, j]))}")),
            Line((f"= {number(z[0, j])}",), float(z[0, j])),
        )
        return Section(
            stage="forward",
            layer=0,
            title=f"The code is drawn: number {j}",
            equations=(found.equation,),
            numbers=lines,
            shapes=found.shapes,
            sizes=sized(found.shapes, m=step.m, d=net.latent),
            summaries=(summary(r"\mu", mu), summary("s", s), summary(r"\varepsilon", eps), summary("z", z)),
            source=sources(draw_code),
            reference=found.source,
            note="With eps held fixed this is a function like any other, and gradients go through it: the reparameterisation.",
            scope="code",
        )
    code = step.found["encoder.a"][-1]
    noise = f" In training, noise of standard deviation {net.noise:g} is added to it." if net.noise else ""
    fed = step.found["decoder.a"][0][0, j]
    first = Line((rf"c_{{{j}}} = {number(code[0, j])}",), float(code[0, j]))
    drawn = rf"+ {setting(net.noise)} \cdot {factor(step.eps[0, j])}"
    more = (Line((rf"c_{{{j}}} + \sigma \varepsilon_{{{j}}} = {number(code[0, j])} {drawn}", f"= {number(fed)}"), float(fed)),)
    return Section(
        stage="forward",
        layer=0,
        title=f"The code: number {j}",
        equations=(),
        numbers=(first, *(more if net.noise else ())),
        shapes="",
        sizes=f"code: ({step.m}, {net.latent})",
        summaries=(summary("c", code),),
        source=sources(type(net).learn),
        reference="",
        note=f"What the encoder says is the code; nothing pulls it to any place.{noise}",
        scope="code",
    )


# ---------------------------------------------------------------- the cost


def _reconstruction(step: CodesStep, pixel: int) -> Section:
    x, a, net = step.x[0], step.back[0], step.network
    costs = _pixel_costs(step)
    bernoulli = net.reconstruction == "bernoulli"
    if bernoulli:
        equation = r"L_{\text{rec}} = -\sum_k \left(x_k \ln a_k + (1 - x_k) \ln (1 - a_k)\right)"
        own = rf"-{factor(x[pixel])} \ln {factor(a[pixel])} - {factor(1 - x[pixel])} \ln {factor(1 - a[pixel])}"
    else:
        equation = r"L_{\text{rec}} = \tfrac{1}{2} \sum_k (a_k - x_k)^2"
        own = rf"\tfrac{{1}}{{2}} ({number(a[pixel])} - {factor(x[pixel])})^2"
    terms = [Term(f"l_{{{k}}}", factor(cost), float(cost)) for k, cost in enumerate(costs)]
    return Section(
        stage="cost",
        layer=0,
        title="L_rec: how far the image that came back is from the one that went in",
        equations=(equation,),
        numbers=(
            Line((rf"l_{{{pixel}}} = {own}", f"= {number(costs[pixel])}"), float(costs[pixel])),
            *total(r"L_{\text{rec}}", terms, costs.sum()),
        ),
        shapes="",
        sizes=f"x, a: ({step.m}, {net.n})",
        summaries=(summary("x", step.x), summary("a", step.back)),
        source=sources(type(net)._reconstruction_cost, net.cost.per_sample),
        reference="A sum over the pixels: their mean would weigh the other part 784 times as much, and the codes would collapse.",
        scope="cost",
    )


def _divergence(step: CodesStep) -> Section:
    found, kl = read(divergence), step.found["kl"]
    j = int(kl[0].argmax())
    mu, s = step.found["mu"][0, j], step.found["log_sigma"][0, j]
    own = rf"\tfrac{{1}}{{2}} \left({factor(mu)}^2 + e^{{2 \cdot {factor(s)}}} - 1 - 2 \cdot {factor(s)}\right)"
    terms = [Term(rf"k_{{{d}}}", factor(value), float(value)) for d, value in enumerate(kl[0])]
    return Section(
        stage="cost",
        layer=0,
        title="L_reg: how far the Gaussian of the code is from N(0, 1)",
        equations=(found.equation,),
        numbers=(
            Line((rf"k_{{{j}}} = {own}", f"= {number(kl[0, j])}"), float(kl[0, j])),
            *total(r"L_{\text{reg}}", terms, kl[0].sum()),
        ),
        shapes=found.shapes,
        sizes=sized(found.shapes, m=step.m, d=step.network.latent),
        summaries=(summary("k", kl),),
        source=sources(divergence),
        reference=found.source,
        note="In nats: what the code tells the decoder about this image, number by number.",
        scope="cost",
    )


def _cost(step: CodesStep) -> Section:
    net, rec = step.network, float(_pixel_costs(step).sum())
    numbers: tuple[Line, ...]
    if isinstance(net, VAE):
        beta, kl = step.beta, float(step.found["kl"][0].sum())
        equation = r"C = \frac{1}{m} \sum_i \left(L_{\text{rec}} + \beta L_{\text{reg}}\right)"
        first = rf"L = {number(rec)} + {setting(beta)} \cdot {number(kl)}"
        own = rec + beta * kl
        warm = f"beta is {beta:.4g} of {net.beta:g}: it grows over the first {net.warm_up:,} steps. " if net.warm_up else ""
    else:
        equation, first, own, warm = r"C = \frac{1}{m} \sum_i L_{\text{rec}}", rf"L = {number(rec)}", rec, ""
    numbers = (
        Line((first, f"= {number(own)}"), own),
        Line((rf"C = {number(step.cost)}",), step.cost),
    )
    many = f"C is the mean of this over all {step.m} samples." if step.m > 1 else "There is one sample, so C is its L."
    return Section(
        stage="cost",
        layer=0,
        title="The cost: both parts together",
        equations=(equation,),
        numbers=numbers,
        shapes="",
        sizes="",
        summaries=(),
        source=sources(type(net).learn),
        reference="",
        note=warm + many,
        scope="cost",
    )


# ---------------------------------------------------------------- backward


def _output_error(step: CodesStep, pixel: int) -> Section:
    delta, a, x = step.found["decoder.delta"][-1], step.back[0, pixel], step.x[0, pixel]
    bernoulli = step.network.reconstruction == "bernoulli"
    equation = r"\delta = a - x" if bernoulli else r"\delta = (a - x) \odot \sigma'(z)"
    slope = "" if bernoulli else rf" \cdot {factor(a * (1 - a))}"
    return Section(
        stage="backward",
        layer=0,
        title=f"BP1, the decoder's last layer: pixel {pixel}",
        equations=(equation,),
        numbers=(
            Line(
                (rf"\delta_{{{pixel}}} = ({number(a)} - {factor(x)}){slope}", f"= {number(delta[0, pixel])}"),
                float(delta[0, pixel]),
            ),
        ),
        shapes="",
        sizes=f"delta: ({step.m}, {step.network.n})",
        summaries=(summary(r"\delta", delta),),
        source=sources(type(step.network)._reconstruction_error),
        reference="",
        scope="decoder",
    )


def _blame(step: CodesStep, j: int) -> Section:
    """From the decoder's first layer to the code."""
    w, delta = step.network.decoder.weights[0][:, j], step.found["decoder.delta"][0][0]
    symbol = "z" if isinstance(step.network, VAE) else "c"
    terms = [
        Term(rf"w_{{{k},{j}}}\, \delta_{{{k}}}", rf"{factor(w[k])} \cdot {factor(delta[k])}", float(w[k] * delta[k]))
        for k in range(len(delta))
    ]
    value = float((w * delta).sum())
    return Section(
        stage="backward",
        layer=0,
        title=f"Out of the decoder: the error of number {j} of the code",
        equations=(rf"\frac{{\partial L_{{\text{{rec}}}}}}{{\partial {symbol}}} = (w^1)^\top \delta^1",),
        numbers=tuple(total(rf"\frac{{\partial L_{{\text{{rec}}}}}}{{\partial {symbol}_{{{j}}}}}", terms, value)),
        shapes="",
        sizes=f"w: {step.network.decoder.weights[0].shape}, delta: {step.found['decoder.delta'][0].shape}",
        summaries=(summary(r"\delta^1", step.found["decoder.delta"][0]),),
        source=sources(Stack.input_error),
        reference="BP2 without an activation: before the decoder's first layer there is none.",
        scope="decoder",
    )


def _code_errors(step: CodesStep, j: int) -> Section:
    found, beta = read(code_errors), step.beta
    mu, s, eps, dz = (float(step.found[name][0, j]) for name in ("mu", "log_sigma", "eps", "dz"))
    d_mu, d_s = (float(step.found[name][0, j]) for name in ("d_mu", "d_log_sigma"))
    times = setting(beta)
    return Section(
        stage="backward",
        layer=0,
        title=f"Through the draw: the errors of mu and s, number {j}",
        equations=tuple(part.strip().rstrip(",") for part in found.equation.split(r"\qquad")),
        numbers=(
            Line(
                (
                    rf"\frac{{\partial L}}{{\partial \mu_{{{j}}}}} = {number(dz)}",
                    rf"+ {times} \cdot {factor(mu)}",
                    f"= {number(d_mu)}",
                ),
                d_mu,
            ),
            Line(
                (
                    rf"\frac{{\partial L}}{{\partial s_{{{j}}}}} = {factor(dz)} \cdot {factor(eps)} \cdot e^{{{number(s)}}}",
                    rf"+ {times} \cdot \left(e^{{2 \cdot {factor(s)}}} - 1\right)",
                )
            ),
            Line((rf"= {number(dz * eps * np.exp(s))}", signed(beta * (np.exp(2 * s) - 1)), f"= {number(d_s)}"), d_s),
        ),
        shapes=found.shapes,
        sizes=sized(found.shapes, m=step.m, d=step.network.latent),
        summaries=tuple(
            summary(symbol, step.found[name])
            for symbol, name in (
                (r"\partial L_{\text{rec}}/\partial z", "dz"),
                (r"\partial L/\partial \mu", "d_mu"),
                (r"\partial L/\partial s", "d_log_sigma"),
            )
        ),
        source=sources(code_errors),
        reference=found.source,
        note="The first parts come from the reconstruction, the second pull the code to N(0, 1).",
        scope="code",
    )


def _back_through(step: CodesStep, units: Sequence[int]) -> Section:
    """BP2 into the encoder's last hidden layer (into its only layer there is none)."""
    found, stack = read(backpropagated_error), step.network.encoder
    layer = max(0, len(units) - 2)
    delta = step.found["encoder.delta"]
    j = units[layer]
    if len(units) < 2:
        lines: list[Line] = []
    else:
        w, error = stack.weights[layer + 1][:, j], delta[layer + 1][0]
        terms = [
            Term(rf"w_{{{k},{j}}}\, \delta_{{{k}}}", rf"{factor(w[k])} \cdot {factor(error[k])}", float(w[k] * error[k]))
            for k in range(len(error))
        ]
        sent = float((w * error).sum())
        slope = float(delta[layer][0, j] / sent) if sent else 0.0
        lines = total(f"g_{{{j}}}", terms, sent)
        lines.append(
            Line(
                (
                    rf"\delta_{{{j}}} = g_{{{j}}} \cdot \sigma'(z_{{{j}}})",
                    rf"= {factor(sent)} \cdot {factor(slope)}",
                    f"= {number(delta[layer][0, j])}",
                ),
                float(delta[layer][0, j]),
            )
        )
    return Section(
        stage="backward",
        layer=0,
        title=f"BP2, the encoder's layer {layer + 1}: unit {j}",
        equations=(found.equation,),
        numbers=tuple(lines),
        shapes=found.shapes,
        sizes="",
        summaries=tuple(summary(rf"\delta^{{{number_}}}", values) for number_, values in enumerate(delta, 1)),
        source=sources(backpropagated_error),
        reference=found.source,
        scope="encoder",
    )


def _entries(step: CodesStep, code: int, pixel: int, units: dict[str, list[int]]) -> list[Entry]:
    """A weight of each half: into the followed number of the code, and into the followed pixel, from the strongest unit below."""
    entries = []
    for half, j in (("encoder", code), ("decoder", pixel)):
        last = len(units[half]) - 1
        below = step.found[f"{half}.a"][last][0]
        entries.append(Entry(f"{half}.{last}.weight", (j, int(np.abs(below).argmax()))))
    return entries


def _weight_gradient(step: CodesStep, entry: Entry) -> Section:
    found = read(weight_gradient)
    half, number_of = entry.name.split(".")[:2]
    layer, (j, k) = int(number_of), entry.place
    delta, a = step.found[f"{half}.delta"][layer][:, j], step.found[f"{half}.a"][layer][:, k]
    terms = [
        Term(rf"\delta_{{{i},{j}}}\, a_{{{i},{k}}}", rf"{factor(delta[i])} \cdot {factor(a[i])}", float(delta[i] * a[i]))
        for i in range(step.m)
    ]
    before = (rf"\frac{{1}}{{{step.m}}}", rf"\frac{{1}}{{{step.m}}}") if step.m > 1 else ("", "")
    value = float(step.gradient[_flat(step, entry)])
    return Section(
        stage="backward",
        layer=0,
        title=f"BP4, {half}, layer {layer + 1}: the weight {entry}",
        equations=(found.equation,),
        numbers=tuple(total(rf"\frac{{\partial C}}{{\partial {entry.latex}}}", terms, value, before=before)),
        shapes=found.shapes,
        sizes=sized(
            found.shapes,
            m=step.m,
            n_in=step.network.tensors()[entry.name].shape[1],
            n_out=step.network.tensors()[entry.name].shape[0],
        ),
        summaries=(summary(r"\delta", step.found[f"{half}.delta"][layer]), summary("a", step.found[f"{half}.a"][layer])),
        source=sources(weight_gradient),
        reference=found.source,
        scope=half,
    )


def _flat(step: CodesStep, entry: Entry) -> int:
    """Where a weight stands in the flat vectors: found by writing into a copy, so it cannot disagree with the views."""
    net = step.network
    view, was = net.tensors()[entry.name], net.parameters.copy()
    view[entry.place] = np.nan
    at = int(np.flatnonzero(np.isnan(net.parameters))[0])
    net.parameters[...] = was
    return at


def _updates(step: CodesStep, entries: Sequence[Entry]) -> Iterator[Section]:
    for position, entry in enumerate(entries):
        at = _flat(step, entry)
        change = Change(
            entry.latex,
            float(step.used[at]),
            float(step.theta[at]),
            float(step.theta_after[at]),
            float(step.update[at]),
            {slot: float(vector[at]) for slot, vector in step.before.items()},
            {slot: float(vector[at]) for slot, vector in step.after.items()},
        )
        title = f"Update: the weight {entry} by {type(step.optimizer).__name__}"
        yield update_section(step, change, title, whole=position == 0)


def _prove(step: CodesStep, entries: Sequence[Entry]) -> tuple[Proof, ...]:
    """Measure the slope of the step's cost along each weight, with the same eps."""
    proofs = []
    for entry in entries:
        net = copied_codes(step.network)

        def cost(net: VAE | Autoencoder = net) -> float:
            if "steps" in net.buffers:
                net.buffers["steps"][...] = step.network.buffers["steps"]
            return net.learn(step.x, step.y, step.eps)

        higher, lower = central_difference(cost, net.tensors()[entry.name], entry.place)
        by_hand = float(step.gradient[_flat(step, entry)])
        rounding = 4 * np.finfo(float).eps * max(abs(higher), abs(lower)) / STEP
        proofs.append(Proof(entry, by_hand, (higher - lower) / (2 * STEP), higher, lower, enough=max(1e-10, float(rounding))))
    return tuple(proofs)
