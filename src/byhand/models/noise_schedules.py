r"""Noise schedules: how much of an image is left after t steps of noise, from all of it at t = 0 to nothing at t = T.

    \bar\alpha_t = \prod_{s=1}^{t} (1 - \beta_s), \quad \bar\alpha_0 = 1

The last step has to be noise and nothing else: a sampler begins with pure noise, and a network that saw a faint image in all of
its last steps takes that noise for one. So a schedule that ends above an alpha_bar of 0.01 is refused.

Source: Ho, Jain and Abbeel (2020), arXiv:2006.11239; Nichol and Dhariwal (2021), arXiv:2102.09672; on the last step: Lin, Liu, Li
and Yang (2024), arXiv:2305.08891, section 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.errors import ModelError
from byhand.registry import Registry

LAST = 0.01  # the largest alpha_bar_T
LARGEST_BETA = 0.999  # Nichol and Dhariwal's: with 1, the last step would divide by zero
MOST_STEPS = 100_000


class NoiseSchedule:
    r"""What a schedule's betas amount to at every t from 0 to T.

    Equation:
        \mathrm{SNR}_t = \frac{\bar\alpha_t}{1 - \bar\alpha_t}, \quad
        \lambda_t = \ln \frac{\sqrt{\bar\alpha_t}}{\sqrt{1 - \bar\alpha_t}}
    Shapes:
        betas: (T,), of the steps 1 to T -> alpha_bar, signal, noise, snr, half_log_snr: (T + 1,), of t = 0 to T
    Source:
        Ho, Jain and Abbeel (2020), eq. 4; Kingma et al. (2021), arXiv:2107.00630, eq. 2

    Attributes:
        steps: T. betas: with betas[t - 1] of step t. alpha_bar, from 1 down.
        signal: its root, the image's share. noise: the root of the rest, the noise's standard deviation.
        snr: signal to noise in variance, infinite at t = 0. half_log_snr: lambda, the same in logarithms.

    Raises ModelError for betas outside of (0, 1), and for a schedule that leaves more than a hundredth of the image.

    >>> NoiseSchedule([0.5, 0.9, 0.9]).alpha_bar.round(3)
    array([1.   , 0.5  , 0.05 , 0.005])
    """

    def __init__(self, betas: Any, name: str = "own") -> None:
        try:
            self.betas: Array = np.array(betas, np.float64)
        except (TypeError, ValueError, OverflowError):
            raise ModelError(f"noise schedule: betas must be a list of numbers, got {limits.told(betas)}") from None
        self.name = name
        if self.betas.ndim != 1 or not 1 <= len(self.betas) <= MOST_STEPS:
            raise ModelError(f"noise schedule: betas must be (T,) with T from 1 to {MOST_STEPS:,}, got {self.betas.shape}")
        if not ((self.betas > 0) & (self.betas < 1)).all():
            raise ModelError(f"noise schedule: betas must lie between 0 and 1, got {self.betas.min():g} to {self.betas.max():g}")
        self.steps = len(self.betas)
        log_alpha_bar = np.concatenate([[0.0], np.cumsum(np.log1p(-self.betas))])
        self.alpha_bar: Array = np.exp(log_alpha_bar)
        if not 0 < self.alpha_bar[-1] < LAST:
            rather = "larger betas, or a schedule that fits itself to T, as cosine" if self.alpha_bar[-1] else "smaller betas"
            raise ModelError(
                f"noise schedule {name!r}: alpha_bar must end between 0 and {LAST}, got {self.alpha_bar[-1]:.3g} after "
                f"{self.steps} steps: choose {rather}"
            )
        variance = np.abs(np.expm1(log_alpha_bar))  # 1 - alpha_bar: near t = 0 the difference would lose its digits
        self.noise: Array = np.sqrt(variance)
        self.signal: Array = np.sqrt(self.alpha_bar)
        with np.errstate(divide="ignore"):  # at t = 0 there is no noise
            self.snr: Array = self.alpha_bar / variance
            self.half_log_snr: Array = 0.5 * np.log(self.snr)

    def __repr__(self) -> str:
        return f"NoiseSchedule({self.name}, {self.steps} steps, alpha_bar down to {self.alpha_bar[-1]:.1e})"


def linear(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> NoiseSchedule:
    r"""Betas on a straight line.

    Equation:
        \beta_t = \beta_1 + \frac{t - 1}{T - 1} (\beta_T - \beta_1)
    Source:
        Ho, Jain and Abbeel (2020), section 4: T = 1000, from 1e-4 to 0.02

    >>> linear()
    NoiseSchedule(linear, 1000 steps, alpha_bar down to 4.0e-05)
    """
    first = limits.number("linear noise: the first beta", first, above=0, below=1)
    last = limits.number("linear noise: the last beta", last, least=first, below=1)
    return NoiseSchedule(np.linspace(first, last, _checked(steps)), "linear")


def cosine(steps: int = 1000, offset: float = 0.008) -> NoiseSchedule:
    r"""The signal falls along a cosine: little noise is wasted on images that are noise already, which helps small images.

    Equation:
        \bar\alpha_t = \frac{f(t)}{f(0)}, \quad f(t) = \cos^2\left(\frac{t / T + s}{1 + s} \cdot \frac{\pi}{2}\right), \quad
        \beta_t = \min\left(1 - \frac{\bar\alpha_t}{\bar\alpha_{t-1}}, 0.999\right)
    Source:
        Nichol and Dhariwal (2021), eq. 17, with s = 0.008

    >>> cosine()
    NoiseSchedule(cosine, 1000 steps, alpha_bar down to 2.4e-09)
    """
    offset = limits.number("cosine noise: offset", offset, 0, 1)
    t = np.arange(_checked(steps) + 1) / steps
    f = np.cos((t + offset) / (1 + offset) * math.pi / 2) ** 2
    return NoiseSchedule(np.minimum(1 - f[1:] / f[:-1], LARGEST_BETA), "cosine")


def short(steps: int = 50) -> NoiseSchedule:
    r"""Ho's straight line for few steps: with so many times fewer steps, each brings so many times more noise.

    Equation:
        \beta_t = \frac{1000}{T} \left(10^{-4} + \frac{t - 1}{T - 1} (0.02 - 10^{-4})\right), \quad T \ge 25
    Source:
        Nichol and Dhariwal (2021), the code of their paper (improved-diffusion, get_named_beta_schedule)

    With Ho's own betas, 50 steps would leave 60 % of the image's variance.

    >>> short()
    NoiseSchedule(short, 50 steps, alpha_bar down to 7.7e-06)
    """
    if _checked(steps) < 25:
        raise ModelError(f"short noise: {steps} steps would each bring too much of it: choose 25 or more, or the cosine")
    return NoiseSchedule(np.linspace(0.1 / steps, 20 / steps, steps), "short")


SCHEDULES: dict[str, Callable[..., NoiseSchedule]] = Registry(
    "noise schedule", {"linear": linear, "cosine": cosine, "short": short}
)


def by_name(name: str, /, **settings: Any) -> NoiseSchedule:
    """The schedule of this name, with its T where `steps` says it; raises ModelError for an unknown name or setting.

    >>> by_name("linear", steps=2000).steps
    2000
    """
    make = SCHEDULES[limits.one_of("noise schedule", name, SCHEDULES)]
    limits.known_settings(f"the noise schedule {name}", settings, limits.parameters(make))
    return make(**settings)


def _checked(steps: int) -> int:
    return limits.whole("noise schedule: steps", steps, most=MOST_STEPS)
