"""The microscope: one step held still, and answers about it as plain JSON of bounded size, for the page or for anybody."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.data.dataset import Dataset
from byhand.engine import no_grad, watch
from byhand.errors import ModelError, TrainingError
from byhand.predictions import in_words
from byhand.see.chosen_step import upcoming_batch
from byhand.see.epoch_pushes import finished_epoch, pushes_over
from byhand.see.explanation import Sample
from byhand.see.highlight import highlighted
from byhand.see.image import side
from byhand.see.mathml import mathml
from byhand.see.step_array import Operation, StepArray
from byhand.see.step_numbers import StepNumbers
from byhand.see.take_step import take_step
from byhand.see.unicode_math import plain
from byhand.terms import Factor, indexed
from byhand.training.steps import Steps

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

    Raises ModelError for a sample that there is not and numbers that are not finite, TrainingError where no step is left.
    """

    def __init__(
        self, training: Steps, data: Dataset, *, sample: int | None = None, again: Callable[[int], Steps] | None = None
    ) -> None:
        if training.index >= training.total:
            raise TrainingError("this training is over, there is no next step: start one with more epochs")
        self.index, self.batches, self.data, self.again = training.index, training.batches, data, again
        self.network = repr(training.model)
        indices, x, y = upcoming_batch(training, data, sample)
        whole, most = len(indices), affordable(training.model, x, y)
        self.indices, x, y = indices[:most], x[:most], y[:most]
        self.numbers = _numbers(training, data, self.indices, x, y)
        self.inputs = np.asarray(x).reshape(len(x), *data.inputs.shape[1:])
        self.moment = step_label(training, sample)
        if len(x) < whole:
            self.moment += f"; here on the first {len(x)} of its {whole} samples, as many as fit into memory"
        self._owner: dict[str, int] = {}
        for first in (True, False):  # what an operation computes is its own before it is that of who reads it
            for k, operation in enumerate(self.numbers.operations):
                for name in operation.arrays[: 1 if first else None]:
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
            "named": step.record.local_symbols,
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

    def _thumb(self, array: StepArray) -> Answer:
        """A small picture of the first map of an array, in levels from -127 to 127."""
        values = self._map(array, {})[0]
        rows, columns = (max(1, -(-n // THUMB)) for n in values.shape)
        small = np.nan_to_num(values[::rows, ::columns])
        unit = float(np.abs(small).max()) or 1.0
        return _levels(np.rint(small / unit * 127).astype(np.int8))

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

    def _described(self, array: StepArray) -> Answer:
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
            "grey": least >= 0 and most <= 1 and (array.grey or (array.image and array.terms is None)),
        }
        sample = fixed.get(0) if array.batch else None
        if sample is not None and array.batch and len(array.values) == self.numbers.m:
            found["image"] = self._image(self.inputs[sample])
        return found

    def _map(self, array: StepArray, fixed: dict[int, int | None]) -> tuple[Array, tuple[int, ...]]:
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

    def number(self, name: str, at: Sequence[int | None]) -> Answer:
        """A number and its terms; with None in the first place the mean of the batch's numbers, whose terms are those.

        Raises ModelError for a number that there is not.
        """
        place = [int(k) for k in at if k is not None]
        found = (self.numbers.mean_of if at and at[0] is None else self.numbers.terms_of)(name, place, TERMS)
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
            "change": self._of_parameter(array, at),
        }

    def _of_parameter(self, array: StepArray, at: Sequence[int | None]) -> Answer | None:
        """Of a parameter's number: what it was, what it became."""
        if not array.parameter or None in at:
            return None
        place = tuple(int(k) for k in at if k is not None)
        was, now = (float(self.numbers.arrays[name].values[place]) for name in (array.parameter, f"{array.parameter}.after"))
        return {"was": was, "now": now}

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
        """The strongest of these pushes (n,) by the samples of these indices; places: they are those of the batch."""
        whole = float(np.abs(values).sum()) or 1.0

        def push(i: int) -> Answer:
            index = int(indices[i])
            return {
                "place": i if places else None,
                "index": index,
                "label": sample_name(self.data, index),
                "value": float(values[i]),
                "share": abs(float(values[i])) / whole,
                "image": self._image(self.inputs[i] if places else self.data.inputs[index]),
            }

        order = np.argsort(-values, kind="stable").tolist()
        return {
            "sum": float(values.sum()),
            "up": [push(i) for i in order[:PUSHES] if values[i] > 0],
            "down": [push(i) for i in order[::-1][:PUSHES] if values[i] < 0],
        }

    def _image(self, x: Array) -> Answer | None:
        """A sample as a small grey picture; None of what is none."""
        if x.ndim != 3 or x.dtype.kind != "f":
            return None
        step = max(1, -(-max(x.shape[:2]) // LARGEST_IMAGE))
        return _levels(np.rint(255 * np.clip(x[::step, ::step].mean(axis=2), 0, 1)).astype(np.uint8))


def _levels(values: NDArray[Any]) -> Answer:
    """A small picture (rows, columns) of bytes."""
    return {"rows": values.shape[0], "columns": values.shape[1], "levels": base64.b64encode(values.tobytes()).decode()}


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


def choosers(array: StepArray) -> list[tuple[int, str]]:
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


def sample_name(data: Dataset, index: int) -> str:
    """A sample in a word: its class, the number to learn, or how a text begins."""
    if data.values is not None:
        return in_words(data.values[[index]], data.label_names, several=bool(data.label_names))[0]
    if data.inputs.dtype.kind in "iu":
        text = "".join(data.class_names[int(k)] for k in data.inputs[index].reshape(-1)[:TEXT])
        return " ".join(text.split())
    return data.class_names[int(data.labels[index])]


def step_label(training: Steps, sample: int | None = None) -> str:
    """Which step comes next, in words."""
    epoch, batch = divmod(training.index, training.batches)
    words = f"Step {training.index:,}, as it will be taken: epoch {epoch + 1}, batch {batch + 1} of {training.batches:,}"
    return words if sample is None else f"{words}; here on sample {sample} alone"


def affordable(network: Any, x: Array, y: Array) -> int:
    """How many samples of a batch can be looked at at once: all, or as many as memory has room for what their ops compute."""
    two = slice(0, min(2, len(x)))
    with no_grad(), watch() as tape:
        network.twin().learn(x[two], y[two])
    each = sum(np.size(node.output) for node in tape) / len(x[two])
    return max(1, min(len(x), int(NUMBERS / max(each, 1))))


def _numbers(training: Steps, data: Dataset, indices: NDArray[np.intp], x: Array, y: Array) -> StepNumbers:
    """The step on copies, in float64, and all its numbers."""
    step = take_step(training.model, x, y, training.optimizer, clip_length=training.clip_length)
    answers = [("", "")] * step.m
    outputs = np.shape(step.answers)
    told, names = data.n_classes if data.values is None else data.n_outputs, data.class_names or data.label_names
    if not step.chance and len(outputs) == 2 and told in (outputs[1], max(outputs[1], 2)) and outputs[0] == step.m:
        before, after = (in_words(part, names, several=bool(data.label_names)) for part in (step.answers, step.answers_after))
        answers = list(zip(before, after, strict=True))
    samples = [Sample(int(index), sample_name(data, int(index)), *answer) for index, answer in zip(indices, answers, strict=True)]
    return StepNumbers(step, samples)
