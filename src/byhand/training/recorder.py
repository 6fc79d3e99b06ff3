"""Recording a training, so that every step of it can be gone back to: snapshots far apart, and the cost of every step.

A training goes on bit for bit from any state of its own, so what lies between two snapshots need not be kept: it is computed
again when somebody asks. See `byhand.training.replay`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from byhand.errors import TrainingError, say
from byhand.training.fit import Callback
from byhand.training.history import History
from byhand.training.recording_files import COST, Recording, has_recording, read_recording, start_recording
from byhand.training.steps import Step, Steps

MEGABYTES = 50.0
LINE = 1_024  # bytes of a snapshot's line in the index, rounded up
NEAREST = 64  # steps between two snapshots at least: of a small network a snapshot takes as long as two or three steps


class Recorder(Callback):
    """Records a training into `folder`, in files of at most so many megabytes (of a million bytes).

    A training that begins at its first step is recorded anew; one that goes on continues the recording in the folder, from which
    everything beyond that step, and from the first damage on, is dropped; `tell` hears of damage. Put it before a `Checkpoint`,
    so that the recording is never behind it.

    Raises TrainingError before the first step where the network is too large for that many megabytes, or the folder holds the
    recording of another training.
    """

    def __init__(self, folder: Path, megabytes: float = MEGABYTES, tell: Callable[[str], None] = say) -> None:
        if not 0 < megabytes < math.inf:
            raise TrainingError(f"a recording of {megabytes} MB cannot be made: allow a number of megabytes above 0")
        self.folder, self.allowed, self.tell = folder, int(megabytes * 1e6), tell

    def check(self, training: Steps) -> None:
        """Raise TrainingError where the recording of a new training would not fit; nothing is written."""
        self._planned(training, self.allowed)

    def before(self, training: Steps, history: History) -> None:
        continued = self._continued(training) if training.index and has_recording(self.folder) else None
        if continued is None:
            self.check(training)
            continued = start_recording(self.folder, training, self.allowed)
        self.recording = continued
        if not self.recording.snapshots:
            self.recording.append(training)
        self.costs = self.recording.costs("r+")
        self.due = [step for step in self._planned(training, self.recording.allowed) if step > training.index]
        self.due.reverse()

    def after_step(self, step: Step) -> None:
        self.costs[step.index] = step.cost
        if self.due and step.index + 1 == self.due[-1]:
            self.due.pop()
            # A step that has just exploded is found out by the next one: nobody can go on from there.
            if np.isfinite(step.training.model.parameters).all():
                self.recording.append(step.training)

    def _continued(self, training: Steps) -> Recording | None:
        """The recording in the folder, whole and up to where this training goes on; None where nothing of it can be read."""
        try:
            recording = read_recording(self.folder, mend=True)
            recording.costs()
        except TrainingError as error:
            self.tell(f"the training goes on, but is recorded anew from step {training.index:,} on: {error}")
            return None
        if training.differs_in_length(recording.fingerprint):
            if training.schedule != "constant":  # with the rates of the new length its steps could not be taken again
                return start_recording(self.folder, training, recording.allowed, training.index)
            recording.prolong(training)
        elif recording.fingerprint != training.fingerprint():
            raise TrainingError(
                f"{recording.folder} is of another training: remove it, or resume with the settings it began with"
            )
        damage = recording.cut(training.index)
        if damage:
            self.tell(f"the training goes on, with a gap in its recording: {damage}")
        return recording

    def _planned(self, training: Steps, allowed: int) -> list[int]:
        vectors = training.vectors()
        once = training.total * COST.itemsize + len(training.fingerprint()) + LINE * (1 + len(vectors))
        snapshot = sum(vector.nbytes for vector in vectors.values()) + LINE
        most = (allowed - once) // snapshot
        if most < 2:
            least = math.ceil((once + 2 * snapshot) / 1e6)
            raise TrainingError(
                f"a recording of this training takes at least {least:,} MB, two snapshots and its costs, but may take "
                f"{allowed / 1e6:g} MB: allow more with --record-mb {least}"
            )
        return planned(training.total, training.batches, most)


def planned(total: int, batches: int, most: int) -> list[int]:
    """After how many steps a snapshot is taken: at most `most` (2 or more) times, 0 and `total` always among them.

    Where that allows, the end of every epoch is among them too, and 1, 2, 4, 8 and so on at the beginning, when a network changes
    fastest; the others are evenly apart within an epoch.

    >>> planned(total=200, batches=100, most=100)
    [0, 1, 2, 4, 8, 16, 32, 64, 100, 164, 200]
    >>> planned(total=200, batches=100, most=2)
    [0, 200]
    """
    epochs, early = total // batches, batches.bit_length()
    if most <= epochs:
        every = math.ceil(epochs / (most - 1))
        return sorted({*range(0, total, every * batches), total})
    first = early if most >= 4 * early + epochs + 1 else 0
    spacing = min(batches, max(NEAREST, math.ceil(batches / ((most - 1 - first) // epochs))))
    even = {epoch + batch for epoch in range(0, total, batches) for batch in range(0, batches, spacing)}
    return sorted({*even, total, *((1 << power) for power in range(first) if 1 << power < min(spacing, total))})
