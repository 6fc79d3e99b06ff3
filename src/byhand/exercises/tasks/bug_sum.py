"""A training whose gradient is a sum."""

from __future__ import annotations

from byhand.exercises.exercise import Exercise
from byhand.exercises.training import mended

START = """
import byhand


class Mine(byhand.FeedForward):
    def learn(self, x, y):
        cost = super().learn(x, y)
        self.gradient *= len(x)
        return cost


def make(seed=1):
    data = byhand.data.load("moons")
    net = Mine((2, 16, 2), "tanh", output="softmax", cost="cross_entropy", seed=seed)
    training = byhand.steps(net, data.train, epochs=40, batch_size=20, optimizer=byhand.optim.SGD(0.5), seed=seed)
    return byhand.Patient(training, data.validation, data.test)
"""

EXERCISE = Exercise(
    name="bug-sum",
    chapter="Find the bug",
    place=10,
    title="A cost that jumps",
    text="""
The network below learns from two moons of points. Its cost begins near 10, where guessing costs 0.7, and jumps above 20 again
after 500 steps. Somebody has written their own learn.

Find:
    what is wrong in make or above it, and mend it. Keep the network's size, the data and the epochs. Look at numbers first:
    `byhand doctor bug_sum.py:make` names what it finds.
""",
    start=START,
    hints=(
        "super().learn computes the mean gradient already.",
        "What does the line after it do to a batch of 20?",
        "Leave the line with self.gradient out.",
    ),
    examine=mended("moons", (2, 16, 2), epochs=40, accuracy=0.95),
    seconds=120,
)
