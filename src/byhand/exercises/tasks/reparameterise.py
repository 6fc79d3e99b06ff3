"""The reparameterisation of a VAE."""

from __future__ import annotations

import numpy as np

from byhand.exercises.exercise import Exercise, Question
from byhand.models.elbo import draw_code

EXERCISE = Exercise(
    name="reparameterise",
    chapter="Generating",
    place=10,
    title="The reparameterisation",
    text="""
A VAE draws its code from N(mu, sigma^2). No gradient goes through dice. So the dice are thrown outside, as eps from N(0, 1), and
the code is a plain function of mu and sigma, which has a gradient.

Equation:
    z = mu + eps .* sigma        sigma = e^(log_sigma)
Shapes:
    mu, log_sigma, eps: (m, d) -> z: (m, d)
Write:
    draw(mu, log_sigma, eps)
""",
    start="import numpy as np\n\n\ndef draw(mu, log_sigma, eps):\n    ...",
    hints=(
        "The encoder gives the logarithm of sigma.",
        "Undo the logarithm.",
        "return mu + eps * np.exp(log_sigma)",
    ),
    questions=(
        Question(
            "draw",
            lambda rng: [
                dict(zip(("mu", "log_sigma", "eps"), rng.normal(size=(3, m, d)), strict=True)) for m, d in ((4, 3), (1, 2))
            ],
            draw_code,
            "byhand.models.elbo.draw_code",
            {
                "the logarithm is not undone: sigma is e^(log_sigma)": lambda mu, s, eps: mu + eps * s,
                "log_sigma is taken for the logarithm of the variance: there is a half too much": lambda mu, s, eps: (
                    mu + eps * np.exp(s / 2)
                ),
                "eps is multiplied by the variance sigma^2: take sigma": lambda mu, s, eps: mu + eps * np.exp(2 * s),
                "mu is forgotten": lambda mu, s, eps: eps * np.exp(s),
                "eps is multiplied by mu too: it is mu + eps sigma": lambda mu, s, eps: eps * (mu + np.exp(s)),
                "the noise is forgotten: this is an autoencoder": lambda mu, s, eps: mu + np.exp(s),
                "the noise is subtracted: the equation adds it": lambda mu, s, eps: mu - eps * np.exp(s),
            },
        ),
    ),
)
