"""Weight decay in the gradient."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.exercises.slopes import slopes


def measured(w: Array, g: Array, l2: float) -> Array:
    """The penalty's slope, measured, beside the cost's gradient."""
    return slopes(lambda: float(l2 / 2 * (w**2).sum()), w) + g


EXERCISE = Exercise(
    name="weight-decay",
    chapter="Training",
    place=60,
    title="Weight decay",
    text="""
Large weights fit noise. Adding l2/2 times their squares to the cost pulls every weight towards 0, the more the larger it is.

Equation:
    C = C_0 + l2/2 sum w^2        dC/dw = dC_0/dw + l2 w
Shapes:
    w, g = dC_0/dw: (n_out, n_in), l2: a number -> dC/dw: (n_out, n_in)
Write:
    decayed(w, g, l2), the gradient with the decay
""",
    start="def decayed(w, g, l2):\n    ...",
    hints=(
        "Differentiate l2/2 w^2.",
        "The 2 of the square and the half cancel.",
        "return g + l2 * w",
    ),
    questions=(
        Question(
            "decayed",
            lambda rng: [{"w": rng.normal(size=(3, 2)), "g": rng.normal(size=(3, 2)), "l2": l2} for l2 in (0.1, 0.5)],
            measured,
            "the central difference of the penalty",
            {
                "the sign is wrong: this pushes the weights away from 0": lambda w, g, l2: g - l2 * w,
                "the decay is forgotten": lambda w, g, l2: g,
                "there is a factor 2 too much: the penalty has a half in it": lambda w, g, l2: g + 2 * l2 * w,
                "this is the decay alone: add the gradient of the cost": lambda w, g, l2: l2 * w,
                "it is the decay of L1, l2 sign(w): the penalty is a square": lambda w, g, l2: g + l2 * np.sign(w),
                "the penalty itself is added, not its slope": lambda w, g, l2: g + l2 / 2 * w**2,
            },
        ),
    ),
)
