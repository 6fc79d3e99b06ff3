"""Small patients that are trained in a blink, for the tests of the doctor."""

from __future__ import annotations

from typing import Any

import numpy as np

import byhand
from byhand import data as datasets
from byhand import optim
from byhand.data.dataset import Splits
from byhand.feedforward import FeedForward
from byhand.nn import Linear, Network, ReLU, Sequential
from byhand.see.doctor import Patient


def flowers() -> Splits:
    """Iris, with a fifth of the training data to validate on."""
    whole = datasets.load("iris")
    order = np.random.default_rng(0).permutation(len(whole.train))
    return Splits(whole.train.take(order[24:]), whole.train.take(order[:24]), whole.test)


def moons(n: int = 900) -> Splits:
    """Two half circles."""
    return datasets.load("moons", n=n)


def digits(n: int = 600) -> Splits:
    """So many digits to train on, 200 to validate and 200 to test."""
    whole = datasets.load("mnist")
    assert whole.validation is not None
    return Splits(whole.train.take(np.arange(n)), whole.validation.take(np.arange(200)), whole.test.take(np.arange(200)))


def dense(cls: Any = FeedForward, splits: Splits | None = None, loop: Any = None, **given: Any) -> Patient:
    """A healthy network of 16 tanh units on the moons, Adam; its keywords change one thing."""
    splits = splits or moons()
    how = {
        "lr": 0.02,
        "epochs": 40,
        "batch_size": 32,
        "optimizer": optim.Adam,
        "schedule": "constant",
        "clip": None,
        "augment": None,
    }
    how |= {name: given.pop(name) for name in list(given) if name in how}
    net = {
        "hidden": (16,),
        "activation": "tanh",
        "output": "softmax",
        "cost": "cross_entropy",
        "initialiser": "glorot",
        "seed": 1,
    }
    net |= given
    model = cls((splits.train.flat.shape[1], *net.pop("hidden"), splits.train.n_classes), **net)
    optimizer = how.pop("optimizer")(how.pop("lr"))
    training = byhand.steps(model, splits.train, optimizer=optimizer, seed=1, **how)
    if loop is not None:
        loop(training)
    return Patient(training, splits.validation or splits.test, splits.test, "mine")


def modules(cls: Any = Network, *layers: Any, splits: Splits | None = None, **settings: Any) -> Patient:
    """The same of modules, on Iris."""
    splits = splits or flowers()
    layers = layers or (Linear(4, 16), ReLU(), Linear(16, 3))
    net = cls(Sequential(*layers), splits.train.inputs.shape[1:], seed=1, **settings)
    return Patient(
        byhand.steps(net, splits.train, epochs=20, batch_size=8, optimizer=optim.Adam(0.01), seed=1),
        splits.validation,
        splits.test,
    )


def faults(found: Any) -> list[str]:
    """The names of a probe's or a report's findings, in their order."""
    return [finding.fault for finding in getattr(found, "findings", found)]
