"""What the terminal shows of a recorded training: its summary, one step of it, and a branch beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.printable import literal
from byhand.training.replay import Branch, Norms, Replay, norms

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 48  # bars in a line of 80 characters, with words beside them
ROWS = 10  # of a table
BRANCH = 1_000  # steps of a branch unless one asks for others


@dataclass(frozen=True)
class RecordingSummary:
    """A recording in a few numbers; epochs: the mean cost of the batches of each that was begun."""

    run: str
    steps: int
    recorded: int
    snapshots: int
    farthest: int
    megabytes: float
    epochs: list[float]
    costs: NDArray[np.float32]

    def figures(self) -> dict[str, Any]:
        """The same for JSON; the cost of an epoch that was not recorded is None."""
        found = asdict(self)
        del found["costs"]
        return found | {"epochs": [_number(cost) for cost in self.epochs]}

    def render(self, console: Console) -> None:
        """Print it."""
        whole = "all" if self.recorded == self.steps else f"the first {self.recorded:,}"
        console.print(
            f"[bold]{literal(self.run)}[/]: {whole} of {self.steps:,} steps, {self.snapshots:,} snapshots at most "
            f"{self.farthest:,} steps apart, {self.megabytes:.1f} MB",
            highlight=False,
            soft_wrap=True,
        )
        console.print(f"cost  {sparkline(_bars(self.costs))}", highlight=False)
        table = Table("epoch", "mean cost", box=None, header_style="bold")
        for epoch in _spread(len(self.epochs)):
            table.add_row(str(epoch + 1), f"{self.epochs[epoch]:.5f}")
        console.print(table)


def summary(replay: Replay) -> RecordingSummary:
    """What there is to go back to."""
    costs = replay.costs
    epochs = [_mean(costs[start : start + replay.batches]) for start in range(0, len(costs), replay.batches)]
    between = np.diff([*replay.snapshots, replay.recorded])
    farthest = int(between.max()) if between.size else 0
    taken, steps = replay.recording.taken / 1e6, replay.total
    return RecordingSummary(str(replay.folder), steps, replay.recorded, len(replay.snapshots), farthest, taken, epochs, costs)


@dataclass(frozen=True)
class RecordedStep:
    """One step of a recorded training. same_bits: whether it has the run's own bits; where it has not, `difference` says why."""

    step: int
    epoch: int
    batch: int
    samples: list[int]
    cost: float
    learning_rate: float
    same_bits: bool
    difference: str
    tensors: list[Norms]

    def figures(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)

    def render(self, console: Console) -> None:
        """Print it."""
        console.print(
            f"[bold]Step {self.step:,}[/] (epoch {self.epoch + 1}, batch {self.batch + 1:,}): cost {self.cost:.9g}, "
            f"learning rate {self.learning_rate:g}",
            highlight=False,
        )
        table = Table("tensor", "|weights|", "|gradient|", "|update|", "update : weights", box=None, header_style="bold")
        for one in self.tensors:
            ratio = f"{one.update / one.weights:.1e}" if one.weights else ""
            table.add_row(literal(one.name), f"{one.weights:.6g}", f"{one.gradient:.6g}", f"{one.update:.6g}", ratio)
        console.print(table)
        console.print(
            "These are the same bits as in the run." if self.same_bits else f"Not the run's own bits: {literal(self.difference)}"
        )


def recorded_step(replay: Replay, at: int) -> RecordedStep:
    """Take the step `at` again, and look at it; raises ModelError where it was not recorded."""
    if at == replay.recorded:
        raise ModelError(f"step {at:,} is where the recording ends: look at one from 0 to {at - 1:,}")
    step, tensors = norms(replay.at(at))
    replay.check(step)
    same = replay.differs is None and not np.isnan(replay.costs[at])
    difference = replay.difference or "this step was not recorded"
    indices = step.indices.tolist()
    why = "" if same else difference
    return RecordedStep(at, step.epoch, step.batch, indices, step.cost, step.learning_rate, same, why, tensors)


@dataclass(frozen=True)
class BranchComparison:
    """A branch and the recorded training, side by side."""

    branch: Branch
    difference: str

    def figures(self) -> dict[str, Any]:
        """The same for JSON; a cost that is not known is None."""
        return {
            "step": self.branch.start,
            "learning_rate": self.branch.learning_rate,
            "ended": self.branch.ended,
            "same_bits": not self.difference,
            "costs": [_number(cost) for cost in self.branch.costs.tolist()],
            "recorded": [_number(cost) for cost in self.branch.recorded.tolist()],
        }

    def render(self, console: Console) -> None:
        """Print it."""
        found = self.branch
        console.print(
            f"Left before step {found.start:,} with the learning rate {found.learning_rate:g}, for {len(found.costs):,} steps",
            highlight=False,
        )
        run, branch = _bars(found.recorded), _bars(found.costs)
        both = np.concatenate([run, branch])
        console.print(f"run     {sparkline(run, both)}\nbranch  {sparkline(branch, both)}", highlight=False)
        table = Table("steps", "mean cost in the run", "in the branch", box=None, header_style="bold")
        edges = np.linspace(0, len(found.costs), min(ROWS, len(found.costs)) + 1).astype(int)
        for begin, end in pairwise(edges.tolist()):
            means = (f"{_mean(costs[begin:end]):.6f}" for costs in (found.recorded, found.costs))
            table.add_row(f"{found.start + begin:,} to {found.start + end - 1:,}", *means)
        console.print(table)
        if found.ended:
            console.print(f"The branch ended early: {literal(found.ended)}", highlight=False)
        if self.difference:
            console.print(f"Not the run's own bits: {literal(self.difference)}", highlight=False)


def compare_branch(replay: Replay, at: int, lr: float, steps: int | None = None) -> BranchComparison:
    """Leave a recorded training before the step `at` with another learning rate, for 1,000 steps unless others are asked for."""
    count = min(BRANCH, replay.total - at) if steps is None else steps
    branch = replay.branch(at, lr=lr, steps=count)
    return BranchComparison(branch, replay.difference)


def _bars(costs: Array, width: int = WIDTH) -> Array:
    """The mean of each of `width` shares of costs (n,), NaN where nothing is known of one."""
    return np.array([_mean(share) for share in np.array_split(costs, max(1, min(width, len(costs))))])


def sparkline(means: Array, scale: Array | None = None) -> str:
    """Costs (n,) as bars, between the least and the most of `scale`, their own unless given; NaN leaves a gap.

    >>> sparkline(np.array([4.0, 3.0, 2.0, 1.0]))
    '█▅▃▁  4 to 1'
    """
    known = means[~np.isnan(means)]
    if not known.size:
        return "none"
    scale = known if scale is None else scale
    least, most = float(np.nanmin(scale)), float(np.nanmax(scale))
    scaled = (means - least) / ((most - least) or 1) * (len(BARS) - 1)
    bars = "".join(" " if np.isnan(height) else BARS[int(height)] for height in scaled)
    return f"{bars}  {known[0]:.4g} to {known[-1]:.4g}"


def _mean(costs: Array) -> float:
    known = costs[~np.isnan(costs)]
    return float(known.mean(dtype=np.float64)) if known.size else float("nan")


def _number(cost: float) -> float | None:
    return None if np.isnan(cost) else cost


def _spread(n: int) -> list[int]:
    """At most ROWS of n, evenly, the first and the last among them."""
    return sorted({int(at) for at in np.linspace(0, n - 1, min(n, ROWS)).round()})
