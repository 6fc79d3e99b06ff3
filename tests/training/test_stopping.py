"""Told to stop, a training ends after its step with a whole checkpoint, says so, and goes on to the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from byhand.training.fit import Callback
from byhand.training.recipes import RECIPES
from byhand.training.run import run
from byhand.training.stopping import Stop, Stopped, stoppable

SHORT = replace(RECIPES["iris"], epochs=3)
NUMBERS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


class Signalling(Callback):
    """Sends a signal to this process in the middle of a step."""

    def __init__(self, number: int, at: int, times: int = 1) -> None:
        self.number, self.at, self.times, self.last = number, at, times, 0

    def after_step(self, step: Any) -> None:
        self.last = step.index
        if step.index == self.at:
            for _ in range(self.times):
                signal.raise_signal(self.number)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("at", [0, 17, 23, 35])  # the first step, one in an epoch, the end of an epoch, and of all of them
def test_a_signal_ends_a_training_after_its_step_with_a_checkpoint(number: int, at: int, tmp_path: Path) -> None:
    whole = run(SHORT, tmp_path / "whole")
    before = signal.getsignal(number)
    signalling = Signalling(number, at)
    with pytest.raises(
        Stopped, match=rf"stopped by {signal.Signals(number).name} after step {at + 1} of 36; `--resume`"
    ) as caught:
        run(SHORT, tmp_path / "stopped", callbacks=[signalling])
    assert signalling.last == at
    assert caught.value.status == 128 + number
    assert isinstance(caught.value, KeyboardInterrupt)  # a notebook's stop button
    assert signal.getsignal(number) is before
    assert not (tmp_path / "stopped" / ".lock").exists()
    again = run(SHORT, tmp_path / "stopped", resume=True)
    assert again.model.network.parameters.tobytes() == whole.model.network.parameters.tobytes()
    assert [epoch.cost for epoch in again.history.epochs] == [epoch.cost for epoch in whole.history.epochs]


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match=r"continues a training from its last checkpoint"):
        run(SHORT, tmp_path, callbacks=[Signalling(signal.SIGINT, 17, times=2)])


def test_a_step_that_has_exploded_is_not_kept(tmp_path: Path) -> None:
    class Exploding(Signalling):
        def after_step(self, step: Any) -> None:
            if step.index == self.at:
                step.training.model.parameters[0] = float("inf")
            super().after_step(step)

    with pytest.raises(Stopped, match="stopped by SIGTERM; `--resume` goes on from the last checkpoint"):
        run(SHORT, tmp_path, callbacks=[Exploding(signal.SIGTERM, 17)])
    run(SHORT, tmp_path, resume=True)


def test_whoever_listens_to_a_signal_already_goes_on_hearing_it() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with stoppable() as stop, stop.after_the_step():
            signal.raise_signal(signal.SIGTERM)
        assert heard == [signal.SIGTERM] and stop.asked == 0
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_training_in_another_thread_leaves_signals_alone(tmp_path: Path) -> None:
    before, found = signal.getsignal(signal.SIGTERM), []

    def train() -> None:
        run(SHORT, tmp_path, callbacks=[Looking()])

    class Looking(Callback):
        def after_step(self, step: Any) -> None:
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert set(found) == {before}
    assert isinstance(Stop().asked, int)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without asking it")
def test_the_command_line_says_that_it_was_stopped_and_ends_as_shells_expect(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "byhand.cli", "train", "iris", "--epochs", "100000", "--out", str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if line.startswith("epoch   2/"):
                break
        child.terminate()
        said = child.stderr.read()
    assert child.returncode == 143
    last = said.strip().splitlines()[-1]
    assert last.startswith("byhand: stopped by SIGTERM after step ") and last.endswith("; `--resume` goes on from there")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checkpoint.safetensors",
        "history.jsonl",
        "recipe.toml",
    ]
