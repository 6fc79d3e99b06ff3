"""A training step of a diffusion network, explained: the noise, what the network is asked, the loss, and one step back.

One real step is taken on copies in float64, with the time, the noise and the label that the training would have drawn. The
batch's first sample is followed, and of it one number: unless named, the one whose error is largest.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import Tensor, no_grad
from byhand.equation import read
from byhand.errors import ModelError
from byhand.kernels.threads import one_blas_thread
from byhand.models import denoiser
from byhand.models.denoiser import DiffusionNetwork, Drawn
from byhand.models.diffusion import Diffusion
from byhand.models.samplers import ddim
from byhand.optim import SGD, Optimizer
from byhand.optim import clip as clip_gradient
from byhand.see.explain import Sample
from byhand.see.image import side
from byhand.see.numbers import Line, Term, factor, number, setting, signed, total
from byhand.see.proof import STEP, Proof, central_difference
from byhand.see.section import Picture, Section, sources, summary
from byhand.see.tape import copied_optimizer
from byhand.see.update import Change, update_section
from byhand.see.weight import Entry

PLACE = re.compile(r"\s*\d{1,9}\s*(,\s*\d{1,9}\s*)*")
PROVED = 2  # weights, of the first and of the last parameter that have more than one dimension


@dataclass(frozen=True)
class DiffusionStep:
    """What one step of a diffusion network computed and changed; arrays have the batch's (m, ...) shape, in what it sees.

    noisy is x_t, wanted the target, answer what the network said, x0_seen the clean sample that this means.
    """

    network: DiffusionNetwork
    optimizer: Optimizer
    x: Array
    drawn: Drawn
    x0: Array
    noisy: Array
    wanted: Array
    answer: Array
    x0_seen: Array
    weights: Array
    cost: float
    cost_after: float
    theta: Array
    theta_after: Array
    gradient: Array
    used: Array
    clip: float | None
    before: dict[str, Array]
    after: dict[str, Array]
    update: Array

    @property
    def m(self) -> int:
        return len(self.x)

    @property
    def t(self) -> int:
        """The time of the followed sample."""
        return int(self.drawn.t[0])


@dataclass(frozen=True)
class DiffusionExplanation:
    """One step of a diffusion network. `place` is the followed number of the batch's first sample."""

    step: DiffusionStep
    samples: tuple[Sample, ...]
    sections: tuple[Section, ...]
    place: tuple[int, ...]
    proofs: tuple[Proof, ...]

    def stage(self, name: str) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if section.stage == name)

    def _repr_html_(self) -> str:
        """For notebooks."""
        from byhand.see.notebook import html_of  # it draws pages of all kinds, this one among them

        return html_of(self)


def explain_diffusion(
    network: DiffusionNetwork,
    x: Array,
    y: Array,
    *,
    optimizer: Optimizer | None = None,
    indices: Sequence[int] | None = None,
    at: Sequence[str] = (),
    classes: Sequence[str] = (),
    clip: float | None = None,
) -> DiffusionExplanation:
    """Take one training step on this batch and lay it out. The network and the optimiser that are given stay as they are.

    Arguments:
        x, y: the batch, (m, n) samples and their (m, K) classes. indices: (m,) of the samples in their data set.
        optimizer: SGD with a learning rate of 0.01 unless another is given; its state is taken along.
        at: "I,J,C" of an image or "J" of a point: the number to follow, from 0.
        classes: names of the classes. clip: the largest length of the gradient, or None.

    Raises ModelError for a place that there is not, a batch that does not fit, and numbers that are not finite.
    """
    step = _take(network, x, y, optimizer if optimizer is not None else SGD(0.01), clip)
    numbers = list(range(step.m)) if indices is None else [int(index) for index in indices]
    names = list(classes) or [str(k) for k in range(y.shape[1])]
    samples = tuple(Sample(index, names[int(row.argmax())], "", "") for index, row in zip(numbers, y, strict=True))
    place = _followed(step, at)
    entries = _entries(step)
    sections = (
        _time(step, names),
        _noisy(step, place),
        _question(step, place),
        _loss(step, place),
        _back_ddpm(step, place),
        _back_ddim(step, place),
        *_updates(step, entries),
        _average(step, entries[-1]),
    )
    return DiffusionExplanation(step, samples, sections, place, _prove(step, entries))


# ---------------------------------------------------------------- the step


def _take(network: DiffusionNetwork, x: Array, y: Array, optimizer: Optimizer, clip: float | None) -> DiffusionStep:
    net = _copied(network)
    x = np.asarray(x, np.float64).reshape(len(x), *net.input_shape)
    drawn = network.draw(network._labels(y, len(x)), copy.deepcopy(network.rng), network.forget)
    drawn = replace_noise(drawn, np.asarray(drawn.eps, np.float64))
    optimizer = copied_optimizer(optimizer, net.parameters)
    before = {slot: vector.copy() for slot, vector in optimizer.state.items()}
    with np.errstate(over="ignore", invalid="ignore"):  # said below, in words
        cost = _learn(net, x, drawn)
    if not (np.isfinite(cost) and np.isfinite(net.gradient).all()):
        raise ModelError(
            f"this step cannot be explained: {net.first_non_finite() or 'the cost'} is not finite, so its numbers say nothing"
        )
    diffusion = net.diffusion
    x0 = net.scaled(x)
    noisy = diffusion.noisy(x0, drawn.t, drawn.eps)
    with no_grad(), one_blas_thread():
        answer = np.asarray(net.module(Tensor(noisy), drawn.t, drawn.labels).data)
    gradient, theta = net.gradient.copy(), net.parameters.copy()
    used = gradient.copy()
    if clip is not None:
        clip_gradient(used, clip)
    after = net.parameters.copy()
    Optimizer.step(optimizer, after, used)
    net.parameters[...] = after
    cost_after = _learn(net, x, drawn)
    net.parameters[...] = theta
    return DiffusionStep(
        network=net,
        optimizer=optimizer,
        x=x,
        drawn=drawn,
        x0=x0,
        noisy=noisy,
        wanted=diffusion.wanted(x0, drawn.eps, drawn.t),
        answer=answer,
        x0_seen=diffusion.parts(answer, noisy, drawn.t)[0],
        weights=diffusion.weights(drawn.t, net.weighting, net.gamma),
        cost=cost,
        cost_after=cost_after,
        theta=theta,
        theta_after=after,
        gradient=gradient,
        used=used,
        clip=clip,
        before=before,
        after={slot: vector.copy() for slot, vector in optimizer.state.items()},
        update=optimizer.update.copy(),
    )


def replace_noise(drawn: Drawn, eps: Array) -> Drawn:
    """The same draw with its noise in another precision."""
    return drawn._replace(eps=eps)


def _copied(network: DiffusionNetwork) -> DiffusionNetwork:
    twin = denoiser.from_architecture(network.architecture(), np.float64)
    twin.parameters[...] = network.parameters
    for name, array in network.buffers.items():
        twin.buffers[name][...] = array
    return twin


def _learn(net: DiffusionNetwork, x: Array, drawn: Drawn) -> float:
    """The batch's cost with what was drawn; fills the gradient."""
    net.module.train()
    net.gradient.fill(0)
    with one_blas_thread():
        cost = net.loss(Tensor(x), drawn.labels, drawn)
        cost.backward()
    return cost.item()


def _followed(step: DiffusionStep, at: Sequence[str]) -> tuple[int, ...]:
    shape = step.network.input_shape
    if not at:
        error = np.square(step.answer[0] - step.wanted[0])
        return tuple(int(k) for k in np.unravel_index(int(error.argmax()), shape))
    if len(at) > 1 or not PLACE.fullmatch(at[0]):
        wanted = "I,J,C: row, column and channel, as in --at 14,9,0" if len(shape) == 3 else "J, as in --at 1"
        raise ModelError(f"place {', '.join(at)!r} is not {wanted}")
    place = tuple(int(part) for part in at[0].split(","))
    if len(place) != len(shape) or any(k >= n for k, n in zip(place, shape, strict=True)):
        raise ModelError(f"place {at[0]!r} is not in a sample of {shape}: each number is below the one there")
    return place


# ---------------------------------------------------------------- forward


def _time(step: DiffusionStep, names: Sequence[str]) -> Section:
    t, schedule = step.t, step.network.schedule
    label = int(step.drawn.labels[0])
    told = repr(names[label]) if label < len(names) else '"any": it was forgotten, so that the network learns to do without'
    ab = schedule.alpha_bar[t]
    lines = (
        Line((rf"t = {t} \text{{ of }} {schedule.steps},", rf"\beta_t = {number(schedule.betas[t - 1])}")),
        Line((rf"\bar\alpha_t = {number(ab)}",), float(ab)),
        Line((rf"\sqrt{{\bar\alpha_t}} = {number(schedule.signal[t])}",), float(schedule.signal[t])),
        Line((rf"\sqrt{{1 - \bar\alpha_t}} = {number(schedule.noise[t])}",), float(schedule.noise[t])),
        Line(
            (rf"\mathrm{{SNR}}_t = \frac{{{number(ab)}}}{{1 - {number(ab)}}}", f"= {number(schedule.snr[t])}"),
            float(schedule.snr[t]),
        ),
    )
    return Section(
        stage="forward",
        layer=0,
        title=f"A time is drawn: t = {t}",
        equations=(r"t \sim U\{1, \dots, T\}", r"\bar\alpha_t = \prod_{s=1}^{t} (1 - \beta_s)"),
        numbers=lines,
        shapes="",
        sizes=f"t, labels: ({step.m},)",
        summaries=(),
        source=sources(DiffusionNetwork.draw),
        reference="Ho, Jain and Abbeel (2020), algorithm 1 and eq. 4",
        note=f"The schedule is {schedule.name}. The label that the network is told: {told}.",
        scope="noise",
    )


def _pictures(step: DiffusionStep, *shown: tuple[str, str, Array]) -> tuple[Picture, ...]:
    """Images as pictures, of both signs; nothing for points."""
    if len(step.network.input_shape) != 3:
        return ()
    return tuple(Picture(np.moveaxis(values[0], 2, 0), symbol, about) for symbol, about, values in shown)


def _noisy(step: DiffusionStep, place: tuple[int, ...]) -> Section:
    found, t, net = read(Diffusion.noisy), step.t, step.network
    at = (0, *place)
    data, x0, eps, xt = (float(values[at]) for values in (step.x, step.x0, step.drawn.eps, step.noisy))
    signal, noise = net.schedule.signal[t], net.schedule.noise[t]
    if net.scale is None:
        scaled = Line((rf"x_0 = 2 \cdot {factor(data)} - 1", f"= {number(x0)}"), x0)
    else:
        mean, std = float(net.scale[0][place]), float(net.scale[1][place])
        scaled = Line((rf"x_0 = \frac{{{number(data)} - {factor(mean)}}}{{{number(std)}}}", f"= {number(x0)}"), x0)
    lines = (
        scaled,
        Line((rf"\varepsilon = {number(eps)}",), eps),
        Line((rf"x_t = {number(signal)} \cdot {factor(x0)}", rf"+ {number(noise)} \cdot {factor(eps)}")),
        Line((f"= {number(signal * x0)}", signed(noise * eps), f"= {number(xt)}"), xt),
    )
    return Section(
        stage="forward",
        layer=0,
        title=f"Noise is put over the sample: its number [{', '.join(map(str, place))}]",
        equations=(found.equation,),
        numbers=lines,
        shapes=found.shapes,
        sizes=f"x_0, eps, x_t: {step.noisy.shape}",
        summaries=(summary("x_0", step.x0), summary(r"\varepsilon", step.drawn.eps), summary("x_t", step.noisy)),
        source=sources(DiffusionNetwork.scaled, Diffusion.noisy),
        reference=found.source,
        note="All t steps of noise at once: a sum of Gaussians is a Gaussian.",
        scope="noise",
        pictures=_pictures(
            step, ("x_0", "the sample", step.x0), (r"\varepsilon", "the noise", step.drawn.eps), ("x_t", "both", step.noisy)
        ),
    )


def _question(step: DiffusionStep, place: tuple[int, ...]) -> Section:
    net, at = step.network, (0, *place)
    target, t = net.diffusion.target, step.t
    x0, eps, wanted, answer = (float(values[at]) for values in (step.x0, step.drawn.eps, step.wanted, step.answer))
    signal, noise = net.schedule.signal[t], net.schedule.noise[t]
    if target == "v":
        found = read(Diffusion.velocity)
        equation, symbol, reference = found.equation, "v", found.source
        own = Line(
            (rf"v = {number(signal)} \cdot {factor(eps)} - {number(noise)} \cdot {factor(x0)}", f"= {number(wanted)}"), wanted
        )
    else:
        symbol = r"\varepsilon" if target == "epsilon" else "x_0"
        equation, reference = symbol, "Ho, Jain and Abbeel (2020), eq. 14"
        own = Line((f"{symbol} = {number(wanted)}",), wanted)
    seen = float(step.x0_seen[at])
    return Section(
        stage="forward",
        layer=0,
        title=f"What the network is asked for ({target}), and what it answers",
        equations=(equation, rf"\hat {{{symbol}}} = f_\theta(x_t, t, y)"),
        numbers=(
            own,
            Line((rf"\hat {{{symbol}}} = {number(answer)}",), answer),
            Line((rf"\hat x_0 = {number(seen)}",), seen),
        ),
        shapes="",
        sizes=f"{target}: {step.wanted.shape}",
        summaries=(summary(symbol, step.wanted), summary(rf"\hat {{{symbol}}}", step.answer)),
        source=sources(Diffusion.wanted, DiffusionNetwork._loss),
        reference=reference,
        note="The last number is what the answer means: the sample that the network sees behind the noise.",
        scope="noise",
        pictures=_pictures(
            step,
            (symbol, "asked for", step.wanted),
            (rf"\hat {{{symbol}}}", "answered", step.answer),
            (r"\hat x_0", "the sample that this means", step.x0_seen),
        ),
    )


# ---------------------------------------------------------------- the cost


def _loss(step: DiffusionStep, place: tuple[int, ...]) -> Section:
    net, at, t = step.network, (0, *place), step.t
    wanted, answer = float(step.wanted[at]), float(step.answer[at])
    squares = np.square(step.answer - step.wanted).reshape(step.m, -1).mean(axis=1)
    weight, snr = float(step.weights[0]), float(net.schedule.snr[t])
    own = [Line((rf"({number(answer)} - {factor(wanted)})^2", f"= {number((answer - wanted) ** 2)}"), (answer - wanted) ** 2)]
    equations = [r"C = \frac{1}{m} \sum_i w_{t_i} \frac{\left\| \hat v_i - v_i \right\|^2}{d}"]
    if net.weighting == "min_snr":
        below = {"v": rf"{number(snr)} + 1", "epsilon": number(snr), "x0": "1"}[net.diffusion.target]
        own.append(Line((rf"w_t = \frac{{\min({number(snr)}, {setting(net.gamma)})}}{{{below}}}", f"= {number(weight)}"), weight))
        equations.append(read(Diffusion.weights).equation)
    terms = [
        Term(
            rf"w_{{{i}}} e_{{{i}}}", rf"{factor(step.weights[i])} \cdot {factor(squares[i])}", float(step.weights[i] * squares[i])
        )
        for i in range(step.m)
    ]
    before = (rf"\frac{{1}}{{{step.m}}}", rf"\frac{{1}}{{{step.m}}}") if step.m > 1 else ("", "")
    return Section(
        stage="cost",
        layer=0,
        title="The loss: how far the answers are from what was asked for",
        equations=tuple(equations),
        numbers=(*own, *total("C", terms, step.cost, before=before)),
        shapes="",
        sizes=f"w, e: ({step.m},); e_i is the mean square over the {math.prod(net.input_shape)} numbers of sample i",
        summaries=(summary("e", squares), summary("w", step.weights)),
        source=sources(DiffusionNetwork._loss, Diffusion.weights),
        reference="Ho, Jain and Abbeel (2020), eq. 14; Hang et al. (2023), arXiv:2303.09556, section 3.4, for the weight",
        note="" if step.weights[0] != 1 else "Every sample counts the same here: w = 1.",
        scope="cost",
    )


# ---------------------------------------------------------------- a step back


def _back_ddpm(step: DiffusionStep, place: tuple[int, ...]) -> Section:
    found, t, net = read(Diffusion.posterior), step.t, step.network
    at, schedule = (0, *place), net.schedule
    seen, xt = float(step.x0_seen[at]), float(step.noisy[at])
    mean, sigma = net.diffusion.posterior(step.x0_seen[:1], step.noisy[:1], t, t - 1)
    beta, ab, before = float(schedule.betas[t - 1]), float(schedule.alpha_bar[t]), float(schedule.alpha_bar[t - 1])
    a = math.sqrt(before) * beta / float(schedule.noise[t] ** 2)
    b = math.sqrt(1 - beta) * float(schedule.noise[t - 1] ** 2) / float(schedule.noise[t] ** 2)
    value = float(mean[(0, *place)])
    left = rf"\frac{{{number(math.sqrt(before))} \cdot {factor(beta)}}}{{1 - {number(ab)}}}"
    right = rf"\frac{{{number(math.sqrt(1 - beta))} \cdot (1 - {number(before)})}}{{1 - {number(ab)}}}"
    return Section(
        stage="backward",
        layer=0,
        title=f"A step back, DDPM: from t = {t} to {t - 1}",
        equations=(found.equation, r"x_{t-1} = \tilde\mu_t + \tilde\sigma_t z, \quad z \sim N(0, 1)"),
        numbers=(
            Line((rf"c_0 = {left}", f"= {number(a)}"), a),
            Line((rf"c_t = {right}", f"= {number(b)}"), b),
            Line(
                (
                    r"\tilde\mu = c_0 \hat x_0 + c_t x_t",
                    rf"= {number(a)} \cdot {factor(seen)}",
                    rf"+ {number(b)} \cdot {factor(xt)}",
                )
            ),
            Line((f"= {number(value)}",), value),
            Line(
                (
                    rf"\tilde\sigma = \sqrt{{\frac{{1 - {number(before)}}}{{1 - {number(ab)}}} \cdot {factor(beta)}}}",
                    f"= {number(sigma)}",
                ),
                float(sigma),
            ),
        ),
        shapes=found.shapes,
        sizes=f"x0, x: {step.noisy.shape}",
        summaries=(summary(r"\tilde\mu", mean),),
        source=sources(Diffusion.posterior, Diffusion.deviation),
        reference=found.source,
        note="sigma is the standard deviation. At t = 1 it is 0: the last step adds no noise.",
        scope="drawing",
    )


def _back_ddim(step: DiffusionStep, place: tuple[int, ...]) -> Section:
    found, t, net = read(ddim), step.t, step.network
    at, s = (0, *place), max(0, step.t - max(1, net.diffusion.steps // 50))
    x0, eps = net.diffusion.parts(step.answer[:1], step.noisy[:1], t)
    signal, noise = float(net.schedule.signal[s]), float(net.schedule.noise[s])
    whole = signal * x0 + noise * eps
    a, b, value = float(x0[at]), float(eps[at]), float(whole[at])
    return Section(
        stage="backward",
        layer=0,
        title=f"A long step back, DDIM without fresh noise: from t = {t} to {s}",
        equations=(found.equation,),
        numbers=(
            Line((rf"\hat x_0 = {number(a)},", rf"\hat\varepsilon = {number(b)}")),
            Line(
                (rf"x_{{{s}}} = {number(signal)} \cdot {factor(a)} + {number(noise)} \cdot {factor(b)}", f"= {number(value)}"),
                value,
            ),
        ),
        shapes="",
        sizes=f"x: {step.noisy.shape}",
        summaries=(summary(f"x_{{{s}}}", whole),),
        source=sources(ddim),
        reference=found.source,
        note="What the network takes for the sample and for the noise, put together anew with less noise.",
        scope="drawing",
        pictures=_pictures(step, (f"x_{{{s}}}", f"the sample at t = {s}", whole)),
    )


# ---------------------------------------------------------------- backward, update


def _entries(step: DiffusionStep) -> list[Entry]:
    """Of the first and of the last parameter that have more than one dimension, the weight with the largest gradient."""
    matrices = [(name, parameter) for name, parameter in step.network.module.parameters() if parameter.data.ndim > 1]
    chosen = []
    for name, parameter in (matrices[0], matrices[-1])[:PROVED]:
        slope = step.gradient[_start(step.network, name) :][: parameter.size]
        chosen.append(Entry(name, tuple(int(k) for k in np.unravel_index(int(np.abs(slope).argmax()), parameter.shape))))
    return chosen


def _start(net: DiffusionNetwork, name: str) -> int:
    """Where a parameter begins in the flat vector."""
    start = 0
    for other, parameter in net.module.parameters():
        if other == name:
            return start
        start += parameter.size
    raise ModelError(f"the network has no parameter {name!r}")


def _flat(step: DiffusionStep, entry: Entry) -> int:
    shape = dict(step.network.module.parameters())[entry.name].shape
    return _start(step.network, entry.name) + int(np.ravel_multi_index(entry.place, shape))


def _updates(step: DiffusionStep, entries: Sequence[Entry]) -> list[Section]:
    made = []
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
        made.append(update_section(step, change, title, whole=position == 0))
    return made


def _average(step: DiffusionStep, entry: Entry) -> Section:
    """What goes into the running mean: the weights that this batch found, and, when the next one comes, those that it left."""
    found, net, at = read(DiffusionNetwork.learn), step.network, _flat(step, entry)
    k, mean, lines = float(net.learned[0]), float(net.average[at]), []
    for theta in (float(step.theta[at]), float(step.theta_after[at])):
        decay, was = min(net.decay, (1 + k) / (10 + k)), mean
        mean, k = decay * was + (1 - decay) * theta, k + 1
        terms = rf"m_{{{k - 1:.0f}}} = {number(decay)} \cdot {factor(was)} + {number(1 - decay)} \cdot {factor(theta)}"
        lines.append(Line((terms, f"= {number(mean)}"), mean))
    return Section(
        stage="update",
        layer=0,
        title=f"The running mean of the weights, with which one draws: {entry}",
        equations=(found.equation,),
        numbers=tuple(lines),
        shapes="",
        sizes=f"m: ({net.average.size},), all parameters in one vector",
        summaries=(summary("m", net.average),),
        source=sources(DiffusionNetwork.learn),
        reference=found.source,
        note="First with the weights that this batch found, then, as the next batch will, with those that it left.",
    )


def _prove(step: DiffusionStep, entries: Sequence[Entry]) -> tuple[Proof, ...]:
    """Measure the slope of the step's cost along each weight, with the same times, noise and labels."""
    net, proofs = _copied(step.network), []
    net.parameters[...] = step.theta
    parameters = dict(net.module.parameters())

    def cost() -> float:
        with no_grad(), one_blas_thread():
            return net.loss(Tensor(step.x), step.drawn.labels, step.drawn).item()

    for entry in entries:
        higher, lower = central_difference(cost, parameters[entry.name].data, entry.place)
        by_hand = float(step.gradient[_flat(step, entry)])
        rounding = 4 * np.finfo(float).eps * max(abs(higher), abs(lower)) / STEP
        proofs.append(Proof(entry, by_hand, (higher - lower) / (2 * STEP), higher, lower, enough=max(1e-10, float(rounding))))
    return tuple(proofs)


def images(explanation: DiffusionExplanation) -> list[tuple[str, Any]]:
    """What is shown of the followed sample at the top of the page: titles and pictures in [0, 1]; nothing for points."""
    step = explanation.step
    if len(step.network.input_shape) != 3 or not side(step.x[0].size):
        return []
    shown = (
        ("The sample", step.x),
        ("with noise", step.network.unscaled(step.noisy)),
        ("seen", step.network.unscaled(step.x0_seen)),
    )
    return [(title, np.clip(values[0].reshape(-1), 0, 1)) for title, values in shown]
