"""The sigmoid, and why it must not overflow."""

from __future__ import annotations

import numpy as np

from byhand.activations import by_name
from byhand.exercises.exercise import Exercise, Question

EXERCISE = Exercise(
    name="sigmoid",
    chapter="A neuron and a network",
    place=20,
    title="The sigmoid, and its slope",
    text="""
The sigmoid turns any number into one between 0 and 1. Its slope can be written with its own value, which is why
backpropagation needs no second exponential.

Equation:
    sigma(z) = 1 / (1 + e^(-z))        sigma'(z) = sigma(z) (1 - sigma(z))
Shapes:
    z: any -> the same
Write:
    sigmoid(z) and sigmoid_slope(z). They get arrays of any shape.
""",
    start="""
import numpy as np


def sigmoid(z):
    ...


def sigmoid_slope(z):
    ...
""",
    hints=(
        "np.exp works on whole arrays.",
        "The slope is largest at z = 0, where it is 1/4.",
        "a = sigmoid(z); return a * (1 - a)",
    ),
    questions=(
        Question(
            "sigmoid",
            lambda rng: [{"z": rng.normal(size=(3, 4)) * 2}, {"z": np.array([0.0, 3.0, -3.0])}],
            lambda z: by_name("sigmoid").forward(z, np.empty_like(z)),
            "byhand's own sigmoid",
            {
                "the exponent has the wrong sign: it is e^(-z); yours is 1 - sigma(z)": lambda z: 1 / (1 + np.exp(z)),
                "this is tanh: it runs from -1 to 1": np.tanh,
                "this is e^(-z): 1 / (1 + ...) is missing around it": lambda z: np.exp(-z),
                "this is a step of 0 or 1: the sigmoid is smooth, and has a slope": lambda z: (z > 0) * 1.0,
            },
        ),
        Question(
            "sigmoid_slope",
            lambda rng: [{"z": rng.normal(size=(3, 4)) * 2}, {"z": np.array([0.0, 3.0, -3.0])}],
            lambda z: ((1 / (1 + np.exp(-z - 1e-5))) - (1 / (1 + np.exp(-z + 1e-5)))) / 2e-5,
            "the central difference of sigma",
            {
                "it is z (1 - z): put sigma(z) in place of z, both times": lambda z: z * (1 - z),
                "it is sigma(z) itself, not its slope": lambda z: 1 / (1 + np.exp(-z)),
                "it is 1 - sigma(z): the factor sigma(z) is missing": lambda z: 1 / (1 + np.exp(z)),
                "it is the slope of tanh, 1 - tanh(z)^2": lambda z: 1 - np.tanh(z) ** 2,
            },
        ),
    ),
)
