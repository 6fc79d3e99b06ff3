"""The seeded faults of diffusion networks, and the networks and samplers that have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from fault import RATE, Fault, fault, of
from spoiled import shifted
from subjects import moons, points

from byhand.engine import ops
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.diffusion import Diffusion
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.samplers import SamplerStep


class Unscaled(DiffusionNetwork):
    """The data go in as they are."""

    def scaled(self, data: Any) -> Any:
        return data

    def unscaled(self, x: Any) -> Any:
        return x


class Told(DiffusionNetwork):
    """The module is told another time or another label than those that the batch has."""

    change: Any = None

    def _loss(self, module: Any, data: Any, drawn: Any) -> Any:
        other = type(self).change(self, drawn)
        x0, eps = self.scaled(data), drawn.eps
        answer = module(ops_tensor(self.diffusion.noisy(x0, drawn.t, eps)), other.t, other.labels)
        return ops.mse_loss(answer, self.diffusion.target_of(x0, eps, drawn.t))


def ops_tensor(x: Any) -> Any:
    from byhand.engine import Tensor

    return Tensor(x)


def told(change: Callable[[Any, Any], Any]) -> type[Told]:
    return type("Told", (Told,), {"change": staticmethod(change)})


class SameNoise(DiffusionNetwork):
    """The generator is made anew in each step."""

    def draw(self, labels: Any, rng: Any, label_dropout: float = 0.0) -> Any:
        made = super().draw(labels, rng, label_dropout)
        eps = np.random.default_rng(0).standard_normal(made.eps.shape).astype(made.eps.dtype)
        return made._replace(eps=eps)


class Mixed(Diffusion):
    """x_t with the variances where their roots belong."""

    def noisy(self, x0: Any, t: Any, eps: Any) -> Any:
        signal, noise = self.signal_and_noise_rates(t, x0)
        return signal**2 * x0 + noise**2 * eps


class MixedNetwork(DiffusionNetwork):
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.diffusion = Mixed(self.diffusion.schedule, self.diffusion.target)


class OtherTarget(Diffusion):
    """The network is taught the noise, the sampler reads v."""

    def target_of(self, x0: Any, eps: Any, t: Any) -> Any:
        return eps


class OtherTargetNetwork(DiffusionNetwork):
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.diffusion = OtherTarget(self.diffusion.schedule, "v")


class ShortSchedule(DiffusionNetwork):
    """Betas that are too small for so few steps: much of the data is left at the end."""

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        made = self.diffusion.schedule
        made.betas[...] = np.linspace(1e-4, 0.006, made.steps)  # `NoiseSchedule` refuses them: whoever writes his own does not
        made.alpha_bar[...] = np.concatenate([[1.0], np.cumprod(1 - made.betas)])
        made.signal[...], made.noise[...] = np.sqrt(made.alpha_bar), np.sqrt(1 - made.alpha_bar)


def _noisier(power: float) -> Any:
    """Ancestral sampling whose noise is scaled by a power of its deviation."""

    def sampler(diffusion: Any, answers: Any, noise: Any, timesteps: Any, clip: Any = None) -> Any:
        x = noise()
        steps = list(zip(timesteps, [*timesteps[1:], 0], strict=True))
        for t, s in steps:
            x0, _ = diffusion.x0_and_eps(answers(x, t), x, t)
            yield SamplerStep(t, x, x0)
            x, sigma = diffusion.posterior(x0, x, t, s)
            if s > 0:
                x = x + sigma**power * noise()
        yield SamplerStep(0, x, x)

    return staticmethod(sampler)


class VarianceSampler(DiffusionNetwork):
    sampler = _noisier(2.0)


class RootSampler(DiffusionNetwork):
    sampler = _noisier(0.5)


class SilentSampler(DiffusionNetwork):
    """A step back without its noise."""

    def silent(*given: Any) -> Any:
        diffusion, answers, noise, timesteps = given[:4]
        x = noise()
        for t, s in zip(timesteps, [*timesteps[1:], 0], strict=True):
            x0, _ = diffusion.x0_and_eps(answers(x, t), x, t)
            yield SamplerStep(t, x, x0)
            x, _ = diffusion.posterior(x0, x, t, s)
        yield SamplerStep(0, x, x)

    sampler = staticmethod(silent)


class HalfNoise(DiffusionNetwork):
    """Noise that is not N(0, 1)."""

    def draw(self, labels: Any, rng: Any, label_dropout: float = 0.0) -> Any:
        made = super().draw(labels, rng, label_dropout)
        return made._replace(eps=made.eps / 2)


def _one_off(net: Any, drawn: Any) -> Any:
    return drawn._replace(t=np.maximum(drawn.t - 1, 0))


def _shift_time(net: Any, drawn: Any) -> Any:
    return drawn._replace(t=np.clip(drawn.t - net.diffusion.steps // 4, 1, None))


def _turn_time(net: Any, drawn: Any) -> Any:
    return drawn._replace(t=net.diffusion.steps + 1 - drawn.t)


def _no_time(net: Any, drawn: Any) -> Any:
    return drawn._replace(t=np.full_like(drawn.t, 1))


def _no_label(net: Any, drawn: Any) -> Any:
    return drawn._replace(labels=np.full_like(drawn.labels, net.classes))


def _other_label(net: Any, drawn: Any) -> Any:
    return drawn._replace(labels=np.roll(drawn.labels, 1))


DIFFUSION: list[Fault] = [
    fault(
        "diffusion: data far from 0",
        "data-range",
        "data",
        "mean|2 x",
        lambda s: points(s, shifted(moons(2_000, 0.06), 6.0, 1.0), cls=Unscaled),
        points,
    ),
    fault("diffusion: schedule ends early", "schedule-end", "schedule", "alpha_bar", of(points, cls=ShortSchedule), points),
    fault("diffusion: the network is told a later time", "time-wrong", "time", "t", of(points, cls=told(_shift_time)), points),
    fault("diffusion: time turned round", "time-wrong", "time", "t", of(points, cls=told(_turn_time)), points),
    fault("diffusion: time not told", "time-ignored", "time", "t", of(points, cls=told(_no_time)), points),
    fault("diffusion: label not told", "condition-ignored", "label", "label", of(points, cls=told(_no_label)), points),
    fault(
        "diffusion: label of another sample", "condition-ignored", "label", "label", of(points, cls=told(_other_label)), points
    ),
    fault("diffusion: the same noise for ever", "noise-reused", "noise", "anew", of(points, cls=SameNoise), points),
    fault(
        "diffusion: variances for their roots",
        "time-wrong|target-wrong",
        "noise|time|target",
        "sqrt|same",
        of(points, cls=MixedNetwork),
        points,
    ),
    fault("diffusion: taught eps, read as v", "target-wrong", "target", "same", of(points, cls=OtherTargetNetwork), points),
    fault(
        "diffusion: variance for standard deviation",
        "sampler-variance",
        "sampler",
        "deviation",
        of(points, cls=VarianceSampler),
        points,
    ),
    fault("diffusion: root of the deviation", "sampler-variance", "sampler", "deviation", of(points, cls=RootSampler), points),
    fault("diffusion: rate too low", "rate-too-low", RATE, "rate", of(points, lr=3e-6), points),
    fault("diffusion: rate too high", "rate-too-high|non-finite", RATE, "rate", of(points, lr=1.0), points),
    fault("diffusion: two epochs", "too-few-epochs|rate-too-low", "epochs|" + RATE, "epochs|rate", of(points, epochs=2), points),
    fault(
        "diffusion: t off by one, of 20 steps",
        "time-wrong",
        "time",
        "t",
        of(points, cls=told(_one_off), steps=20),
        of(points, steps=20),
    ),
    fault(
        "diffusion: data in [0, 1] and not normalised",
        "data-range",
        "data",
        "mean|2 x",
        lambda s: points(s, shifted(moons(2_000, 0.06), 0.5, 0.15), cls=Unscaled),
        points,
    ),
    fault(
        "diffusion: no noise in the sampler", "sampler-variance", "sampler", "deviation", of(points, cls=SilentSampler), points
    ),
    fault(
        "diffusion: the label nearly always forgotten",
        "condition-ignored",
        "label",
        "label",
        of(points, label_dropout=0.97),
        points,
    ),
    fault(
        "diffusion: noise of half the deviation",
        "time-wrong|noise-wrong",
        "noise|time",
        "eps|t",
        of(points, cls=HalfNoise),
        points,
    ),
    fault(
        "diffusion: weight decay 50", "weight-decay-too-strong", "weight decay", "decay", of(points, weight_decay=50.0), points
    ),
    fault(
        "diffusion: batches of 1,500",
        "batch-too-large|too-few-epochs|rate-too-low",
        "batch|epochs|" + RATE,
        "batch|epochs|rate",
        of(points, batch_size=1_500),
        points,
    ),
    fault(
        "diffusion: width 2",
        "too-few-units",
        "hidden|width",
        "units|wider|width",
        of(points, module=lambda: MLPDenoiser(2, width=2, depth=1, classes=2)),
        points,
    ),
]
