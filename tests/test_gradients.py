"""The gradients written by hand against central differences, in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from byhand.activations import ACTIVATIONS
from byhand.backend import generator
from byhand.costs import COSTS
from byhand.feedforward import FeedForward

H = 1e-4
RELATIVE = 1e-7
KINKED = {"relu", "leaky_relu"}
OUTPUTS = [(cost.name, output) for cost in COSTS.values() for output in cost.outputs]
REGULARISERS = {"none": {}, "l2": {"l2": 0.03}, "l1": {"l1": 0.02}, "both": {"l2": 0.03, "l1": 0.02}}


@dataclass
class Checked:
    """How far the gradient is from the central differences, and how many coordinates could be compared."""

    worst: float
    compared: int
    skipped: int


def _cost(net: FeedForward, x: Any, y: Any, mask_seed: int) -> tuple[float, list[Any]]:
    """The cost under one fixed dropout mask, and on which side of its kinks every unit and every weight lies."""
    net.rng = generator(mask_seed, "mask")
    cost = net.learn(x, y)
    z = net.trace().z
    sides = [z[i] > 0 for i, activation in enumerate(net.activations) if activation.name in KINKED]
    if net.l1:
        sides.append(np.sign(net.parameters[: net.n_weights]))
    return cost, sides


def check(net: FeedForward, x: Any, y: Any, mask_seed: int = 0) -> Checked:
    """Compare every coordinate with a four-point central difference; where that crosses a kink, it is skipped and counted.

    The difference is relative to the coordinate itself, or to a thousandth of the largest one where it is smaller than that.
    """
    _, here = _cost(net, x, y, mask_seed)
    gradient = net.gradient.copy()
    floor = 1e-3 * np.abs(gradient).max() + 1e-12 / RELATIVE
    checked = Checked(0.0, 0, 0)
    for i in range(net.parameters.size):
        kept, slope, crossed = net.parameters[i], 0.0, False
        for factor, points in ((8, 1), (-8, -1), (-1, 2), (1, -2)):
            net.parameters[i] = kept + points * H
            cost, sides = _cost(net, x, y, mask_seed)
            crossed = crossed or any((a != b).any() for a, b in zip(here, sides, strict=True))
            slope += factor * cost
        net.parameters[i] = kept
        if crossed:
            checked.skipped += 1
            continue
        slope /= 12 * H
        checked.compared += 1
        scale = max(abs(slope), abs(gradient[i]), floor)
        checked.worst = max(checked.worst, abs(slope - gradient[i]) / scale)
    return checked


def batch(sizes: tuple[int, ...], m: int, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, sizes[0])), rng.random((m, sizes[-1]))


@pytest.mark.parametrize("regulariser", REGULARISERS)
@pytest.mark.parametrize(("cost", "output"), OUTPUTS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_the_gradient_equals_central_differences(hidden: str, cost: str, output: str, regulariser: str) -> None:
    net = FeedForward(
        (3, 4, 3), hidden, output=output, cost=cost, initialiser="nielsen", seed=3, dtype=np.float64, **REGULARISERS[regulariser]
    )
    checked = check(net, *batch(net.sizes, 5))
    assert checked.worst <= RELATIVE
    assert checked.compared + checked.skipped == net.parameters.size
    assert checked.skipped <= 2


@pytest.mark.parametrize(("cost", "output"), OUTPUTS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_the_gradient_of_a_deep_network_equals_central_differences(hidden: str, cost: str, output: str) -> None:
    net = FeedForward((3, 5, 4, 4, 2), hidden, output=output, cost=cost, l2=0.01, l1=0.003, seed=5, dtype=np.float64)
    checked = check(net, *batch(net.sizes, 4, seed=1))
    assert checked.worst <= RELATIVE
    assert checked.compared >= 0.8 * net.parameters.size


def test_the_gradient_of_a_network_with_another_activation_in_every_layer_equals_central_differences() -> None:
    names = [*ACTIVATIONS]
    net = FeedForward((3, 4, 3, 5, 4, 3, 4, 3), names, cost="cross_entropy", l2=0.1, seed=8, dtype=np.float64)
    checked = check(net, *batch(net.sizes, 6, seed=2))
    assert checked.worst <= RELATIVE
    assert checked.compared >= 0.8 * net.parameters.size


@pytest.mark.parametrize("dropout", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_the_gradient_under_a_fixed_dropout_mask_equals_central_differences(hidden: str, dropout: float) -> None:
    net = FeedForward(
        (3, 6, 5, 3), hidden, output="softmax", cost="cross_entropy", dropout=dropout, l2=0.01, seed=4, dtype=np.float64
    )
    checked = check(net, *batch(net.sizes, 5, seed=3), mask_seed=7)
    assert checked.worst <= RELATIVE
    assert checked.compared >= 0.8 * net.parameters.size


def test_the_gradient_of_a_smaller_batch_is_right_after_a_larger_one_filled_the_buffers() -> None:
    net = FeedForward((3, 4, 3), "tanh", output="sigmoid", dropout=0.3, seed=2, dtype=np.float64)
    net.learn(*batch(net.sizes, 9))
    assert check(net, *batch(net.sizes, 2, seed=4)).worst <= RELATIVE
    assert check(net, *batch(net.sizes, 9, seed=5)).worst <= RELATIVE
    assert check(net, *batch(net.sizes, 1, seed=6)).worst <= RELATIVE


@pytest.mark.slow
@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=5).map(tuple),
    m=st.integers(1, 6),
    hidden=st.sampled_from([*ACTIVATIONS]),
    cost_output=st.sampled_from(OUTPUTS),
    regulariser=st.sampled_from([*REGULARISERS]),
    dropout=st.sampled_from([0.0, 0.4]),
    seed=st.integers(0, 10_000),
)
def test_the_gradient_is_right_for_any_shape(
    sizes: tuple[int, ...], m: int, hidden: str, cost_output: tuple[str, str], regulariser: str, dropout: float, seed: int
) -> None:
    cost, output = cost_output
    assume(output != "softmax" or sizes[-1] > 1)
    net = FeedForward(
        sizes, hidden, output=output, cost=cost, dropout=dropout, seed=seed, dtype=np.float64, **REGULARISERS[regulariser]
    )
    checked = check(net, *batch(sizes, m, seed))
    assert checked.worst <= RELATIVE
    assert checked.compared + checked.skipped == net.parameters.size


@pytest.mark.parametrize("breakage", ["sign", "missing mean", "wrong layer"])
def test_the_check_finds_a_wrong_gradient(breakage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net = FeedForward((3, 4, 4, 3), "tanh", output="sigmoid", seed=1, dtype=np.float64)
    right = net.learn

    def wrong(x: Any, y: Any) -> float:
        cost = right(x, y)
        if breakage == "sign":
            net.bias_gradients[0][1] *= -1
        elif breakage == "missing mean":
            net.gradient *= len(x)
        else:
            net.weight_gradients[1][...] = net.weight_gradients[1].T.copy()
        return cost

    monkeypatch.setattr(net, "learn", wrong)
    assert check(net, *batch(net.sizes, 5)).worst > 1e-3
