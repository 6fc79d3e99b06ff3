"""The network: what its gradient means, its buffers, its trace, and the settings it refuses."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byhand import optim
from byhand.activations import ACTIVATIONS
from byhand.backend import generator
from byhand.costs import COSTS
from byhand.errors import ModelError
from byhand.feedforward import ROWS, FeedForward, from_architecture

OUTPUTS = [(cost.name, output) for cost in COSTS.values() for output in cost.outputs]


def batch(sizes: tuple[int, ...], m: int, seed: int = 0, dtype: Any = np.float64) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, sizes[0])).astype(dtype), rng.random((m, sizes[-1])).astype(dtype)


# ---------------------------------------------------------------- what the gradient means


def test_a_step_worked_out_by_hand_on_paper() -> None:
    net = FeedForward((1, 1, 1), cost="quadratic", dtype=np.float64)
    net.weights[0][...], net.biases[0][...] = 0.5, -0.25
    net.weights[1][...], net.biases[1][...] = 2.0, 0.0
    cost = net.learn(np.array([[0.5]]), np.array([[0.5]]))
    # z1 = 0.5 * 0.5 - 0.25 = 0, a1 = 1/2, z2 = 2 * 1/2 = 1, a2 = sigma(1); delta2 = (a2 - 1/2) a2 (1 - a2), delta1 = 2 delta2 / 4
    a2 = 0.7310585786300049
    delta2 = (a2 - 0.5) * a2 * (1 - a2)
    assert cost == pytest.approx(0.5 * (a2 - 0.5) ** 2, rel=1e-14)
    assert net.gradient == pytest.approx([delta2 / 2 * 0.5, delta2 * 0.5, delta2 / 2, delta2], rel=1e-14)


@pytest.mark.parametrize("decay", [{}, {"l2": 0.1, "l1": 0.05}])
@pytest.mark.parametrize(("cost", "output"), OUTPUTS)
def test_repeating_the_batch_changes_neither_cost_nor_gradient(cost: str, output: str, decay: dict[str, float]) -> None:
    net = FeedForward((4, 6, 3), "tanh", output=output, cost=cost, seed=1, dtype=np.float64, **decay)
    x, y = batch(net.sizes, 7)
    once, gradient = net.learn(x, y), net.gradient.copy()
    for times in (2, 5):
        assert net.learn(np.tile(x, (times, 1)), np.tile(y, (times, 1))) == pytest.approx(once, rel=1e-13)
        assert np.allclose(net.gradient, gradient, rtol=1e-12, atol=1e-15)


def test_the_gradient_of_a_batch_is_the_mean_of_its_samples_gradients() -> None:
    net = FeedForward((4, 6, 3), "silu", output="softmax", cost="cross_entropy", seed=1, dtype=np.float64)
    x, y = batch(net.sizes, 7)
    each = []
    for i in range(7):
        net.learn(x[i : i + 1], y[i : i + 1])
        each.append(net.gradient.copy())
    net.learn(x, y)
    assert np.allclose(net.gradient, np.mean(each, axis=0), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_the_samples_contributions_sum_to_the_gradient_of_every_weight(hidden: str, dropout: float) -> None:
    net = FeedForward((4, 5, 3, 2), hidden, output="sigmoid", dropout=dropout, seed=1, dtype=np.float64)
    net.learn(*batch(net.sizes, 6))
    trace = net.trace()
    for layer, gradient in enumerate(net.weight_gradients, start=1):
        for j, k in np.ndindex(gradient.shape):
            contributions = trace.contributions(layer, j, k)
            assert contributions.shape == (6,)
            assert contributions.sum() == pytest.approx(gradient[j, k], rel=1e-12, abs=1e-16)


def test_weight_decay_is_in_the_gradient_and_in_no_contribution() -> None:
    x, y = batch((4, 5, 2), 6)
    plain, decayed = (FeedForward((4, 5, 2), seed=1, dtype=np.float64, **kind) for kind in ({}, {"l2": 0.5, "l1": 0.25}))
    costs = plain.learn(x, y), decayed.learn(x, y)
    w = plain.weights[0]
    assert np.allclose(decayed.weight_gradients[0] - plain.weight_gradients[0], 0.5 * w + 0.25 * np.sign(w), rtol=1e-12)
    assert decayed.bias_gradients[0].tobytes() == plain.bias_gradients[0].tobytes()
    size = sum(0.25 * (w**2).sum() + 0.25 * np.abs(w).sum() for w in plain.weights)
    assert costs[1] - costs[0] == pytest.approx(size, rel=1e-12)
    assert decayed.trace().contributions(1, 2, 3).tobytes() == plain.trace().contributions(1, 2, 3).tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("cost", "output"), OUTPUTS)
def test_cost_and_gradient_are_finite_when_the_outputs_saturate(cost: str, output: str, dtype: type) -> None:
    net = FeedForward((1, 2), output=output, cost=cost, dtype=dtype)
    net.weights[0][...] = [[1e4], [-1e4]]
    found = net.learn(np.array([[1.0], [-1.0]], dtype), np.array([[0, 1], [0, 1]], dtype))
    assert np.isfinite(found)
    assert np.isfinite(net.gradient).all()
    if cost == "cross_entropy":
        # Half of the samples are wrong by 10,000: twice a sigmoid, or once a softmax that is 20,000 apart.
        assert found == pytest.approx(1e4, rel=1e-3)
        assert np.abs(net.gradient).max() > 0.4


# ---------------------------------------------------------------- bits and buffers


@pytest.mark.slow
@given(seed=st.integers(0, 1000), m=st.integers(1, 9), dropout=st.sampled_from([0.0, 0.3]))
def test_the_same_seed_gives_the_same_bits(seed: int, m: int, dropout: float) -> None:
    results = []
    for _ in range(2):
        net = FeedForward((4, 6, 3), dropout=dropout, seed=seed)
        costs = [net.learn(*batch(net.sizes, m, seed + i, np.float32)) for i in range(3)]
        results.append((costs, net.parameters.tobytes(), net.gradient.tobytes()))
    assert results[0] == results[1]


def test_another_seed_gives_other_parameters_and_another_dropout() -> None:
    one, other = (FeedForward((4, 60, 3), dropout=0.5, seed=seed) for seed in (1, 2))
    assert not (one.parameters == other.parameters).any()
    other.parameters[...] = one.parameters
    x, y = batch(one.sizes, 5, dtype=np.float32)
    assert one.learn(x, y) != other.learn(x, y)


def test_weights_and_biases_are_views_into_the_flat_vectors() -> None:
    net = FeedForward((3, 4, 2), seed=1)
    net.parameters[...] = np.arange(net.parameters.size)
    assert net.weights[0].tolist() == np.arange(12).reshape(3, 4).T.tolist()
    assert net.weights[1].tolist() == np.arange(12, 20).reshape(4, 2).T.tolist()
    assert net.biases[0].tolist() == [20, 21, 22, 23]
    assert net.biases[1].tolist() == [24, 25]
    net.learn(*batch(net.sizes, 2))
    assert all(np.shares_memory(g, net.gradient) for g in (*net.weight_gradients, *net.bias_gradients))


def test_a_step_of_training_allocates_nothing_large() -> None:
    net, optimizer = FeedForward((784, 30, 10), seed=1), optim.SGD(3.0)
    x, y = batch(net.sizes, 128, dtype=np.float32)

    def step() -> None:
        net.learn(x, y)
        optimizer.step(net.parameters, net.gradient)

    for _ in range(3):
        step()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(20):
            step()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The slopes a (1 - a) of the 30 hidden units are the largest: two of 15 kB at a time. The weights alone are 94 kB.
    assert peak - before < 50_000
    assert after - before < 5_000


def test_a_step_leaves_inputs_targets_and_parameters_alone() -> None:
    net = FeedForward((4, 5, 3), "relu", output="softmax", cost="cross_entropy", dropout=0.5, l2=0.1, seed=1)
    x, y = batch(net.sizes, 6, dtype=np.float32)
    kept = x.tobytes(), y.tobytes(), net.parameters.tobytes()
    net.learn(x, y)
    assert (x.tobytes(), y.tobytes(), net.parameters.tobytes()) == kept


def test_many_batch_sizes_in_turn_give_each_the_gradient_it_has_in_a_fresh_network() -> None:
    net = FeedForward((4, 5, 3), "tanh", seed=1)
    for m in (8, 3, 8, 1, 2, 5, 7, 3, 8):
        x, y = batch(net.sizes, m, seed=m, dtype=np.float32)
        fresh = FeedForward((4, 5, 3), "tanh", seed=1)
        assert net.learn(x, y) == fresh.learn(x, y)
        assert net.gradient.tobytes() == fresh.gradient.tobytes()
        assert net.trace().z[1].tobytes() == fresh.trace().z[1].tobytes()


def test_a_trace_is_a_copy_that_the_next_step_leaves_alone() -> None:
    net = FeedForward((4, 5, 3), seed=1)
    net.learn(*batch(net.sizes, 6))
    trace = net.trace()
    kept = [array.copy() for array in (trace.y, *trace.z, *trace.a, *trace.delta, *trace.weight_gradients)]
    net.learn(*batch(net.sizes, 6, seed=1))
    again = [trace.y, *trace.z, *trace.a, *trace.delta, *trace.weight_gradients]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(kept, again, strict=True))
    assert net.trace().z[0].tobytes() != kept[1].tobytes()


def test_a_trace_holds_the_whole_step() -> None:
    net = FeedForward((4, 5, 3), "tanh", output="sigmoid", seed=1, dtype=np.float64)
    x, y = batch(net.sizes, 6)
    net.learn(x, y)
    trace = net.trace()
    assert trace.a[0].tobytes() == x.tobytes() and trace.y.tobytes() == y.tobytes()
    assert np.allclose(trace.z[0], x @ net.weights[0].T + net.biases[0], rtol=1e-14)
    assert np.allclose(trace.a[1], np.tanh(trace.z[0]), rtol=1e-14)
    assert np.allclose(trace.delta[1], (trace.a[2] - y) * trace.a[2] * (1 - trace.a[2]), rtol=1e-13)
    assert np.allclose(trace.delta[0], trace.delta[1] @ net.weights[1] * (1 - trace.a[1] ** 2), rtol=1e-13)
    assert np.allclose(trace.bias_gradients[0], trace.delta[0].mean(axis=0), rtol=1e-13)
    assert np.allclose(trace.weight_gradients[1], trace.delta[1].T @ trace.a[1] / 6, rtol=1e-13)


def test_there_is_nothing_to_trace_before_the_first_step() -> None:
    with pytest.raises(ModelError, match="nothing to trace yet"):
        FeedForward((2, 1)).trace()


# ---------------------------------------------------------------- dropout


def test_dropout_is_off_when_the_network_answers() -> None:
    plain, dropping = (FeedForward((4, 50, 3), dropout=dropout, seed=1) for dropout in (0.0, 0.5))
    x, y = batch(plain.sizes, 5, dtype=np.float32)
    assert plain.forward(x).tobytes() == dropping.forward(x).tobytes()
    assert plain.evaluate(x, y) == dropping.evaluate(x, y)


def test_dropout_leaves_out_its_share_of_hidden_units_and_scales_the_rest() -> None:
    net = FeedForward((4, 1000, 3), dropout=0.25, seed=1)
    net.learn(*batch(net.sizes, 20, dtype=np.float32))
    trace, x = net.trace(), net.trace().a[0]
    whole = 1 / (1 + np.exp(-(x @ net.weights[0].T + net.biases[0])))
    factors = trace.a[1] / whole
    assert np.isclose(factors, 0).mean() == pytest.approx(0.25, abs=0.01)
    assert np.allclose(factors[factors > 0.5], 1 / 0.75, rtol=1e-5)
    assert np.isclose(trace.a[2], 0).sum() == 0


def test_dropout_keeps_the_mean_of_what_the_next_layer_sees() -> None:
    net = FeedForward((4, 200, 3), "identity", dropout=0.5, seed=1, dtype=np.float64)
    x, y = batch(net.sizes, 3)
    seen = []
    for _ in range(400):
        net.learn(x, y)
        seen.append(net.trace().z[1])
    spread = np.std(seen, axis=0) / np.sqrt(400)
    exact = (x @ net.weights[0].T + net.biases[0]) @ net.weights[1].T + net.biases[1]
    assert (np.abs(np.mean(seen, axis=0) - exact) < 5 * spread).all()
    assert (spread > 0).all()


# ---------------------------------------------------------------- answers


def test_reading_many_samples_in_parts_gives_what_reading_each_part_gives() -> None:
    net = FeedForward((3, 4, 2), seed=1)
    x, y = batch(net.sizes, 2 * ROWS + 5, dtype=np.float32)
    outputs = net.forward(x)
    assert outputs.shape == (2 * ROWS + 5, 2)
    assert np.allclose(outputs[-5:], net.forward(x[-5:]), rtol=1e-6)
    cost, accuracy = net.evaluate(x, y)
    assert cost == pytest.approx(0.5 * ((outputs - y) ** 2).sum(axis=1).mean(), rel=1e-5)
    assert accuracy == (outputs.argmax(axis=1) == y.argmax(axis=1)).mean()
    assert net.predict(x).tolist() == outputs.argmax(axis=1).tolist()


def test_images_are_read_as_rows() -> None:
    net = FeedForward((6, 2), seed=1)
    x = np.arange(12, dtype=np.float32)
    assert net.forward(x.reshape(2, 2, 3)).tobytes() == net.forward(x.reshape(2, 6)).tobytes()


@pytest.mark.parametrize("shape", [(6,), (2, 5), (0, 6), (2, 3, 3)])
def test_inputs_that_do_not_fit_are_refused_in_one_line(shape: tuple[int, ...]) -> None:
    net = FeedForward((6, 2))
    with pytest.raises(ModelError, match=r"the input must be \(m, 6\), one row of 6 numbers per sample") as caught:
        net.forward(np.zeros(shape))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 2), (3, 3), (1, 3), (4, 4)])
def test_targets_that_do_not_fit_are_refused_and_never_stretched(shape: tuple[int, ...]) -> None:
    net = FeedForward((6, 3))
    for use in (net.learn, net.evaluate):
        with pytest.raises(ModelError, match=r"the targets must be \(4, 3\), one number per output unit and sample"):
            use(np.zeros((4, 6)), np.zeros(shape))


# ---------------------------------------------------------------- explosions


def test_the_first_layer_that_is_not_finite_is_named() -> None:
    net = FeedForward((2, 3, 3, 1), "identity", seed=1)
    x, y = np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)
    net.learn(x, y)
    assert net.first_non_finite() == ""
    net.weights[1][0, 0] = np.inf
    with np.errstate(invalid="ignore"):
        net.learn(x, y)
    assert net.first_non_finite() == "the weights w of layer 3"
    net.weights[1][0, 0] = 0
    net.biases[1][1] = np.nan
    net.learn(x, y)
    assert net.first_non_finite() == "the weighted input z of layer 3"
    net.weights[0][2, 1] = np.nan
    assert net.first_non_finite() == "the weights w of layer 2"


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (((784,),), {}, "sizes must be a list of whole numbers, 2 or more of them"),
        (((),), {}, "sizes must be a list of whole numbers, 2 or more of them"),
        (((4, 0, 3),), {}, "sizes: each must be "),
        (((4, -1),), {}, "sizes: each must be "),
        (((4, 2.5),), {}, "sizes: each must be "),
        (((10**6, 10**6),), {}, "more parameters than 500,000,000, the most there may be"),
        (((4, 3), "gelu"), {}, "activation 'gelu' is unknown"),
        (((4, 3), ["sigmoid", "tanh"]), {}, "2 activations for 1 layers"),
        (((4, 3),), {"cost": "hinge"}, "cost 'hinge' is unknown"),
        (((4, 3), "relu"), {"cost": "cross_entropy"}, "the output activation for cost 'cross_entropy' must be sigmoid or soft"),
        (((4, 3),), {"initialiser": "zeros"}, "initialiser 'zeros' is unknown"),
        (((4, 3),), {"dropout": 1.0}, "dropout must be 0 or more and below 1"),
        (((4, 3),), {"dropout": -0.1}, "dropout must be 0 or more and below 1"),
        (((4, 3),), {"dropout": float("nan")}, "dropout must be a finite number, 0 or more and below 1"),
        (((4, 3),), {"l2": -1.0}, "l2 must be 0 or more"),
        (((4, 3),), {"l1": float("inf")}, "l1 must be a finite number, 0 or more"),
        (((4, 3),), {"l2": float("nan")}, "l2 must be a finite number, 0 or more"),
        (((4, 3),), {"seed": -1}, "seed must be 0 or more"),
        (((4, 3),), {"dtype": np.float16}, "dtype must be float32 or float64"),
        (((4, 3),), {"dtype": "complex64"}, "dtype must be float32 or float64"),
        (((4, 3),), {"dtype": "nonsense"}, "dtype must be float32 or float64"),
    ],
)
def test_settings_that_make_no_network_are_refused_in_one_line(
    arguments: tuple[Any, ...], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        FeedForward(*arguments, **settings)
    assert "\n" not in str(caught.value)


def test_the_output_activation_replaces_the_last_of_a_list() -> None:
    net = FeedForward((4, 3, 2), ["relu", "tanh"], output="softmax")
    assert [activation.name for activation in net.activations] == ["relu", "softmax"]
    assert repr(net) == "FeedForward(4-3-2, relu/softmax, quadratic: 23 parameters, initialised by he, glorot last)"


def test_an_architecture_makes_the_network_it_describes() -> None:
    net = FeedForward((4, 6, 3), "relu", output="softmax", cost="cross_entropy", l2=0.125, l1=0.25, dropout=0.5)
    described = json.loads(json.dumps(net.architecture()))
    made = from_architecture(described)
    assert made.architecture() == net.architecture()
    assert (made.l2, made.l1, made.dropout, made.sizes) == (0.125, 0.25, 0.5, (4, 6, 3))


@pytest.mark.parametrize("purpose", ["shuffle", "dropout", "weights"])
def test_each_purpose_draws_from_a_stream_of_its_own(purpose: str) -> None:
    own = generator(1, purpose, 0).integers(2**62, size=4).tolist()
    others = [(1, "augment", 0), (1, purpose, 1), (2, purpose, 0), (1, purpose)]
    assert generator(1, purpose, 0).integers(2**62, size=4).tolist() == own
    assert all(generator(*key).integers(2**62, size=4).tolist() != own for key in others)
