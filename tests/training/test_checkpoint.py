"""Checkpoints: a training goes on bit for bit after any interruption, SIGKILL included, or says why it cannot."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import byhand
from byhand import optim
from byhand.data.dataset import Dataset
from byhand.errors import ByhandError, ModelError, TrainingError
from byhand.feedforward import FeedForward
from byhand.modelfile import read_tensors
from byhand.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from byhand.training.history import History, read_history
from byhand.training.steps import Steps

OPTIMIZERS = {
    "sgd": lambda: optim.SGD(0.5),
    "nesterov": lambda: optim.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optim.RMSProp(0.01),
    "adam": lambda: optim.Adam(0.01),
    "adamw": lambda: optim.AdamW(0.01),
}


def noise(x: Any, rng: np.random.Generator) -> Any:
    return x + 0.05 * rng.standard_normal(x.shape, np.float32)


def begin(data: Dataset, kind: str = "adam", network: dict[str, Any] | None = None, **settings: Any) -> Steps:
    net = FeedForward((4, 12, 3), "relu", **{"dropout": 0.3, "l2": 1e-3, "seed": 1, **(network or {})})
    chosen = {"epochs": 3, "batch_size": 16, "schedule": "one_cycle", "clip": 1.0, "augment": noise, "seed": 5, **settings}
    return byhand.steps(net, data, optimizer=OPTIMIZERS[kind](), **chosen)


def everything(training: Steps) -> tuple[bytes, ...]:
    """All bits that a training has. Between two epochs its generators are about to be made anew, and do not count."""
    vectors, strings = training.state()
    position = json.loads(strings["position"])
    if training.index % training.batches == 0:
        del position["generators"]
    return (*(vectors[name].tobytes() for name in sorted(vectors)), json.dumps(position).encode())


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_going_on_from_any_step_gives_the_bits_of_the_uninterrupted_training(kind: str, iris: Dataset, tmp_path: Path) -> None:
    whole = begin(iris, kind)
    costs = [step.cost for step in whole]
    for at in (0, 1, whole.batches - 1, whole.batches, whole.batches + 3, whole.total - 1, whole.total):
        first, path = begin(iris, kind), tmp_path / f"{at}.safetensors"
        for _ in range(at):
            next(first)
        write_checkpoint(path, first)
        second = begin(iris, kind, network={"seed": 99})
        read_checkpoint(path, second)
        assert second.index == at
        assert [step.cost for step in second] == costs[at:]
        assert everything(second) == everything(whole)


def test_writing_a_checkpoint_changes_nothing_in_the_training(iris: Dataset, tmp_path: Path) -> None:
    plain, watched = begin(iris), begin(iris)
    for _ in plain:
        pass
    for step in watched:
        write_checkpoint(tmp_path / "c", step.training)
    assert everything(plain) == everything(watched)


def test_a_training_resumed_in_the_middle_of_an_epoch_has_the_whole_history(iris: Dataset, tmp_path: Path) -> None:
    whole = begin(iris)
    expected = byhand.fit(whole.model, iris, training=whole)
    first = begin(iris)
    for _ in range(first.batches + 4):
        next(first)
    write_checkpoint(tmp_path / "c", first)
    second = begin(iris)
    read_checkpoint(tmp_path / "c", second)
    history = byhand.fit(second.model, iris, training=second, history=History(expected.epochs[:1]))
    assert without_seconds(history) == without_seconds(expected)


def without_seconds(history: History) -> list[Any]:
    return [dataclasses.replace(epoch, seconds=0.0) for epoch in history.epochs]


# ---------------------------------------------------------------- killed


CHILD = """
    import pathlib, sys
    import numpy as np
    import byhand
    from byhand import optim
    from byhand.training.checkpoint import Checkpoint, read_checkpoint
    from byhand.training.history import History, read_history

    folder = pathlib.Path(sys.argv[1])

    def noise(x, rng):
        return x + 0.05 * rng.standard_normal(x.shape, np.float32)

    iris = byhand.data.load("iris")
    net = byhand.FeedForward((4, 12, 3), "relu", output="softmax", cost="cross_entropy", dropout=0.3, seed=1)
    training = byhand.steps(
        net, iris.train, epochs=12, batch_size=8, optimizer=optim.Adam(0.01), schedule="one_cycle", augment=noise, seed=5
    )
    history, path = History(), folder / "checkpoint.safetensors"
    if path.exists():
        read_checkpoint(path, training)
        if training.index >= training.batches:
            history = read_history(folder / "history.jsonl", before_step=training.index)
    print(training.index, training.index % training.batches, flush=True)
    saving = [Checkpoint(folder, seconds=0)]
    byhand.fit(net, iris.train, validation=iris.test, callbacks=saving, history=history, training=training)
    print("done", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_resuming_after_kills_at_random_moments_gives_the_same_bits(tmp_path: Path, written_anew: Any) -> None:
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command = [sys.executable, str(script)]
    subprocess.run([*command, str(whole)], check=True, capture_output=True, timeout=120)

    moments, stood, done = random.Random(7), [], False
    for _ in range(30):
        with subprocess.Popen([*command, str(killed)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            index, batch = map(int, child.stdout.readline().split())
            stood.append((index, batch))
            if len(stood) <= 6:
                written_anew(killed / "checkpoint.safetensors", child)
                time.sleep(moments.uniform(0, 0.02))
                child.kill()
            done = "done" in child.stdout.read()
        if done:
            break
    assert done
    indices = [index for index, _ in stood]
    assert indices == sorted(indices)
    assert len(set(indices)) >= 4  # it did stop and go on several times,
    assert any(batch for _, batch in stood)  # and at least once within an epoch

    # The numbers and the strings, not the file: its writer puts the strings in an order that chance decides.
    ends = [read_tensors(folder / "checkpoint.safetensors") for folder in (whole, killed)]
    bits = [{name: vector.tobytes() for name, vector in vectors.items()} for vectors, _ in ends]
    assert set(bits[0]) == {"parameters", "optimizer.m", "optimizer.v"}
    assert bits[0] == bits[1]
    assert ends[0][1] == ends[1][1]
    histories = [without_seconds(read_history(folder / "history.jsonl")) for folder in (whole, killed)]
    assert len(histories[0]) == 12
    assert histories[0] == histories[1]


def test_what_a_killed_writing_left_behind_disturbs_nothing(iris: Dataset, tmp_path: Path) -> None:
    for name in (".checkpoint.safetensors.abc123.part", ".history.jsonl.xyz.part"):
        (tmp_path / name).write_bytes(b"half of a fi")
    training = begin(iris)
    byhand.fit(training.model, iris, training=training, callbacks=[Checkpoint(tmp_path)])
    resumed = begin(iris)
    read_checkpoint(tmp_path / "checkpoint.safetensors", resumed)
    assert everything(resumed) == everything(training)
    assert len(read_history(tmp_path / "history.jsonl").epochs) == 3


# ---------------------------------------------------------------- the callback


def test_checkpoints_come_after_every_epoch_and_every_so_many_seconds(
    iris: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, positions = [100.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    class Watching(Checkpoint):
        def after_step(self, step: Any) -> None:
            now[0] += 1.0  # a second a step
            super().after_step(step)

        def _write(self, training: Steps) -> None:
            super()._write(training)
            positions.append(training.index)

    training = begin(iris, epochs=2, batch_size=10)
    assert training.batches == 12
    byhand.fit(training.model, iris, training=training, callbacks=[Watching(tmp_path, seconds=5.0)])
    assert positions == [5, 10, 12, 17, 22, 24]


def test_a_full_disk_keeps_the_last_checkpoint(iris: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = begin(iris)
    write_checkpoint(tmp_path / "c", training)
    before = (tmp_path / "c").read_bytes()
    next(training)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ByhandError, match="No space left on device"):
        write_checkpoint(tmp_path / "c", training)
    assert (tmp_path / "c").read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["c"]


# ---------------------------------------------------------------- explosions


def exploding(data: Dataset, rate: float) -> Steps:
    net = FeedForward((4, 8, 8, 3), "relu", output="identity", initialiser="he", seed=1)
    return byhand.steps(net, data, epochs=20, batch_size=8, optimizer=optim.SGD(rate), seed=1)


def test_an_explosion_keeps_the_last_checkpoint_and_it_can_be_loaded(iris: Dataset, tmp_path: Path) -> None:
    training = exploding(iris, 1e-3)
    for step in training:
        if step.last:
            break
    write_checkpoint(tmp_path / "checkpoint.safetensors", training)
    good = (tmp_path / "checkpoint.safetensors").read_bytes()
    training.base_rate = 1e6
    with pytest.raises(TrainingError, match=r"the training exploded at step \d+ \(epoch 2\): .* is the first that is not finite"):
        byhand.fit(training.model, iris, training=training, callbacks=[Checkpoint(tmp_path, seconds=60)])
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == good
    again = exploding(iris, 1e-3)
    read_checkpoint(tmp_path / "checkpoint.safetensors", again)
    assert again.index == again.batches
    byhand.fit(again.model, iris, training=again)
    assert np.isfinite(again.model.parameters).all()


@pytest.mark.parametrize("rate", [1e6, 1e12, 1e25, 3e38])
def test_a_checkpoint_after_every_step_never_holds_what_is_not_finite(rate: float, iris: Dataset, tmp_path: Path) -> None:
    training = exploding(iris, rate)
    write_checkpoint(tmp_path / "checkpoint.safetensors", training)
    with pytest.raises(TrainingError, match="the training exploded at step"):
        byhand.fit(training.model, iris, training=training, callbacks=[Checkpoint(tmp_path, seconds=0)])
    assert np.isfinite(load_file(tmp_path / "checkpoint.safetensors")["parameters"]).all()
    read_checkpoint(tmp_path / "checkpoint.safetensors", exploding(iris, rate))


# ---------------------------------------------------------------- of something else


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "sgd"},
        {"kind": "adamw"},
        {"epochs": 4},
        {"batch_size": 8},
        {"seed": 6},
        {"schedule": "cosine"},
        {"clip": 2.0},
        {"clip": None},
        {"augment": None},
        {"network": {"dropout": 0.2}},
        {"network": {"l2": 0.0}},
        {"network": {"l1": 0.1}},
        {"network": {"cost": "cross_entropy", "output": "sigmoid"}},
        {"network": {"activation": "tanh"}},
        {"network": {"dtype": np.float64}},
    ],
    ids=str,
)
def test_a_checkpoint_of_other_settings_is_refused_and_leaves_the_training(
    other: dict[str, Any], iris: Dataset, tmp_path: Path
) -> None:
    network = {"output": "sigmoid", **other.pop("network", {})}
    first = begin(iris, network={"output": "sigmoid"})
    next(first)
    write_checkpoint(tmp_path / "c", first)
    if "activation" in network:
        network.pop("activation")
        net = FeedForward((4, 12, 3), "tanh", output="sigmoid", dropout=0.3, l2=1e-3, seed=1)
        second = begin(iris)
        second.model = net
    else:
        second = begin(iris, network=network, **other)
    before = everything(second)
    with pytest.raises(TrainingError, match="the checkpoint is of another training") as caught:
        read_checkpoint(tmp_path / "c", second)
    assert "\n" not in str(caught.value)
    assert everything(second) == before


def test_a_checkpoint_of_another_rate_momentum_or_data_is_refused(iris: Dataset, tmp_path: Path) -> None:
    def made(data: Dataset, optimizer: optim.Optimizer) -> Steps:
        return byhand.steps(FeedForward((4, 3), seed=1), data, optimizer=optimizer, seed=1)

    write_checkpoint(tmp_path / "c", made(iris, optim.SGD(0.1, momentum=0.9)))
    read_checkpoint(tmp_path / "c", made(iris, optim.SGD(0.1, momentum=0.9)))
    shuffled = iris.take(np.arange(len(iris))[::-1])
    others = [
        made(iris, optim.SGD(0.100001, momentum=0.9)),
        made(iris, optim.SGD(0.1, momentum=0.8)),
        made(iris, optim.SGD(0.1, momentum=0.9, nesterov=True)),
        made(shuffled, optim.SGD(0.1, momentum=0.9)),
        made(iris.take(np.arange(100)), optim.SGD(0.1, momentum=0.9)),
    ]
    for other in others:
        with pytest.raises(TrainingError, match="the checkpoint is of another training"):
            read_checkpoint(tmp_path / "c", other)


def test_a_damaged_checkpoint_is_refused_in_one_line(iris: Dataset, tmp_path: Path) -> None:
    training, path = begin(iris), tmp_path / "c"
    next(training)
    write_checkpoint(path, training)
    content = path.read_bytes()
    for length in (0, 7, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ModelError, match=r"is not a whole .safetensors file") as caught:
            read_checkpoint(path, training)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("position", ["", "{", "[]", "null", "5", '"x"', "{}", "[" * 100_000])
def test_a_checkpoint_whose_position_is_nonsense_is_refused_in_one_line(position: str, iris: Dataset, tmp_path: Path) -> None:
    training = begin(iris)
    save_file({"parameters": training.model.parameters}, tmp_path / "c", {"position": position})
    with pytest.raises(TrainingError, match="the checkpoint is not usable") as caught:
        read_checkpoint(tmp_path / "c", training)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"index": -1},
        {"index": 10**9},
        {"index": "x"},
        {"index": 1.5},
        {"optimizer_steps": None},
        {"optimizer_steps": -1},
        {"optimizer_steps": 10**400},
        {"clip": "5"},
        {"base_rate": "0.1"},
        {"samples": -1},
        {"settings": {"beta1": 1, "beta2": 0.999, "epsilon": 1e-8}},
        {"settings": {"beta1": 0.9, "beta2": 0.999, "epsilon": -1.0}},
        {"cost_sum": "x"},
        {"generators": {}},
        {"generators": {"dropout": 5, "augment": 5}},
    ],
    ids=str,
)
def test_a_checkpoint_that_stands_nowhere_is_refused_in_one_line(change: dict[str, Any], iris: Dataset, tmp_path: Path) -> None:
    training = begin(iris)
    next(training)
    vectors, strings = training.state()
    position = {**json.loads(strings["position"]), **change}
    save_file(vectors, tmp_path / "c", {"position": json.dumps(position)})
    with pytest.raises(TrainingError, match="the checkpoint is not usable") as caught:
        read_checkpoint(tmp_path / "c", begin(iris))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["parameters", "optimizer.m"])
@pytest.mark.parametrize("damage", ["missing", "short", "nan"])
def test_a_checkpoint_without_its_vectors_is_refused_in_one_line(name: str, damage: str, iris: Dataset, tmp_path: Path) -> None:
    training = begin(iris)
    next(training)
    vectors, strings = training.state()
    if damage == "missing":
        del vectors[name]
    elif damage == "short":
        vectors[name] = vectors[name][:1].copy()
    else:
        vectors[name] = np.full_like(vectors[name], np.nan)
    save_file(vectors, tmp_path / "c", strings)
    with pytest.raises(TrainingError, match="the checkpoint is not usable") as caught:
        read_checkpoint(tmp_path / "c", begin(iris))
    assert "\n" not in str(caught.value)
