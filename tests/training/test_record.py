"""Recording a training: what it keeps, what it costs, and that a kill half-way leaves all that came before."""

from __future__ import annotations

import dataclasses
import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import optim
from byhand.data.dataset import Dataset
from byhand.errors import ByhandError, TrainingError
from byhand.feedforward import FeedForward
from byhand.training.fit import Callback
from byhand.training.recipes import RECIPES
from byhand.training.record import Recorder, planned
from byhand.training.recording import has_recording, read_recording
from byhand.training.replay import open_recording
from byhand.training.run import run
from byhand.training.steps import Steps

SHORT = dataclasses.replace(RECIPES["iris"], epochs=4)


def begin(data: Dataset, **settings: Any) -> Steps:
    net = FeedForward((4, 12, 3), "relu", dropout=0.3, seed=1)
    chosen = {"epochs": 4, "batch_size": 10, "seed": 5, **settings}
    return byhand.steps(net, data, optimizer=optim.Adam(0.01), **chosen)


@pytest.mark.parametrize("epochs", [1, 2, 7, 30, 100])
@pytest.mark.parametrize("batches", [1, 2, 3, 12, 100, 5000])
@pytest.mark.parametrize("most", [2, 3, 5, 10, 30, 31, 64, 515])
def test_the_plan_keeps_to_its_number_and_has_both_ends_and_the_epochs_where_it_can(epochs: int, batches: int, most: int) -> None:
    total = epochs * batches
    found = planned(total, batches, most)
    assert len(found) <= most
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (0, total)
    if most > epochs:
        assert set(range(0, total, batches)) <= set(found)


def test_a_generous_plan_looks_closely_at_the_beginning() -> None:
    found = planned(150_000, 5_000, 515)
    assert found[:9] == [0, 1, 2, 4, 8, 16, 32, 64, 128]
    assert max(np.diff(found)) < 320


def test_a_recording_has_every_cost_and_the_states_that_the_training_had(iris: Dataset, tmp_path: Path) -> None:
    training, costs = begin(iris), []
    states = {0: training.model.parameters.copy()}

    class Watching(Callback):
        def after_step(self, step: Any) -> None:
            costs.append(step.cost)
            states[step.index + 1] = step.training.model.parameters.copy()

    byhand.fit(training.model, iris, training=training, callbacks=[Watching(), Recorder(tmp_path)])
    recording = read_recording(tmp_path)
    assert recording.costs().tolist() == np.float32(costs).tolist()
    assert {0, 1, 2, 4, 8, 12, 24, 36, 48} <= {snapshot.step for snapshot in recording.snapshots}
    for number, snapshot in enumerate(recording.snapshots):
        vectors, _ = recording.state(number)
        assert set(vectors) == {"parameters", "optimizer.m", "optimizer.v"}
        assert vectors["parameters"].tobytes() == states[snapshot.step].tobytes()


def test_recording_changes_nothing_in_the_training(iris: Dataset, tmp_path: Path) -> None:
    plain, recorded = begin(iris), begin(iris)
    byhand.fit(plain.model, iris, training=plain)
    byhand.fit(recorded.model, iris, training=recorded, callbacks=[Recorder(tmp_path)])
    assert plain.model.parameters.tobytes() == recorded.model.parameters.tobytes()


@pytest.mark.parametrize("kilobytes", [12, 16, 40, 100, 1000])
def test_the_files_keep_to_what_they_are_allowed(kilobytes: int, iris: Dataset, tmp_path: Path) -> None:
    training = begin(iris, epochs=30)
    byhand.fit(training.model, iris, training=training, callbacks=[Recorder(tmp_path, kilobytes / 1000)])
    recording = read_recording(tmp_path)
    assert recording.taken <= kilobytes * 1000
    assert recording.snapshots[-1].step == training.total


def test_a_network_too_large_for_the_budget_is_refused_before_anything_is_written(iris: Dataset, tmp_path: Path) -> None:
    training = begin(iris)
    with pytest.raises(TrainingError, match=r"takes at least 1 MB, .* may take 0.001 MB: allow more") as caught:
        byhand.fit(training.model, iris, training=training, callbacks=[Recorder(tmp_path, 0.001)])
    assert "\n" not in str(caught.value)
    assert training.index == 0
    assert list(tmp_path.iterdir()) == []
    for megabytes in (0, -1, float("nan"), float("inf")):
        with pytest.raises(TrainingError, match="megabytes above 0"):
            Recorder(tmp_path, megabytes)


def test_nobody_who_does_not_record_has_a_recording(tmp_path: Path) -> None:
    run(SHORT, tmp_path)
    assert not has_recording(tmp_path)


def test_starting_a_run_anew_without_recording_removes_the_old_recording(tmp_path: Path) -> None:
    run(SHORT, tmp_path, record=True)
    assert has_recording(tmp_path)
    run(SHORT, tmp_path)
    assert not has_recording(tmp_path)


class PowerCut(Exception):
    """What ends a run in the middle of an epoch here."""


class Cutting(Callback):
    def __init__(self, at: int) -> None:
        self.at = at

    def after_step(self, step: Any) -> None:
        if step.index == self.at:
            raise PowerCut


def content(folder: Path) -> tuple[bytes, list[int]]:
    recording = read_recording(folder)
    return recording.costs().tobytes(), [snapshot.step for snapshot in recording.snapshots]


def test_a_resumed_run_continues_its_recording_and_drops_what_lies_beyond_the_checkpoint(tmp_path: Path) -> None:
    run(SHORT, tmp_path / "whole", record=True)
    with pytest.raises(PowerCut):
        run(SHORT, tmp_path / "cut", record=True, callbacks=[Cutting(42)])  # the checkpoint is of step 36
    assert open_recording(tmp_path / "cut").recorded == 42
    run(SHORT, tmp_path / "cut", resume=True)
    assert content(tmp_path / "cut") == content(tmp_path / "whole")


def test_a_run_killed_before_its_first_checkpoint_is_recorded_anew_on_resuming(tmp_path: Path) -> None:
    run(SHORT, tmp_path / "whole", record=True)
    with pytest.raises(PowerCut):
        run(SHORT, tmp_path / "cut", record=True, callbacks=[Cutting(5)])
    run(SHORT, tmp_path / "cut", resume=True)
    assert content(tmp_path / "cut") == content(tmp_path / "whole")


def test_a_resumed_run_that_was_never_recorded_stays_so(tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        run(SHORT, tmp_path, callbacks=[Cutting(30)])
    run(SHORT, tmp_path, resume=True)
    assert not has_recording(tmp_path)


def test_a_run_resumed_with_recording_only_then_can_be_gone_back_in_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        run(SHORT, tmp_path, callbacks=[Cutting(30)])  # the checkpoint is of step 24
    run(SHORT, tmp_path, resume=True, record=True)
    replay = open_recording(tmp_path)
    assert replay.snapshots[0] == 24
    assert np.isnan(replay.costs[:24]).all() and not np.isnan(replay.costs[24:]).any()
    assert replay.at(10).index == 10
    assert next(replay.at(40)).cost == pytest.approx(replay.costs[40], rel=1e-7)


def test_the_recording_of_another_training_is_not_continued(iris: Dataset, tmp_path: Path) -> None:
    first = begin(iris)
    byhand.fit(first.model, iris, training=first, callbacks=[Recorder(tmp_path)])
    other = begin(iris, seed=6)
    next(other)
    with pytest.raises(TrainingError, match="is of another training"):
        byhand.fit(other.model, iris, training=other, callbacks=[Recorder(tmp_path)])


def test_a_full_disk_says_so_in_one_line(iris: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training, recorder = begin(iris), Recorder(tmp_path)
    recorder.before(training, None)  # type: ignore[arg-type]

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(ByhandError, match="No space left on device; free space and go on with --resume"):
        recorder.after_step(next(training))


CHILD = """
    import sys, pathlib, dataclasses
    from byhand.training.fit import Callback
    from byhand.training.recipes import RECIPES
    from byhand.training.run import run

    class Telling(Callback):
        def before(self, training, history):
            print(training.index, flush=True)

    recipe = dataclasses.replace(RECIPES["moons"], epochs=40, batch_size=8, dropout=0.2)
    run(recipe, pathlib.Path(sys.argv[1]), resume=True, record=0.3, callbacks=[Telling()])
    print("done", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_kills_at_random_moments_leave_a_recording_that_ends_as_the_whole_one(tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text("\n".join(line[4:] for line in CHILD.splitlines()))
    command = [sys.executable, str(script)]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True, timeout=120)
    moments, stood, done = random.Random(3), [], False
    for _ in range(30):
        with subprocess.Popen([*command, str(tmp_path / "killed")], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            stood.append(int(child.stdout.readline()))
            if len(stood) <= 4:
                time.sleep(moments.uniform(0.02, 0.12))
                child.kill()
            done = "done" in child.stdout.read()
        if done:
            break
        replay = open_recording(tmp_path / "killed")  # of what there is, every step can be taken again
        replay.at(replay.recorded)
    assert done
    assert len(set(stood)) >= 3
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    bits = [(tmp_path / name / "recording" / "states.bin").read_bytes() for name in ("whole", "killed")]
    assert bits[0] == bits[1]
