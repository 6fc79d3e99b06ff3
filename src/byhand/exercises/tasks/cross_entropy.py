"""The cross-entropy of probabilities."""

from __future__ import annotations

import numpy as np

from byhand.engine import ops
from byhand.exercises.exercise import Exercise, Question

EXERCISE = Exercise(
    name="cross-entropy",
    chapter="The cost",
    place=30,
    title="Cross-entropy: how surprised is the network?",
    text="""
The network gives a probability to each class. Its cost is the surprise at the true one: -log p. A sure and wrong answer costs
much, a sure and right one nothing.

Equation:
    C = -1/m sum_i log p_i,y_i
Shapes:
    p: (m, K), each row adds up to 1; y: (m,), the true classes, 0 to K - 1 -> C: one number
Write:
    cross_entropy(p, y)
""",
    start="import numpy as np\n\n\ndef cross_entropy(p, y):\n    ...",
    hints=(
        "You need one number of each row: that of the true class.",
        "p[np.arange(m), y] takes p[0, y[0]], p[1, y[1]], ...",
        "return -np.log(p[np.arange(len(p)), y]).mean()",
    ),
    questions=(
        Question(
            "cross_entropy",
            lambda rng: [{"p": rng.dirichlet(np.ones(k), m), "y": rng.integers(0, k, m)} for m, k in ((5, 3), (1, 4), (7, 10))],
            lambda p, y: ops.cross_entropy(np.log(p), target=y).data,
            "byhand.engine.ops.cross_entropy",
            {
                "it is log to the base 2 (bits): use the natural logarithm": lambda p, y: (
                    -np.log2(p[np.arange(len(p)), y]).mean()
                ),
                "it is log to the base 10: use the natural logarithm": lambda p, y: -np.log10(p[np.arange(len(p)), y]).mean(),
                "the mean must come after the logarithm: this is -log of the mean probability": lambda p, y: (
                    -np.log(p[np.arange(len(p)), y].mean())
                ),
                "it adds up the surprise of all classes: only the true one counts": lambda p, y: -np.log(p).sum(1).mean(),
                "p[:, y] takes all m x m pairs of rows and classes: take p[np.arange(m), y]": lambda p, y: (
                    -np.log(p[:, y]).mean()
                ),
                "the logarithm is missing: this is -p": lambda p, y: -p[np.arange(len(p)), y].mean(),
                "it is the mean over the classes too: divide by m, not by m K": lambda p, y: (
                    -np.log(p[np.arange(len(p)), y]).mean() / p.shape[1]
                ),
                "there is one number per sample: take their mean": lambda p, y: -np.log(p[np.arange(len(p)), y]),
            },
            batch="p",
        ),
    ),
)
