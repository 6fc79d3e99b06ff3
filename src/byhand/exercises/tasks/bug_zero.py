"""Weights that all begin at 0."""

from __future__ import annotations

from byhand.exercises.exercise import Exercise
from byhand.exercises.training import mended

START = """
import byhand


def make(seed=1):
    data = byhand.data.load("moons")
    net = byhand.FeedForward((2, 16, 2), "tanh", output="softmax", cost="cross_entropy", seed=seed)
    net.parameters[...] = 0.0
    training = byhand.steps(net, data.train, epochs=40, batch_size=20, optimizer=byhand.optim.SGD(0.5), seed=seed)
    return byhand.Patient(training, data.validation, data.test)
"""

EXERCISE = Exercise(
    name="bug-zero",
    chapter="Find the bug",
    place=40,
    title="All units are one unit",
    text="""
Somebody found that the first weights are random, and thought that 0 would be a fairer start. It still runs. After 40 epochs it
reads half of the points right, as a coin does.

Find:
    what is wrong in make or above it, and mend it. Keep the network's size, the data and the epochs. Look at numbers first:
    `byhand doctor bug_zero.py:make` names what it finds.
""",
    start=START,
    hints=(
        "Which gradient does a hidden unit get, if all weights behind it are 0? See BP2.",
        "Units that begin alike stay alike: only chance can tell them apart.",
        "Leave the line out: FeedForward draws its weights at random.",
    ),
    examine=mended("moons", (2, 16, 2), epochs=40, accuracy=0.95),
    seconds=120,
)
