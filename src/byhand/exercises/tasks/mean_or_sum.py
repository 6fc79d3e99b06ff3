"""The longest bug of the text that this project grew from."""

from __future__ import annotations

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.optim import SGD


def descent(w: Array, g: Array, eta: float) -> Array:
    """One step of byhand's own optimiser."""
    SGD(eta).step(w, g.mean(0))
    return w


EXERCISE = Exercise(
    name="mean-or-sum",
    chapter="Training",
    place=10,
    title="Mean against sum: one step of gradient descent",
    text="""
With a sum over the batch, a batch of 100 moves the weights ten times as far as a batch of 10. With the mean the learning rate
means the same for every batch size, and doubling the batch (each sample twice) changes nothing.

Equation:
    w_new = w - eta 1/m sum_i g_i
Shapes:
    w: (n,), g: (m, n), one gradient per sample; eta: the learning rate -> w_new: (n,)
Write:
    step(w, g, eta), which returns the new weights
""",
    start="def step(w, g, eta):\n    ...",
    hints=(
        "Which axis of g are the samples?",
        "Descent goes against the gradient.",
        "return w - eta * g.mean(axis=0)",
    ),
    questions=(
        Question(
            "step",
            lambda rng: [
                {"w": rng.normal(size=n), "g": rng.normal(size=(m, n)), "eta": eta}
                for m, n, eta in ((5, 3, 0.5), (1, 2, 0.1), (8, 4, 2.0))
            ],
            descent,
            "byhand.optim.SGD with the mean gradient",
            {
                "the gradients are summed over the batch, not averaged: the step is m times too large": lambda w, g, eta: (
                    w - eta * g.sum(0)
                ),
                "the sign is wrong: this climbs; subtract the gradient": lambda w, g, eta: w + eta * g.mean(0),
                "the learning rate is forgotten": lambda w, g, eta: w - g.mean(0),
                "one mean is taken over all numbers: each weight has its own gradient": lambda w, g, eta: w - eta * g.mean(),
                "this is the change only: add it to w": lambda w, g, eta: -eta * g.mean(0),
            },
        ),
    ),
)
