"""Recording a training: what it keeps, what it costs, and that a kill half-way leaves all that came before."""

from __future__ import annotations

import dataclasses
import errno
import os
import random
import re
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
from byhand.training.recorder import Recorder, planned
from byhand.training.recording_files import has_recording, read_recording
from byhand.training.replay import open_recording
from byhand.training.run import run
from byhand.training.steps import Steps

from .cutting import Cutting, PowerCut

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
    run(SHORT, tmp_path, overwrite=True)
    assert not has_recording(tmp_path)


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

        def after_epoch(self, epoch, training):
            print(training.index, flush=True)

    recipe = dataclasses.replace(RECIPES["moons"], epochs=20, batch_size=8, dropout=0.2)
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
    dice, stood, done = random.Random(3), [], False
    for _ in range(30):
        with subprocess.Popen([*command, str(tmp_path / "killed")], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            stood.append(int(child.stdout.readline()))
            if len(stood) <= 3:
                for _ in range(dice.randint(1, 6)):  # epochs, so that it does not hang on how busy the machine is
                    child.stdout.readline()
                time.sleep(dice.uniform(0, 0.02))
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


def damage(place: Path, name: str, at: float) -> None:
    """Flip a bit of a file, so far from its beginning."""
    content = bytearray((place / "recording" / name).read_bytes())
    content[int(at * len(content))] ^= 4
    (place / "recording" / name).write_bytes(content)


def two_snapshots_too_few(place: Path) -> None:
    recording, states = read_recording(place), place / "recording" / "states.bin"
    states.write_bytes(states.read_bytes()[: -2 * recording.length - 5])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (two_snapshots_too_few, ""),
        (lambda place: damage(place, "states.bin", 0.5), "so .* of .* are dropped"),
        (lambda place: damage(place, "index.jsonl", 0.5), ""),
        (lambda place: damage(place, "index.jsonl", 0.01), "recorded anew from step 36 on"),
        (lambda place: damage(place, "costs.f32", 0.1), "the costs of steps .* are damaged"),
        (lambda place: (place / "recording" / "costs.f32").unlink(), "recorded anew from step 36 on"),
        (lambda place: (place / "recording" / "states.bin").unlink(), "recorded anew from step 36 on"),
    ],
    ids=["states two behind", "a state", "a line", "the head", "costs", "no costs", "no states"],
)
def test_a_damaged_recording_drops_to_what_is_whole_and_the_training_goes_on(how: Any, said: str, tmp_path: Path) -> None:
    whole = run(SHORT, tmp_path / "whole")
    with pytest.raises(PowerCut):
        run(SHORT, tmp_path / "cut", record=True, callbacks=[Cutting(42)])
    how(tmp_path / "cut")
    told: list[str] = []
    again = run(SHORT, tmp_path / "cut", resume=True, tell=told.append)
    assert again.model.network.parameters.tobytes() == whole.model.network.parameters.tobytes()
    assert len(told) == bool(said) and all(re.search(said, line) and "\n" not in line for line in told)
    replay = open_recording(tmp_path / "cut")
    for step in (*replay.snapshots, 47):
        assert replay.at(step).index == step
    assert replay.recorded == 48


@pytest.mark.slow
def test_every_flipped_bit_of_a_recording_is_told_in_one_line_or_changes_nothing(tmp_path: Path) -> None:
    run(dataclasses.replace(SHORT, epochs=1), tmp_path, record=True)
    wanted = content(tmp_path), read_recording(tmp_path).state(0)[0]["parameters"].tobytes()
    noticed, bits = 0, 0
    for path in sorted((tmp_path / "recording").iterdir()):
        whole = path.read_bytes()
        for bit in range(0, len(whole) * 8, max(1, len(whole) * 8 // 150)):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            bits += 1
            try:
                recording = read_recording(tmp_path)
                states = [recording.state(number)[0]["parameters"].tobytes() for number in range(len(recording.snapshots))]
            except TrainingError as error:
                noticed += 1
                if "\n" in str(error):
                    raise AssertionError(f"bit {bit} of {path.name} is told in several lines") from error
                continue
            if recording.damaged_costs():
                noticed += 1
            elif recording.snapshots[-1].step == 12:  # else the last line has lost its end, as after a kill
                assert (content(tmp_path), states[0]) == wanted
        path.write_bytes(whole)
    assert noticed > 0.95 * bits


def test_a_recording_of_before_lines_had_checksums_is_read(tmp_path: Path) -> None:
    run(SHORT, tmp_path, record=True)
    index = tmp_path / "recording" / "index.jsonl"
    index.write_text(re.sub(r', "costs": \d+, "check": \d+}|, "check": \d+}', "}", index.read_text()))
    assert "check" not in index.read_text()
    replay = open_recording(tmp_path)
    assert replay.damaged == []
    assert replay.at(47).index == 47
