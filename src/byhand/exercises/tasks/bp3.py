"""BP3: the gradient of the biases."""

from __future__ import annotations

import numpy as np

from byhand.exercises.exercise import Exercise, Question
from byhand.feedforward import bias_gradient

EXERCISE = Exercise(
    name="bp3",
    chapter="Backpropagation",
    place=30,
    title="BP3: the gradient of the biases",
    text="""
A bias shifts its unit's z directly, so its gradient is the unit's error itself; for a batch, the mean over the samples.

Equation:
    dC/db = 1/m sum_i delta_i
Shapes:
    delta: (m, n) -> dC/db: (n,)
Write:
    bias_gradient(delta)
""",
    start="def bias_gradient(delta):\n    ...",
    hints=("Samples are the rows.", "delta.mean(axis=...) takes a mean along one axis.", "return delta.mean(axis=0)"),
    questions=(
        Question(
            "bias_gradient",
            lambda rng: [{"delta": rng.normal(size=shape)} for shape in ((5, 3), (1, 4), (3, 3))],
            lambda delta: bias_gradient(delta / len(delta), np.ones(len(delta)), np.empty(delta.shape[1])),
            "byhand.feedforward.bias_gradient",
            {
                "it is the mean over the units (axis 1): the samples are the rows, axis 0": lambda delta: delta.mean(1),
                "it is the sum over the units (axis 1): take the mean over the samples, axis 0": lambda delta: delta.sum(1),
                "all units are mixed into one number: each bias has its own gradient": lambda delta: delta.mean(),
                "it is divided by the number of units: divide by m, the number of samples": lambda delta: (
                    delta.sum(0) / delta.shape[1]
                ),
                "it is delta itself: one row per sample; take the mean over the rows": lambda delta: delta,
                "it is only the first sample's: take the mean over all rows": lambda delta: delta[0],
                "it is only the last sample's: add up instead of writing over": lambda delta: delta[-1] / len(delta),
            },
            batch="delta",
        ),
    ),
)
