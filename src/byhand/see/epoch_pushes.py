"""Which samples pushed one weight over an epoch: its steps are taken again, and each sample's pushes are added up.

A push is -dC/dw by one sample, as in `byhand.see.pushes`: above 0 it raises the weight. A training goes on from a state of
its own with the same bits, so what is needed is the state at the epoch's beginning: a recording has it, a live one keeps two.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.engine import watch
from byhand.errors import ModelError
from byhand.see.take_step import record_of
from byhand.terms import At
from byhand.training.steps import Steps

LONGEST = 45.0  # seconds that going through an epoch again may take
TRIED = 1.0  # seconds after which it is known how long that will be


@dataclass(frozen=True)
class EpochPushes:
    """The sums of every sample's pushes on one weight. values: (N,) by the samples' indices in the data; steps first to last."""

    values: NDArray[np.float64]
    first: int
    last: int
    seconds: float


def finished_epoch(index: int, batches: int) -> tuple[int, int]:
    """The steps (first, end) of the last epoch that was finished before step `index`; in the first one, those that were taken.

    Raises ModelError where there are none.

    >>> finished_epoch(250, 100), finished_epoch(200, 100), finished_epoch(30, 100)
    ((100, 200), (100, 200), (0, 30))
    """
    if not index:
        raise ModelError("no step has been taken yet, so there is no epoch to look back on: train for some steps first")
    if index < batches:
        return 0, index
    first = (index // batches - 1) * batches
    return first, first + batches


def pushes_over(training: Steps, end: int, name: str, at: Sequence[int], longest: float = LONGEST) -> EpochPushes:
    """Take the steps up to `end` (not itself), and add up each sample's pushes on the weight `at` of the parameter `name`.

    Arguments:
        training: before the first of these steps; it is at `end` afterwards.
        name, at: as in `byhand.see.step_numbers`: "w2", (5, 400), or "0.weight", (1, 1, 0, 5).

    Raises ModelError for a weight that there is not, or whose gradient is not worked out by samples, and where it would take
    longer than `longest` seconds.
    """
    model: Any = training.model
    place = tuple(int(k) for k in at)
    found, first, began = np.zeros(len(training.x)), training.index, time.perf_counter()
    while training.index < end:
        with watch() as tape:
            step = next(training)
        record = record_of(model, tape)
        if step.index == first:
            _check(name, place, record.parameters(model.parameters))
        each = -record.contributions(name, place, len(step.indices))
        np.add.at(found, step.indices, each)  # a small class comes several times, where classes are drawn evenly
        gone = time.perf_counter() - began
        whole = gone / (training.index - first) * (end - first)
        if gone > min(TRIED, longest) and whole > longest:
            raise ModelError(
                f"going through the {end - first:,} steps of the epoch again would take about {_long(whole)}, and at most "
                f"{longest:g} seconds are spent on it: look at this batch, or at a smaller network"
            )
    return EpochPushes(found, first, end - 1, time.perf_counter() - began)


def _check(name: str, at: At, parameters: dict[str, Array]) -> None:
    """Raises ModelError for a parameter or indices that the network does not have."""
    if name not in parameters:
        raise ModelError(f"{name[:80]} is not a parameter of this network: choose one, as {' or '.join(list(parameters)[:2])}")
    shape = parameters[name].shape
    if len(at) != len(shape) or any(not 0 <= k < n for k, n in zip(at, shape, strict=False)):
        raise ModelError(f"{name} has no number [{', '.join(map(str, at))}]: its shape is {shape}")


def _long(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
