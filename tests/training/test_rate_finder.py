"""The learning-rate finder: it rises through the rates, stops at the burst, and leaves everything as it was."""

from __future__ import annotations

import numpy as np
import pytest

from byhand import optim
from byhand.data.dataset import Dataset
from byhand.errors import ModelError, TrainingError
from byhand.feedforward import FeedForward
from byhand.training.rate_finder import BURST, find_learning_rate


def test_the_rates_rise_evenly_in_their_logarithm(iris: Dataset) -> None:
    found = find_learning_rate(FeedForward((4, 5, 3), seed=1), iris, optim.SGD(1.0), lowest=1e-4, highest=1.0, tries=50)
    assert len(found.rates) == len(found.costs) == 50
    assert found.rates[0] == pytest.approx(1e-4) and found.rates[-1] == pytest.approx(1.0)
    assert np.diff(np.log(found.rates)) == pytest.approx(np.full(49, np.log(1e4) / 49))


def test_the_suggestion_is_a_tried_rate_that_trains_better_than_the_lowest(iris: Dataset) -> None:
    def network() -> FeedForward:
        return FeedForward((4, 10, 3), "tanh", output="softmax", cost="cross_entropy", initialiser="glorot", seed=1)

    found = find_learning_rate(network(), iris, optim.SGD(1.0), lowest=1e-4, highest=100.0, tries=100, seed=1)
    assert found.suggestion in found.rates[1:-1]
    assert 1e-3 < found.suggestion < 10
    costs = [
        network().fit(iris, epochs=5, optimizer=optim.SGD(rate), seed=1).epochs[-1].cost for rate in (found.suggestion, 1e-4)
    ]
    assert costs[0] < 0.8 * costs[1]


def test_the_search_ends_at_the_burst(iris: Dataset) -> None:
    network = FeedForward((4, 10, 3), "relu", output="identity", initialiser="he", seed=1)
    found = find_learning_rate(network, iris, optim.SGD(1.0), lowest=1e-3, highest=1e6, tries=100)
    assert len(found.rates) < 100
    ratios = np.array(found.costs) / np.minimum.accumulate(found.costs)
    assert ratios[:-1].max() <= BURST
    assert ratios[-1] > BURST or len(found.rates) < 90  # a burst beyond all numbers has no cost to show
    assert found.suggestion < found.rates[-1]


@pytest.mark.parametrize("optimizer", [optim.Adam(0.5), optim.SGD(0.5, momentum=0.9)])
def test_the_model_and_the_optimiser_are_left_as_they_were(optimizer: optim.Optimizer, iris: Dataset) -> None:
    network = FeedForward((4, 5, 3), dropout=0.2, seed=1)
    before = network.parameters.tobytes()
    find_learning_rate(network, iris, optimizer, tries=30)
    assert network.parameters.tobytes() == before
    assert (optimizer.learning_rate, optimizer.steps, optimizer.state) == (0.5, 0, {})


def test_a_search_that_bursts_at_once_says_so_and_leaves_the_model(iris: Dataset) -> None:
    network = FeedForward((4, 10, 3), "relu", output="identity", initialiser="he", seed=1)
    before = network.parameters.tobytes()
    with pytest.raises(TrainingError, match="the cost burst at once from rate 1e\\+20 on: choose a smaller lowest rate"):
        find_learning_rate(network, iris, optim.SGD(1.0), lowest=1e20, highest=1e30)
    assert network.parameters.tobytes() == before


@pytest.mark.parametrize(("lowest", "highest"), [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_rates_that_make_no_range_are_refused(lowest: float, highest: float, iris: Dataset) -> None:
    with pytest.raises(ModelError, match="make no range: choose 0 < lowest < highest"):
        find_learning_rate(FeedForward((4, 3)), iris, optim.SGD(1.0), lowest=lowest, highest=highest)
