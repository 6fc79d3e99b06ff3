"""Two layers, one after the other."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.exercises.tasks.bp1 import sigma
from byhand.feedforward import FeedForward


def read(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> Array:
    """byhand's own network with these weights."""
    net = FeedForward((w1.shape[1], len(w1), len(w2)), dtype=np.float64)
    for mine, given in zip((*net.weights, *net.biases), (w1, w2, b1, b2), strict=True):
        mine[...] = given
    return np.asarray(net.forward(x))


EXERCISE = Exercise(
    name="forward",
    chapter="A neuron and a network",
    place=40,
    title="A network reads a batch",
    text="""
A network is layers in a row: what one gives out, the next one takes in. Nothing more.

Equation:
    a1 = sigma(x w1^T + b1)        a2 = sigma(a1 w2^T + b2)
Shapes:
    x: (m, n0), w1: (n1, n0), b1: (n1,), w2: (n2, n1), b2: (n2,) -> a2: (m, n2)
Write:
    forward(x, w1, b1, w2, b2)
""",
    start="import numpy as np\n\n\ndef forward(x, w1, b1, w2, b2):\n    ...",
    hints=(
        "Take your answer of the exercise layer twice.",
        "sigma after each layer, also after the last.",
        "a1 = sigmoid(x @ w1.T + b1); return sigmoid(a1 @ w2.T + b2)",
    ),
    questions=(
        Question(
            "forward",
            lambda rng: [
                {
                    "x": rng.normal(size=(m, 3)),
                    "w1": rng.normal(size=(4, 3)),
                    "b1": rng.normal(size=4),
                    "w2": rng.normal(size=(2, 4)),
                    "b2": rng.normal(size=2),
                }
                for m in (5, 1)
            ],
            read,
            "byhand.FeedForward",
            {
                "sigma of the hidden layer is missing: two layers without it are one": lambda x, w1, b1, w2, b2: sigma(
                    (x @ w1.T + b1) @ w2.T + b2
                ),
                "sigma of the last layer is missing: this is z": lambda x, w1, b1, w2, b2: sigma(x @ w1.T + b1) @ w2.T + b2,
                "both biases are forgotten": lambda x, w1, b1, w2, b2: sigma(sigma(x @ w1.T) @ w2.T),
                "the first bias is forgotten": lambda x, w1, b1, w2, b2: sigma(sigma(x @ w1.T) @ w2.T + b2),
                "the last bias is forgotten": lambda x, w1, b1, w2, b2: sigma(sigma(x @ w1.T + b1) @ w2.T),
                "no sigma anywhere: a network of sums only": lambda x, w1, b1, w2, b2: (x @ w1.T + b1) @ w2.T + b2,
            },
        ),
    ),
)
