"""Batch normalisation of features, in training."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.engine import ops
from byhand.exercises.exercise import Exercise, Question


def normalised(x: Array, gamma: Array, beta: Array) -> Array:
    """The engine's own, which has channels last."""
    return np.asarray(ops.batch_norm(x, gamma, beta, eps=1e-5).data)


EXERCISE = Exercise(
    name="batch-norm",
    chapter="Training",
    place=50,
    title="Batch normalisation",
    text="""
Each feature is moved to mean 0 and scaled to variance 1 over the batch; then gamma and beta, which are learned, give it the
scale and the shift that the network needs.

Equation:
    y = gamma (x - mean) / sqrt(var + eps) + beta        mean and var over the batch, var = 1/m sum (x - mean)^2
Shapes:
    x: (m, n), gamma, beta: (n,), eps = 1e-5 -> y: (m, n)
Write:
    batch_norm(x, gamma, beta)
""",
    start="import numpy as np\n\n\ndef batch_norm(x, gamma, beta, eps=1e-5):\n    ...",
    hints=(
        "Mean and variance are (n,): one per feature.",
        "np.var divides by m, as it should here.",
        "return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + eps) + beta",
    ),
    questions=(
        Question(
            "batch_norm",
            lambda rng: [
                {"x": rng.normal(size=(m, n)) * 2 + 1, "gamma": rng.normal(size=n), "beta": rng.normal(size=n)}
                for m, n in ((5, 3), (7, 4), (4, 4))
            ],
            normalised,
            "byhand.engine.ops.batch_norm",
            {
                "mean and variance run over the features (axis 1), which is layer norm: take axis 0": lambda x, gamma, beta: (
                    gamma * (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) + beta
                ),
                "the root is missing: divide by the standard deviation, not by the variance": lambda x, gamma, beta: (
                    gamma * (x - x.mean(0)) / (x.var(0) + 1e-5) + beta
                ),
                "the variance is divided by m - 1: here it is by m": lambda x, gamma, beta: (
                    gamma * (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1) + 1e-5) + beta
                ),
                "gamma and beta are forgotten": lambda x, gamma, beta: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5),
                "beta is forgotten": lambda x, gamma, beta: gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5),
                "the mean is not subtracted": lambda x, gamma, beta: gamma * x / np.sqrt(x.var(0) + 1e-5) + beta,
                "one mean is taken over all numbers: each feature has its own": lambda x, gamma, beta: (
                    gamma * (x - x.mean()) / np.sqrt(x.var() + 1e-5) + beta
                ),
            },
        ),
    ),
)
