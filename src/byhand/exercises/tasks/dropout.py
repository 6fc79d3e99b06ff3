"""Inverted dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import ops
from byhand.exercises.exercise import Exercise, Question


class Given:
    """A generator whose draws are given: 1 where a unit stays, 0 where not."""

    def __init__(self, kept: Array) -> None:
        self.kept = kept

    def random(self, shape: Any, dtype: Any) -> Array:
        return self.kept.astype(dtype)


def dropped(a: Array, kept: Array, p: float) -> Array:
    """The engine's own, with these draws."""
    rng: Any = Given(kept)
    return np.asarray(ops.dropout(a, rate=p, rng=rng).data)


EXERCISE = Exercise(
    name="dropout",
    chapter="Training",
    place=40,
    title="Dropout",
    text="""
In training each unit is left out with probability p, so that no unit relies on another. Those that stay are made larger, so that
the next layer gets as much as before on average, and nothing needs to change when the network is used.

Equation:
    a_out = a .* kept / (1 - p)
Shapes:
    a, kept: (m, n), kept is 1 where a unit stays and 0 where not; p: the probability to be left out -> (m, n)
Write:
    dropout(a, kept, p)
""",
    start="def dropout(a, kept, p):\n    ...",
    hints=(
        "The mean over many masks must be a.",
        "A unit stays with probability 1 - p.",
        "return a * kept / (1 - p)",
    ),
    questions=(
        Question(
            "dropout",
            lambda rng: [
                {"a": rng.normal(size=(m, n)), "kept": (rng.random((m, n)) >= p) * 1.0, "p": p}
                for m, n, p in ((4, 5, 0.2), (3, 6, 0.75))
            ],
            dropped,
            "byhand.engine.ops.dropout",
            {
                "the scale is missing: divide by 1 - p, or the next layer gets too little": lambda a, kept, p: a * kept,
                "it is divided by p: p is the probability to be left out, 1 - p to stay": lambda a, kept, p: a * kept / p,
                "the others are kept: kept is 1 where a unit stays": lambda a, kept, p: a * (1 - kept) / (1 - p),
                "it is multiplied by 1 - p: divide, so that the mean stays": lambda a, kept, p: a * kept * (1 - p),
                "nothing is left out: multiply by kept": lambda a, kept, p: a / (1 - p),
            },
        ),
    ),
)
