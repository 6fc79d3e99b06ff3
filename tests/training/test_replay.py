"""Going back in a recorded training: the same bits at every step, branches beside it, and damage told in one line."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn, optim
from byhand.data.dataset import Dataset
from byhand.errors import ByhandError, ModelError, TrainingError
from byhand.feedforward import FeedForward
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.vae import VAE
from byhand.training.fit import Callback
from byhand.training.recipes import RECIPES
from byhand.training.recorder import Recorder
from byhand.training.recording_files import FOLDER
from byhand.training.replay import Replay, norms, open_recording
from byhand.training.run import run
from byhand.training.steps import Steps


def noise(x: Any, rng: np.random.Generator) -> Any:
    return x + 0.05 * rng.standard_normal(x.shape, np.float32)


def dropped_and_augmented(data: Dataset) -> Steps:
    net = FeedForward((4, 12, 3), "relu", dropout=0.3, l2=1e-3, seed=1)
    return byhand.steps(net, data, epochs=5, batch_size=16, optimizer=optim.Adam(0.01), schedule="cosine", augment=noise, seed=5)


def with_momentum(data: Dataset) -> Steps:
    net = FeedForward((4, 12, 3), seed=1)
    return byhand.steps(net, data, epochs=5, batch_size=16, optimizer=optim.SGD(0.5, momentum=0.9), clip=0.3, even=True, seed=5)


def normalised(data: Dataset) -> Steps:
    convolved = nn.Conv2d(1, 4, 3, padding="same"), nn.BatchNorm2d(4), nn.ReLU()
    module = nn.Sequential(*convolved, nn.Flatten(), nn.Dropout(0.2), nn.Linear(16, 3))
    net = nn.Network(module, (2, 2, 1), seed=1)
    return byhand.steps(net, data, epochs=5, batch_size=16, optimizer=optim.AdamW(0.01), seed=5)


def diffused(data: Dataset) -> Steps:
    net = DiffusionNetwork(MLPDenoiser(4, classes=3, width=16), (4,), mean=0.0, std=1.0, ema_decay=0.99, seed=1)
    return byhand.steps(net, data, epochs=5, batch_size=16, optimizer=optim.AdamW(0.01), clip=1.0, seed=5)


def encoded(data: Dataset) -> Steps:
    net = VAE(4, (8,), 2, reconstruction="gaussian", seed=1)
    return byhand.steps(net, data, epochs=5, batch_size=16, optimizer=optim.RMSProp(0.003), seed=5)


KINDS = [dropped_and_augmented, with_momentum, normalised, diffused, encoded]


def bits(training: Steps) -> tuple[bytes, ...]:
    """All bits that a training has. Between two epochs its generators are about to be made anew, and do not count."""
    vectors, strings = training.state()
    position = json.loads(strings["position"])
    if training.index % training.batches == 0:
        del position["generators"]
    return (*(vectors[name].tobytes() for name in sorted(vectors)), json.dumps(position).encode())


class Witness(Callback):
    """Keeps everything, as no recording could."""

    def __init__(self, training: Steps) -> None:
        self.bits, self.costs = [bits(training)], []

    def after_step(self, step: Any) -> None:
        self.bits.append(bits(step.training))
        self.costs.append(step.cost)


def recorded(make: Callable[[Dataset], Steps], data: Dataset, folder: Path, megabytes: float = 50.0) -> Witness:
    training = make(data)
    witness = Witness(training)
    byhand.fit(training.model, data, training=training, validation=data, callbacks=[witness, Recorder(folder, megabytes)])
    return witness


@pytest.mark.slow
@pytest.mark.parametrize("make", KINDS)
def test_every_step_that_is_gone_back_to_has_all_its_bits(
    make: Callable[[Dataset], Steps], iris: Dataset, tmp_path: Path, rng: np.random.Generator
) -> None:
    witness = recorded(make, iris, tmp_path)
    replay = Replay(tmp_path, lambda: make(iris))
    assert replay.total == replay.recorded == 40
    assert len(replay.snapshots) < 20  # most steps have to be taken again
    for step in {0, 7, 8, 9, 39, 40, *rng.integers(0, 40, 12).tolist()}:
        training = replay.at(step)
        assert training.index == step
        assert bits(training) == witness.bits[step]
        assert [one.cost for one in training] == witness.costs[step:]
    assert replay.parameters(13).tobytes() == replay.at(13).model.parameters.tobytes()


def test_with_only_a_few_snapshots_every_step_is_still_there(iris: Dataset, tmp_path: Path) -> None:
    witness = recorded(dropped_and_augmented, iris, tmp_path, 0.016)
    replay = Replay(tmp_path, lambda: dropped_and_augmented(iris))
    assert 2 <= len(replay.snapshots) <= 5
    for step in (1, 17, 33):
        assert bits(replay.at(step)) == witness.bits[step]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "mnist-cnn"])
def test_real_recipes_with_warped_images_come_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPES[name], epochs=1, batch_size=128)
    splits = byhand.data.load("mnist")
    few = dataclasses.replace(splits, train=splits.train.take(np.arange(1_500)), test=splits.test.take(np.arange(200)))
    watching = Parameters()
    run(recipe, tmp_path, splits=few, record=True, callbacks=[watching])
    from byhand.training.replay import RunReplay

    replay = RunReplay(tmp_path, recipe, few)
    for step in (1, 7, 11):
        assert replay.parameters(step).tobytes() == watching.kept[step]


class Parameters(Callback):
    def __init__(self) -> None:
        self.kept: dict[int, bytes] = {}

    def after_step(self, step: Any) -> None:
        self.kept[step.index + 1] = step.training.model.parameters.tobytes()


# ---------------------------------------------------------------- branches


@pytest.mark.slow
@pytest.mark.parametrize("make", KINDS)
def test_a_branch_with_the_same_rate_is_the_recording(make: Callable[[Dataset], Steps], iris: Dataset, tmp_path: Path) -> None:
    recorded(make, iris, tmp_path)
    replay = Replay(tmp_path, lambda: make(iris))
    branch = replay.branch(11)
    assert branch.costs.tobytes() == branch.recorded.tobytes() == replay.costs[11:].tobytes()
    again = replay.branch(11, lr=replay.at(11).base_rate, epochs=2)
    assert again.costs.tobytes() == replay.costs[11:27].tobytes()


def test_a_branch_with_another_rate_or_optimiser_leaves_at_its_step(iris: Dataset, tmp_path: Path) -> None:
    witness = recorded(with_momentum, iris, tmp_path)
    replay = Replay(tmp_path, lambda: with_momentum(iris))
    for branch in (replay.branch(11, lr=0.01, steps=20), replay.branch(11, optimizer=optim.Adam(0.01), steps=20)):
        assert (branch.start, branch.learning_rate, len(branch.costs), branch.ended) == (11, 0.01, 20, "")
        assert branch.costs[0] == branch.recorded[0]  # the cost comes before the update
        assert (branch.costs[1:] != branch.recorded[1:]).all()
        assert branch.training.index == 31
    assert bits(replay.at(20)) == witness.bits[20]  # nothing of it came into the recording


def test_a_branch_that_explodes_ends_there_and_says_so(iris: Dataset, tmp_path: Path) -> None:
    def made() -> Steps:
        net = FeedForward((4, 8, 3), "relu", output="identity", initialiser="he", seed=1)
        return byhand.steps(net, iris, epochs=5, batch_size=16, optimizer=optim.SGD(1e-3), seed=1)

    training = made()
    byhand.fit(training.model, iris, training=training, callbacks=[Recorder(tmp_path)])
    branch = Replay(tmp_path, made).branch(3, lr=1e6)
    assert "the training exploded at step" in branch.ended
    assert np.isnan(branch.costs[-1]) and np.isfinite(branch.costs[0])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": 0}, "a branch of 0 steps"),
        ({"steps": 30}, "1 to 29 are left"),
        ({"epochs": 4}, "a branch of 32 steps"),
        ({"lr": 0.0}, "learning rate must be above 0"),
        ({"lr": float("nan")}, "learning rate must be above 0, got nan"),
    ],
)
def test_a_branch_that_there_cannot_be_is_refused(settings: dict[str, Any], said: str, iris: Dataset, tmp_path: Path) -> None:
    recorded(with_momentum, iris, tmp_path)
    with pytest.raises(ModelError, match=said):
        Replay(tmp_path, lambda: with_momentum(iris)).branch(11, **settings)


# ---------------------------------------------------------------- what is seen of a step


@pytest.mark.parametrize("make", KINDS)
def test_the_norms_of_all_tensors_make_up_those_of_the_whole(make: Callable[[Dataset], Steps], iris: Dataset) -> None:
    training = make(iris)
    next(training)
    before = training.model.parameters.copy()
    step, found = norms(training)
    assert step.index == 1
    taken = sorted((place.start, place.stop) for place in training.model.parameter_slices().values())
    assert [0, *(stop for _, stop in taken)] == [*(start for start, _ in taken), before.size]
    for name, flat in (("weights", before), ("gradient", training.model.gradient), ("update", step.update())):
        whole = np.sqrt(sum(getattr(one, name) ** 2 for one in found))
        assert whole == pytest.approx(np.linalg.norm(flat), rel=1e-5)


# ---------------------------------------------------------------- what does not agree, or is damaged


def test_a_step_that_cost_something_else_is_told_with_its_number(iris: Dataset, tmp_path: Path) -> None:
    recorded(with_momentum, iris, tmp_path)
    costs = np.memmap(tmp_path / FOLDER / "costs.f32", "<f4", "r+")
    costs[13] = np.nextafter(costs[13], np.float32(1))
    costs.flush()
    replay = Replay(tmp_path, lambda: with_momentum(iris))
    replay.at(13)
    with pytest.raises(TrainingError, match=r"step 13 cost .* in the run but .* here") as caught:
        replay.at(14)
    assert "\n" not in str(caught.value)
    lenient = Replay(tmp_path, lambda: with_momentum(iris), strict=False)
    assert lenient.at(15).index == 15
    assert lenient.differs == 13 and lenient.difference.startswith("step 13 cost")


def test_a_replay_of_another_training_is_refused(iris: Dataset, tmp_path: Path) -> None:
    recorded(with_momentum, iris, tmp_path)
    with pytest.raises(TrainingError, match="is of another training"):
        Replay(tmp_path, lambda: normalised(iris))


def test_a_step_beyond_the_recording_is_refused(iris: Dataset, tmp_path: Path) -> None:
    recorded(with_momentum, iris, tmp_path)
    replay = Replay(tmp_path, lambda: with_momentum(iris))
    for step in (-1, 41):
        with pytest.raises(ModelError, match=f"step must be one of the recording's, 0 to 40, got {step}"):
            replay.at(step)


def test_going_through_rising_steps_gives_each_of_them_and_falling_ones_are_refused(iris: Dataset, tmp_path: Path) -> None:
    witness = recorded(with_momentum, iris, tmp_path)
    replay = Replay(tmp_path, lambda: with_momentum(iris))
    wanted = [0, 3, 3, 8, 21, 40]
    assert [bits(training) for training in replay.through(wanted)] == [witness.bits[step] for step in wanted]
    falling = replay.through([21, 3])
    next(falling)
    with pytest.raises(ModelError, match="step must be one of the recording's, 21 to 40, got 3"):
        next(falling)


def test_folders_without_a_run_or_a_recording_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is not the folder of a run"):
        open_recording(tmp_path)
    run(dataclasses.replace(RECIPES["iris"], epochs=1), tmp_path)
    with pytest.raises(TrainingError, match="has no recording: train with --record"):
        open_recording(tmp_path)


def test_a_last_snapshot_or_line_that_was_cut_off_is_ignored(iris: Dataset, tmp_path: Path) -> None:
    witness = recorded(with_momentum, iris, tmp_path)
    place, before = tmp_path / FOLDER, Replay(tmp_path, lambda: with_momentum(iris)).snapshots
    states, index = (place / "states.bin").read_bytes(), (place / "index.jsonl").read_bytes()
    for cut_states, cut_index in ((states[:-5], index), (states, index[:-5])):
        (place / "states.bin").write_bytes(cut_states)
        (place / "index.jsonl").write_bytes(cut_index)
        replay = Replay(tmp_path, lambda: with_momentum(iris))
        assert replay.snapshots == before[:-1]
        assert bits(replay.at(40)) == witness.bits[40]


def damage(place: Path, how: str) -> None:
    states, index = place / "states.bin", place / "index.jsonl"
    lines = index.read_text().splitlines(keepends=True)
    if how == "a bit":
        content = bytearray(states.read_bytes())
        content[len(content) // 2] ^= 1
        states.write_bytes(content)
    elif how == "half the states":
        states.write_bytes(states.read_bytes()[: states.stat().st_size // 2])
    elif how == "no states":
        states.unlink()
    elif how == "no costs":
        (place / "costs.f32").unlink()
    elif how == "short costs":
        (place / "costs.f32").write_bytes(b"\0" * 12)
    elif how == "empty index":
        index.write_text("")
    elif how == "nonsense":
        index.write_text("[" * 100_000 + "\n")
    elif how == "out of order":
        index.write_text("".join([lines[0], *reversed(lines[1:])]))
    elif how == "a line too few":
        index.write_text("".join(lines[1:]))
    elif how == "another version":
        index.write_text(lines[0].replace('"version": 1', '"version": 2') + "".join(lines[1:]))
    else:
        index.write_text(lines[0].replace("float32", "object").replace('"<f4"', '"O"') + "".join(lines[1:]))


@pytest.mark.parametrize(
    "how",
    [
        "a bit",
        "half the states",
        "no states",
        "no costs",
        "short costs",
        "empty index",
        "nonsense",
        "out of order",
        "a line too few",
        "another version",
        "objects",
    ],
)
def test_a_damaged_recording_is_refused_in_one_line(how: str, iris: Dataset, tmp_path: Path) -> None:
    recorded(with_momentum, iris, tmp_path)
    damage(tmp_path / FOLDER, how)

    def go_everywhere() -> None:
        replay = Replay(tmp_path, lambda: with_momentum(iris))
        for step in replay.snapshots:
            replay.at(step)

    with pytest.raises(ByhandError) as caught:
        go_everywhere()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
