"""A loop in plain NumPy with one line in the wrong place."""

from __future__ import annotations

from functools import partial

import numpy as np

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.exercises.tasks.backprop import by_hand, made
from byhand.feedforward import FeedForward
from byhand.optim import SGD

START = """
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def step(x, y, w1, b1, w2, b2, eta):
    m = len(x)
    a1 = sigmoid(x @ w1.T + b1)
    a2 = sigmoid(a1 @ w2.T + b2)
    delta2 = (a2 - y) * a2 * (1 - a2)
    w2 = w2 - eta * delta2.T @ a1 / m
    b2 = b2 - eta * delta2.mean(axis=0)
    delta1 = (delta2 @ w2) * a1 * (1 - a1)
    w1 = w1 - eta * delta1.T @ x / m
    b1 = b1 - eta * delta1.mean(axis=0)
    return w1, b1, w2, b2
"""


def trained(x: Array, y: Array, w1: Array, b1: Array, w2: Array, b2: Array, eta: float) -> tuple[Array, ...]:
    """One step of byhand's own network and optimiser from these weights."""
    net = FeedForward((w1.shape[1], len(w1), len(w2)), dtype=np.float64)
    for mine, given in zip((*net.weights, *net.biases), (w1, w2, b1, b2), strict=True):
        mine[...] = given
    net.learn(x, y)
    SGD(eta).step(net.parameters, net.gradient)
    return net.weights[0], net.biases[0], net.weights[1], net.biases[1]


def moved(
    x: Array, y: Array, w1: Array, b1: Array, w2: Array, b2: Array, eta: float, last: bool = True, hidden: bool = True
) -> tuple[Array, ...]:
    """One step with gradients that lack a factor."""
    gradients = by_hand(x, y, w1, b1, w2, b2, last, hidden)
    return tuple(w - eta * g for w, g in zip((w1, b1, w2, b2), gradients, strict=True))


def too_early(x: Array, y: Array, w1: Array, b1: Array, w2: Array, b2: Array, eta: float) -> tuple[Array, ...]:
    """The planted fault: the last layer moves before the error goes back through it."""
    _, _, new_w2, new_b2 = moved(x, y, w1, b1, w2, b2, eta)
    a1 = 1 / (1 + np.exp(-(x @ w1.T + b1)))
    a2 = 1 / (1 + np.exp(-(a1 @ w2.T + b2)))
    delta1 = ((a2 - y) * a2 * (1 - a2) @ new_w2) * a1 * (1 - a1)
    return w1 - eta * delta1.T @ x / len(x), b1 - eta * delta1.mean(0), new_w2, new_b2


EXERCISE = Exercise(
    name="bug-numpy",
    chapter="Find the bug",
    place=50,
    title="A loop in plain NumPy that is nearly right",
    text="""
This step is written out by hand, and every line of it looks like the textbook. It even learns. But its first gradient is not the
slope of the cost: a gradient check fails for w1 and b1, and agrees for w2 and b2.

Find:
    which line is wrong, and mend it. step must move the weights as byhand.FeedForward does.
""",
    start=START,
    hints=(
        "w1 and b1 are wrong, w2 and b2 are right. What do the first two depend on that the others do not?",
        "All gradients of a step belong to the same weights: those before the step.",
        "Compute delta1 before w2 moves.",
    ),
    questions=(
        Question(
            "step",
            lambda rng: [made(rng, *sizes) | {"eta": eta} for sizes, eta in (((4, 3, 5, 2), 3.0), ((6, 2, 3, 4), 1.0))],
            trained,
            "one step of byhand.FeedForward",
            {
                "the error goes back through w2 after its step: compute delta1 with the w2 of before": too_early,
                "sigma'(z) of the hidden layer is missing in delta1": partial(moved, hidden=False),
                "sigma'(z) of the output layer is missing in delta2": partial(moved, last=False),
                "the sign is wrong: this climbs; subtract": lambda x, y, w1, b1, w2, b2, eta: moved(x, y, w1, b1, w2, b2, -eta),
                "the gradient is a sum over the batch, not a mean": lambda x, y, w1, b1, w2, b2, eta: moved(
                    x, y, w1, b1, w2, b2, eta * len(x)
                ),
                "it did not move": lambda x, y, w1, b1, w2, b2, eta: (w1, b1, w2, b2),
            },
            results=("w1", "b1", "w2", "b2"),
        ),
    ),
)
