"""A whole layer for a whole batch in one product."""

from __future__ import annotations

import numpy as np

from byhand.exercises.exercise import Exercise, Question
from byhand.feedforward import weighted_input

EXERCISE = Exercise(
    name="layer",
    chapter="A neuron and a network",
    place=30,
    title="The weighted inputs of a layer, for a batch",
    text="""
Every unit of a layer does what one neuron does. For a batch all of them are one matrix product: row i of a is sample i,
row j of w holds the weights of unit j.

Equation:
    z = a w^T + b
Shapes:
    a: (m, n_in), w: (n_out, n_in), b: (n_out,) -> z: (m, n_out)
Write:
    weighted_input(a, w, b)
""",
    start="def weighted_input(a, w, b):\n    ...",
    hints=(
        "z[i, j] is the sum over k of a[i, k] w[j, k], plus b[j].",
        "w.T is w with rows and columns exchanged; @ multiplies matrices.",
        "return a @ w.T + b",
    ),
    questions=(
        Question(
            "weighted_input",
            lambda rng: [
                {"a": rng.normal(size=(m, n)), "w": rng.normal(size=(k, n)), "b": rng.normal(size=k)}
                for m, n, k in ((4, 3, 2), (1, 3, 3), (5, 2, 7))
            ],
            lambda a, w, b: weighted_input(a, w, b, np.empty((len(a), len(w)))),
            "byhand.feedforward.weighted_input",
            {
                "the bias is forgotten: add b, one number per unit": lambda a, w, b: a @ w.T,
                "the bias is subtracted: add it": lambda a, w, b: a @ w.T - b,
                "it is transposed: samples must be the rows, so z = a w^T + b, not w a^T + b": lambda a, w, b: (a @ w.T + b).T,
                "the sum of all biases is added to every unit: b[j] belongs to unit j": lambda a, w, b: a @ w.T + b.sum(),
                "it is the mean over the inputs, not their sum": lambda a, w, b: a @ w.T / a.shape[1] + b,
            },
        ),
    ),
)
