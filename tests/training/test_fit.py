"""The loop around the steps: history, callbacks, early stopping, and that networks do learn."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import optim
from byhand.data.dataset import Dataset
from byhand.errors import ModelError, TrainingError
from byhand.feedforward import FeedForward
from byhand.training.fit import Callback, EarlyStopping, fit
from byhand.training.history import Epoch, History, read_history


def net(**settings: Any) -> FeedForward:
    return FeedForward((4, 5, 3), **{"seed": 1, **settings})


def row(epoch: int, step: int, cost: float = 0.5) -> Epoch:
    return Epoch(epoch, step, 1.5, cost, None, None, 3.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "optimizer"),
    [
        ({}, optim.SGD(3.0)),
        ({"activation": "tanh", "output": "softmax", "cost": "cross_entropy"}, optim.Adam(0.02)),
        ({"activation": "relu", "output": "sigmoid", "cost": "cross_entropy", "initialiser": "he"}, optim.SGD(0.1, momentum=0.9)),
        ({"activation": "silu", "output": "softmax", "cost": "cross_entropy", "dropout": 0.1}, optim.RMSProp(0.01)),
        ({"activation": "leaky_relu", "output": "identity"}, optim.AdamW(0.01)),
    ],
)
def test_a_network_learns_the_irises(settings: dict[str, Any], optimizer: Any, iris: Dataset, iris_test: Dataset) -> None:
    network = net(**settings)
    assert network.evaluate(iris_test.flat, iris_test.targets())[1] < 0.7
    network.fit(iris, epochs=100, optimizer=optimizer, seed=1)
    assert network.evaluate(iris_test.flat, iris_test.targets())[1] >= 0.9


def test_fit_is_nothing_but_the_steps(iris: Dataset) -> None:
    fitted, stepped = net(), net()
    history = fitted.fit(iris, epochs=3, seed=2)
    costs = [[], [], []]
    for step in byhand.steps(stepped, iris, epochs=3, seed=2):
        costs[step.epoch].append(step.cost * len(step.indices))
    assert fitted.parameters.tobytes() == stepped.parameters.tobytes()
    assert [epoch.cost for epoch in history.epochs] == pytest.approx([sum(found) / len(iris) for found in costs], rel=1e-12)


def test_the_history_has_one_row_an_epoch_with_its_validation(iris: Dataset, iris_test: Dataset) -> None:
    network = net()
    history = byhand.fit(network, iris, validation=iris_test, epochs=4, batch_size=16, schedule="step", seed=1)
    batches = -(-len(iris) // 16)
    assert [epoch.epoch for epoch in history.epochs] == [0, 1, 2, 3]
    assert [epoch.step for epoch in history.epochs] == [batches * (i + 1) for i in range(4)]
    last = history.epochs[-1]
    assert (last.validation_cost, last.validation_accuracy) == network.evaluate(iris_test.flat, iris_test.targets())
    assert [epoch.learning_rate for epoch in history.epochs] == pytest.approx([3.0, 3.0, 0.3, 0.03])
    assert history.seconds == sum(epoch.seconds for epoch in history.epochs) > 0
    assert fit(net(), iris, epochs=1).epochs[0].validation_cost is None


def test_callbacks_hear_of_the_beginning_every_step_and_every_epoch(iris: Dataset) -> None:
    heard: list[str] = []

    class Listening(Callback):
        def __init__(self, name: str, stop_after: int) -> None:
            self.name, self.stop_after = name, stop_after

        def before(self, training: Any, history: History) -> None:
            heard.append(f"{self.name} before {training.index} {len(history.epochs)}")

        def after_step(self, step: Any) -> None:
            step.trace()  # the buffers can still be looked at
            heard.append(f"{self.name} step {step.index}")

        def after_epoch(self, epoch: Epoch, training: Any) -> bool:
            heard.append(f"{self.name} epoch {epoch.epoch}")
            return epoch.epoch == self.stop_after

    history = fit(net(), iris, callbacks=[Listening("a", 1), Listening("b", 99)], epochs=5, batch_size=len(iris))
    assert heard == [
        "a before 0 0",
        "b before 0 0",
        "a step 0",
        "b step 0",
        "a epoch 0",
        "b epoch 0",
        "a step 1",
        "b step 1",
        "a epoch 1",
        "b epoch 1",
    ]
    assert len(history.epochs) == 2


def test_a_training_given_to_fit_goes_on_where_it_stands(iris: Dataset) -> None:
    whole, parts = net(dropout=0.2), net(dropout=0.2)
    expected = whole.fit(iris, epochs=4, optimizer=optim.Adam(0.01), seed=3)
    training = byhand.steps(parts, iris, epochs=4, optimizer=optim.Adam(0.01), seed=3)
    for step in training:
        if step.epoch == 1 and step.batch == 4:
            break
    first = History([row(0, training.batches)])
    history = fit(parts, iris, training=training, history=first)
    assert history is first
    assert parts.parameters.tobytes() == whole.parameters.tobytes()
    assert [epoch.step for epoch in history.epochs] == [epoch.step for epoch in expected.epochs]
    assert [epoch.cost for epoch in history.epochs[1:]] == [epoch.cost for epoch in expected.epochs[1:]]


# ---------------------------------------------------------------- early stopping


def test_early_stopping_waits_its_patience_and_goes_back_to_the_best(iris: Dataset) -> None:
    network, stopping = net(), EarlyStopping(patience=3)
    training = byhand.steps(network, iris, epochs=50)
    stopped, best = [], None
    for i, cost in enumerate([0.9, 0.5, 0.6, 0.5, 0.4, 0.45, 0.41, 0.4]):
        network.parameters[...] = i
        if cost == 0.4 and best is None:
            best = i
        stopped.append(stopping.after_epoch(Epoch(i, i, 1.0, 0.0, cost, 0.5, 1.0), training))
    assert stopped == [False] * 7 + [True]
    assert best == 4
    stopping.after(training, History())
    assert (network.parameters == best).all()


@pytest.mark.slow
def test_early_stopping_ends_a_real_training_at_its_best_validation_cost(iris: Dataset, iris_test: Dataset) -> None:
    few = iris.take(np.arange(len(iris))[::9])
    network = FeedForward((4, 60, 3), "relu", output="softmax", cost="cross_entropy", initialiser="he", seed=1)
    history = network.fit(
        few, validation=iris_test, epochs=400, optimizer=optim.Adam(0.05), callbacks=[EarlyStopping(patience=4)], seed=1
    )
    costs = [epoch.validation_cost for epoch in history.epochs]
    assert len(costs) < 400
    assert costs.index(min(costs)) == len(costs) - 5
    assert network.evaluate(iris_test.flat, iris_test.targets())[0] == min(costs)


def test_early_stopping_without_validation_or_patience_is_refused(iris: Dataset) -> None:
    with pytest.raises(ModelError, match="early stopping needs validation data"):
        net().fit(iris, epochs=2, callbacks=[EarlyStopping()])
    with pytest.raises(ModelError, match="patience must be 1 or more"):
        EarlyStopping(patience=0)


# ---------------------------------------------------------------- the history's file


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = History([row(0, 10, 0.1 + 0.2), Epoch(1, 20, 1e-3, 0.25, 0.5, 0.75, 0.1)])
    history.write(tmp_path / "history.jsonl")
    assert read_history(tmp_path / "history.jsonl") == history
    assert [json.loads(line)["step"] for line in (tmp_path / "history.jsonl").read_text().splitlines()] == [10, 20]


def test_rows_beyond_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    History([row(i, 10 * (i + 1)) for i in range(4)]).write(tmp_path / "h")
    assert [epoch.epoch for epoch in read_history(tmp_path / "h", before_step=29).epochs] == [0, 1]
    assert [epoch.epoch for epoch in read_history(tmp_path / "h", before_step=30).epochs] == [0, 1, 2]


@pytest.mark.parametrize(
    "text", ["{", "[]\n", '{"epoch": 1}\n', '{"epoch": 0, "other": 1}\n', "\x00", '"text"', '{"epoch": 0, "step": 10, "sec']
)
def test_a_file_that_is_no_history_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "h").write_text(text)
    with pytest.raises(TrainingError, match=re.escape(str(tmp_path / "h"))) as caught:
        read_history(tmp_path / "h")
    assert "\n" not in str(caught.value)


def test_a_history_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "h").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none", tmp_path / "h", tmp_path):
        with pytest.raises(TrainingError, match=f"cannot read {path}|{path} is not a training's history"):
            read_history(path)
