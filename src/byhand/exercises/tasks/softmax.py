"""Softmax, with the trap that e^1000 sets."""

from __future__ import annotations

import numpy as np

from byhand.engine import ops
from byhand.exercises.exercise import Exercise, Question

EXERCISE = Exercise(
    name="softmax",
    chapter="The cost",
    place=20,
    title="Softmax: probabilities of a batch",
    text="""
Softmax turns the last layer's numbers into probabilities: all positive, and of sum 1 in each row. e^z grows so fast that
z = 1000 overflows. Adding one number to a whole row changes nothing in the result, so subtract the row's largest first.

Equation:
    p_ij = e^(z_ij) / sum_k e^(z_ik)
Shapes:
    z: (m, K) -> p: (m, K)
Write:
    softmax(z), also for z as large as 1000
""",
    start="import numpy as np\n\n\ndef softmax(z):\n    ...",
    hints=(
        "Each row is one sample: sums run along axis 1.",
        "keepdims=True keeps (m, 1), which divides (m, K) row by row.",
        "e = np.exp(z - z.max(axis=1, keepdims=True)); return e / e.sum(axis=1, keepdims=True)",
    ),
    questions=(
        Question(
            "softmax",
            lambda rng: [
                {"z": rng.normal(size=(4, 3))},
                {"z": rng.normal(size=(1, 5))},
                {"z": np.array([[1000.0, 999.0], [0.0, -1000.0]])},
            ],
            lambda z: ops.softmax(z).data,
            "byhand.engine.ops.softmax",
            {
                "it overflows for large z (inf / inf is no number): subtract each row's maximum first": lambda z: (
                    np.exp(z) / np.exp(z).sum(1, keepdims=True)
                ),
                "it is divided by the sum over the whole batch: each row must add up to 1 by itself": lambda z: (
                    np.exp(z - z.max()) / np.exp(z - z.max()).sum()
                ),
                "it is divided by the sum over the samples (axis 0): the sum runs over the classes, axis 1": lambda z: (
                    np.exp(z - z.max(0)) / np.exp(z - z.max(0)).sum(0)
                ),
                "e^z is missing: this is z divided by its sum": lambda z: z / z.sum(1, keepdims=True),
                "it is e^z, not divided by its sum": lambda z: np.exp(z - z.max(1, keepdims=True)),
                "it is the logarithm of softmax": lambda z: ops.log_softmax(z).data,
            },
        ),
    ),
)
