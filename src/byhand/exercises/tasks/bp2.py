"""BP2: the error carried back through the weights."""

from __future__ import annotations

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.exercises.slopes import slopes
from byhand.exercises.tasks.bp1 import sigma, slope


def measured(delta: Array, w: Array, z: Array) -> Array:
    """The slope, along each z of this layer, of a cost whose error in the next layer is delta: sum(delta * next z)."""
    return slopes(lambda: float((delta * (sigma(z) @ w.T)).sum()), z)


EXERCISE = Exercise(
    name="bp2",
    chapter="Backpropagation",
    place=20,
    title="BP2: the error of a layer from the next one",
    text="""
A hidden unit is to blame for what the units after it did wrong, as much as its weights reached them. So the errors walk
backwards along the same weights, and are dimmed by the unit's own slope.

Equation:
    delta = (delta_next w_next) .* sigma'(z)
Shapes:
    delta_next: (m, n_next), w_next: (n_next, n), z: (m, n) -> delta: (m, n)
Write:
    hidden_error(delta_next, w_next, z), for sigmoid units
""",
    start="import numpy as np\n\n\ndef hidden_error(delta_next, w_next, z):\n    ...",
    hints=(
        "Forward it was z_next = a w_next^T. Backward the same matrix is used without the transpose.",
        "sigma'(z) = a (1 - a) with a = sigma(z).",
        "a = 1 / (1 + np.exp(-z)); return (delta_next @ w_next) * a * (1 - a)",
    ),
    questions=(
        Question(
            "hidden_error",
            lambda rng: [
                {"delta": rng.normal(size=(m, k)), "w": rng.normal(size=(k, n)), "z": rng.normal(size=(m, n))}
                for m, k, n in ((5, 3, 3), (4, 2, 2), (1, 4, 4))
            ],
            measured,
            "the central difference of the cost",
            {
                "your delta lacks sigma'(z): it equals the right one divided by sigma'(z)": lambda delta, w, z: delta @ w,
                "the weights are transposed: going back it is delta w, not delta w^T": lambda delta, w, z: (
                    (delta @ w.T) * slope(z)
                ),
                "the weights are transposed, and sigma'(z) is missing": lambda delta, w, z: delta @ w.T,
                "it is multiplied by sigma(z), not by its slope sigma'(z)": lambda delta, w, z: (delta @ w) * sigma(z),
                "the weights are forgotten: this is delta_next .* sigma'(z)": lambda delta, w, z: delta * slope(z),
                "sigma' is taken at sigma(z): it is sigma(z) (1 - sigma(z))": lambda delta, w, z: (delta @ w) * slope(sigma(z)),
                "z (1 - z) stands for the slope: it is a (1 - a) with a = sigma(z)": lambda delta, w, z: (
                    (delta @ w) * z * (1 - z)
                ),
                "the mean over the batch is taken here: it comes later, in BP3 and BP4": lambda delta, w, z: (
                    (delta @ w) * slope(z) / len(z)
                ),
            },
        ),
    ),
)
