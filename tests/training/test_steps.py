"""Training as an iterator: what a step says, which samples it uses, and that looking costs nothing until asked for."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import byhand
from byhand import optim
from byhand.data.dataset import Dataset
from byhand.errors import ModelError, TrainingError
from byhand.feedforward import FeedForward
from byhand.training.fit import Callback


def some(n: int, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    inputs, labels = rng.standard_normal((n, 4)).astype(np.float32), rng.integers(3, size=n)
    return Dataset("some", inputs, labels, ("a", "b", "c"))


def net(**settings: Any) -> FeedForward:
    return FeedForward((4, 5, 3), **{"seed": 1, **settings})


@given(n=st.integers(1, 40), batch_size=st.integers(1, 50), epochs=st.integers(1, 3), seed=st.integers(0, 99))
def test_every_sample_is_used_exactly_once_an_epoch(n: int, batch_size: int, epochs: int, seed: int) -> None:
    seen: dict[int, list[int]] = {}
    for step in byhand.steps(net(), some(n), epochs=epochs, batch_size=batch_size, seed=seed):
        seen.setdefault(step.epoch, []).extend(step.indices.tolist())
        assert len(step.indices) == min(batch_size, n) or step.last
    assert list(seen) == list(range(epochs))
    assert all(sorted(indices) == list(range(n)) for indices in seen.values())


def test_the_order_is_another_in_every_epoch_and_for_every_seed_and_not_the_data_sets() -> None:
    orders = set()
    for seed in (0, 1):
        found: dict[int, list[int]] = {}
        for step in byhand.steps(net(), some(50), epochs=3, batch_size=7, seed=seed):
            found.setdefault(step.epoch, []).extend(step.indices.tolist())
        orders |= {tuple(order) for order in found.values()}
    assert len(orders) == 6
    assert tuple(range(50)) not in orders


def test_steps_epochs_batches_and_ends_are_counted() -> None:
    found = [
        (step.index, step.epoch, step.batch, len(step.indices), step.last)
        for step in byhand.steps(net(), some(7), epochs=2, batch_size=3)
    ]
    assert found == [
        (0, 0, 0, 3, False),
        (1, 0, 1, 3, False),
        (2, 0, 2, 1, True),
        (3, 1, 0, 3, False),
        (4, 1, 1, 3, False),
        (5, 1, 2, 1, True),
    ]


def test_a_step_learns_from_its_own_samples_and_the_smaller_last_batch_counts_as_a_mean() -> None:
    data, trained, by_hand = some(7), net(), net()
    for step in byhand.steps(trained, data, batch_size=3, optimizer=optim.SGD(0.5), seed=4):
        cost = by_hand.learn(data.flat[step.indices], data.targets()[step.indices])
        by_hand.parameters -= np.float32(0.5) * by_hand.gradient
        assert step.cost == cost
        assert trained.parameters == pytest.approx(by_hand.parameters, rel=1e-6)
        assert step.update() == pytest.approx(-0.5 * by_hand.gradient, rel=1e-6)


@pytest.mark.parametrize("kind", ["sgd", "rmsprop", "adam", "adamw"])
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(kind: str) -> None:
    def trained(seed: int) -> bytes:
        network = net(dropout=0.3)
        for _ in byhand.steps(network, some(40), epochs=3, optimizer=optim.by_name(kind, 0.01), schedule="cosine", seed=seed):
            pass
        return network.parameters.tobytes()

    assert trained(1) == trained(1)
    assert trained(1) != trained(2)


def test_a_training_looked_into_has_the_bits_of_one_that_is_not() -> None:
    plain, looked = net(dropout=0.3), net(dropout=0.3)
    for step in byhand.steps(plain, some(40), epochs=2, seed=1):
        del step
    for step in byhand.steps(looked, some(40), epochs=2, seed=1):
        step.trace()
        step.update()
    assert plain.parameters.tobytes() == looked.parameters.tobytes()


def test_nothing_is_traced_until_it_is_asked_for() -> None:
    class Counting(FeedForward):
        traced = 0

        def trace(self) -> Any:
            self.traced += 1
            return super().trace()

    network = Counting((4, 5, 3), seed=1)
    assert [step.batch for step in byhand.steps(network, some(20))] == [0, 1]
    assert network.traced == 0
    network.fit(some(20), epochs=2)
    assert network.traced == 0
    for step in byhand.steps(network, some(20)):
        step.trace()
    assert network.traced == 2


def test_a_step_can_be_traced_until_the_next_and_not_after() -> None:
    data, training = some(20), byhand.steps(net(), some(20), batch_size=5, seed=1)
    first = next(training)
    trace = first.trace()
    assert trace.a[0].tobytes() == data.flat[first.indices].tobytes()
    assert trace.y.tobytes() == data.targets()[first.indices].tobytes()
    second = next(training)
    for look in (first.trace, first.update):
        with pytest.raises(
            TrainingError, match="step 0 is over and its buffers are written over: look before taking the next step"
        ):
            look()
    assert second.trace().a[0].tobytes() == data.flat[second.indices].tobytes()
    assert trace.a[0].tobytes() == data.flat[first.indices].tobytes()


def test_the_rate_of_each_step_follows_the_schedule() -> None:
    optimizer = optim.SGD(2.0)
    rates = [
        step.learning_rate
        for step in byhand.steps(net(), some(20), epochs=2, batch_size=5, optimizer=optimizer, schedule="linear")
    ]
    assert rates == pytest.approx([2 * (1 - i / 8) for i in range(8)])


def test_a_clipped_gradient_is_what_the_optimiser_sees() -> None:
    free = next(byhand.steps(net(), some(20), optimizer=optim.SGD(1.0), seed=1)).update()
    clipped = next(byhand.steps(net(), some(20), optimizer=optim.SGD(1.0), clip=0.01, seed=1)).update()
    assert np.linalg.norm(free) > 0.05
    assert np.linalg.norm(clipped) == pytest.approx(0.01, rel=1e-5)
    assert clipped / 0.01 == pytest.approx(free / np.linalg.norm(free), rel=1e-4, abs=1e-6)


def test_augmentation_changes_the_batch_and_never_the_data() -> None:
    data = some(20)
    kept = data.inputs.tobytes()

    def shift(x: Any, rng: np.random.Generator) -> Any:
        x += rng.standard_normal(x.shape).astype(x.dtype)
        return x

    training = byhand.steps(net(), data, epochs=2, batch_size=5, augment=shift, seed=1)
    seen = [step.trace().a[0] - data.flat[step.indices] for step in training]
    assert data.inputs.tobytes() == kept
    assert all(np.abs(change).mean() > 0.5 for change in seen)
    assert len({change.tobytes() for change in seen}) == len(seen)


def test_a_float64_network_trains_on_float32_data() -> None:
    network = net(dtype=np.float64)
    step = next(byhand.steps(network, some(20)))
    assert network.parameters.dtype == step.update().dtype == step.trace().z[0].dtype == np.float64


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be 1 or more"),
        ({"batch_size": 0}, "batch_size must be 1 or more"),
        ({"clip": 0.0}, "clip must be above 0"),
        ({"clip": float("nan")}, "clip must be a finite number above 0"),
        ({"schedule": "warm"}, "schedule 'warm' is unknown"),
        ({"seed": -1}, "seed must be 0 or more"),
    ],
)
def test_settings_that_make_no_training_are_refused_in_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        byhand.steps(net(), some(20), **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sizes", [(5, 4, 3), (4, 5, 2), (4, 5, 1)])
def test_a_network_that_does_not_fit_the_data_is_refused_at_the_first_step(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="must be"):
        next(byhand.steps(FeedForward(sizes), some(20)))


# ---------------------------------------------------------------- explosions


def explode(network: FeedForward, data: Dataset, **settings: Any) -> str:
    with pytest.raises(TrainingError) as caught:
        network.fit(data, **settings)
    text = str(caught.value)
    assert text.startswith("the training exploded at step ") and "\n" not in text
    return text


@pytest.mark.parametrize("hidden", ["relu", "identity", "leaky_relu", "silu"])
def test_a_rate_that_explodes_stops_and_names_step_layer_and_a_smaller_rate(hidden: str) -> None:
    # filterwarnings=error: NumPy's own warnings on the way would fail here, and litter a person's terminal.
    network = FeedForward((4, 8, 8, 3), hidden, output="identity", initialiser="he", seed=1)
    text = explode(network, some(100), epochs=50, optimizer=optim.SGD(1e6))
    assert re.search(
        r": (the (weights w|weighted input z|activation a) of layer [234]|the cost of the last layer's outputs)"
        r" is the first that is not finite",
        text,
    )
    assert "try a learning rate of 100000 instead of 1e+06, or clip the gradient" in text


def test_the_step_named_is_the_one_whose_forward_pass_was_not_finite() -> None:
    network, done = FeedForward((4, 8, 3), "relu", output="identity", seed=1), []

    class Listening(Callback):
        def after_step(self, step: Any) -> None:
            done.append(step.index)

    text = explode(network, some(100), epochs=50, optimizer=optim.SGD(1e6), callbacks=[Listening()])
    index = done[-1] + 1
    assert f"at step {index} (epoch {index // 10 + 1}): " in text
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(network.learn(some(100).flat, some(100).targets()))


def test_an_update_that_explodes_in_the_last_step_of_an_epoch_names_that_step() -> None:
    network = FeedForward((4, 3), "identity", seed=1)
    training = byhand.steps(network, some(20), epochs=3, batch_size=10, optimizer=optim.SGD(0.1))
    next(training)
    training.base_rate = 3e38
    network.biases[0][...] = 1e5
    with pytest.raises(TrainingError, match=r"at step 1 \(epoch 1\): the weights w of layer 2 is the first that is not finite"):
        next(training)


def test_clipping_saves_a_training_that_explodes_without_it() -> None:
    data = some(100)
    explode(FeedForward((4, 8, 3), "relu", output="identity", seed=1), data, epochs=5, optimizer=optim.SGD(1e3))
    network = FeedForward((4, 8, 3), "relu", output="identity", seed=1)
    network.fit(data, epochs=5, optimizer=optim.SGD(1e3), clip=1e-4)
    assert np.isfinite(network.parameters).all()


def test_samples_come_as_often_as_their_weights_say() -> None:
    from dataclasses import replace

    import byhand
    from byhand.errors import DataError, ModelError

    iris = byhand.data.load("iris").train
    weights = np.random.default_rng(0).exponential(size=len(iris))
    weights[7] = 0.0
    data = replace(iris, weights=weights)
    seen = np.zeros(len(iris))
    for step in byhand.steps(byhand.FeedForward((4, 5, 3), seed=1), data, epochs=200, optimizer=byhand.optim.SGD(0.1)):
        np.add.at(seen, step.indices, 1)
    assert seen[7] == 0 and np.abs(seen / 200 - weights * len(iris) / weights.sum()).max() < 0.15
    with pytest.raises(ModelError, match="even and the weights"):
        byhand.steps(byhand.FeedForward((4, 5, 3), seed=1), data, even=True)
    with pytest.raises(DataError, match="the weight of a sample must be 0 or more, got -1 for sample 0"):
        replace(iris, weights=weights - 1.0 - weights)
    with pytest.raises(DataError, match="all weights are 0"):
        replace(iris, weights=0 * weights)
