"""Training as an iterator: one `Step` a batch, and whoever wants to look inside stops the iterator and looks.

The order of the samples, dropout and augmentation each draw from a generator of their own, made from the one seed and the
number of the epoch. So a training can stop after any step, write down where it stands (`state`), and go on from there with
the same bits.
"""

from __future__ import annotations

import json
import math
import operator
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from byhand import schedules
from byhand.backend import Array, array_module, generator, on_device
from byhand.errors import ModelError, TrainingError
from byhand.optim import SGD, Optimizer, clip

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset

Augmentation = Callable[[Array, np.random.Generator], Array]


class Trainable(Protocol):
    """What a model needs so that it can be trained: flat parameters, their gradient, and a way to fill it.

    `evaluate` gives cost and accuracy, None where there is none. `buffers` belong to its state without being trained, as the
    running means of batch norm.
    """

    parameters: Array
    gradient: Array
    rng: np.random.Generator

    @property
    def buffers(self) -> dict[str, Array]: ...

    def learn(self, x: Array, y: Array) -> float: ...
    def evaluate(self, x: Array, y: Array) -> tuple[float, float | None]: ...
    def trace(self) -> Any: ...
    def first_non_finite(self) -> str: ...
    def architecture(self) -> dict[str, Any]: ...


@dataclass(slots=True, eq=False)  # frozen, it would take 0.7 us a step longer: 1 % of the steps of a small network
class Step:
    """What one batch did.

    Attributes:
        index: of the step, from 0 over the whole training; epoch and batch: from 0.
        indices: (m,) of the samples in the training set.
        cost: of the batch, before the update.
        learning_rate: that this step used.
        last: whether it ends an epoch.
    """

    index: int
    epoch: int
    batch: int
    indices: NDArray[np.intp]
    cost: float
    learning_rate: float
    last: bool
    training: Steps

    def trace(self) -> Any:
        """Copies of all that the step computed. They are read from the model's buffers, which the next step writes over.

        Raises TrainingError once the iterator has gone on.
        """
        self._still_here()
        return self.training.model.trace()

    def update(self) -> Array:
        """The change of the flat parameter vector that the optimiser made in this step."""
        self._still_here()
        return self.training.optimizer.update.copy()

    def _still_here(self) -> None:
        if self.training.index != self.index + 1:
            raise TrainingError(f"step {self.index} is over and its buffers are written over: look before taking the next step")


class Steps(Iterator[Step]):
    """The iterator that `steps` returns."""

    def __init__(
        self,
        model: Trainable,
        data: Dataset,
        *,
        epochs: int,
        batch_size: int,
        optimizer: Optimizer,
        schedule: str,
        clip_length: float | None,
        augment: Augmentation | None,
        seed: int,
        even: bool = False,
    ) -> None:
        if epochs < 1 or batch_size < 1:
            raise ModelError(f"epochs is {epochs} and batch_size {batch_size}, but both are at least 1")
        if clip_length is not None and not clip_length > 0:
            raise ModelError(f"clip is {clip_length}, but a gradient is clipped to a positive length")
        self.model, self.optimizer, self.augment, self.seed = model, optimizer, augment, seed
        self.members = [np.flatnonzero(data.labels == k) for k in np.unique(data.labels)] if even else None
        self.factor, self.schedule = schedules.named(schedule), schedule
        self.base_rate, self.clip_length = optimizer.learning_rate, clip_length
        optimizer.prepare(model.parameters)
        self.x, self.y = data.flat, data.targets()
        self.epochs, self.batch_size = epochs, min(batch_size, len(self.x))
        self.batches = math.ceil(len(self.x) / self.batch_size)
        self.total = epochs * self.batches
        self.index = 0
        self.cost_sum, self.samples = 0.0, 0  # of the epoch so far: cost times samples, and how many they were
        self._x = np.empty((self.batch_size, self.x.shape[1]), self.x.dtype)
        self._y = np.empty((self.batch_size, self.y.shape[1]), self.y.dtype)
        self._begin_epoch(0)

    def _begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        rng = generator(self.seed, "shuffle", epoch)
        self.order = rng.permutation(len(self.x)) if self.members is None else evenly(self.members, len(self.x), rng)
        self.model.rng = generator(self.seed, "dropout", epoch)
        self.augment_rng = generator(self.seed, "augment", epoch)

    def upcoming(self) -> NDArray[np.intp]:
        """The samples of the next step, (m,)."""
        return self._samples_of(*divmod(self.index, self.batches))

    def _samples_of(self, epoch: int, batch: int) -> NDArray[np.intp]:
        if epoch != self.epoch:
            self._begin_epoch(epoch)
        first = batch * self.batch_size
        return self.order[first : first + self.batch_size]

    def __next__(self) -> Step:
        if self.index >= self.total:
            raise StopIteration
        epoch, batch = divmod(self.index, self.batches)
        indices = self._samples_of(epoch, batch)
        # mode="clip" spares a second look at indices that a permutation cannot get wrong, and a buffer with it.
        x = np.take(self.x, indices, axis=0, out=self._x[: len(indices)], mode="clip")
        y = np.take(self.y, indices, axis=0, out=self._y[: len(indices)], mode="clip")
        if self.augment is not None:
            x = self.augment(x, self.augment_rng)

        with np.errstate(over="ignore", invalid="ignore"):  # an explosion is told once, and in words
            cost = self.model.learn(x, y)
            if not math.isfinite(cost):
                self._explain_explosion(cost)
            if self.clip_length is not None:
                clip(self.model.gradient, self.clip_length)
            self.optimizer.learning_rate = self.base_rate * self.factor(self.index / self.total)
            self.optimizer.step(self.model.parameters, self.model.gradient)
        if batch == self.batches - 1 and not np.isfinite(self.model.parameters).all():
            self._explain_explosion(cost)

        self.index += 1
        before = (0.0, 0) if batch == 0 else (self.cost_sum, self.samples)
        self.cost_sum, self.samples = before[0] + cost * len(indices), before[1] + len(indices)
        return Step(self.index - 1, epoch, batch, indices, cost, self.optimizer.learning_rate, batch == self.batches - 1, self)

    def _explain_explosion(self, cost: float) -> None:
        where = self.model.first_non_finite() or "the cost of the last layer's outputs"
        raise TrainingError(
            f"the training exploded at step {self.index} (epoch {self.index // self.batches + 1}): {where} is the first that is "
            f"not finite, cost {cost:g}; try a learning rate of {self.optimizer.learning_rate / 10:g} instead of "
            f"{self.optimizer.learning_rate:g}, or clip the gradient"
        )

    def state(self) -> tuple[dict[str, Array], dict[str, str]]:
        """Where the training stands: vectors, and strings for a file's metadata."""
        return self.vectors(), {"position": json.dumps(self.position() | {"fingerprint": self.fingerprint()})}

    def vectors(self) -> dict[str, Array]:
        """All arrays of the state, by name: views, of what is on the CPU."""
        vectors = {f"optimizer.{slot}": vector for slot, vector in self.optimizer.state.items()}
        vectors["parameters"] = self.model.parameters
        vectors |= {f"buffer.{name}": array for name, array in self.model.buffers.items()}
        return {name: on_device(vector, "cpu") for name, vector in vectors.items()}

    def position(self) -> dict[str, Any]:
        """All numbers of the state, as JSON takes them."""
        generators = {"dropout": self.model.rng, "augment": self.augment_rng}
        return {
            "index": self.index,
            "optimizer_steps": self.optimizer.steps,
            "cost_sum": self.cost_sum,
            "samples": self.samples,
            "generators": {name: rng.bit_generator.state for name, rng in generators.items()},
        }

    def fingerprint(self) -> str:
        """What has to be the same for a training to be continued to the same bits."""
        settings = {**self.optimizer.settings(), "learning_rate": self.base_rate}
        return (
            f"data {self.x.shape} {self._data_sum:08x}, "
            f"model {json.dumps(self.model.architecture())} {self.model.parameters.dtype}, "
            f"{self.optimizer.name} {json.dumps(settings)}, {self.schedule} schedule, {self.epochs} epochs, "
            f"batch {self.batch_size}, clip {self.clip_length}, {'' if self.augment else 'not '}augmented, "
            f"{'' if self.members is None else 'even, '}seed {self.seed}"
        )

    @cached_property
    def _data_sum(self) -> int:
        # Of MNIST it takes 4 ms, and a recording takes hundreds of states.
        return zlib.crc32(self.x[::64].tobytes(), zlib.crc32(self.y.tobytes()))

    def restore(self, vectors: dict[str, Array], strings: dict[str, str]) -> None:
        """Go on from a `state`; raises TrainingError where it belongs to another training."""
        try:
            position = json.loads(strings["position"])
            if position["fingerprint"] != self.fingerprint():
                raise TrainingError(
                    f"the checkpoint is of another training ({position['fingerprint']}; this one: {self.fingerprint()}): "
                    "resume with the settings it began with, or start a new run elsewhere"
                )
            index, done = operator.index(position["index"]), operator.index(position["optimizer_steps"])
            if not 0 <= index <= self.total:
                raise ValueError(f"step {index} of {self.total}")
            cost_sum, samples = float(position["cost_sum"]), operator.index(position["samples"])
            wanted = {"parameters": self.model.parameters}
            wanted |= {f"optimizer.{slot}": vector for slot, vector in self.optimizer.state.items()}
            wanted |= {f"buffer.{name}": array for name, array in self.model.buffers.items()}
            for name, vector in wanted.items():
                if vectors[name].shape != vector.shape or vectors[name].dtype != vector.dtype or np.isnan(vectors[name]).any():
                    raise ValueError(f"{name} does not fit or holds NaN")
            self._begin_epoch(min(index // self.batches, self.epochs - 1))
            if index % self.batches:
                self.model.rng.bit_generator.state = position["generators"]["dropout"]
                self.augment_rng.bit_generator.state = position["generators"]["augment"]
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise TrainingError(f"the checkpoint is not usable ({error!r}): start the run anew without --resume") from error
        for name, vector in wanted.items():
            vector[...] = array_module(vector).asarray(vectors[name])
        self.index, self.optimizer.steps, self.cost_sum, self.samples = index, done, cost_sum, samples


def evenly(members: Sequence[NDArray[np.intp]], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """n samples in random order, of every class equally many (to one): a small class comes several times, a large one in part.

    >>> sorted(evenly([np.array([0]), np.array([1, 2, 3, 4])], 6, np.random.default_rng(0)).tolist())
    [0, 0, 0, 1, 2, 3]
    """
    share = math.ceil(n / len(members))
    order = [np.concatenate([rng.permutation(some) for _ in range(math.ceil(share / len(some)))])[:share] for some in members]
    return rng.permutation(np.concatenate(order))[:n]


def steps(
    model: Trainable,
    data: Dataset,
    *,
    epochs: int = 1,
    batch_size: int = 10,
    optimizer: Optimizer | None = None,
    schedule: str = "constant",
    clip: float | None = None,
    augment: Augmentation | None = None,
    seed: int = 0,
    even: bool = False,
) -> Steps:
    """Train a model batch by batch: an iterator of `Step`. The last batch of an epoch may be smaller; it is used too.

    Arguments:
        model: a `FeedForward`, or anything that is `Trainable`.
        data: a `Dataset`; its order is shuffled anew in each epoch.
        optimizer: SGD with a learning rate of 3.0, Nielsen's, unless another is given.
        schedule: factor on the learning rate; see `byhand.schedules`.
        clip: the largest length of the gradient, or None.
        augment: a function (batch, generator) -> batch.
        seed: of the order, dropout and augmentation.
        even: an epoch holds every class equally often, and as many samples as the data.

    Raises TrainingError when the numbers stop being finite: the step, and what exploded first.

    >>> import byhand
    >>> iris = byhand.data.load("iris").train
    >>> net = byhand.FeedForward((4, 5, 3), seed=1)
    >>> costs = [step.cost for step in byhand.steps(net, iris, epochs=20, seed=1)]
    >>> costs[-1] < costs[0] / 4
    True
    """
    return Steps(
        model,
        data,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer if optimizer is not None else SGD(3.0),
        schedule=schedule,
        clip_length=clip,
        augment=augment,
        seed=seed,
        even=even,
    )
