"""All four equations together."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.exercises.slopes import slopes
from byhand.exercises.tasks.bp1 import sigma

NAMES = ("w1", "b1", "w2", "b2")


def made(rng: np.random.Generator, m: int, n0: int, n1: int, n2: int) -> dict[str, Array]:
    """A small network and a batch."""
    shapes = {"x": (m, n0), "y": (m, n2), "w1": (n1, n0), "b1": (n1,), "w2": (n2, n1), "b2": (n2,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def measured(x: Array, y: Array, **parameters: Array) -> tuple[Array, ...]:
    """The slope of the cost along every weight and bias: moved up and down."""

    def cost() -> float:
        w1, b1, w2, b2 = (parameters[name] for name in NAMES)
        a2 = sigma(sigma(x @ w1.T + b1) @ w2.T + b2)
        return float(((a2 - y) ** 2).sum() / 2 / len(x))

    return tuple(slopes(cost, parameters[name]) for name in NAMES)


def by_hand(x: Array, y: Array, w1: Array, b1: Array, w2: Array, b2: Array, last: bool = True, hidden: bool = True) -> Any:
    """The gradients with some factor left out."""
    a1 = sigma(x @ w1.T + b1)
    a2 = sigma(a1 @ w2.T + b2)
    d2 = (a2 - y) * (a2 * (1 - a2) if last else 1)
    d1 = (d2 @ w2) * (a1 * (1 - a1) if hidden else 1)
    return d1.T @ x / len(x), d1.mean(0), d2.T @ a1 / len(x), d2.mean(0)


EXERCISE = Exercise(
    name="backprop",
    chapter="Backpropagation",
    place=50,
    title="Backpropagation, whole",
    text="""
Now all together: a network with one hidden layer, forward and back. The order is a relay: z and a on the way up, delta on the
way down, and the gradients from both.

Equation:
    a1 = sigma(x w1^T + b1), a2 = sigma(a1 w2^T + b2), C = 1/(2m) sum ||a2 - y||^2; then BP1 to BP4
Shapes:
    x: (m, n0), w1: (n1, n0), b1: (n1,), w2: (n2, n1), b2: (n2,), y: (m, n2) -> four gradients, shaped as w1, b1, w2, b2
Write:
    gradients(x, y, w1, b1, w2, b2), which returns (dw1, db1, dw2, db2)
""",
    start="import numpy as np\n\n\ndef gradients(x, y, w1, b1, w2, b2):\n    ...\n    return dw1, db1, dw2, db2",
    hints=(
        "Write the forward pass first, and keep a1 and a2.",
        "delta2 = (a2 - y) * a2 * (1 - a2); delta1 = (delta2 @ w2) * a1 * (1 - a1)",
        "dw = delta.T @ (input of the layer) / m, db = delta.mean(axis=0)",
    ),
    questions=(
        Question(
            "gradients",
            lambda rng: [made(rng, *sizes) for sizes in ((4, 3, 5, 2), (1, 2, 2, 3), (6, 4, 3, 3))],
            measured,
            "the central difference of the cost",
            {
                "sigma'(z) of the layer is missing in its delta": partial(by_hand, last=False, hidden=False),
                "sigma'(z) of the output layer is missing (BP1), and so all errors before it are too large": partial(
                    by_hand, last=False
                ),
                "sigma'(z) of the hidden layer is missing (BP2)": partial(by_hand, hidden=False),
            },
            results=("dw1", "db1", "dw2", "db2"),
            batch="x",
        ),
    ),
)
