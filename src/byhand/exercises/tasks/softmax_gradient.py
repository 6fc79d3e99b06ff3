"""The gradient of softmax and cross-entropy together."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.engine import ops
from byhand.engine.check import central_difference
from byhand.exercises.exercise import Exercise, Question


def measured(z: Array, y: Array) -> Array:
    """The slope of the engine's cost along each number of z."""
    return central_difference(lambda z: ops.cross_entropy(z, target=y), [z.copy()], 0, 1.0)


def p(z: Array) -> Array:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


EXERCISE = Exercise(
    name="softmax-gradient",
    chapter="The cost",
    place=40,
    title="The gradient of cross-entropy behind softmax",
    text="""
Softmax and cross-entropy fit together: all their logarithms and exponentials cancel, and what is left is the simplest
gradient there is, "what you said minus what is true".

Equation:
    dC/dz_ij = (p_ij - [j = y_i]) / m        p = softmax(z)
Shapes:
    z: (m, K), y: (m,) the true classes -> dC/dz: (m, K)
Write:
    gradient(z, y). C is the mean over the batch.
""",
    start="import numpy as np\n\n\ndef gradient(z, y):\n    ...",
    hints=(
        "Begin with p = softmax(z), from the exercise softmax.",
        "Subtract 1 from each row at its true class: p[np.arange(m), y] -= 1.",
        "Do not forget the mean: divide by m = len(z).",
    ),
    questions=(
        Question(
            "gradient",
            lambda rng: [{"z": rng.normal(size=(m, k)), "y": rng.integers(0, k, m)} for m, k in ((4, 3), (1, 5), (7, 2))],
            measured,
            "the central difference of the cost",
            {
                "the true classes are not subtracted: this is p": lambda z, y: p(z),
                "softmax is missing: this is z minus the true classes": lambda z, y: (z - np.eye(z.shape[1])[y]) / len(z),
                "there is a factor p (1 - p) too much: with softmax and cross-entropy it cancels": lambda z, y: (
                    (p(z) - np.eye(z.shape[1])[y]) * p(z) * (1 - p(z)) / len(z)
                ),
                "it is divided by m and by K: divide by m only": lambda z, y: (p(z) - np.eye(z.shape[1])[y]) / z.size,
            },
            batch="z",
        ),
    ),
)
