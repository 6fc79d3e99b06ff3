"""A network of one output under examination: its yes and no are told as they are, and nobody finds its accuracy wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn
from byhand.data import Dataset
from byhand.see.chosen_step import explain_upcoming
from byhand.see.doctor import examine
from byhand.web.telemetry import Plane, Validation


def blobs(n: int = 120) -> Dataset:
    labels = np.arange(n) % 2
    points = np.random.default_rng(1).standard_normal((n, 2)) + 4 * labels[:, None]
    return Dataset("blobs", points.astype(np.float32), labels, ("left", "right"))


def networks() -> list[Any]:
    module = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    return [byhand.FeedForward((2, 8, 1), cost="cross_entropy", seed=1), nn.Network(module, (2,), cost="bce", seed=1)]


@pytest.mark.parametrize("number", [0, 1])
def test_the_doctor_finds_nothing_wrong_with_a_yes_or_no_that_learns(number: int) -> None:
    training = byhand.steps(networks()[number], blobs(), epochs=4, batch_size=10, optimizer=byhand.optim.SGD(0.3), seed=1)
    report = examine(byhand.Patient(training, blobs(60)))
    assert not {finding.fault for finding in report.findings} & {"accuracy-wrong", "labels-scrambled", "evaluation-differs"}


def test_explain_names_what_was_asked_and_what_was_answered() -> None:
    network = networks()[0]
    training = byhand.steps(network, blobs(), epochs=4, batch_size=10, optimizer=byhand.optim.SGD(0.3), seed=1)
    for _ in range(40):
        next(training)
    shown = explain_upcoming(training, blobs()).samples
    indices = training.upcoming()
    assert [sample.label for sample in shown] == [("left", "right")[k] for k in blobs().labels[indices]]
    assert {sample.label for sample in shown} == {"left", "right"}
    right = np.mean([sample.label == sample.answer for sample in shown])
    assert right == network.evaluate(blobs().flat[indices], blobs().labels[indices])[1] > 0.8


@pytest.mark.parametrize("number", [0, 1])
def test_the_train_page_measures_both_classes(number: int) -> None:
    network = networks()[number]
    network.fit(blobs(), epochs=10, optimizer=byhand.optim.SGD(0.3))
    found = Validation(blobs()).measure(network)
    assert np.trace(found["confusion"]) / 120 == found["accuracy"] > 0.9
    assert Plane(blobs()).measure(network)["winner"]
