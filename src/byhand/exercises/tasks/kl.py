"""The divergence of a VAE's code."""

from __future__ import annotations

import numpy as np

from byhand.exercises.exercise import Exercise, Question
from byhand.models.elbo import divergence

EXERCISE = Exercise(
    name="kl",
    chapter="Generating",
    place=20,
    title="The KL divergence of a code",
    text="""
The second half of a VAE's cost: how far the code's Gaussian is from N(0, 1). It is 0 only for mu = 0 and sigma = 1. It is a sum
over the numbers of the code, and a mean over the batch.

Equation:
    KL = 1/m sum_i sum_j 1/2 (mu^2 + sigma^2 - 1 - 2 log sigma)
Shapes:
    mu, log_sigma: (m, d) -> one number
Write:
    kl(mu, log_sigma)
""",
    start="import numpy as np\n\n\ndef kl(mu, log_sigma):\n    ...",
    hints=(
        "sigma^2 = e^(2 log_sigma).",
        "For mu = 0 and log_sigma = 0 it must be 0.",
        "return 0.5 * (mu**2 + np.exp(2 * log_sigma) - 1 - 2 * log_sigma).sum() / len(mu)",
    ),
    questions=(
        Question(
            "kl",
            lambda rng: [
                dict(zip(("mu", "log_sigma"), rng.normal(size=(2, m, d)), strict=True)) for m, d in ((4, 3), (1, 2), (6, 5))
            ],
            lambda mu, log_sigma: divergence(mu, log_sigma).sum(1).mean(),
            "byhand.models.elbo.divergence",
            {
                "it is the mean over the numbers of the code too: sum over them": lambda mu, s: divergence(mu, s).mean(),
                "the half is missing": lambda mu, s: 2 * divergence(mu, s).sum(1).mean(),
                "sigma stands for sigma^2: it is e^(2 log_sigma)": lambda mu, s: (
                    0.5 * (mu**2 + np.exp(s) - 1 - 2 * s).sum(1).mean()
                ),
                "log_sigma is taken for log sigma^2 everywhere": lambda mu, s: 0.5 * (mu**2 + np.exp(s) - 1 - s).sum(1).mean(),
                "log sigma^2 is 2 log_sigma: the 2 is missing": lambda mu, s: 0.5 * (mu**2 + np.exp(2 * s) - 1 - s).sum(1).mean(),
                "the - 1 is missing: for N(0, 1) itself the result must be 0": lambda mu, s: (
                    0.5 * (mu**2 + np.exp(2 * s) - 2 * s).sum(1).mean()
                ),
                "mu is not squared": lambda mu, s: 0.5 * (mu + np.exp(2 * s) - 1 - 2 * s).sum(1).mean(),
            },
            batch="mu",
        ),
    ),
)
