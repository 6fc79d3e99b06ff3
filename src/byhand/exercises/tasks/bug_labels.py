"""A training whose labels belong to other samples."""

from __future__ import annotations

from byhand.exercises.exercise import Exercise
from byhand.exercises.training import mended

START = """
import numpy as np

import byhand


def shuffled(data, seed):
    rng = np.random.default_rng(seed)
    x = data.flat[rng.permutation(len(data))]
    y = data.labels[rng.permutation(len(data))]
    return byhand.data.Dataset("iris", x, y, data.class_names, "shuffled")


def make(seed=1):
    data = byhand.data.load("iris")
    net = byhand.FeedForward((4, 8, 3), seed=seed)
    train = shuffled(data.train, seed)
    training = byhand.steps(net, train, epochs=100, batch_size=10, optimizer=byhand.optim.SGD(1.0), seed=seed)
    return byhand.Patient(training, None, data.test)
"""

EXERCISE = Exercise(
    name="bug-labels",
    chapter="Find the bug",
    place=20,
    title="Everything runs, and it learns nothing",
    text="""
Three kinds of iris, four numbers per flower. The cost stays near that of guessing. No error, no warning: the code is
correct Python, and the network is sound.

Find:
    what is wrong in make or above it, and mend it. Keep the network's size, the data and the epochs. Look at numbers first:
    `byhand doctor bug_labels.py:make` names what it finds.
""",
    start=START,
    hints=(
        "Look at ten samples beside their labels, before and after shuffled.",
        "rng.permutation is called twice: do both calls give one order?",
        "order = rng.permutation(len(data)), and use it for both.",
    ),
    examine=mended("iris", (4, 8, 3), epochs=100, accuracy=0.9),
    seconds=120,
)
