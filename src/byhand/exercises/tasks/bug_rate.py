"""A learning rate that is far too low."""

from __future__ import annotations

from byhand.exercises.exercise import Exercise
from byhand.exercises.training import mended

START = """
import byhand


def make(seed=1):
    data = byhand.data.load("moons")
    net = byhand.FeedForward((2, 16, 2), "tanh", output="softmax", cost="cross_entropy", seed=seed)
    training = byhand.steps(net, data.train, epochs=40, batch_size=20, optimizer=byhand.optim.SGD(0.0001), seed=seed)
    return byhand.Patient(training, data.validation, data.test)
"""

EXERCISE = Exercise(
    name="bug-rate",
    chapter="Find the bug",
    place=30,
    title="A cost that hardly moves",
    text="""
The moons again, with a network that is sound and data that are right. After 40 epochs it reads 66 % of new points
right; mended, 99 %. The cost falls, but as if it had all the time in the world.

Find:
    what is wrong in make or above it, and mend it. Keep the network's size, the data and the epochs. Look at numbers first:
    `byhand doctor bug_rate.py:make` names what it finds.
""",
    start=START,
    hints=(
        "How far does one step move a weight?",
        "A step is the learning rate times the gradient.",
        "For SGD and a small network, rates between 0.1 and 1 are usual.",
    ),
    examine=mended("moons", (2, 16, 2), epochs=40, accuracy=0.95),
    seconds=120,
)
