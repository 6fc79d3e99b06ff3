"""Momentum: a ball that rolls."""

from __future__ import annotations

from byhand.backend import Array
from byhand.exercises.exercise import Exercise, Question
from byhand.optim import SGD


def rolled(w: Array, g: Array, v: Array, eta: float, mu: float) -> tuple[Array, Array]:
    """byhand's own optimiser: a first step with the gradient v gives it the velocity v, and moves w, which is moved back."""
    optimiser = SGD(eta, momentum=mu)
    before = w + eta * v
    optimiser.step(before, v.copy())
    optimiser.step(before, g)
    return before, mu * v + g


EXERCISE = Exercise(
    name="momentum",
    chapter="Training",
    place=20,
    title="Momentum",
    text="""
Plain descent zigzags in a narrow valley. With momentum the weights are a ball: it keeps a velocity, old pushes fade, and pushes
that cancel from step to step die out.

Equation:
    v_new = mu v + g        w_new = w - eta v_new
Shapes:
    w, g, v: (n,); eta, mu: numbers -> (w_new, v_new)
Write:
    step(w, g, v, eta, mu), which returns (w_new, v_new)
""",
    start="def step(w, g, v, eta, mu):\n    ...\n    return w_new, v_new",
    hints=(
        "First the velocity, then the weights with the new velocity.",
        "The velocity here holds no learning rate: eta comes in with the weights.",
        "v = mu * v + g; return w - eta * v, v",
    ),
    questions=(
        Question(
            "step",
            lambda rng: [
                dict(zip("wgv", rng.normal(size=(3, n)), strict=True)) | {"eta": eta, "mu": mu}
                for n, eta, mu in ((4, 0.1, 0.9), (3, 0.5, 0.5))
            ],
            rolled,
            "byhand.optim.SGD",
            {
                "the old velocity is used: update v first, then move with the new one": lambda w, g, v, eta, mu: (w - eta * v, v),
                "the momentum is forgotten: this is plain descent": lambda w, g, v, eta, mu: (w - eta * g, g),
                "the gradient is weighed by 1 - mu: here it comes in whole, v = mu v + g": lambda w, g, v, eta, mu: (
                    w - eta * (mu * v + (1 - mu) * g),
                    mu * v + (1 - mu) * g,
                ),
                "the sign is wrong: w goes against v": lambda w, g, v, eta, mu: (w + eta * (mu * v + g), mu * v - g),
                "eta stands in the velocity: v = mu v + g, and eta comes in with w": lambda w, g, v, eta, mu: (
                    w - (mu * v + eta * g),
                    mu * v + eta * g,
                ),
                "eta comes in twice, in the velocity and with w": lambda w, g, v, eta, mu: (
                    w - eta * (mu * v + eta * g),
                    mu * v + eta**2 * g,
                ),
            },
            results=("w_new", "v_new"),
        ),
    ),
)
