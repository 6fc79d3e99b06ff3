r"""Diffusion: an image drowns in noise by small steps, and a network learns to say what was added, so that one can step back.

    x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \varepsilon, \quad \varepsilon \sim N(0, 1)

Here is the mathematics of it, between t = 0 (the image) and t = T (noise). What the network learns stands in
`byhand.models.denoiser`, how one draws with it in `byhand.models.samplers`.

Source: Ho, Jain and Abbeel (2020), arXiv:2006.11239.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import Array, array_module
from byhand.errors import ModelError
from byhand.models.noise_schedules import NoiseSchedule

TARGETS = ("epsilon", "x0", "v")
WEIGHTINGS = ("plain", "min_snr")


class Diffusion:
    """A noise schedule, and what the network is asked for: the noise ("epsilon"), the image ("x0"), or "v", a bit of both.

    Everywhere t is a whole number from 0 to T, or one for each sample, (N,); x is (N, ...).

    >>> from byhand.models.noise_schedules import cosine
    >>> Diffusion(cosine(), "v")
    Diffusion(NoiseSchedule(cosine, 1000 steps, alpha_bar down to 2.4e-09), v)
    """

    def __init__(self, schedule: NoiseSchedule, target: str = "v") -> None:
        self.schedule, self.target = schedule, one_of("target", target, TARGETS)

    @property
    def steps(self) -> int:
        """T."""
        return self.schedule.steps

    def noisy(self, x0: Array, t: Any, eps: Array) -> Array:
        r"""A draw of q(x_t | x_0): all t steps of noise at once.

        Equation:
            x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \varepsilon
        Shapes:
            x0, eps: (N, ...), t: (N,) -> x_t: (N, ...)
        Source:
            Ho, Jain and Abbeel (2020), eq. 4
        """
        signal, noise = self.signal_and_noise_rates(t, x0)
        return signal * x0 + noise * eps

    def velocity(self, x0: Array, eps: Array, t: Any) -> Array:
        r"""v: near t = 0 it is the noise, near t = T the image (turned round); never what is in plain sight.

        Equation:
            v = \sqrt{\bar\alpha_t}\, \varepsilon - \sqrt{1 - \bar\alpha_t}\, x_0
        Source:
            Salimans and Ho (2022), arXiv:2202.00512, section 4 and appendix D
        """
        signal, noise = self.signal_and_noise_rates(t, x0)
        return signal * eps - noise * x0

    def target_of(self, x0: Array, eps: Array, t: Any) -> Array:
        """What the network should prediction for x_t: the noise, the image or v."""
        return eps if self.target == "epsilon" else x0 if self.target == "x0" else self.velocity(x0, eps, t)

    def x0_and_eps(self, prediction: Array, x: Array, t: Any, target: str = "") -> tuple[Array, Array]:
        r"""The image and the noise, (x0, eps), that a network's prediction to x_t means.

        Equation:
            x_0 = \frac{x_t - \sqrt{1 - \bar\alpha_t}\, \varepsilon}{\sqrt{\bar\alpha_t}}, \quad
            \varepsilon = \frac{x_t - \sqrt{\bar\alpha_t}\, x_0}{\sqrt{1 - \bar\alpha_t}}, \quad
            x_0 = \sqrt{\bar\alpha_t}\, x_t - \sqrt{1 - \bar\alpha_t}\, v, \quad
            \varepsilon = \sqrt{1 - \bar\alpha_t}\, x_t + \sqrt{\bar\alpha_t}\, v
        Shapes:
            prediction, x: (N, ...), t: (N,), 1 or more -> x0, eps: (N, ...)
        Source:
            Ho, Jain and Abbeel (2020), eq. 9; Salimans and Ho (2022), appendix D

        `target`: what the prediction is, where it is not this diffusion's own.
        """
        target = one_of("target", target or self.target, TARGETS)
        signal, noise = self.signal_and_noise_rates(t, x)
        if target == "v":
            return signal * x - noise * prediction, noise * x + signal * prediction
        if target == "epsilon":
            return (x - noise * prediction) / signal, prediction
        return prediction, (x - signal * prediction) / noise

    def convert(self, prediction: Array, x: Array, t: Any, source: str, target: str) -> Array:
        """An prediction of one kind as the same prediction of another, as from "epsilon" to "v"."""
        x0, eps = self.x0_and_eps(prediction, x, t, source)
        target = one_of("target", target, TARGETS)
        return eps if target == "epsilon" else x0 if target == "x0" else self.velocity(x0, eps, t)

    def posterior(self, x0: Array, x: Array, t: int, s: int | None = None) -> tuple[Array, float]:
        r"""Mean and standard deviation of q(x_s | x_t, x_0): a step back, for him who knows where it began.

        Equation:
            \tilde\mu_t = \frac{\sqrt{\bar\alpha_s}\, \beta}{1 - \bar\alpha_t}\, x_0
                + \frac{\sqrt{\alpha}\, (1 - \bar\alpha_s)}{1 - \bar\alpha_t}\, x_t, \quad
            \tilde\sigma_t = \sqrt{\frac{1 - \bar\alpha_s}{1 - \bar\alpha_t}\, \beta}, \quad
            \alpha = \frac{\bar\alpha_t}{\bar\alpha_s}, \quad \beta = 1 - \alpha
        Shapes:
            x0, x: (N, ...), t and s: whole numbers, s < t -> mean: (N, ...), standard deviation: one number
        Source:
            Ho, Jain and Abbeel (2020), eqs. 6 and 7, for s = t - 1; they write the variance, a sampler needs its root

        s is t - 1 unless it is given: a step back may be a long one. With s = 0 the deviation is 0, and the mean is x0.
        """
        s = t - 1 if s is None else s
        log_alpha, before, after = self._step(t, s)
        from_x0 = float(self.schedule.signal[s]) * -math.expm1(log_alpha) / after
        return from_x0 * x0 + (math.exp(0.5 * log_alpha) * before / after) * x, self.deviation(t, s)

    def deviation(self, t: int, s: int) -> float:
        """The standard deviation of `posterior` alone."""
        log_alpha, before, after = self._step(t, s)
        return math.sqrt(before / after * -math.expm1(log_alpha))

    def _step(self, t: int, s: int) -> tuple[float, float, float]:
        """Of the step from t back to s: the logarithm of alpha; 1 - alpha_bar at s and at t."""
        if not 0 <= s < t <= self.steps:
            raise ModelError(f"diffusion: a step must go down, between {self.steps} and 0, got t = {t} to {s}")
        log_alpha = float(np.log1p(-self.schedule.betas[s:t]).sum())
        return log_alpha, float(self.schedule.noise[s] ** 2), float(self.schedule.noise[t] ** 2)

    def weights(self, t: Any, weighting: str = "plain", gamma: float = 5.0) -> Array:
        r"""How much the squared error of each sample counts, (N,): 1, or what keeps easy times from outweighing the others.

        Equation:
            w_{x_0} = \min(\mathrm{SNR}_t, \gamma), \quad
            w_\varepsilon = \frac{\min(\mathrm{SNR}_t, \gamma)}{\mathrm{SNR}_t}, \quad
            w_v = \frac{\min(\mathrm{SNR}_t, \gamma)}{\mathrm{SNR}_t + 1}
        Source:
            Ho, Jain and Abbeel (2020), eq. 14, for "plain"; Hang et al. (2023), arXiv:2303.09556, section 3.4, for "min_snr"

        The three are one weight, of the error in x0: that in epsilon is SNR times as large, that in v SNR + 1 times.
        """
        gamma = limits.number("gamma", gamma, above=0)
        snr = self.schedule.snr[np.asarray(t)]
        if one_of("weighting", weighting, WEIGHTINGS) == "plain":
            return np.ones(snr.shape)
        return np.minimum(snr, gamma) / {"x0": 1.0, "epsilon": snr, "v": snr + 1}[self.target]

    def signal_and_noise_rates(self, t: Any, like: Array) -> tuple[Any, Any]:
        """The factors of image and noise at t, of a shape and type that multiplies samples `like` these."""
        t = np.asarray(t)
        if (
            t.dtype.kind not in "iu"
            or t.shape not in ((), (len(like),))
            or (t.size and not 0 <= t.min() <= t.max() <= self.steps)
        ):
            raise ModelError(
                f"diffusion: t must be a whole number from 0 to {self.steps}, or one per sample, got {t.dtype} {t.shape}"
            )
        both = self.schedule.signal[t], self.schedule.noise[t]
        if t.ndim == 0:
            return float(both[0]), float(both[1])
        shape = (len(t),) + (1,) * (like.ndim - 1)
        signal, noise = (array_module(like).asarray(share.astype(like.dtype).reshape(shape)) for share in both)
        return signal, noise

    def __repr__(self) -> str:
        return f"Diffusion({self.schedule}, {self.target})"


def guide(with_label: Array, with_any: Array, guidance: float) -> Array:
    r"""Classifier-free guidance: further in the direction in which the label pulls. 1 follows the label, 0 ignores it.

    Equation:
        \hat\varepsilon = \varepsilon_{any} + g\, (\varepsilon_y - \varepsilon_{any})
    Source:
        Ho and Salimans (2022), arXiv:2207.12598, eq. 6, whose w is g - 1

    Whatever the network answers, epsilon, x0 or v: given x_t, each is a straight line in the others, so it is the same guidance.
    """
    return with_any + guidance * (with_label - with_any)


def drop_labels(labels: Any, classes: int, p: float, rng: np.random.Generator) -> Any:
    """Labels (N,), of which each with probability p became `classes`, "any": so the network learns both kinds of prediction.

    Source: Ho and Salimans (2022), algorithm 1.

    >>> drop_labels([3, 1, 2, 0], classes=4, p=0.5, rng=np.random.default_rng(2))
    array([4, 4, 2, 4])
    """
    labels = np.asarray(labels)
    return np.where(rng.random(len(labels)) < p, classes, labels)


def one_of(what: str, given: str, known: tuple[str, ...]) -> str:
    """The name itself; raises ModelError for an unknown one.

    >>> one_of("target", "noise", TARGETS)
    Traceback (most recent call last):
    byhand.errors.ModelError: target 'noise' is unknown: choose one of epsilon, x0, v
    """
    return limits.one_of(what, given, known)
