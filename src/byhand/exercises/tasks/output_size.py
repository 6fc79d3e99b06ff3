"""How large a convolution's output is."""

from __future__ import annotations

import numpy as np

from byhand.engine import ops
from byhand.exercises.exercise import Exercise, Question


def measured(n: int, k: int, p: int, s: int) -> int:
    """A real convolution of a row of pixels, and the length of what comes out."""
    z = ops.conv2d(np.zeros((1, n, n, 1)), np.zeros((k, k, 1, 1)), np.zeros(1), stride=s, padding=p)
    return int(z.data.shape[2])


EXERCISE = Exercise(
    name="output-size",
    chapter="Images",
    place=30,
    title="How large is the output?",
    text="""
Count the places where a filter of width k can stand on a row of n pixels, with p zeros added at each end, and s pixels from one
place to the next.

Equation:
    n_out = floor((n + 2p - k) / s) + 1
Shapes:
    n, k, p, s: whole numbers -> a whole number
Write:
    output_size(n, k, p, s)
""",
    start="def output_size(n, k, p, s):\n    ...",
    hints=(
        "First without padding and with s = 1: n - k + 1 places.",
        "// divides and rounds down.",
        "return (n + 2 * p - k) // s + 1",
    ),
    questions=(
        Question(
            "output_size",
            lambda rng: [
                {"n": n, "k": k, "p": p, "s": s}
                for n, k, p, s in ((28, 5, 0, 1), (28, 3, 1, 1), (28, 3, 1, 2), (7, 2, 0, 2), (10, 4, 2, 3))
            ],
            measured,
            "byhand.engine.ops.conv2d",
            {
                "the + 1 is missing: the first place counts too": lambda n, k, p, s: (n + 2 * p - k) // s,
                "the padding is at both ends: it is 2p": lambda n, k, p, s: (n + p - k) // s + 1,
                "it rounds up: a filter that does not fit whole has no place there": lambda n, k, p, s: (
                    -(-(n + 2 * p - k) // s) + 1
                ),
                "the stride is forgotten": lambda n, k, p, s: n + 2 * p - k + 1,
                "the padding is forgotten": lambda n, k, p, s: (n - k) // s + 1,
                "it is not a whole number: use //, which rounds down": lambda n, k, p, s: (n + 2 * p - k) / s + 1,
            },
        ),
    ),
)
