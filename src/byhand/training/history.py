"""The history of a training: one row an epoch, kept in a file that grows by whole lines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from byhand.errors import TrainingError
from byhand.files import write_atomically


@dataclass(frozen=True)
class Epoch:
    """One epoch: `epoch` from 0, `step` counted to its end, seconds, mean batch cost, and what validation measured."""

    epoch: int
    step: int
    seconds: float
    cost: float
    validation_cost: float | None
    validation_accuracy: float | None
    learning_rate: float


@dataclass
class History:
    """All epochs so far."""

    epochs: list[Epoch] = field(default_factory=list)

    def append(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    @property
    def seconds(self) -> float:
        """Training time so far, validation included."""
        return sum(epoch.seconds for epoch in self.epochs)

    def write(self, path: Path) -> None:
        """One JSON object a line."""
        write_atomically(path, "".join(json.dumps(asdict(epoch)) + "\n" for epoch in self.epochs).encode())


def read_history(path: Path, before_step: int | None = None) -> History:
    """The history in a file, up to the step where a checkpoint stands; raises TrainingError for a file that is none."""
    try:
        rows = [Epoch(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"{path} is not a training's history ({error}): start the run anew") from error
    return History([row for row in rows if before_step is None or row.step <= before_step])
