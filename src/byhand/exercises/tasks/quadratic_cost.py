"""The quadratic cost, with its half and its mean."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.feedforward import FeedForward


def evaluated(a: Array, y: Array) -> float:
    """The cost as byhand's own network has it: a network that hands its input on."""
    net = FeedForward((a.shape[1], a.shape[1]), "identity", dtype=np.float64)
    net.weights[0][...], net.biases[0][...] = np.eye(a.shape[1]), 0
    return float(net.learn(a, y))


EXERCISE = Exercise(
    name="quadratic-cost",
    chapter="The cost",
    place=10,
    title="The quadratic cost",
    text="""
How wrong is the network? Square each difference, add them up for a sample, and take the mean over the samples. The half is
there so that the slope is a - y, without a 2.

Equation:
    C = 1/(2m) sum_i ||a_i - y_i||^2
Shapes:
    a, y: (m, n) -> C: one number
Write:
    quadratic_cost(a, y)
""",
    start="def quadratic_cost(a, y):\n    ...",
    hints=(
        "The mean is over the m samples only, not over the n outputs.",
        "len(a) is m.",
        "return ((a - y) ** 2).sum() / (2 * len(a))",
    ),
    questions=(
        Question(
            "quadratic_cost",
            lambda rng: [{"a": rng.random((m, n)), "y": rng.random((m, n))} for m, n in ((4, 3), (1, 5), (7, 2))],
            evaluated,
            "byhand.FeedForward's cost",
            {
                "the half is missing: it is twice too large": lambda a, y: ((a - y) ** 2).sum() / len(a),
                "it is the mean over samples and outputs: divide by m only": lambda a, y: ((a - y) ** 2).mean() / 2,
                "it is the mean of all squares, without the half and over the outputs too": lambda a, y: ((a - y) ** 2).mean(),
                "it is the mean of the distances, not of their squares": lambda a, y: np.sqrt(((a - y) ** 2).sum(1)).mean() / 2,
                "differences are added before they are squared: square each first": lambda a, y: (
                    ((a - y).sum() ** 2) / 2 / len(a)
                ),
                "there is one number per sample: take their mean": lambda a, y: ((a - y) ** 2).sum(1) / 2,
            },
            batch="a",
        ),
    ),
)
