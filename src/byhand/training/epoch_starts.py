"""What a live training keeps so that its last epoch can be gone through again, with the same bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from byhand.errors import ModelError
from byhand.training.state import Snapshot
from byhand.training.steps import Step, Steps


class EpochStarts:
    """What a live training keeps so that its last epoch can be gone through again: two states, and the rates that were set."""

    def __init__(self) -> None:
        self.states: dict[int, Snapshot] = {}
        self.rates: list[tuple[int, float]] = []  # from which step on

    def before_step(self, training: Steps) -> None:
        """To be called before every step: copies the state where an epoch begins."""
        if training.index % training.batches == 0:
            self.states[training.index] = training.snapshot()
            for old in sorted(self.states)[:-2]:
                del self.states[old]
            self.rates = [rate for rate in self.rates if rate[0] >= min(self.states)]

    def rate_changed(self, training: Steps) -> None:
        """To be called when the training got another rate."""
        self.rates.append((training.index, training.base_rate))

    def again(self, first: int, fresh: Callable[[], Steps]) -> Steps:
        """The training before the step `first`, made anew: it takes the same steps with the same bits."""
        if first not in self.states:
            raise ModelError("the state at the beginning of that epoch is not kept any more: take some steps and ask again")
        training = fresh()
        training.restore(self.states[first])
        return _Rated(training, self.rates) if any(step > first for step, _ in self.rates) else training


class _Rated(Steps):
    """A training whose rate was changed on its way."""

    def __init__(self, training: Steps, rates: Sequence[tuple[int, float]]) -> None:
        self.__dict__ = training.__dict__
        self.set_rates = list(rates)

    def __next__(self) -> Step:
        for step, rate in self.set_rates:
            if step == self.index:
                self.base_rate = rate
        return super().__next__()
