"""The check that finds every wrong gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from byhand.exercises.exercise import Exercise, Question
from byhand.see.gradient_check import central_difference

H = 1e-5


def cube(w: float) -> float:
    """A cost that is steep."""
    return w**3


def measured(cost: Callable[[float], float], w: float) -> float:
    """As byhand's own proof measures it."""
    at = np.array([w])
    higher, lower = central_difference(lambda: float(cost(at[0])), at, (0,), H)
    return (higher - lower) / (2 * H)


EXERCISE = Exercise(
    name="gradient-check",
    chapter="Backpropagation",
    place=60,
    title="Measure a slope: the central difference",
    text="""
You need not believe a gradient: you can measure it. Move the weight a little up, then a little down, and see how much the cost
changed. Both sides together err by h^2; one side alone errs by h.

Equation:
    dC/dw ~ (C(w + h) - C(w - h)) / (2h)        h = 1e-5
Shapes:
    cost: a function of one number; w: one number -> one number
Write:
    slope(cost, w)
""",
    start="def slope(cost, w, h=1e-5):\n    ...",
    hints=(
        "Call cost twice, at w + h and at w - h.",
        "The two places are 2h apart.",
        "return (cost(w + h) - cost(w - h)) / (2 * h)",
    ),
    questions=(
        Question(
            "slope",
            lambda rng: [{"cost": cost, "w": float(w)} for cost in (np.sin, np.exp, cube) for w in rng.normal(size=2)],
            measured,
            "byhand's gradient check",
            {
                "the division is by h: the two places are 2h apart": lambda cost, w: 2 * measured(cost, w),
                "it is one-sided, and errs by h: take C(w + h) - C(w - h)": lambda cost, w: (cost(w + H) - cost(w)) / H,
                "it is one-sided, to the left, and errs by h: take C(w + h) - C(w - h)": lambda cost, w: (
                    (cost(w) - cost(w - H)) / H
                ),
                "it is not divided by 2h: this is the difference of the costs": lambda cost, w: cost(w + H) - cost(w - H),
            },
            tolerance=1e-9,
        ),
    ),
)
