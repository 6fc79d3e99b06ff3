"""Adam, with the correction that is forgotten most."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.optim import Adam


def state(rng: np.random.Generator, t: int) -> dict[str, Any]:
    """Weights after t - 1 steps of Adam with gradients that are all alike, so that its averages are known."""
    w, g, before = rng.normal(size=(3, 4))
    past = 1 - 0.9 ** (t - 1), 1 - 0.999 ** (t - 1)
    return {"w": w, "g": g, "m": past[0] * before, "v": past[1] * before**2, "t": t, "eta": 0.1}


def moved(w: Array, g: Array, m: Array, v: Array, t: int, eta: float) -> Array:
    """byhand's own optimiser, brought to the same averages by t - 1 steps."""
    optimiser, x = Adam(eta), w.copy()
    for _ in range(t - 1):
        optimiser.step(x, m / (1 - 0.9 ** (t - 1)))
    x[...] = w
    optimiser.step(x, g)
    return x


def formula(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    t: int,
    eta: float,
    corrected: bool = True,
    root: bool = True,
    power: int = 2,
    sign: int = -1,
    old: bool = False,
    late: int = 0,
) -> Array:
    """Adam's step with something wrong."""
    if not old:
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**power
    if corrected:
        m, v = m / (1 - 0.9 ** (t + late)), v / (1 - 0.999 ** (t + late))
    return np.asarray(w + sign * eta * m / ((np.sqrt(v) if root else v) + 1e-8))


EXERCISE = Exercise(
    name="adam",
    chapter="Training",
    place=30,
    title="Adam",
    text="""
Adam gives each weight its own step: the running mean m of its gradient over the root of the running mean v of its square. Both
begin at 0, so the first ones are too small; dividing by 1 - beta^t mends that.

Equation:
    m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2
    w_new = w - eta m_hat / (sqrt(v_hat) + eps)        m_hat = m / (1 - beta1^t), v_hat = v / (1 - beta2^t)
Shapes:
    w, g, m, v: (n,); t: the step, from 1; beta1 = 0.9, beta2 = 0.999, eps = 1e-8 -> w_new: (n,)
Write:
    step(w, g, m, v, t, eta), which returns w_new. m and v are those before the step.
""",
    start="import numpy as np\n\n\ndef step(w, g, m, v, t, eta, beta1=0.9, beta2=0.999, eps=1e-8):\n    ...",
    hints=(
        "Update m and v with the new gradient first.",
        "At t = 1 the correction makes m_hat = g and v_hat = g^2: the step is eta, whatever the gradient's size.",
        "eps stands outside of the root.",
    ),
    questions=(
        Question(
            "step",
            lambda rng: [state(rng, t) for t in (1, 2, 5)],
            moved,
            "byhand.optim.Adam",
            {
                "the bias correction is missing: divide m by 1 - beta1^t and v by 1 - beta2^t": partial(formula, corrected=False),
                "the root is missing: divide by sqrt(v_hat), not by v_hat": partial(formula, root=False),
                "v takes g, not g^2": partial(formula, power=1),
                "the sign is wrong: subtract": partial(formula, sign=1),
                "m and v are the old ones: update them with g before you use them": partial(formula, old=True),
                "t counts from 1: at the first step the correction is 1 - beta, not 1 - beta^2": partial(formula, late=1),
            },
            tolerance=1e-5,
        ),
    ),
)
