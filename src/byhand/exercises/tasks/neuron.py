"""The first number of all: one neuron, computed with pencil and paper."""

from __future__ import annotations

import math

from byhand.exercises.exercise import Exercise, Question

W, X, B = (0.5, -1.0, 2.0), (2.0, 1.0, 0.5), -0.4
Z = sum(w * x for w, x in zip(W, X, strict=True)) + B
A = 1 / (1 + math.exp(-Z))

EXERCISE = Exercise(
    name="neuron",
    chapter="A neuron and a network",
    place=10,
    title="Compute this neuron",
    text="""
A neuron weighs what comes in, adds its bias, and squeezes the sum into (0, 1).

Equation:
    z = w_1 x_1 + w_2 x_2 + w_3 x_3 + b        a = sigma(z) = 1 / (1 + e^(-z))
Given:
    w = (0.5, -1, 2)    x = (2, 1, 0.5)    b = -0.4
Write:
    z and a as numbers, with three decimals. Use paper; a calculator for e^(-z).
""",
    start="z = ...\na = ...",
    hints=(
        "Multiply pairwise first: 0.5 times 2, -1 times 1, 2 times 0.5.",
        "The three products add up to 1. Then the bias.",
        "z = 1 - 0.4. For a, compute e^(-0.6) first, then 1 / (1 + that).",
    ),
    questions=(
        Question(
            "z",
            lambda rng: [{}],
            lambda: Z,
            "w times x plus b, to three decimals",
            {
                "the bias is forgotten: add b = -0.4 to the sum of the products": lambda: Z - B,
                "the bias is subtracted: add b, which is negative already": lambda: Z - 2 * B,
                "the weights do not meet their inputs: this is the sum of all w and b": lambda: sum(W) + B,
            },
            tolerance=1e-3,
            value=True,
        ),
        Question(
            "a",
            lambda rng: [{}],
            lambda: A,
            "sigma(z), to three decimals",
            {
                "this is z itself: the activation is sigma of it": lambda: Z,
                "the exponent has the wrong sign: it is e^(-z), not e^z": lambda: 1 / (1 + math.exp(Z)),
                "the bias is forgotten in z, and so in a": lambda: 1 / (1 + math.exp(-Z + B)),
                "this is sigma'(z) = a (1 - a), the slope, and not a": lambda: A * (1 - A),
            },
            tolerance=1e-3,
            value=True,
        ),
    ),
)
