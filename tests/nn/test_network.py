"""A network of modules in the one training loop: gradients, training, checkpoints, model files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn, optim
from byhand.data.dataset import Dataset
from byhand.errors import ModelError, TrainingError
from byhand.modelfile import Model, load_model, save_model
from byhand.training.checkpoint import read_checkpoint, write_checkpoint
from byhand.training.steps import steps


def images(n: int = 96, side: int = 8, classes: int = 3) -> Dataset:
    """Bright bars at one of three places: what a small CNN learns in seconds."""
    rng = np.random.default_rng(5)
    labels = np.arange(n) % classes
    inputs = rng.random((n, side, side, 1), np.float32) * 0.5
    for i, label in enumerate(labels):
        inputs[i, :, 2 * label + 1] += 0.5
    return Dataset("bars", inputs, labels.astype(np.int64), tuple("abc"[:classes]))


def small(dtype: Any = np.float32, dropout: float = 0.0, cost: str = "cross_entropy") -> nn.Network:
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same", bias=False),
        nn.BatchNorm2d(4, activation="relu"),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1),
        nn.GroupNorm(2, 6, activation="silu"),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(6 * 4 * 4, 3),
    )
    return nn.Network(module, (8, 8, 1), cost=cost, label_smoothing=0.1 if cost == "cross_entropy" else 0, seed=2, dtype=dtype)


@pytest.mark.slow
@pytest.mark.parametrize("cost", ["cross_entropy", "mse", "bce"])
def test_the_gradient_is_that_of_central_differences(cost: str) -> None:
    net, data = small(np.float64, cost=cost), images(6)
    x, y = data.flat, data.targets(np.float64)
    net.learn(x, y)
    gradient = net.gradient.copy()
    rng = np.random.default_rng(0)
    for i in rng.choice(net.parameters.size, 60, replace=False):
        old, costs = net.parameters[i], []
        for h in (1e-6, -1e-6):
            net.parameters[i] = old + h
            costs.append(net.learn(x, y))
        net.parameters[i] = old
        assert gradient[i] == pytest.approx((costs[0] - costs[1]) / 2e-6, rel=1e-5, abs=1e-8)


@pytest.mark.slow
def test_it_trains_and_its_evaluation_agrees_with_its_predictions() -> None:
    net, data = small(dropout=0.1), images()
    history = byhand.fit(net, data, validation=data, epochs=12, batch_size=16, optimizer=optim.Adam(0.01), seed=1)
    assert history.epochs[-1].cost < history.epochs[0].cost / 2
    cost, accuracy = net.evaluate(data.flat, data.targets())
    assert accuracy == (net.predict(data.inputs) == data.labels).mean() >= 0.95
    assert cost == pytest.approx(history.epochs[-1].validation_cost)
    outputs = net.forward(data.inputs)
    assert outputs.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_the_gradient_is_a_mean_so_doubling_the_batch_does_not_change_it() -> None:
    net, data = small(np.float64), images(6)
    net.learn(data.flat, data.targets(np.float64))
    once = net.gradient.copy()
    net.learn(np.concatenate([data.flat] * 2), np.concatenate([data.targets(np.float64)] * 2))
    assert np.abs(net.gradient - once).max() < 1e-12


def test_evaluation_depends_on_no_batch_and_changes_no_running_mean() -> None:
    net, data = small(dropout=0.5), images(20)
    byhand.fit(net, data, epochs=1, batch_size=8, optimizer=optim.Adam(0.01))
    before = {name: array.copy() for name, array in net.buffers.items()}
    whole = net.forward(data.inputs)
    each = np.concatenate([net.forward(data.inputs[i : i + 1]) for i in range(20)])
    assert np.abs(whole - each).max() < 1e-6
    assert before
    assert all(np.array_equal(before[name], array) for name, array in net.buffers.items())


def test_the_same_seed_gives_the_same_bits() -> None:
    found = []
    for _ in range(2):
        net = small(dropout=0.2)
        byhand.fit(net, images(), epochs=2, batch_size=16, optimizer=optim.Adam(0.01), seed=3)
        found.append(net.parameters.copy())
    assert np.array_equal(*found)


def test_a_training_resumed_from_a_checkpoint_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    def training(net: nn.Network) -> Any:
        return steps(net, images(), epochs=3, batch_size=16, optimizer=optim.Adam(0.01), seed=3)

    straight = small(dropout=0.2)
    for _ in training(straight):
        pass
    first = training(small(dropout=0.2))
    for _ in range(8):
        next(first)
    write_checkpoint(tmp_path / "c.safetensors", first)
    again = small(dropout=0.2)
    second = training(again)
    read_checkpoint(tmp_path / "c.safetensors", second)
    for _ in second:
        pass
    assert np.array_equal(again.parameters, straight.parameters)
    assert all(np.array_equal(array, straight.buffers[name]) for name, array in again.buffers.items())


def test_an_explosion_names_what_exploded_first() -> None:
    net = small()
    net.module[0].weight.data[0, 0, 0, 0] = np.inf
    with pytest.raises(TrainingError, match=r"the parameter 0\.weight is the first"):
        byhand.fit(net, images(), epochs=1, batch_size=16, optimizer=optim.Adam(0.01))


def test_a_model_file_gives_the_same_outputs(tmp_path: Path) -> None:
    net, data = small(), images()
    byhand.fit(net, data, epochs=1, batch_size=16, optimizer=optim.Adam(0.01))
    save_model(tmp_path / "m.safetensors", Model(net, data.class_names, metrics={"test_accuracy": 0.5}))
    again = load_model(tmp_path / "m.safetensors")
    assert again.class_names == data.class_names
    assert isinstance(again.network, nn.Network)
    assert repr(again.network) == repr(net)
    assert np.array_equal(again.network.forward(data.inputs), net.forward(data.inputs))


@pytest.mark.slow
def test_a_model_file_may_not_ask_for_more_memory_than_it_fills(tmp_path: Path) -> None:
    net = nn.Network(nn.Sequential(nn.Linear(4, 3)), (4,))
    architecture = net.architecture()
    architecture["module"]["layers"].insert(0, nn.Linear(4000, 4000).describe())
    net.architecture = lambda: architecture  # type: ignore[method-assign]
    save_model(tmp_path / "m.safetensors", Model(net))
    with pytest.raises(ModelError, match="more than 12 weights"):
        load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: nn.Network(nn.Linear(4, 3), (5,)), "linear: a is (1, 5) but w is (3, 4)"),
        (lambda: nn.Network(nn.Linear(4, 3), (4,), cost="hinge"), "cost 'hinge' is unknown"),
        (lambda: nn.Network(nn.Linear(4, 3), (4,), label_smoothing=1), "label_smoothing must be 0 or more and below 1"),
        (
            lambda: nn.Network(nn.Linear(4, 3), (4,)).forward(np.ones((2, 5))),
            "the input must be (m, 4), or rows of 4 numbers",
        ),
        (
            lambda: nn.Network(nn.Linear(4, 3), (4,)).learn(np.ones((2, 4)), np.ones((2, 2))),
            "cross_entropy: z is (2, 3) but the targets",
        ),
        (lambda: nn.Network(nn.Linear(4, 3), (4,)).trace(), "this step was not watched"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(make: Any, says: str) -> None:
    with pytest.raises(byhand.ByhandError) as caught:
        make()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
