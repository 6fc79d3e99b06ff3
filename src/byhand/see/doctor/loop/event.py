"""What is known of a loop that somebody else wrote: the events of its steps, and what its network answers.

A framework's loop and a plain NumPy loop leave the same record, so that what is asked of it is written once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from byhand.backend import Array

EARLY, EVERY, LOOKED_AT = 3, 7, 10  # the first steps, then every so many, until so many were looked at
COLLECTED = 64  # steps whose samples are kept

Parameters = Mapping[str, Array]


@dataclass
class Event:
    """One step that was looked at.

    Attributes:
        step: its number, from 1. inputs: what the network was given. targets: what it was to answer, (m,) or (m, K); None where
            that was not heard. outputs: what it answered.
        cost: of the batch, as the loop has it.
        before, after: the parameters by name. gradient: what the optimiser saw; None for an array that had none, {} where the
            loop did not say.
    """

    step: int
    inputs: Any
    targets: Array | None
    cost: float
    before: Parameters
    after: Parameters
    gradient: Mapping[str, Array | None] = field(default_factory=dict)
    outputs: Array | None = None

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.cost)) and all(np.isfinite(array).all() for array in self.after.values())


class Loop(ABC):
    """A loop that is listened to.

    Attributes:
        steps: how many it took. costs, rates: one per step. events: those steps that were looked at.
        samples: inputs (m, ...) and targets of the first steps, in their order.
        reported: accuracies that the loop worked out, each with how many of these samples its network reads right at that moment.
        unseen: what could not be looked at, in words.
    """

    name = "this loop"

    def __init__(self) -> None:
        self.steps = 0
        self.costs: list[float] = []
        self.rates: list[float] = []
        self.events: list[Event] = []
        self.samples: list[tuple[Array, Array]] = []
        self.reported: list[tuple[float, float]] = []
        self.unseen: list[str] = []

    def looks_at(self, step: int) -> bool:
        """Whether this step, counted from 1, is one of those that are looked at."""
        return len(self.events) < LOOKED_AT and (step <= EARLY or step % EVERY == 0)

    @abstractmethod
    def answers(self, x: Any, parameters: Parameters | None = None) -> Array:
        """What the network answers in evaluation, (m, ...) in float64; with other parameters if they are given."""

    games = 0  # steps of optimisers that hold none of this network's parameters: its opponent in a game, or another part
    part = False  # whether another network stands between its answers and the loss
    draws = False  # whether the network may mean to answer at random

    @abstractmethod
    def cost(self, event: Event, parameters: Parameters) -> float | None:
        """The cost of that step's batch under other parameters, with the same chance; None where it cannot be worked out anew."""

    def smooth(self, event: Event) -> bool:
        """Whether that cost has slopes that can be measured there; not where a logarithm stands at its bound."""
        del event
        return True

    @abstractmethod
    def parameters(self) -> dict[str, Array]:
        """Copies of the parameters as they are now."""

    @abstractmethod
    def accuracy(self, reported: float, x: Any, y: Any) -> None:
        """Tell an accuracy that the loop worked out on (x, y), between 0 and 1 or in percent; it is counted again."""

    @property
    def whole(self) -> list[Event]:
        """The events up to where the numbers stop being finite."""
        found: list[Event] = []
        for event in self.events:
            if not event.finite:
                break
            found.append(event)
        return found

    @cached_property
    def collected(self) -> tuple[Array, Array] | None:
        """The samples of the first steps, each once, as rows (n, n_in) and targets (n, ...); None if their sizes differ."""
        rows = [(x.reshape(len(x), -1), y) for x, y in self.samples if x.ndim and y.ndim and len(x) == len(y)]
        shapes = {(x.shape[1:], y.shape[1:]) for x, y in rows}
        if len(shapes) != 1:
            return None
        x, y = np.concatenate([x for x, _ in rows]), np.concatenate([y for _, y in rows])
        first = np.sort(np.unique(x, axis=0, return_index=True)[1])  # a second epoch brings the same ones again
        return x[first], y[first]
