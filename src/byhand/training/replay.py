"""Going back in a recorded training: to any step, forward from there with the same bits, or off on another branch.

The nearest snapshot before the step is read, and the steps between are taken again. Each must have the very cost that was
recorded; where one has not, as on another processor, that is said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.errors import ModelError, TrainingError
from byhand.optim import Optimizer
from byhand.training.recording_files import computed_here, read_recording
from byhand.training.run import begin, build, load_splits, read_recipe, start_from
from byhand.training.steps import Step, Steps

if TYPE_CHECKING:
    from byhand.data.dataset import Splits
    from byhand.training.recipes import Recipe


@dataclass(frozen=True)
class Norms:
    """The lengths of one tensor of the parameters, of its gradient and of the change that the step made: root sums of squares."""

    name: str
    weights: float
    gradient: float
    update: float


@dataclass(frozen=True)
class Branch:
    """A training that left a recorded one before the step `start`.

    Attributes:
        costs, recorded: (n,) float32, step by step, of the branch and of the recording (NaN where it has none).
        learning_rate: of its first step. training: where the branch stands at its end.
        ended: why it ended before its time, in words; "" where it did not.
    """

    start: int
    learning_rate: float
    costs: NDArray[np.float32]
    recorded: NDArray[np.float32]
    training: Steps
    ended: str = ""


class Replay:
    """A recorded training.

    Arguments:
        folder: of the run. fresh: makes the same training anew, at its first step.
        strict: raise where a step that is taken again has not the recorded cost; else go on, and keep the first such step in
            `differs`, and what is wrong in `difference`.

    Attributes:
        total: steps of the whole training; recorded: how many of them the recording knows; batches: steps an epoch.
        costs: (recorded,) float32, of each step before its update. snapshots: the steps before which one was kept.
        damaged: from which step and up to which the costs are not those that were written.

    Raises TrainingError where there is no recording, it is damaged, or it is of another training.
    """

    def __init__(self, folder: Path, fresh: Callable[[], Steps], *, strict: bool = True) -> None:
        self.recording, self.fresh, self.strict = read_recording(folder), fresh, strict
        self.folder, self.total, self.batches = folder, self.recording.total, self.recording.batches
        costs = self.recording.costs()
        known = np.flatnonzero(~np.isnan(costs))
        self.recorded = int(known[-1]) + 1 if known.size else 0
        self.costs: NDArray[np.float32] = costs[: self.recorded].copy()
        self.snapshots = [snapshot.step for snapshot in self.recording.snapshots]
        self.differs: int | None = None
        self.difference = ""
        self.damaged = self.recording.damaged_costs()
        found = fresh().fingerprint()
        if found != self.recording.fingerprint:
            raise TrainingError(
                f"{self.recording.folder} is of another training ({self.recording.fingerprint}; this one: {found}): "
                "replay it with the data and settings it was made with"
            )

    def at(self, step: int) -> Steps:
        """The training exactly before `step`, as it was: `next` takes that step again.

        Raises ModelError for a step that was not recorded, TrainingError where the costs on the way differ.
        """
        return next(self.through([step]))

    def parameters(self, step: int) -> Array:
        """The flat parameters before `step`, a copy."""
        return self.at(step).model.parameters.copy()

    def through(self, steps: Iterable[int]) -> Iterator[Steps]:
        """One training, put before each of these rising `steps` in turn: look at it before you ask for the next.

        Where a step is one of `snapshots`, nothing is computed again. Raises as `at` does.
        """
        training = self.fresh()
        for step in steps:
            if not training.index <= step <= self.recorded:
                there = f"{training.index:,} to {self.recorded:,}"
                raise ModelError(f"step must be one of the recording's, {there}, got {step:,}")
            if step < self.recording.begins:
                raise ModelError(f"step must be {self.recording.begins:,} or more, where the recording begins, got {step:,}")
            nearest = bisect_right(self.snapshots, step) - 1
            if nearest >= 0 and self.snapshots[nearest] >= training.index:
                training.resume(*self.recording.state(nearest))
            while training.index < step:
                self.check(next(training))
            yield training

    def check(self, step: Step) -> None:
        """Hold a step that was taken again against the recording: raises TrainingError, or notes it, where its cost differs."""
        if step.index >= self.recorded or np.isnan(self.costs[step.index]) or self.costs[step.index] == np.float32(step.cost):
            return
        if self.differs is None or step.index < self.differs:
            self.differs = step.index
            damaged = next((f"{begin:,} to {end - 1:,}" for begin, end in self.damaged if begin <= step.index < end), "")
            why = (
                f"the recorded costs of steps {damaged} are damaged"
                if damaged
                else f"the same bits need the machine of the run ({self.recording.computed}; here: {computed_here()}); "
                "snapshots are exact anywhere"
            )
            self.difference = f"step {step.index:,} cost {self.costs[step.index]:.9g} in the run but {step.cost:.9g} here: {why}"
        if self.strict:
            raise TrainingError(self.difference)

    def branch(
        self,
        step: int,
        *,
        lr: float | None = None,
        optimizer: Optimizer | None = None,
        steps: int | None = None,
        epochs: int | None = None,
    ) -> Branch:
        """Leave the recorded training before `step` with another rate or optimiser, and train on beside it.

        Arguments:
            lr: the learning rate, on which the training's schedule still acts; the recorded one unless given.
            optimizer: begins there without a memory; the recorded one, with its memory, unless given.
            steps, epochs: how long; to the end of the training unless given.

        Raises ModelError for a step, a rate or a length that there is not. An explosion is no error: the branch ends there.
        """
        training = self.at(step)
        left = training.total - step
        wanted = epochs * training.batches if epochs is not None and steps is None else steps
        count = left if wanted is None else wanted
        if not 1 <= count <= left:
            raise ModelError(f"a branch of {count:,} steps cannot leave at step {step:,}: 1 to {left:,} are left of the training")
        if optimizer is not None:
            training.use(optimizer)
        if lr is not None:
            if not (np.isfinite(lr) and lr > 0):
                raise ModelError(f"the learning rate must be above 0, got {lr}")
            training.base_rate = float(lr)
        rate = training.base_rate * training.factor(step / training.total)
        costs, ended = np.full(count, np.nan, np.float32), ""
        try:
            for at in range(count):
                costs[at] = next(training).cost
        except TrainingError as error:
            ended = str(error)
        recorded = np.full(count, np.nan, np.float32)
        known = self.costs[step : step + count]
        recorded[: len(known)] = known
        return Branch(step, rate, costs, recorded, training, ended)


class RunReplay(Replay):
    """The recorded training of a run, with its recipe and its data."""

    def __init__(self, folder: Path, recipe: Recipe, splits: Splits, *, strict: bool = True) -> None:
        self.recipe, self.splits = recipe, splits
        super().__init__(folder, self._begin, strict=strict)

    def _begin(self) -> Steps:
        network = build(self.recipe, self.splits)
        if self.recipe.start_from:
            start_from(network, self.recipe.start_from)
        return begin(self.recipe, network, self.splits)


def open_recording(folder: Path | str, *, strict: bool = True) -> RunReplay:
    """The recording of a run, as `byhand train RECIPE --record` writes it; for `strict` see `Replay`.

    Raises TrainingError where the folder holds no run, no recording, or one that is damaged.
    """
    folder = Path(folder)
    recipe = read_recipe(folder)
    if recipe is None:
        raise TrainingError(f"{folder} is not the folder of a run: give one that `byhand train RECIPE --record` wrote")
    read_recording(folder)  # says it before the data are loaded
    return RunReplay(folder, recipe, load_splits(recipe), strict=strict)


def norms(training: Steps) -> tuple[Step, list[Norms]]:
    """Take the next step, and measure it tensor by tensor: its weights before it, its gradient, and its change."""
    model = training.model
    before = model.parameters.copy()
    step = next(training)
    found = [
        Norms(name, *(float(np.linalg.norm(flat[place])) for flat in (before, model.gradient, training.optimizer.update)))
        for name, place in model.parameter_slices().items()
    ]
    return step, found
