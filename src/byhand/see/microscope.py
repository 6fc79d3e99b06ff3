"""The microscope: one step held still, and answers about it as plain JSON of bounded size, for the page or for anybody."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.data.dataset import Dataset
from byhand.engine import Tensor, no_grad, watch
from byhand.errors import ModelError, TrainingError
from byhand.feedforward import FeedForward
from byhand.models.autoencoder import Autoencoder
from byhand.models.conv_codes import ConvAutoencoder
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.vae import VAE
from byhand.nn import Network
from byhand.see.choose import upcoming_batch
from byhand.see.codes_step import take_codes
from byhand.see.epoch_pushes import finished_epoch, pushes_over
from byhand.see.explain import Sample
from byhand.see.highlight import highlighted
from byhand.see.image import side
from byhand.see.made import Factor, Made, Ref, Sum, gathered, indexed
from byhand.see.made_of import numbers_of
from byhand.see.mathml import mathml
from byhand.see.observe import observe
from byhand.see.plaintext import plain
from byhand.see.step_numbers import Numbered, Operation, StepNumbers
from byhand.see.tape import Taped, copied, take
from byhand.training.steps import Steps

KNOWN = (FeedForward, VAE, Autoencoder, Network)
MOST = 4_096  # numbers of an array that are shown at once
NUMBERS = 64_000_000  # that the ops of a step may compute: with their errors about 2 GB in float64
TERMS = 12
PUSHES = 8  # samples each way
SAMPLES = 500  # of a batch that can be chosen by name
THUMB = 14
TEXT = 24  # characters by which a text is named
LARGEST_IMAGE = 64  # pixels a side of a sample's picture

Answer = dict[str, Any]


class Microscope:
    """A training's next step, taken on copies.

    Arguments:
        training: stays where it is. data: that it trains on. sample: one sample instead of the batch.
        again: gives the training before a step that was taken, for the pushes of an epoch; None where that cannot be.

    Raises ModelError for a network that the microscope does not know, a sample that there is not, and numbers that are not
    finite, TrainingError where no step is left.
    """

    def __init__(
        self, training: Steps, data: Dataset, *, sample: int | None = None, again: Callable[[int], Steps] | None = None
    ) -> None:
        kind = getattr(training.model, "kind", "network")
        if isinstance(training.model, ConvAutoencoder) or not isinstance(training.model, KNOWN):
            raise ModelError(f"the microscope does not know a {kind} yet: choose a VAE or an autoencoder by hand, as mnist-vae")
        if training.index >= training.total:
            raise TrainingError("this training is over, there is no next step: start one with more epochs")
        self.index, self.batches, self.data, self.again = training.index, training.batches, data, again
        self.network = repr(training.model)
        indices, x, y = upcoming_batch(training, data, sample)
        whole, model = len(indices), training.model
        if isinstance(model, Network):
            most = affordable(model, x, y)
            indices, x, y = indices[:most], x[:most], y[:most]
        self.indices = indices
        self.numbers = _taken(training, data, indices, x, y)
        self.inputs = np.asarray(x).reshape(len(x), *data.inputs.shape[1:])
        epoch, batch = divmod(self.index, self.batches)
        self.moment = f"Step {self.index:,}, as it will be taken: epoch {epoch + 1}, batch {batch + 1} of {self.batches:,}"
        if sample is not None:
            self.moment += f"; here on sample {sample} alone"
        elif len(indices) < whole:
            self.moment += f"; here on the first {len(indices)} of its {whole} samples, as many as fit into memory"
        self._owner: dict[str, int] = {}
        for k, operation in enumerate(self.numbers.operations):
            self._owner.setdefault(operation.arrays[0], k)
        for k, operation in enumerate(self.numbers.operations):
            for name in operation.arrays:
                self._owner.setdefault(name, k)

    # ---------------------------------------------------------------- the whole

    def outline(self) -> Answer:
        """What the step is, who is in it, and its operations in order."""
        step = self.numbers.step
        samples = self.numbers.samples[:SAMPLES]
        return {
            "moment": self.moment,
            "network": self.network,
            "optimizer": brief(repr(step.optimizer)),
            "named": isinstance(step, Taped),
            "cost": step.cost,
            "cost_after": step.cost_after,
            "m": self.numbers.m,
            "samples": [{"name": one.name, "answer": one.answer, "after": one.answer_after} for one in samples],
            "operations": [self._card(k) for k in range(len(self.numbers.operations))],
            "owners": self._owner,
            "batch": [name for name, array in self.numbers.arrays.items() if array.batch and len(array.values) == self.numbers.m],
        }

    def _card(self, k: int) -> Answer:
        operation = self.numbers.operations[k]
        main = self.numbers.arrays[operation.arrays[0]]
        return {
            "stage": operation.stage,
            "group": operation.group,
            "title": operation.title,
            "short": operation.short,
            "about": about(operation),
            "array": main.name,
            "shape": list(main.values.shape),
            "thumb": self._thumb(main),
        }

    def _thumb(self, array: Numbered) -> Answer:
        """A small picture of the first map of an array, in levels from -127 to 127."""
        values = self._map(array, {})[0]
        rows, columns = (max(1, -(-n // THUMB)) for n in values.shape)
        small = np.nan_to_num(values[::rows, ::columns])
        unit = float(np.abs(small).max()) or 1.0
        levels = np.rint(small / unit * 127).astype(np.int8)
        return {"rows": levels.shape[0], "columns": levels.shape[1], "levels": base64.b64encode(levels.tobytes()).decode()}

    def operation(self, k: int) -> Answer:
        """One operation: equations, shapes, the source that ran, and its arrays."""
        if not 0 <= k < len(self.numbers.operations):
            raise ModelError(f"there is no operation {k}: this step has 0 to {len(self.numbers.operations) - 1}")
        operation = self.numbers.operations[k]
        return {
            "title": operation.title,
            "equations": [mathml(latex, display=True) for latex in operation.equations],
            "shapes": operation.shapes,
            "reference": operation.reference,
            "note": brief(operation.note),
            "arrays": [self._described(self.numbers.arrays[name]) for name in operation.arrays],
            "source": [
                {
                    "place": one.place,
                    "lines": [[number, text] for (number, _), text in zip(one.lines, highlighted(one.code), strict=True)],
                }
                for one in operation.source()
            ],
        }

    def _described(self, array: Numbered) -> Answer:
        return {
            "name": array.name,
            "symbol": mathml(indexed(array.symbol, ())),
            "about": array.about,
            "shape": list(array.values.shape),
            "choosers": [{"axis": axis, "name": name, "n": array.values.shape[axis]} for axis, name in choosers(array)],
            "mean": array.batch and bool(choosers(array)),
        }

    # ---------------------------------------------------------------- an array

    def picture(self, name: str, fixed: dict[int, int | None], part: int = 0) -> Answer:
        """The numbers of one map of an array, with at most `MOST` of them; fixed: index by axis, None for the mean of the batch.

        Raises ModelError for an array or an index that there is not.
        """
        array = self.numbers.array(name)
        for axis, index in fixed.items():
            if axis not in dict(choosers(array)) or (index is not None and not 0 <= index < array.values.shape[axis]):
                raise ModelError(f"{name} has the shape {array.values.shape}: it has no map {axis} = {index}")
        values, axes = self._map(array, fixed)
        rows = max(1, MOST // values.shape[1])
        parts = max(1, -(-values.shape[0] // rows))
        if not 0 <= part < parts:
            raise ModelError(f"{name} has the parts 0 to {parts - 1}, not {part}")
        shown = values[part * rows : (part + 1) * rows]
        least, most = float(array.values.min()), float(array.values.max())
        found = {
            "name": name,
            "axes": list(axes),
            "rows": shown.shape[0],
            "columns": shown.shape[1],
            "first": part * rows * values.shape[1],
            "parts": parts,
            "values": [None if np.isnan(value) else float(f"{value:.6g}") for value in shown.reshape(-1).tolist()],
            "least": least,
            "most": most,
            "mean": float(array.values.mean()),
            "grey": least >= 0 and most <= 1 and (array.grey or (array.image and array.make is None)),
        }
        sample = fixed.get(0) if array.batch else None
        if sample is not None and array.batch and len(array.values) == self.numbers.m:
            found["image"] = self._image(self.inputs[sample])
        return found

    def _map(self, array: Numbered, fixed: dict[int, int | None]) -> tuple[Array, tuple[int, ...]]:
        """One map (rows, columns), NaN where a row is not filled, and the axes that it shows: two, or one that is wrapped."""
        index: list[Any] = [slice(None)] * array.values.ndim
        for axis, _ in choosers(array):
            wanted = fixed.get(axis, 0)
            index[axis] = slice(None) if wanted is None else wanted
        values = np.asarray(array.values[tuple(index)], np.float64)
        if fixed.get(0, 0) is None and 0 in dict(choosers(array)):
            values = values.mean(axis=0)
        axes = tuple(axis for axis in range(array.values.ndim) if axis not in dict(choosers(array)))
        if values.ndim == 2:
            return values, axes
        flat = values.reshape(-1)
        columns = wrapped(flat.size)
        padded = np.full(-(-flat.size // columns) * columns, np.nan)
        padded[: flat.size] = flat
        return padded.reshape(-1, columns), axes

    # ---------------------------------------------------------------- a number

    def made(self, name: str, at: Sequence[int | None]) -> Answer:
        """What a number was made of; with None in the first place the mean of the batch's numbers, made of those.

        Raises ModelError for a number that there is not.
        """
        if at and at[0] is None:
            found = self._mean(name, [int(k) for k in at[1:] if k is not None])
        else:
            found = self.numbers.made_of(name, [int(k) for k in at if k is not None], TERMS)
        array = self.numbers.array(name)
        size = sum(abs(term.value) for term in found.terms) + abs(found.rest)
        return {
            "name": name,
            "at": list(at),
            "symbol": mathml(found.symbol),
            "plain": plain(found.symbol),
            "about": array.about,
            "value": found.value,
            "total": None if not found.terms else found.total,
            "equation": mathml(found.equation, display=True) if found.equation else "",
            "terms": [
                {
                    "value": term.value,
                    "share": abs(term.value) / size if size else 0.0,
                    "factors": [_factor(one) for one in term.factors],
                }
                for term in found.terms
            ],
            "others": found.others,
            "rest": found.rest,
            "note": found.note,
            "operation": self._owner.get(name),
            "parameter": array.parameter,
            "number": self._of_parameter(array, at),
        }

    def _of_parameter(self, array: Numbered, at: Sequence[int | None]) -> Answer | None:
        """Of a parameter's number: what it was, what it became."""
        if not array.parameter or None in at:
            return None
        place = tuple(int(k) for k in at if k is not None)
        was, now = (float(self.numbers.arrays[name].values[place]) for name in (array.parameter, f"{array.parameter}.after"))
        return {"was": was, "now": now}

    def _mean(self, name: str, rest: list[int]) -> Made:
        array, _ = self.numbers.at(name, [0, *rest])
        m = len(array.values)
        index: tuple[Any, ...] = (slice(None), *rest)
        values = np.asarray(array.values[index], np.float64) / m
        share = Factor(rf"\frac{{1}}{{{m}}}", 1 / m)
        terms, others, left = gathered([Sum(values, lambda i: (share, array.factor((i, *rest))))], TERMS)
        symbol = rf"\frac{{1}}{{m}} \sum_i {indexed(array.symbol, ['i', *rest])}"
        return Made(Ref(name, (0, *rest)), symbol, float(values.sum()), symbol, terms, others, left, "The mean over the batch.")

    # ---------------------------------------------------------------- who pushed a weight

    def pushes(self, name: str, at: Sequence[int]) -> Answer:
        """The samples of this batch that pushed a parameter's number most, up and down. Raises ModelError for what is none."""
        found = self.numbers.pushes(name, at)
        return self._pushed(found, self.indices, places=True) | {"samples": len(found)}

    def epoch(self, name: str, at: Sequence[int]) -> Answer:
        """The same over the last epoch, whose steps are taken again; raises ModelError where that cannot be, or takes long."""
        array, place = self.numbers.at(name, at)
        if not array.parameter:
            raise ModelError(f"{name} is not a parameter: only what is trained is pushed")
        if self.again is None:
            raise ModelError("the epoch before this step cannot be gone through again: there is no training behind it")
        first, end = finished_epoch(self.index, self.batches)
        found = pushes_over(self.again(first), end, array.parameter, place)
        return self._pushed(found.values, np.arange(len(found.values))) | {
            "samples": int(np.count_nonzero(found.values)),
            "first": found.first,
            "last": found.last,
            "seconds": round(found.seconds, 2),
        }

    def _pushed(self, values: Array, indices: NDArray[np.intp], *, places: bool = False) -> Answer:
        whole = float(np.abs(values).sum()) or 1.0
        order = np.argsort(-values, kind="stable")
        return {
            "sum": float(values.sum()),
            "up": [self._push(values, indices, int(i), whole, places) for i in order[:PUSHES] if values[i] > 0],
            "down": [self._push(values, indices, int(i), whole, places) for i in order[::-1][:PUSHES] if values[i] < 0],
        }

    def _push(self, values: Array, indices: NDArray[np.intp], i: int, whole: float, places: bool) -> Answer:
        index = int(indices[i])
        shown = self.inputs[i] if places else self.data.inputs[index]
        return {
            "place": i if places else None,
            "index": index,
            "label": named(self.data, index),
            "value": float(values[i]),
            "share": abs(float(values[i])) / whole,
            "image": self._image(shown),
        }

    def _image(self, x: Array) -> Answer | None:
        """A sample as a small grey picture; None of what is none."""
        if x.ndim != 3 or x.dtype.kind != "f":
            return None
        step = max(1, -(-max(x.shape[:2]) // LARGEST_IMAGE))
        grey = np.rint(255 * np.clip(x[::step, ::step].mean(axis=2), 0, 1)).astype(np.uint8)
        return {"rows": grey.shape[0], "columns": grey.shape[1], "levels": base64.b64encode(grey.tobytes()).decode()}


def brief(text: str) -> str:
    """Its numbers with six digits at most.

    >>> brief("Adam(learning_rate=0.00024767590618)")
    'Adam(learning_rate=0.000247676)'
    """
    return re.sub(r"\d+\.\d{6,}(e-?\d+)?", lambda found: f"{float(found[0]):.6g}", text)


def about(operation: Operation) -> str:
    """What an operation does, without where: its layer and its array are named beside it."""
    if operation.stage == "update":
        return "update"
    title = operation.title.removesuffix(", backward").replace(f", {operation.group.lower()}", "")
    named, _, what = title.partition(": ")
    return what if what and named in {operation.group, operation.short} else title.rpartition("/")[2]


def _factor(found: Factor) -> Answer:
    ref = None if found.ref is None else {"name": found.ref.name, "at": list(found.ref.at)}
    return {"symbol": mathml(found.symbol), "plain": plain(found.symbol), "value": found.value, "ref": ref}


def choosers(array: Numbered) -> list[tuple[int, str]]:
    """The axes of an array that are not shown side by side, but one at a time; with what they count."""
    ndim, rows = array.values.ndim, "sample" if array.batch else "row"
    if ndim == 2:
        small = not array.batch and array.values.size <= 400 and array.values.shape[1] <= 24
        return [] if small else [(0, rows if array.batch else "unit" if array.parameter else "row")]
    if ndim == 3:
        return [(0, rows)]
    if ndim == 4:
        if array.parameter:
            return [(3, "channel out"), (2, "channel in")]
        return [(0, rows), (3, "channel")] if array.image else [(0, rows), (1, "head")]
    return [(axis, f"axis {axis}") for axis in range(max(0, ndim - 2))]


def wrapped(n: int) -> int:
    """Columns that n numbers in a row are shown in: an image's side, all of few, else about a square.

    >>> wrapped(784), wrapped(10), wrapped(30)
    (28, 10, 6)
    """
    return side(n) or (n if n <= 16 else int(np.ceil(np.sqrt(n)))) or 1


def named(data: Dataset, index: int) -> str:
    """A sample in a word: its class, or how a text begins."""
    if data.inputs.dtype.kind in "iu":
        text = "".join(data.class_names[int(k)] for k in data.inputs[index].reshape(-1)[:TEXT])
        return " ".join(text.split())
    return data.class_names[int(data.labels[index])]


def affordable(network: Network, x: Array, y: Array) -> int:
    """How many samples of a batch can be looked at at once: all, or as many as memory has room for."""
    some = copied(network, network.dtype)
    some.rng = copy.deepcopy(network.rng)
    two = slice(0, min(2, len(x)))
    with no_grad(), watch() as tape:
        some.loss(Tensor(some._shaped(x[two])), y[two])
    each = sum(np.size(node.output) for node in tape) / len(x[two])
    return max(1, min(len(x), int(NUMBERS / max(each, 1))))


def _taken(training: Steps, data: Dataset, indices: NDArray[np.intp], x: Array, y: Array) -> StepNumbers:
    """The step on copies, in float64, and all its numbers."""
    model: Any = training.model
    labels = [named(data, int(index)) for index in indices]
    if isinstance(model, FeedForward):
        step = observe(model, x, y, training.optimizer, training.clip_length, np.float64, model.rng)
        answers = step.full[step.last].argmax(axis=1), step.output_after.argmax(axis=1)
        names = data.class_names
        samples = [
            Sample(int(index), label, names[int(before)], names[int(after)])
            for index, label, before, after in zip(indices, labels, *answers, strict=True)
        ]
        return numbers_of(step, samples)
    if isinstance(model, (VAE, Autoencoder)):
        taken = take_codes(model, x, y, training.optimizer, training.clip_length)
        return numbers_of(taken, [Sample(int(index), label, "", "") for index, label in zip(indices, labels, strict=True)])
    drawn = None
    if isinstance(model, DiffusionNetwork):
        drawn = model.draw(model._labels(y, len(x)), copy.deepcopy(model.rng), model.forget)
        drawn = drawn._replace(eps=np.asarray(drawn.eps, np.float64))
    taped = take(model, x, y, training.optimizer, training.clip_length, np.float64, model.rng, drawn)
    samples = [Sample(int(index), label, "", "") for index, label in zip(indices, labels, strict=True)]
    if drawn is None and taped.answers.ndim == 2 and taped.answers.shape == (len(x), data.n_classes):
        best = taped.answers.argmax(axis=1), taped.answers_after.argmax(axis=1)
        samples = [
            Sample(one.index, one.label, data.class_names[int(b)], data.class_names[int(a)])
            for one, b, a in zip(samples, *best, strict=True)
        ]
    return numbers_of(taped, samples)
