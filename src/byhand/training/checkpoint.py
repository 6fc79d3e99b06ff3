"""Checkpoints: the whole state of a training in one file, so that it goes on bit for bit after any interruption.

The same bits need the same sums in the same order, and that depends on how many threads share them. So a checkpoint says by what
it was computed.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np

from byhand.tensorfile import read_tensors, write_tensors
from byhand.training.fit import Callback
from byhand.training.history import Epoch, History
from byhand.training.recording_files import computed_here
from byhand.training.steps import Step, Steps
from byhand.training.stopping import Stop, Stopped

FORMAT = "byhand-checkpoint"


def write_checkpoint(path: Path, training: Steps, computed: str = "") -> None:
    """Write where a training stands; the file before it stays until this one is whole.

    `computed`: by what, which to find out takes a millisecond, where somebody has done so.
    """
    vectors, strings = training.state()
    write_tensors(path, vectors, {"format": FORMAT, "computed": computed or computed_here(), **strings})


def read_checkpoint(path: Path, training: Steps, *, longer: bool = False) -> str:
    """Put a training where a checkpoint stands; `longer`: also where that training was to take another number of epochs.

    Returns a line on why it may not go on to the same bits, "" where it does.

    Raises ModelError or TrainingError where it cannot.
    """
    vectors, strings = read_tensors(path)
    training.resume(vectors, strings, longer=longer)
    before, now = strings.get("computed", ""), computed_here()
    if training.sharded is not None:  # a shard is computed by one thread, however many there are
        before, now = (re.sub(r",? (byhand on )?\d+ threads", "", text) for text in (before, now))
    if training.model.by_hand:  # what is written out by hand has no such threads
        before, now = (text.partition(", byhand on")[0] for text in (before, now))
    if not before or before == now or training.index == training.total:
        return ""
    return (
        f"this training began with {before} and goes on with {now}: from here on its numbers may differ in their last digits "
        "from those of an uninterrupted one"
    )


class Checkpoint(Callback):
    """Writes `checkpoint.safetensors` and `history.jsonl` into a run's folder: after each epoch, and every `seconds`.

    Where `stop` was asked to, it ends the training after the step and says what it kept.
    """

    comes_last = True  # after those that keep something of the training's state, whatever their order in the list

    def __init__(self, folder: Path, seconds: float = 30.0, stop: Stop | None = None) -> None:
        self.folder, self.seconds, self.stop = folder, seconds, stop
        self.history = History()
        self.written, self.computed = 0.0, ""

    def before(self, training: Steps, history: History) -> None:
        self.history = history
        self.computed = computed_here()
        self.written = time.monotonic()

    def after_step(self, step: Step) -> None:
        stopping = self.stop is not None and self.stop.asked
        if step.last or not (stopping or time.monotonic() - self.written >= self.seconds):
            return  # the end of an epoch is written together with its row of the history
        # A step that has just exploded is found out by the next one; until then it must not replace the last good state.
        whole = bool(np.isfinite(step.training.model.parameters).all())
        if whole:
            self._write(step.training)
        if stopping:
            self._stop(step.training, whole)

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        self._write(training)
        if self.stop is not None and self.stop.asked:
            self._stop(training, whole=True)
        return False

    def _stop(self, training: Steps, whole: bool) -> None:
        assert self.stop is not None
        kept = f" after step {training.index:,} of {training.total:,}" if whole else ""
        raise Stopped(self.stop.asked, f"{kept}; `--resume` goes on from {'there' if whole else 'the last checkpoint'}")

    def _write(self, training: Steps) -> None:
        # The history first: a checkpoint is never ahead of it, and rows beyond the checkpoint are dropped on resuming.
        self.history.write(self.folder / "history.jsonl")
        write_checkpoint(self.folder / "checkpoint.safetensors", training, self.computed)
        self.written = time.monotonic()
