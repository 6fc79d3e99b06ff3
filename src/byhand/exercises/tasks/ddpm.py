"""The forward process of diffusion, in one jump."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.models.noise_schedules import NoiseSchedule

BETAS = np.linspace(0.1, 0.8, 12)


def noisy(x0: Array, eps: Array, betas: Array, t: int) -> Array:
    """With the signal's and the noise's share as byhand's own schedule has them."""
    schedule = NoiseSchedule(betas)
    return np.asarray(schedule.signal[t] * x0 + schedule.noise[t] * eps)


def bar(betas: Array, t: int) -> Any:
    return np.prod(1 - betas[:t])


def mixed(x0: Array, eps: Array, alpha_bar: Any) -> Array:
    return np.asarray(np.sqrt(alpha_bar) * x0 + np.sqrt(1 - alpha_bar) * eps)


EXERCISE = Exercise(
    name="ddpm",
    chapter="Generating",
    place=30,
    title="Diffusion: q(x_t | x_0)",
    text="""
Diffusion learns to take noise away, so it needs pictures with noise. No need to add it step by step: after t steps the picture
has faded by the root of alpha_bar_t, and the noise fills up what is missing to variance 1.

Equation:
    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps        alpha_bar_t = (1 - beta_1) ... (1 - beta_t)
Shapes:
    x0, eps: (m, n), betas: (T,) with beta_t in betas[t - 1], t: the step, from 1 to T -> x_t: (m, n)
Write:
    noised(x0, eps, betas, t)
""",
    start="import numpy as np\n\n\ndef noised(x0, eps, betas, t):\n    ...",
    hints=(
        "alpha_bar_t is a product of t factors, 1 - beta each.",
        "betas[:t] holds beta_1 to beta_t.",
        "Both shares are square roots: their squares add up to 1.",
    ),
    questions=(
        Question(
            "noised",
            lambda rng: [
                {"x0": rng.normal(size=(2, 3)), "eps": rng.normal(size=(2, 3)), "betas": BETAS, "t": t} for t in (1, 3, 10)
            ],
            noisy,
            "byhand.models.noise_schedules.NoiseSchedule",
            {
                "the noise's root is missing: it is sqrt(1 - alpha_bar)": lambda x0, eps, betas, t: (
                    np.sqrt(bar(betas, t)) * x0 + (1 - bar(betas, t)) * eps
                ),
                "both roots are missing": lambda x0, eps, betas, t: bar(betas, t) * x0 + (1 - bar(betas, t)) * eps,
                "it is one product too few: step t has the factors beta_1 to beta_t, betas[:t]": lambda x0, eps, betas, t: mixed(
                    x0, eps, bar(betas, t - 1)
                ),
                "it is one product too many: betas[:t], not betas[:t + 1]": lambda x0, eps, betas, t: mixed(
                    x0, eps, bar(betas, t + 1)
                ),
                "alpha_t = 1 - beta_t stands for alpha_bar_t: multiply all of them up to t": lambda x0, eps, betas, t: mixed(
                    x0, eps, 1 - betas[t - 1]
                ),
                "signal and noise are exchanged": lambda x0, eps, betas, t: mixed(eps, x0, bar(betas, t)),
                "it multiplies the betas themselves, not 1 - beta": lambda x0, eps, betas, t: mixed(x0, eps, np.prod(betas[:t])),
                "the noise is not scaled: its share is sqrt(1 - alpha_bar)": lambda x0, eps, betas, t: (
                    np.sqrt(bar(betas, t)) * x0 + eps
                ),
            },
        ),
    ),
)
