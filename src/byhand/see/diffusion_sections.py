"""What stands around the ops in a step of a diffusion network: the time, the noise, the question, the loss, and one step back.

The formulas follow one number of the batch's first sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import Tensor, no_grad
from byhand.equation import read
from byhand.formula import Line, factor, number, setting, signed
from byhand.kernels.threads import one_blas_thread
from byhand.models.denoiser import DiffusionNetwork, NoiseDraw
from byhand.models.diffusion import Diffusion
from byhand.models.running_mean import take_into
from byhand.models.samplers import ddim
from byhand.see.formula_lines import lines_of
from byhand.see.section import Picture, Section, documented, sources, summary
from byhand.see.step import TrainingStep
from byhand.see.update import flat_place
from byhand.see.weight import Entry
from byhand.terms import Factor, Sum


@dataclass(frozen=True)
class Denoising:
    """What a step of a diffusion network means; arrays have the batch's (m, ...) shape, in what the network sees.

    x: the data. x0: the same, scaled. drawn: times, noise and labels. noisy: x_t. target: what the network is asked for.
    prediction: what it said; x0_prediction: the clean sample that this means. weights: (m,), of each sample in the loss.
    """

    network: DiffusionNetwork
    x: Array
    x0: Array
    drawn: NoiseDraw
    noisy: Array
    target: Array
    prediction: Array
    x0_prediction: Array
    weights: Array

    @property
    def t(self) -> int:
        """The time of the followed sample."""
        return int(self.drawn.t[0])

    @property
    def m(self) -> int:
        return len(self.x)

    def pictures(self, *shown: tuple[str, str, Array]) -> tuple[Picture, ...]:
        """Images of the followed sample, of both signs, as (symbol, about, values); nothing for points."""
        if len(self.network.input_shape) != 3:
            return ()
        return tuple(Picture(np.moveaxis(values[0], 2, 0), symbol, about) for symbol, about, values in shown)


def denoising_of(step: TrainingStep) -> Denoising:
    """What the step of a diffusion network means."""
    net: Any = step.network
    (drawn,) = step.chance
    diffusion, x0 = net.diffusion, net.scaled(step.x)
    noisy = diffusion.noisy(x0, drawn.t, drawn.eps)
    with no_grad(), one_blas_thread():
        prediction = np.asarray(net.module(Tensor(noisy), drawn.t, drawn.labels).data)
    return Denoising(
        network=net,
        x=step.x,
        x0=x0,
        drawn=drawn,
        noisy=noisy,
        target=diffusion.target_of(x0, drawn.eps, drawn.t),
        prediction=prediction,
        x0_prediction=diffusion.x0_and_eps(prediction, noisy, drawn.t)[0],
        weights=diffusion.weights(drawn.t, net.weighting, net.gamma),
    )


def bracketed(place: Sequence[int]) -> str:
    """Indices as they are written in code."""
    return f"[{', '.join(map(str, place))}]"


# ---------------------------------------------------------------- forward


def time_section(step: Denoising, names: Sequence[str]) -> Section:
    t, schedule, label = step.t, step.network.schedule, int(step.drawn.labels[0])
    told = repr(names[label]) if label < len(names) else '"any": it was dropped, so that the network learns to do without'
    ab, signal, noise = (float(values[t]) for values in (schedule.alpha_bar, schedule.signal, schedule.noise))
    return Section(
        stage="forward",
        scope="noise",
        title=f"A time is drawn: t = {t}",
        why="The network has to learn every amount of noise, so each sample of the batch gets an amount of its own.",
        equations=(r"t \sim U\{1, \dots, T\}", r"\bar\alpha_t = \prod_{s=1}^{t} (1 - \beta_s)"),
        numbers=(
            Line((rf"t = {t} \text{{ of }} {schedule.steps},", rf"\beta_t = {number(schedule.betas[t - 1])}")),
            Line((rf"\bar\alpha_t = {number(ab)}",), ab),
            Line((rf"\sqrt{{\bar\alpha_t}} = {number(signal)}",), signal),
            Line((rf"\sqrt{{1 - \bar\alpha_t}} = {number(noise)}",), noise),
            Line(
                (rf"\mathrm{{SNR}}_t = \frac{{{number(ab)}}}{{1 - {number(ab)}}}", f"= {number(schedule.snr[t])}"),
                float(schedule.snr[t]),
            ),
        ),
        sizes=f"t, labels: ({step.m},)",
        source=sources(DiffusionNetwork.draw),
        reference="Ho, Jain and Abbeel (2020), algorithm 1 and eq. 4",
        note=f"The schedule is {schedule.name}. The label that the network is told: {told}.",
    )


def noise_section(step: Denoising, place: tuple[int, ...]) -> Section:
    t, net, at = step.t, step.network, (0, *place)
    data, x0, eps, xt = (float(values[at]) for values in (step.x, step.x0, step.drawn.eps, step.noisy))
    signal, noise = net.schedule.signal[t], net.schedule.noise[t]
    if net.scale is None:
        scaled = rf"2 \cdot {factor(data)} - 1"
    else:
        mean, std = (float(values[place]) for values in net.scale)
        scaled = rf"\frac{{{number(data)} - {factor(mean)}}}{{{number(std)}}}"
    return documented(
        Diffusion.noisy,
        stage="forward",
        scope="noise",
        title=f"Noise is put over the sample: its number {bracketed(place)}",
        why="All t steps of noise at once: a sum of Gaussians is a Gaussian. The sample fades as the noise grows.",
        numbers=(
            Line((f"x_0 = {scaled}", f"= {number(x0)}"), x0),
            Line((rf"\varepsilon = {number(eps)}",), eps),
            Line((rf"x_t = {number(signal)} \cdot {factor(x0)}", rf"+ {number(noise)} \cdot {factor(eps)}")),
            Line((f"= {number(signal * x0)}", signed(noise * eps), f"= {number(xt)}"), xt),
        ),
        sizes=f"x_0, eps, x_t: {step.noisy.shape}",
        summaries=(summary("x_0", step.x0), summary(r"\varepsilon", step.drawn.eps), summary("x_t", step.noisy)),
        source=sources(DiffusionNetwork.scaled, Diffusion.noisy),
        pictures=step.pictures(
            ("x_0", "the sample", step.x0), (r"\varepsilon", "the noise", step.drawn.eps), ("x_t", "both", step.noisy)
        ),
    )


def prediction_section(step: Denoising, place: tuple[int, ...]) -> Section:
    net, at, t, target = step.network, (0, *place), step.t, step.network.diffusion.target
    x0, eps, asked, said, meant = (
        float(values[at]) for values in (step.x0, step.drawn.eps, step.target, step.prediction, step.x0_prediction)
    )
    symbol = {"v": "v", "epsilon": r"\varepsilon", "x0": "x_0"}[target]
    equation, reference, own = symbol, "Ho, Jain and Abbeel (2020), eq. 14", Line((f"{symbol} = {number(asked)}",), asked)
    if target == "v":
        velocity, signal, noise = read(Diffusion.velocity), net.schedule.signal[t], net.schedule.noise[t]
        equation, reference = velocity.equation, velocity.source
        worked = rf"v = {number(signal)} \cdot {factor(eps)} - {number(noise)} \cdot {factor(x0)}"
        own = Line((worked, f"= {number(asked)}"), asked)
    hat = rf"\hat {{{symbol}}}"
    return Section(
        stage="forward",
        scope="noise",
        title=f"What the network is asked for ({target}), and what it answers",
        why="Who can tell the noise from the sample can take it away: that is all that drawing will need.",
        equations=(equation, rf"{hat} = f_\theta(x_t, t, y)"),
        numbers=(
            own,
            Line((rf"{hat} = {number(said)}",), said),
            Line((rf"\hat x_0 = {number(meant)}",), meant),
        ),
        sizes=f"{target}: {step.target.shape}",
        summaries=(summary(symbol, step.target), summary(hat, step.prediction)),
        source=sources(Diffusion.target_of, DiffusionNetwork._loss),
        reference=reference,
        note="The last number is what the answer means: the sample that the network sees behind the noise.",
        pictures=step.pictures(
            (symbol, "asked for", step.target),
            (hat, "answered", step.prediction),
            (r"\hat x_0", "the sample that this means", step.x0_prediction),
        ),
    )


# ---------------------------------------------------------------- the cost


def loss_section(step: Denoising, place: tuple[int, ...], cost: float) -> Section:
    net, at, t = step.network, (0, *place), step.t
    asked, said = float(step.target[at]), float(step.prediction[at])
    squares = np.square(step.prediction - step.target).reshape(step.m, -1).mean(axis=1)
    weight, snr = float(step.weights[0]), float(net.schedule.snr[t])
    own = [Line((rf"({number(said)} - {factor(asked)})^2", f"= {number((said - asked) ** 2)}"), (said - asked) ** 2)]
    equations = [r"C = \frac{1}{m} \sum_i w_{t_i} \frac{\left\| \hat v_i - v_i \right\|^2}{d}"]
    if net.weighting == "min_snr":
        below = {"v": rf"{number(snr)} + 1", "epsilon": number(snr), "x0": "1"}[net.diffusion.target]
        own.append(Line((rf"w_t = \frac{{\min({number(snr)}, {setting(net.gamma)})}}{{{below}}}", f"= {number(weight)}"), weight))
        equations.append(read(Diffusion.weights).equation)
    share = (Factor(rf"\frac{{1}}{{{step.m}}}", 1 / step.m),) if step.m > 1 else ()

    def weighted(i: int) -> tuple[Factor, ...]:
        return (*share, Factor(f"w_{{{i}}}", float(step.weights[i])), Factor(f"e_{{{i}}}", float(squares[i])))

    return Section(
        stage="cost",
        scope="cost",
        title="The loss: how far the answers are from what was asked for",
        why="A square for each number, so that one large error costs more than many small ones.",
        equations=tuple(equations),
        numbers=(*own, *lines_of("C", [Sum(step.weights * squares / step.m, weighted)], cost)),
        sizes=f"w, e: ({step.m},); e_i is the mean square over the {math.prod(net.input_shape)} numbers of sample i",
        summaries=(summary("e", squares), summary("w", step.weights)),
        source=sources(DiffusionNetwork._loss, Diffusion.weights),
        reference="Ho, Jain and Abbeel (2020), eq. 14; Hang et al. (2023), arXiv:2303.09556, section 3.4, for the weight",
        note="" if step.weights[0] != 1 else "Every sample counts the same here: w = 1.",
    )


# ---------------------------------------------------------------- the running mean


def average_section(step: TrainingStep, entry: Entry) -> Section:
    """What goes into the running mean: the weights that this batch read, and, when the next one comes, those that it left."""
    net: Any = step.network
    at = flat_place(step, entry)
    k, mean, lines = float(net.learned[0]), float(net.average[at]), []
    for theta in (float(step.theta[at]), float(step.theta_after[at])):
        decay, was = min(net.ema_decay, (1 + k) / (10 + k)), mean
        mean, k = decay * was + (1 - decay) * theta, k + 1
        terms = rf"m_{{{k - 1:.0f}}} = {number(decay)} \cdot {factor(was)} + {number(1 - decay)} \cdot {factor(theta)}"
        lines.append(Line((terms, f"= {number(mean)}"), mean))
    return documented(
        take_into,
        stage="update",
        title=f"The running mean of the weights, with which you draw: {entry}",
        why="Each batch pulls the weights to and fro; their mean stands still, and draws better.",
        numbers=tuple(lines),
        sizes=f"m: ({net.average.size},), all parameters in one vector",
        summaries=(summary("m", net.average),),
        note="First with the weights that this batch read, then, as the next batch will, with those that it left.",
    )


# ---------------------------------------------------------------- a step back


def ddpm_section(step: Denoising, place: tuple[int, ...]) -> Section:
    t, net, at, schedule = step.t, step.network, (0, *place), step.network.schedule
    meant, xt = float(step.x0_prediction[at]), float(step.noisy[at])
    mean, sigma = net.diffusion.posterior(step.x0_prediction[:1], step.noisy[:1], t, t - 1)
    beta, ab, before = float(schedule.betas[t - 1]), float(schedule.alpha_bar[t]), float(schedule.alpha_bar[t - 1])
    a = math.sqrt(before) * beta / float(schedule.noise[t] ** 2)
    b = math.sqrt(1 - beta) * float(schedule.noise[t - 1] ** 2) / float(schedule.noise[t] ** 2)
    rest, less = f"1 - {number(ab)}", f"1 - {number(before)}"
    drawn = (r"\tilde\mu = c_0 \hat x_0 + c_t x_t", rf"= {number(a)} \cdot {factor(meant)}", rf"+ {number(b)} \cdot {factor(xt)}")
    return documented(
        Diffusion.posterior,
        Diffusion.deviation,
        stage="drawing",
        scope="drawing",
        title=f"A step back, DDPM: from t = {t} to {t - 1}",
        why="A little way from the noise to what the network takes the sample to be, and a little fresh noise in return.",
        equations=(read(Diffusion.posterior).equation, r"x_{t-1} = \tilde\mu_t + \tilde\sigma_t z, \quad z \sim N(0, 1)"),
        numbers=(
            Line((rf"c_0 = \frac{{{number(math.sqrt(before))} \cdot {factor(beta)}}}{{{rest}}}", f"= {number(a)}"), a),
            Line((rf"c_t = \frac{{{number(math.sqrt(1 - beta))} \cdot ({less})}}{{{rest}}}", f"= {number(b)}"), b),
            Line(drawn),
            Line((f"= {number(mean[at])}",), float(mean[at])),
            Line(
                (rf"\tilde\sigma = \sqrt{{\frac{{{less}}}{{{rest}}} \cdot {factor(beta)}}}", f"= {number(sigma)}"), float(sigma)
            ),
        ),
        sizes=f"x0, x: {step.noisy.shape}",
        summaries=(summary(r"\tilde\mu", mean),),
        note="sigma is the standard deviation. At t = 1 it is 0: the last step adds no noise.",
    )


def ddim_section(step: Denoising, place: tuple[int, ...]) -> Section:
    t, net, at = step.t, step.network, (0, *place)
    s = max(0, t - max(1, net.diffusion.steps // 50))
    x0, eps = net.diffusion.x0_and_eps(step.prediction[:1], step.noisy[:1], t)
    signal, noise = float(net.schedule.signal[s]), float(net.schedule.noise[s])
    whole = signal * x0 + noise * eps
    a, b, value = (float(values[at]) for values in (x0, eps, whole))
    worked = rf"x_{{{s}}} = {number(signal)} \cdot {factor(a)} + {number(noise)} \cdot {factor(b)}"
    return documented(
        ddim,
        stage="drawing",
        scope="drawing",
        title=f"A long step back, DDIM without fresh noise: from t = {t} to {s}",
        why="What the network takes for the sample and for the noise, put together anew with less noise.",
        numbers=(
            Line((rf"\hat x_0 = {number(a)},", rf"\hat\varepsilon = {number(b)}")),
            Line((worked, f"= {number(value)}"), value),
        ),
        shapes="",
        sizes=f"x: {step.noisy.shape}",
        summaries=(summary(f"x_{{{s}}}", whole),),
        pictures=step.pictures((f"x_{{{s}}}", f"the sample at t = {s}", whole)),
    )
