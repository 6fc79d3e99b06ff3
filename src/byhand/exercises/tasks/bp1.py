"""BP1 for the quadratic cost and the sigmoid."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.exercises.slopes import slopes


def sigma(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def slope(z: Array) -> Array:
    return sigma(z) * (1 - sigma(z))


def measured(z: Array, a: Array, y: Array) -> Array:
    """The slope of each sample's cost along each z: moved up and down."""
    return slopes(lambda: float(((sigma(z) - y) ** 2).sum() / 2), z)


EXERCISE = Exercise(
    name="bp1",
    chapter="Backpropagation",
    place=10,
    title="BP1: the error of the output layer",
    text="""
Who is to blame, and how much? The error delta of an output unit is how fast the cost of a sample changes with the unit's
weighted input z. It has two factors: how far the answer is off, and how strongly the unit still reacts.

Equation:
    delta = (a - y) .* sigma'(z)        C = 1/2 ||a - y||^2 of each sample, a = sigma(z)
Shapes:
    z, a, y: (m, n) -> delta: (m, n)
Write:
    output_error(z, a, y). One row per sample; the mean over the batch comes later, in BP3 and BP4.
""",
    start="import numpy as np\n\n\ndef output_error(z, a, y):\n    ...",
    hints=(
        "The chain rule: dC/dz = dC/da times da/dz.",
        "dC/da is a - y. da/dz is sigma'(z), and that is a (1 - a).",
        "return (a - y) * a * (1 - a)",
    ),
    questions=(
        Question(
            "output_error",
            lambda rng: [
                {"z": z, "a": sigma(z), "y": rng.random(z.shape)}
                for z in (rng.normal(size=(4, 3)), rng.normal(size=(1, 2)), rng.normal(size=(3, 5)))
            ],
            measured,
            "the central difference of the cost",
            {
                "your delta lacks sigma'(z): it equals the right one divided by sigma'(z)": lambda z, a, y: a - y,
                "the sign is wrong: it is a - y, not y - a": lambda z, a, y: (y - a) * slope(z),
                "your delta lacks sigma'(z), and its sign is wrong: it is a - y": lambda z, a, y: y - a,
                "sigma' is taken at a instead of z: a is sigma(z) already, so sigma'(z) = a (1 - a)": lambda z, a, y: (
                    (a - y) * slope(a)
                ),
                "it is multiplied by sigma(z), not by its slope sigma'(z)": lambda z, a, y: (a - y) * a,
                "z (1 - z) stands for the slope: it is a (1 - a)": lambda z, a, y: (a - y) * z * (1 - z),
                "the difference is squared: the slope of a square is the difference itself": lambda z, a, y: (
                    (a - y) ** 2 * slope(z)
                ),
                "there is a factor 2 too much: the cost has a half in it": lambda z, a, y: 2 * (a - y) * slope(z),
                "the mean over the batch is taken here: it comes later, in BP3 and BP4": lambda z, a, y: (
                    (a - y) * slope(z) / len(z)
                ),
            },
        ),
    ),
)
