"""The history of a training: one row an epoch, kept in a file that grows by whole lines."""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from byhand import limits, notebook_html
from byhand.errors import TrainingError
from byhand.files import write_atomically
from byhand.safe_reading import reading

SHOWN = 10  # epochs in numbers, in a notebook


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

    def cut(self, step: int) -> None:
        """Drop the epochs beyond the step at which a training goes on."""
        self.epochs[:] = [epoch for epoch in self.epochs if epoch.step <= step]

    @property
    def seconds(self) -> float:
        """Training time so far, validation included."""
        return sum(epoch.seconds for epoch in self.epochs)

    def _repr_html_(self) -> str:
        """For notebooks: the curves, and the last epochs in numbers."""
        if not self.epochs:
            return notebook_html.heading("No epochs yet")
        measured = any(epoch.validation_cost is not None for epoch in self.epochs)
        sorts = any(epoch.validation_accuracy is not None for epoch in self.epochs)
        costs: dict[str, list[float | None]] = {"training": [epoch.cost for epoch in self.epochs]}
        heads = ["epoch", "cost"]
        if measured:
            costs["validation"] = [epoch.validation_cost for epoch in self.epochs]
            heads.append("validation cost")
        heads += ["validation accuracy"] * sorts + ["learning rate", "seconds"]
        rows = [
            [epoch.epoch + 1, epoch.cost]
            + [epoch.validation_cost] * measured
            + [None if epoch.validation_accuracy is None else f"{epoch.validation_accuracy:.2%}"] * sorts
            + [epoch.learning_rate, f"{epoch.seconds:.2f}"]
            for epoch in self.epochs[-SHOWN:]
        ]
        told = f"{len(self.epochs)} epochs in {self.seconds:.1f} s"
        left = "" if len(self.epochs) <= SHOWN else f"; the last {SHOWN} in numbers"
        return (
            notebook_html.heading(told + left)
            + notebook_html.curves(costs, "mean cost of a sample")
            + notebook_html.table(heads, rows)
        )

    def write(self, path: Path) -> None:
        """One JSON object a line."""
        write_atomically(path, "".join(json.dumps(vars(epoch)) + "\n" for epoch in self.epochs).encode())


def read_history(path: Path, before_step: int | None = None) -> History:
    """The history in a file, up to the step where a checkpoint stands; raises TrainingError for a file that is none."""
    history, wrong = whole_rows(path, before_step)
    if wrong:
        raise TrainingError(wrong)
    return history


def whole_rows(path: Path, before_step: int | None = None) -> tuple[History, str]:
    """The rows of a history up to a step, as far as they can be read, and what is wrong with the next one, or ""."""
    rows: list[Epoch] = []
    wrong = ""
    try:
        with reading(path, "is not a training's history", TrainingError, "copy it again"):
            lines = path.read_bytes().split(b"\n")
            for number, line in enumerate(lines[:-1] if lines[-1] == b"" else lines, 1):
                rows.append(_row(path, number, line.decode("utf-8")))
    except TrainingError as error:
        wrong = str(error)
    return History([row for row in rows if before_step is None or row.step <= before_step]), wrong


def _row(path: Path, number: int, line: str) -> Epoch:
    where = f"{path}: line {number}"
    try:
        return _epoch(where, json.loads(line))
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{where} is not a row of a history ({str(error)[:80]})") from error


def _epoch(where: str, row: Any) -> Epoch:
    """One row, as it was written; raises TrainingError for a row that was not."""
    names, needed = {one.name for one in fields(Epoch)}, {one.name for one in fields(Epoch) if one.default is MISSING}
    if not isinstance(row, dict) or not needed <= set(row) <= names:
        raise TrainingError(f"{where} must be settings by name ({', '.join(sorted(names))}), got {limits.told(row)}")
    found: dict[str, Any] = {}
    for name, given in row.items():
        what = f"{name} in {where}"
        if name in ("epoch", "step"):
            found[name] = limits.whole(what, given, least=0, error=TrainingError)
        elif name.startswith("validation") and given is None:
            found[name] = None
        elif isinstance(given, float) and not math.isfinite(given):
            found[name] = given  # a cost may have been infinite for an epoch
        else:
            found[name] = limits.number(what, given, error=TrainingError)
    return Epoch(**found)
