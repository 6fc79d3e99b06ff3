"""BP4: the gradient of the weights."""

from __future__ import annotations

import numpy as np

from byhand.exercises.exercise import Exercise, Question
from byhand.feedforward import weight_gradient

EXERCISE = Exercise(
    name="bp4",
    chapter="Backpropagation",
    place=40,
    title="BP4: the gradient of the weights",
    text="""
A weight is to blame where its input was active and its unit was wrong: the product of both, as a mean over the batch.

Equation:
    dC/dw_jk = 1/m sum_i delta_ij a_ik        that is dC/dw = 1/m delta^T a
Shapes:
    delta: (m, n_out), a: (m, n_in), the layer's input -> dC/dw: (n_out, n_in), the shape of w
Write:
    weight_gradient(delta, a)
""",
    start="def weight_gradient(delta, a):\n    ...",
    hints=(
        "The result must have the shape of w, (n_out, n_in).",
        "A product of (n_out, m) and (m, n_in) has that shape, and sums over the samples.",
        "return delta.T @ a / len(a)",
    ),
    questions=(
        Question(
            "weight_gradient",
            lambda rng: [
                {"delta": rng.normal(size=(m, k)), "a": rng.normal(size=(m, n))} for m, k, n in ((5, 3, 2), (1, 2, 4), (6, 3, 3))
            ],
            lambda delta, a: weight_gradient(delta / len(delta), a, np.empty((delta.shape[1], a.shape[1]))),
            "byhand.feedforward.weight_gradient",
            {
                "it is divided by the number of inputs: divide by m, the number of samples": lambda delta, a: (
                    delta.T @ a / a.shape[1]
                ),
                "means are multiplied: multiply first, sample by sample, and take the mean then": lambda delta, a: np.outer(
                    delta.mean(0), a.mean(0)
                ),
                "the inputs are forgotten: each row repeats the bias' gradient": lambda delta, a: np.outer(
                    delta.mean(0), np.ones(a.shape[1])
                ),
                "it is only the first sample's: add up all samples": lambda delta, a: np.outer(delta[0], a[0]),
            },
            batch="a",
        ),
    ),
)
