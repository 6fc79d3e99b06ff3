"""`fit`: the visible loop around `steps`, and the callbacks that watch it."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.data.classes import in_classes_of
from byhand.errors import ModelError, TrainingError
from byhand.neural_network import NeuralNetwork
from byhand.training.history import Epoch, History
from byhand.training.pairs import dataset_of
from byhand.training.state import Snapshot
from byhand.training.steps import Step, Steps, steps

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset


class Callback:
    """Watches a training. Override what you need; `after_epoch` returns True to end the training there.

    A callback may be used for one training after another: `before` begins anew. What it learns in a training and needs to go on,
    `state` tells and `restore` takes; it stands in the checkpoints beside the training's own.

    Attributes:
        validates: whether it needs validation data.
        comes_last: whether it hears of a step or an epoch only after those that keep something.
    """

    validates = False
    comes_last = False

    def before(self, training: Steps, history: History) -> None:
        """Called once, before the first step."""

    def after_step(self, step: Step) -> None:
        """Called after every step, while its buffers can still be looked at."""

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        """Called after every epoch and its validation."""
        return False

    def after(self, training: Steps, history: History) -> None:
        """Called once, when the training has ended: after its last epoch, or by an error or Ctrl-C, which then goes on."""

    def state(self) -> Snapshot:
        """What it keeps of the training: arrays, and numbers as JSON takes them."""
        return Snapshot({}, {})

    def restore(self, snapshot: Snapshot, training: Steps) -> None:
        """Go on from such a `state`: called after `before` where a training is continued. May raise ValueError or KeyError."""

    def done(self) -> bool:
        """Whether the training that is continued had been ended by this callback."""
        return False


def fit(
    model: NeuralNetwork,
    data: Dataset | tuple[Any, Any] | Array,
    *,
    validation: Dataset | tuple[Any, Any] | Array | None = None,
    callbacks: Sequence[Callback] = (),
    history: History | None = None,
    training: Steps | None = None,
    **settings: Any,
) -> History:
    """Train to the end, measuring on `validation` after each epoch; the settings are those of `steps`.

    Data are a `Dataset`, or a pair of arrays (x, y): see `byhand.training.pairs`.
    The validation data's classes are matched with the training data's by name.
    To continue a training, give its `Steps` and its `History`: epochs of the history that lie beyond are dropped.
    """
    _check_parts(callbacks, history, training, settings)
    if validation is None and any(callback.validates for callback in callbacks):
        raise ModelError("early stopping needs validation data: give fit a validation set")
    history, continued = history if history is not None else History(), training is not None
    training = training if training is not None else steps(model, data, **settings)
    measured = None if validation is None else _to_measure(validation, training)
    named = _named(callbacks)
    training.keepers = named
    ordered = sorted(callbacks, key=lambda callback: callback.comes_last)
    begun: list[Callback] = []
    try:
        for callback in ordered:
            begun.append(callback)
            callback.before(training, history)
        _hand_back(training, named)
        if not any(callback.done() for callback in callbacks):
            if continued:
                history.cut(training.index)
            _train(model, training, measured, ordered, history)
    finally:
        for callback in begun:
            callback.after(training, history)
        training.kept = {name: callback.state() for name, callback in named.items()}
    return history


def _hand_back(training: Steps, named: dict[str, Callback]) -> None:
    """Give each callback what it kept, where this training is continued."""
    for name, callback in named.items():
        if name in training.kept:
            try:
                callback.restore(training.kept[name], training)
            except (KeyError, ValueError, TypeError, AttributeError, ModelError) as error:
                raise TrainingError(
                    f"the checkpoint is not usable ({name}: {error!r}): start the run anew without --resume"
                ) from error


def _train(
    model: NeuralNetwork, training: Steps, validation: Dataset | None, callbacks: Sequence[Callback], history: History
) -> None:
    begin = time.perf_counter()
    for step in training:
        for callback in callbacks:
            callback.after_step(step)
        if step.last:
            with training.same_bits:
                cost, accuracy = (None, None) if validation is None else model.evaluate(validation.flat, validation.targets())
            seconds = time.perf_counter() - begin
            mean = training.cost_sum / training.samples
            history.append(Epoch(step.epoch, training.index, seconds, mean, cost, accuracy, step.learning_rate))
            # Every callback hears of every epoch, so there is no short-circuit here.
            if any([callback.after_epoch(history.epochs[-1], training) for callback in callbacks]):  # noqa: C419
                break
            begin = time.perf_counter()


def _named(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """Each callback under the name of its class, those of the same class numbered: so a checkpoint finds them again."""
    kinds = [type(callback).__name__ for callback in callbacks]
    return {f"{kind}{kinds[:i].count(kind)}": callback for i, (kind, callback) in enumerate(zip(kinds, callbacks, strict=True))}


def _to_measure(validation: Any, training: Steps) -> Dataset:
    """The validation data, in the classes of the training."""
    data = dataset_of(validation, training.model, training.class_names)
    if not (hasattr(data, "flat") and hasattr(data, "targets")):
        raise ModelError(f"validation must be a Dataset, a pair of arrays (x, y) or None, got {type(data).__name__}")
    return in_classes_of(data, training.class_names, "the training")


def _check_parts(callbacks: Any, history: Any, training: Any, settings: dict[str, Any]) -> None:
    """Raises ModelError where `fit` is given something else than its parts."""
    limits.known_settings("steps", settings, limits.parameters(steps, "model", "data"))
    if not isinstance(callbacks, list | tuple):
        raise ModelError(f"callbacks must be a list, for example [EarlyStopping()], got {limits.told(callbacks)}")
    for number, callback in enumerate(callbacks):
        if isinstance(callback, type) or not all(hasattr(callback, name) for name in HOOKS):
            raise ModelError(f"callback {number} must be a Callback, for example EarlyStopping(), got {limits.told(callback)}")
    for name, given, kind in (("history", history, History), ("training", training, Steps)):
        if given is not None and not isinstance(given, kind):
            raise ModelError(f"{name} must be a {kind.__name__} or None, got {limits.told(given)}")


HOOKS = [name for name in vars(Callback) if not name.startswith("_")]


class EarlyStopping(Callback):
    """Go back to the epoch with the lowest validation cost at the end; stop once none has been lower for `patience` epochs.

    However the training ends, by its last epoch, by patience, by an error or by Ctrl-C, all of it stands again as it stood after
    the best epoch: parameters, running statistics and running means, optimiser. The history keeps the epochs beyond.

    Arguments:
        patience: epochs; None never stops early, and only keeps the best.

    Raises TrainingError where no epoch had a validation cost that is a finite number.
    """

    validates = True

    def __init__(self, patience: int | None = 5) -> None:
        self.patience = None if patience is None else limits.whole("patience", patience)
        self._begin()

    def _begin(self) -> None:
        self.best = float("inf")
        self.waited = 0
        self.snapshot: Snapshot | None = None

    @property
    def best_parameters(self) -> Array:
        """The parameters after the best epoch; none before the first."""
        return np.empty(0) if self.snapshot is None else self.snapshot.vectors["parameters"]

    def before(self, training: Steps, history: History) -> None:
        self._begin()

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        if epoch.validation_cost is None:
            raise ModelError("early stopping needs validation data: give fit a validation set")
        if math.isfinite(epoch.validation_cost) and epoch.validation_cost < self.best:
            self.best, self.waited, self.snapshot = epoch.validation_cost, 0, training.snapshot()
        else:
            self.waited += 1
        if self.snapshot is None and (self.done() or training.index >= training.total):
            raise TrainingError(
                f"early stopping found no best epoch: no validation cost was a finite number, that of epoch {epoch.epoch + 1} is "
                f"{epoch.validation_cost:g}: lower the learning rate, or look for such numbers in the validation data"
            )
        return self.done()

    def done(self) -> bool:
        return self.patience is not None and self.waited >= self.patience

    def after(self, training: Steps, history: History) -> None:
        if self.snapshot is not None:
            training.restore(self.snapshot)

    def state(self) -> Snapshot:
        if self.snapshot is None:
            return Snapshot({}, {"waited": self.waited})
        return Snapshot(self.snapshot.vectors, {"waited": self.waited, "best": self.best, "position": self.snapshot.position})

    def restore(self, snapshot: Snapshot, training: Steps) -> None:
        numbers = snapshot.position
        if not numbers:
            return
        self.waited = operator.index(numbers["waited"])
        if "position" in numbers:
            self.best = float(numbers["best"])
            self.snapshot = training.checked(Snapshot(snapshot.vectors, numbers["position"]))
            if not self.done() and training.index == self.snapshot.position["index"]:
                self.waited = 0  # it was put back to its best epoch, and goes on from there
