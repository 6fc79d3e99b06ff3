"""Checkpoints: the whole state of a training in one file, so that it goes on bit for bit after any interruption."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from byhand.files import write_atomically
from byhand.tensorfile import read_tensors
from byhand.training.fit import Callback
from byhand.training.history import Epoch, History
from byhand.training.steps import Step, Steps

FORMAT = "byhand-checkpoint"


def write_checkpoint(path: Path, training: Steps) -> None:
    """Write where a training stands; the file before it stays until this one is whole."""
    vectors, strings = training.state()
    arrays = {name: np.ascontiguousarray(vector) for name, vector in vectors.items()}
    write_atomically(path, save(arrays, {"format": FORMAT, **strings}))


def read_checkpoint(path: Path, training: Steps) -> None:
    """Put a training where a checkpoint stands; raises ModelError or TrainingError where it cannot."""
    training.restore(*read_tensors(path))


class Checkpoint(Callback):
    """Writes `checkpoint.safetensors` and `history.jsonl` into a run's folder: after each epoch, and every `seconds`."""

    def __init__(self, folder: Path, seconds: float = 30.0) -> None:
        self.folder, self.seconds = folder, seconds
        self.history = History()
        self.written = 0.0

    def before(self, training: Steps, history: History) -> None:
        self.history = history
        self.written = time.monotonic()

    def after_step(self, step: Step) -> None:
        due = not step.last and time.monotonic() - self.written >= self.seconds
        # A step that has just exploded is found out by the next one; until then it must not replace the last good state.
        if due and np.isfinite(step.training.model.parameters).all():
            self._write(step.training)

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        self._write(training)
        return False

    def _write(self, training: Steps) -> None:
        # The history first: a checkpoint is never ahead of it, and rows beyond the checkpoint are dropped on resuming.
        self.history.write(self.folder / "history.jsonl")
        write_checkpoint(self.folder / "checkpoint.safetensors", training)
        self.written = time.monotonic()
