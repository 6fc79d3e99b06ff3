"""One output unit is a yes or no at 0.5, wherever a network is asked or measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn
from byhand.data import Dataset
from byhand.errors import ModelError

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0])
WAYS: list[Any] = [
    XOR, XOR[:, None], XOR.astype(bool), XOR.astype(np.float32), XOR[:, None].astype(np.float64), np.eye(2)[XOR],
]  # fmt: skip


def module(*, sigmoid: bool = False) -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1), *([nn.Sigmoid()] if sigmoid else []))


def networks() -> list[Any]:
    return [
        byhand.FeedForward((2, 3, 1), seed=1),
        byhand.FeedForward((2, 3, 1), seed=1, cost="cross_entropy"),
        byhand.FeedForward((2, 3, 1), seed=1, output="identity"),
        nn.Network(module(), (2,), cost="bce", seed=1),
        nn.Network(module(), (2,), cost="mse", seed=1),
        nn.Network(module(sigmoid=True), (2,), cost="mse", seed=1),
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("y", WAYS)
def test_accuracy_and_answers_are_counted_at_a_half(number: int, y: Any) -> None:
    net = networks()[number]
    said = net.forward(X).ravel() > 0.5
    assert net.evaluate(X, y)[1] == (said == XOR).mean()
    assert net.predict(X).tolist() == said.tolist()
    assert net.evaluate(X, y)[0] == pytest.approx(net.evaluate(X, XOR[:, None].astype(np.float32))[0])
    cost = net.learn(X, y)
    assert cost == pytest.approx(net.learn(X, XOR[:, None].astype(np.float32)))


def test_a_network_that_answers_both_ways_is_measured_by_both() -> None:
    net = byhand.FeedForward((1, 1), output="identity", seed=1)
    net.weights[0][...], net.biases[0][...] = 1.0, 0.0
    x = np.array([[0.2], [0.6], [0.9], [0.4]])
    assert net.predict(x).tolist() == [0, 1, 1, 0]
    assert net.evaluate(x, np.array([0, 1, 0, 0]))[1] == 0.75
    logits = nn.Network(nn.Sequential(nn.Linear(1, 1)), (1,), cost="bce", seed=1)
    logits.module[0].weight.data[...], logits.module[0].bias.data[...] = 1.0, 0.0
    assert logits.predict(np.array([[-0.2], [0.2], [0.0]])).tolist() == [0, 1, 0]


def test_a_yes_or_no_for_every_place_is_counted_place_by_place() -> None:
    net = nn.Network(nn.Sequential(nn.Conv2d(1, 1, 1)), (2, 2, 1), cost="bce", initialiser=None)
    net.module[0].weight.data[...], net.module[0].bias.data[...] = 1.0, 0.0
    x = np.array([[[1, -1], [2, -3]]], np.float32)[..., None]
    assert net.predict(x).tolist() == [[[1, 0], [1, 0]]]
    assert net.evaluate(x, np.array([[[1, 0], [0, 0]]]))[1] == 0.75


def test_a_softmax_of_one_output_is_refused_at_construction() -> None:
    for make in (
        lambda: byhand.FeedForward((2, 3, 1), output="softmax", cost="cross_entropy"),
        lambda: nn.Network(module(), (2,)),
        lambda: nn.Network(nn.Sequential(nn.Linear(2, 1), nn.Softmax()), (2,), cost="mse"),
    ):
        with pytest.raises(ModelError, match="1 whatever comes in"):
            make()


def test_targets_that_fit_in_no_way_are_still_refused() -> None:
    net = byhand.FeedForward((2, 3, 1), seed=1)
    for y in (np.zeros((4, 3)), np.zeros(3), np.array([[0.3, 0.9]] * 4)):
        with pytest.raises(ModelError, match="targets"):
            net.learn(X, y)


def test_integer_one_hot_targets_are_one_hot_for_several_outputs() -> None:
    net = nn.Network(nn.Sequential(nn.Linear(2, 2)), (2,), cost="mse", seed=1)
    assert net.evaluate(X, np.eye(2, dtype=int)[XOR])[1] == (net.predict(X) == XOR).mean()


def test_a_data_set_of_two_classes_trains_a_single_output_and_is_measured_in_both_classes() -> None:
    from byhand.training.evaluate import evaluate

    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 50)
    points = (rng.standard_normal((100, 2)) + 4 * labels[:, None]).astype(np.float32)
    data = Dataset("blobs", points, labels, ("left", "right"))
    net = byhand.FeedForward((2, 3, 1), cost="cross_entropy", seed=1)
    net.fit(data, epochs=20, validation=data)
    found = evaluate(net, data)
    assert found.accuracy > 0.95
    assert found.confusion.sum(axis=1).tolist() == [50, 50]
    assert found.confusion.trace() / 100 == found.accuracy
    assert found.outputs.shape == (100, 2)
    assert found.outputs.sum(axis=1) == pytest.approx(np.ones(100))
    three = Dataset("three", points[:3], np.array([0, 1, 2]), ("a", "b", "c"))
    with pytest.raises(ModelError, match="classes"):
        evaluate(net, three)
