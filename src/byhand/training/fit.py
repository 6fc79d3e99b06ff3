"""`fit`: the visible loop around `steps`, and the callbacks that watch it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.training.history import Epoch, History
from byhand.training.steps import Step, Steps, Trainable, steps

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset


class Callback:
    """Watches a training. Override what you need; `after_epoch` returns True to end the training there."""

    def before(self, training: Steps, history: History) -> None:
        """Called once, before the first step."""

    def after_step(self, step: Step) -> None:
        """Called after every step, while its buffers can still be looked at."""

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        """Called after every epoch and its validation."""
        return False


def fit(
    model: Trainable,
    data: Dataset,
    *,
    validation: Dataset | None = None,
    callbacks: Sequence[Callback] = (),
    history: History | None = None,
    training: Steps | None = None,
    **settings: Any,
) -> History:
    """Train to the end, measuring on `validation` after each epoch; the settings are those of `steps`.

    To continue a training, give its `Steps` and its `History`.
    """
    training = training if training is not None else steps(model, data, **settings)
    history = history if history is not None else History()
    for callback in callbacks:
        callback.before(training, history)
    begin = time.perf_counter()
    for step in training:
        for callback in callbacks:
            callback.after_step(step)
        if step.last:
            cost, accuracy = (None, None) if validation is None else model.evaluate(validation.flat, validation.targets())
            seconds = time.perf_counter() - begin
            mean = training.cost_sum / training.samples
            history.append(Epoch(step.epoch, training.index, seconds, mean, cost, accuracy, step.learning_rate))
            # Every callback hears of every epoch, so there is no short-circuit here.
            if any([callback.after_epoch(history.epochs[-1], training) for callback in callbacks]):  # noqa: C419
                break
            begin = time.perf_counter()
    return history


class EarlyStopping(Callback):
    """Stop once the validation cost has not improved for `patience` epochs, and go back to the best parameters."""

    def __init__(self, patience: int = 5) -> None:
        if patience < 1:
            raise ModelError(f"patience is {patience}, but it is a number of epochs from 1 up")
        self.patience = patience
        self.best = float("inf")
        self.best_parameters: Array = np.empty(0)
        self.waited = 0

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        if epoch.validation_cost is None:
            raise ModelError("early stopping needs validation data: give fit a validation set")
        if epoch.validation_cost < self.best:
            self.best, self.waited = epoch.validation_cost, 0
            self.best_parameters = training.model.parameters.copy()
        else:
            self.waited += 1
        if self.waited >= self.patience:
            training.model.parameters[...] = self.best_parameters
            return True
        return False
