"""Training as an iterator: one `Step` a batch, and whoever wants to look inside stops the iterator and looks.

The order of the samples, dropout and augmentation each draw from a generator of their own, made from the one seed and the
number of the epoch. So a training can stop after any step, write down where it stands (`state`), and go on from there with
the same bits.
"""

from __future__ import annotations

import copy
import json
import math
import operator
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from byhand import limits, schedules
from byhand.backend import Array, generator, on_device
from byhand.errors import EngineError, ModelError, TrainingError
from byhand.kernels.threads import one_thread
from byhand.neural_network import CLASSIFICATION, OF_TASK, NeuralNetwork
from byhand.nn import Module
from byhand.optim import OPTIMIZERS, SGD, Optimizer, clip
from byhand.parallel.reducer import Alone, Reducer
from byhand.predictions import fitting_targets
from byhand.training.pairs import dataset_of
from byhand.training.shards import Shards
from byhand.training.state import Snapshot, arrays_of, generator_state, put, set_generator, undisturbed

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset

WELL_SCALED = 10.0  # inputs no larger than this do not make a first step explode

Augmentation = Callable[[Array, np.random.Generator], Array]


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
        if self.training.sharded is not None:
            raise TrainingError("a sharded step keeps nothing of the whole batch: leave shards out to look inside its steps")
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
        model: NeuralNetwork,
        data: Dataset | tuple[Any, Any] | Array,
        *,
        epochs: int,
        batch_size: int,
        optimizer: Optimizer,
        schedule: str | Callable[[float], float],
        clip_length: float | None,
        augment: Augmentation | None,
        seed: int,
        even: bool = False,
        drop_last: bool = False,
        accumulate: int = 1,
        shards: int | None = None,
        reducer: Reducer | None = None,
    ) -> None:
        _check_model(model)
        given: Any = dataset_of(data, model)
        _check_parts(given, optimizer, augment)
        model.check_trained()
        epochs, batch_size = limits.whole("epochs", epochs), limits.whole("batch_size", batch_size)
        seed, even = limits.whole("seed", seed, least=0), limits.truth("even", even)
        clip_length = None if clip_length is None else limits.number("clip", clip_length, above=0)
        self.model, self.optimizer, self.augment, self.seed = model, optimizer, augment, seed
        self.members = [np.flatnonzero(given.labels == k) for k in np.unique(given.labels)] if even else None
        self.weights: NDArray[np.float64] | None = getattr(given, "weights", None)
        if even and self.weights is not None:
            raise ModelError("even and the weights of samples both say how often a sample comes: leave one of them out")
        if isinstance(schedule, str) or not callable(schedule):
            self.factor, self.schedule = schedules.by_name(schedule), schedule
        else:
            self.factor, self.schedule = schedules.own(schedule), getattr(schedule, "__qualname__", type(schedule).__qualname__)
        self.accumulate = limits.whole("accumulate", accumulate)
        shards = None if shards is None else limits.whole("shards", shards)
        if reducer is not None and shards is None:
            raise ModelError("shards must be given beside a reducer, the same for any number of ranks: for example shards=8")
        self.clip_length, self.drop_last = clip_length, drop_last
        self.x, self.y, self.class_names = given.flat, given.targets(), getattr(given, "class_names", ())
        if model.purpose == CLASSIFICATION:
            model.purpose = OF_TASK.get(getattr(given, "task", ""), CLASSIFICATION)  # what is learned is the data's to say
        if model.n_outputs == 1:  # two classes are then a yes or no
            self.y = np.ascontiguousarray(fitting_targets(self.y, (len(self.x), 1)))
        self.retime(epochs, batch_size)
        self.index = 0
        self.cost_sum, self.samples = 0.0, 0  # of the epoch so far: cost times samples, and how many they were
        self.keepers: Mapping[str, Keeper] = {}
        self.kept: dict[str, Snapshot] = {}
        self.use(optimizer)
        self.begun = (optimizer.settings() | {"learning_rate": self.base_rate}, clip_length)
        self._begin_epoch(0)
        self.sharded = None if shards is None else Shards(self, shards, Alone() if reducer is None else reducer)
        self._check_smallest_batch()

    def use(self, optimizer: Optimizer) -> None:
        """Train on with this optimiser, which begins here: at the rate that it was given, without a memory."""
        self.optimizer = optimizer
        named = getattr(self.model, "named_parameters", dict)
        self.number = optimizer.begin(self.model.parameters, named())
        self.base_rate = optimizer.learning_rate

    def retime(self, epochs: int, batch_size: int) -> None:
        """Give a training that has not begun this length, and batches of this size."""
        n = len(self.x)
        self.epochs, self.batch_size = epochs, min(batch_size, n)
        self.batches = n // self.batch_size if self.drop_last else math.ceil(n / self.batch_size)
        self.total = epochs * self.batches
        self._x = np.empty((self.batch_size, self.x.shape[1]), self.x.dtype)
        self._y = np.empty((self.batch_size, self.y.shape[1]), self.y.dtype)

    def prolong(self, epochs: int) -> None:
        """Make the training this many epochs long in all, so that it goes on with its optimiser.

        The schedule is stretched to the new end.

        Raises TrainingError where it has already gone further.
        """
        done = math.ceil(self.index / self.batches)
        if epochs < max(1, done):
            raise TrainingError(f"epochs must be {max(1, done)} or more, got {epochs}: so many are begun already")
        self.epochs, self.total = epochs, epochs * self.batches

    def _check_smallest_batch(self) -> None:
        """Raises ModelError where the last batch of an epoch is too small for batch norm: better now than after an epoch."""
        last = len(self.x) - (self.batches - 1) * self.batch_size if not self.drop_last else self.batch_size
        count = 1 if self.sharded is None else self.sharded.count
        if last >= 2 * count or not self.model.buffers:
            return
        try:
            with undisturbed(self), np.errstate(all="ignore"):
                self.model.learn(self.x[:1].copy(), self.y[:1].copy())
        except Exception as error:
            if not (isinstance(error, EngineError) and "batch_norm" in str(error)):
                return  # another reason, which the first step will tell
            sizes = f"{len(self.x):,} samples in batches of {self.batch_size:,}"
            where = "every batch" if self.batches == 1 or self.batch_size < 2 * count else "the last batch of each epoch"
            if count > 1:
                raise ModelError(
                    f"batch norm needs 2 samples or more in each shard, but {where} has {last} for {count} shards ({sizes}): "
                    "drop it with drop_last=True (byhand train: --set drop_last=true), or choose fewer shards"
                ) from error
            where = "every batch" if self.batch_size == 1 else "the last batch of each epoch"
            cure = "" if self.batch_size == 1 else "drop it with drop_last=True (byhand train: --set drop_last=true), or "
            raise ModelError(
                f"batch norm needs batches of 2 samples or more, but {where} has 1 ({sizes}): {cure}choose another batch_size"
            ) from error

    def _begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        rng = generator(self.seed, "shuffle", epoch)
        self.order = self._new_order(rng)
        self.model.rng = generator(self.seed, "dropout", epoch)
        self.augment_rng = generator(self.seed, "augment", epoch)

    def _new_order(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """The samples of an epoch in the order in which they come."""
        if self.weights is not None:
            return by_weight(self.weights, len(self.x), rng)
        return rng.permutation(len(self.x)) if self.members is None else evenly(self.members, len(self.x), rng)

    @property
    def same_bits(self) -> AbstractContextManager[None]:
        """Where what is computed must not depend on the number of threads: open for a sharded training, else nothing."""
        return nullcontext() if self.sharded is None else one_thread()

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
        with np.errstate(over="ignore", invalid="ignore"):  # an explosion is told once, and in words
            if self.sharded is None:
                cost = self.learn_from(indices, self.augment_rng)
            else:
                cost = self.sharded.learn(indices, epoch, batch)
            if not math.isfinite(cost):
                self._explain_explosion(cost)
            if self.clip_length is not None:
                clip(self.model.gradient, self.clip_length)
            if not self.optimizer.serves(self.number):
                raise TrainingError("the optimiser serves another training by now: give each training an optimiser of its own")
            rate = self.base_rate * self.factor(self.index / self.total)
            self.optimizer.at_rate(rate)
            self.optimizer.step(self.model.parameters, self.model.gradient, *self.model.turn())
        if batch == self.batches - 1 and not np.isfinite(self.model.parameters).all():
            self._explain_explosion(cost)

        self.index += 1
        before = (0.0, 0) if batch == 0 else (self.cost_sum, self.samples)
        self.cost_sum, self.samples = before[0] + cost * len(indices), before[1] + len(indices)
        return Step(self.index - 1, epoch, batch, indices, cost, rate, batch == self.batches - 1, self)

    def learn_from(self, indices: NDArray[np.intp], augment_rng: np.random.Generator) -> float:
        """Take these samples, change them where they are augmented, and learn from them; returns their cost."""
        # mode="clip" spares a second look at indices that a permutation cannot get wrong, and a buffer with it.
        x = np.take(self.x, indices, axis=0, out=self._x[: len(indices)], mode="clip")
        y = np.take(self.y, indices, axis=0, out=self._y[: len(indices)], mode="clip")
        if self.augment is not None:
            shape, x = x.shape, self.augment(x, augment_rng)
            if getattr(x, "shape", None) != shape:
                raise ModelError(f"augment must give back a batch of {shape}, got {limits.told(x)}")
        return self.model.learn(x, y) if self.accumulate == 1 else self._learn_in_parts(x, y)

    def _learn_in_parts(self, x: Array, y: Array) -> float:
        """The batch's cost, and in the model its gradient, from one part of the batch after the other: their weighted means."""
        gradient, cost = np.zeros_like(self.model.gradient), 0.0
        for part in np.array_split(np.arange(len(x)), min(self.accumulate, len(x))):
            weight = len(part) / len(x)
            cost += weight * self.model.learn(x[part], y[part])
            gradient += weight * self.model.gradient
        self.model.gradient[...] = gradient
        return cost

    def _explain_explosion(self, cost: float) -> None:
        where = self.model.first_non_finite() or "the cost of the last layer's outputs"
        # Before the first update nothing was learned, so no learning rate can be to blame.
        advice = (
            f"try a learning rate of {self.optimizer.learning_rate / 10:g} instead of {self.optimizer.learning_rate:g}, "
            "or clip the gradient"
        )
        raise TrainingError(
            f"the training exploded at step {self.index} (epoch {self.index // self.batches + 1}): {where} is the first that is "
            f"not finite, cost {cost:g}; {advice if self.index or math.isfinite(cost) else self._look_at_the_inputs()}"
        )

    def _look_at_the_inputs(self) -> str:
        """What to do where the cost is not finite before anything was learned."""
        low, high = float(self.x.min()), float(self.x.max())
        finite = math.isfinite(low) and math.isfinite(high)
        largest = f"the inputs run from {low:g} to {high:g}" if finite else "the inputs hold NaN or infinite numbers"
        scaled = finite and max(-low, high) <= WELL_SCALED
        change = "look at the weights that it begins with" if scaled else "scale them to [0, 1], or to mean 0 and deviation 1"
        return f"nothing was learned yet, so a smaller learning rate cannot help: {largest}; {change}"

    def snapshot(self) -> Snapshot:
        """All of the training's state, copied: `restore` puts it back there."""
        return Snapshot({name: np.array(vector) for name, vector in self.vectors().items()}, self.position())

    def restore(self, snapshot: Snapshot) -> None:
        """Stand again where `snapshot` was taken of this training, or of one with the same settings."""
        position = snapshot.position
        put(self._arrays(), snapshot.vectors)
        self.index, self.base_rate, self.clip_length = position["index"], position["base_rate"], position["clip"]
        for name, value in position["settings"].items():
            setattr(self.optimizer, name, value)
        self.cost_sum, self.samples = position["cost_sum"], position["samples"]
        self.optimizer.steps = position["optimizer_steps"]
        if self.epoch != position["epoch"]:
            self._begin_epoch(position["epoch"])
        for name, rng in self._generators().items():
            set_generator(rng, position["generators"][name])

    def vectors(self) -> dict[str, Array]:
        """All arrays of the state, by name: views, of what is on the CPU."""
        return {name: on_device(array, "cpu") for name, array in self._arrays().items()}

    def _arrays(self) -> dict[str, Array]:
        return {f"optimizer.{slot}": vector for slot, vector in self.optimizer.state.items()} | arrays_of(self.model)

    def position(self) -> dict[str, Any]:
        """All numbers of the state, as JSON takes them."""
        return {
            "index": self.index,
            "epoch": self.epoch,
            "optimizer_steps": self.optimizer.steps,
            "base_rate": self.base_rate,
            "clip": self.clip_length,
            "settings": self._settings(),
            "cost_sum": self.cost_sum,
            "samples": self.samples,
            "generators": {name: generator_state(rng) for name, rng in self._generators().items()},
        }

    def _settings(self) -> dict[str, Any]:
        """The optimiser's settings but its rate: who changes one on the way, as its weight decay, changes the state."""
        return {name: value for name, value in self.optimizer.settings().items() if name != "learning_rate"}

    def _generators(self) -> dict[str, np.random.Generator]:
        return {"dropout": self.model.rng, "augment": self.augment_rng, **self.model.generators}

    # ---------------------------------------------------------------- in files

    def state(self) -> tuple[dict[str, Array], dict[str, str]]:
        """What a checkpoint holds of the training and of those that keep something of it: vectors, and strings for metadata."""
        vectors, position = self.vectors(), self.position() | {"fingerprint": self.fingerprint()}
        for name, keeper in self.keepers.items():
            kept = keeper.state()
            if not kept.position:
                continue
            vectors |= {f"kept.{name}.{key}": vector for key, vector in kept.vectors.items()}
            position.setdefault("kept", {})[name] = kept.position
        return vectors, {"position": json.dumps(position)}

    def fingerprint(self) -> str:
        """What has to be the same for a training to be continued to the same bits."""
        settings, clip_length = self.begun
        return (
            f"data {self.x.shape} {self._data_sum:08x}, "
            f"model {json.dumps(self.model.architecture())} {self.model.parameters.dtype}, "
            f"{self.optimizer.name} {json.dumps(settings)}{self.optimizer.grouping()}, "
            f"{self.schedule} schedule, {self.epochs} epochs, "
            f"batch {self.batch_size}{'' if self.accumulate == 1 else f' in {self.accumulate} parts'}"
            f"{'' if self.sharded is None else f' in {self.sharded.count} shards'}, "
            f"clip {clip_length}, {'' if self.augment else 'not '}augmented, "
            f"{'' if self.members is None else 'even, '}{'drop_last, ' if self.drop_last else ''}seed {self.seed}"
        )

    def differs_in_length(self, fingerprint: str) -> bool:
        """Whether a training of this fingerprint was to take another number of epochs, and is the same in all else."""
        mine = self.fingerprint()
        return fingerprint != mine and _of_any_length(fingerprint) == _of_any_length(mine)

    @cached_property
    def _data_sum(self) -> int:
        # Of MNIST it takes 4 ms, and a recording takes hundreds of states.
        weights = b"" if self.weights is None else self.weights.tobytes()
        return zlib.crc32(weights, zlib.crc32(self.x[::64].tobytes(), zlib.crc32(self.y.tobytes())))

    def resume(self, vectors: dict[str, Array], strings: dict[str, str], *, longer: bool = False) -> None:
        """Go on from a `state` that was read from a file; `longer`: also where that training was to take fewer epochs, or more.

        Raises TrainingError where it belongs to another training, or is damaged.
        """
        try:
            position = json.loads(strings["position"])
            mine, its = self.fingerprint(), position["fingerprint"]
            if its != mine and not (longer and self.differs_in_length(its)):
                raise TrainingError(
                    f"the checkpoint is of another training ({its}; this one: {mine}): "
                    "resume with the settings it began with, or start a new run elsewhere"
                )
            done = math.ceil(operator.index(position["index"]) / self.batches)
            if its != mine and done > self.epochs:
                raise TrainingError(f"epochs must be {done} or more, got {self.epochs}: so many are begun already")
            snapshot = self.checked(Snapshot(vectors, position))
            kept = {
                str(name): Snapshot(_under(f"kept.{name}.", vectors), dict(numbers))
                for name, numbers in dict(position.get("kept", {})).items()
            }
        except (LookupError, ArithmeticError, AttributeError, ValueError, TypeError, RecursionError, ModelError) as error:
            raise TrainingError(f"the checkpoint is not usable ({error!r}): start the run anew without --resume") from error
        self.restore(snapshot)
        self.kept = kept

    def checked(self, snapshot: Snapshot) -> Snapshot:
        """A snapshot from a file, as this training can take it; raises Model-, Value-, Key- or TypeError where it cannot."""
        vectors, position = snapshot
        index = limits.whole("index", position["index"], 0, self.total)
        # A step updates once, or not yet where gradients are accumulated.
        done = limits.whole("optimizer_steps", position["optimizer_steps"], 0, index)
        for name, array in self._arrays().items():
            vector = vectors[name]
            if vector.shape != array.shape or vector.dtype != array.dtype or np.isnan(vector).any():
                raise ValueError(f"{name} does not fit or holds NaN")
        before = max(0, (index - 1) // self.batches)  # between two epochs the first may still be the current one
        epoch, generators = limits.whole("epoch", position.get("epoch", before), 0), position["generators"]
        if epoch not in (before, min(index // self.batches, self.epochs - 1)):
            raise ValueError(f"step {index} in epoch {epoch}")
        for name, rng in self._generators().items():
            set_generator(copy.deepcopy(rng), generators[name])
        rate = limits.number("base_rate", position.get("base_rate", self.begun[0]["learning_rate"]), above=0)
        length, settings = position.get("clip", self.begun[1]), dict(position.get("settings", self._settings()))
        if length is not None:
            length = limits.number("clip", length, above=0)
        for name, value in self._settings().items():
            if not isinstance(settings[name], (type(value), int, float)) or len(settings) != len(self._settings()):
                raise ValueError(f"{name} is {settings[name]!r}")
        if type(self.optimizer) in OPTIMIZERS.values():
            type(self.optimizer)(rate, **settings)  # which knows the range of each; a stranger's may be made of other things
        numbers = {
            "index": index,
            "epoch": epoch,
            "optimizer_steps": done,
            "base_rate": rate,
            "clip": length,
            "settings": settings,
            "cost_sum": float(position["cost_sum"]),
            "samples": limits.whole("samples", position["samples"], 0),
            "generators": generators,
        }
        return Snapshot(vectors, numbers)


class Keeper(Protocol):
    """Whoever keeps something that belongs to a training's state, as early stopping keeps the best epoch."""

    def state(self) -> Snapshot: ...


def _of_any_length(fingerprint: Any) -> str:
    return re.sub(r" schedule, \d+ epochs, ", " schedule, any epochs, ", fingerprint)


def _under(prefix: str, vectors: dict[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): vector for name, vector in vectors.items() if name.startswith(prefix)}


def _check_model(model: Any) -> None:
    """Raises ModelError where what is to be trained is no network."""
    basic = [name for name in ("parameters", "gradient", "learn") if not hasattr(model, name)]
    missing = basic or [
        name for name in ("architecture", "buffers", "check_trained", "generators", "modules") if not hasattr(model, name)
    ]
    if missing or isinstance(model, type):
        hint = ": wrap it in nn.Network" if isinstance(model, Module) else ""
        hint = (
            hint if basic or not missing else ": inherit from byhand.NeuralNetwork, which has a default for most of what is asked"
        )
        lacks = f" with no {' and no '.join(missing)}" if missing else ""
        raise ModelError(f"model must be a network, for example byhand.FeedForward, got {limits.told(model)}{lacks}{hint}")


def _check_parts(data: Any, optimizer: Any, augment: Any) -> None:
    """Raises ModelError where a training is not given what it learns from, and with what."""
    if not hasattr(data, "flat") or not hasattr(data, "targets"):
        hint = ": give its train part" if hasattr(data, "train") else ""
        hint = (
            ": read it with byhand.data.load(table, target='NAME') and give its train part" if hasattr(data, "columns") else hint
        )
        raise ModelError(f"data must be a Dataset, or a pair of arrays (x, y), got {_kind(data)}{hint}")
    if not isinstance(optimizer, Optimizer):
        raise ModelError(f"optimizer must be one of byhand.optim, for example optim.Adam(0.001), got {limits.told(optimizer)}")
    if augment is not None and not callable(augment):
        raise ModelError(f"augment must be a function (batch, generator) -> batch, got {limits.told(augment)}")


def _kind(given: Any) -> str:
    """Data in a message: its type, as its numbers are too many."""
    return given.__name__ if isinstance(given, type) else type(given).__name__


def evenly(members: Sequence[NDArray[np.intp]], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """n samples in random order, of every class equally many (to one): a small class comes several times, a large one in part.

    >>> sorted(evenly([np.array([0]), np.array([1, 2, 3, 4])], 6, np.random.default_rng(0)).tolist())
    [0, 0, 0, 1, 2, 3]
    """
    share = math.ceil(n / len(members))
    order = [np.concatenate([rng.permutation(some) for _ in range(math.ceil(share / len(some)))])[:share] for some in members]
    return rng.permutation(np.concatenate(order))[:n]


def by_weight(weights: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """n samples in random order, each as often as its weight says: of weight w in a total W, n w / W times, up to one.

    So the mean of the gradients is that of the weighted cost, for any network and any cost. The places of a comb with a random
    first tooth fall on the weights laid end to end.

    Source: systematic sampling, Madow and Madow (1944), Annals of Mathematical Statistics 15

    >>> sorted(by_weight(np.array([1.0, 0.0, 3.0]), 8, np.random.default_rng(0)).tolist())
    [0, 0, 2, 2, 2, 2, 2, 2]
    """
    ends = np.cumsum(weights * (n / weights.sum()))
    chosen = np.searchsorted(ends, rng.random() + np.arange(n), side="right")
    last = int(np.flatnonzero(weights)[-1])  # rounding may leave the end of the last one short of n
    return rng.permutation(np.minimum(chosen, last))


def steps(
    model: NeuralNetwork,
    data: Dataset | tuple[Any, Any] | Array,
    *,
    epochs: int = 1,
    batch_size: int = 10,
    optimizer: Optimizer | None = None,
    schedule: str | Callable[[float], float] = "constant",
    clip: float | None = None,
    augment: Augmentation | None = None,
    seed: int = 0,
    even: bool = False,
    drop_last: bool = False,
    accumulate: int = 1,
    shards: int | None = None,
    reducer: Reducer | None = None,
) -> Steps:
    """Train a model batch by batch: an iterator of `Step`. The last batch of an epoch may be smaller; it is used too.

    Arguments:
        model: a `FeedForward`, or anything that is `NeuralNetwork`.
        data: a `Dataset`, or a pair of arrays (x, y), see `byhand.training.pairs`; its order is shuffled anew in each epoch.
            Where it has weights, a sample comes as often as they say.
        optimizer: SGD with a learning rate of 3.0, Nielsen's, unless another is given. It begins anew: at its own rate, without
            a memory of a training before.
        schedule: factor on the learning rate, by name, see `byhand.schedules`; or a function of the progress in [0, 1).
        clip: the largest length of the gradient, or None.
        augment: a function (batch, generator) -> batch.
        seed: of the order, dropout and augmentation.
        even: an epoch holds every class equally often, and as many samples as the data.
        drop_last: leave out the last batch of an epoch where it is smaller than the others.
        accumulate: work through each batch in so many parts, whose gradients are gathered before the optimiser steps: the same
            step in less memory. Batch norm sees a part at a time.
        shards: split each batch in so many shards, each with chance and batch statistics of its own, computed by one thread: then
            the bits do not depend on how many processes or threads share the work. None: the batch as a whole.
        reducer: the ranks that share the shards, see `byhand.parallel`; None where this process learns from all of them.

    Raises ModelError for settings that make no training, and TrainingError when the numbers stop being finite: the step, and
    what exploded first.

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
        drop_last=drop_last,
        accumulate=accumulate,
        shards=shards,
        reducer=reducer,
    )
