"""What is measured of a training at a moment, in few bytes: layers, first weights, validation, pictures, the plane.

Everything here only looks: the parameters, the optimiser and the generators of the training stay as they are. Pictures travel
as bytes (`byhand.web.encoding`), rounded to 256 levels; numbers that are read travel as numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array, generator
from byhand.data.dataset import Dataset
from byhand.engine import Tensor, no_grad, watch
from byhand.neural_network import CLASSIFICATION, GENERATION, LABELLING, RECONSTRUCTION, REGRESSION
from byhand.predictions import each_class
from byhand.training.evaluate_labels import evaluate_labels
from byhand.training.evaluate_numbers import evaluate_numbers
from byhand.training.steps import Step, Steps
from byhand.web.encoding import bytes_of, histogram, levels_of, text_of

PROBE = 32  # samples that run through a network of modules to be looked at
TILES = 48
CLASSES = 62  # whose confusions have room
PICTURES = 12
CELLS = 6  # of a row of a table
POINTS = 400  # pairs of a true and a predicted number
WIDEST = 4_096  # numbers a tile may have
SIDE = 56  # points along an edge of the plane
SATURATED = 0.02
ENDS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
RECTIFIED = ("relu",)


# ---------------------------------------------------------------- layers


def weights_of(model: Any) -> dict[str, Array]:
    """The weight arrays of a model by name, in order: views into its flat parameters."""
    return {name.removesuffix(".weight"): array for name, array in model.named_parameters().items() if array.ndim >= 2}


def beside(view: Array, flat: Array, other: Array) -> Array:
    """The part of `other` that lies where `view` lies in `flat`: a weight's gradient, or its update.

    >>> flat, other = np.zeros(6), np.arange(6.0)
    >>> beside(flat[2:].reshape(2, 2).T, flat, other).tolist()
    [[2.0, 4.0], [3.0, 5.0]]
    """
    offset = view.__array_interface__["data"][0] - flat.__array_interface__["data"][0]
    return np.ndarray(view.shape, other.dtype, buffer=other, offset=offset, strides=view.strides)


def layers(training: Steps, step: Step) -> list[dict[str, Any]]:
    """A row a layer after this step: how its activations and gradients are spread, and how large its change was.

    `ratio` is the length of the last update over the length of the weights; `stuck` the share of the layer that cannot learn
    now (`why` says in which sense), None where that has no meaning.
    """
    model, found, answers = training.model, [], activations(training, step)
    for name, w in weights_of(model).items():
        activation, a = answers.get(name, ("", None))
        gradient = beside(w, model.parameters, model.gradient)
        update = beside(w, model.parameters, training.optimizer.update)
        size = float(np.linalg.norm(w))
        stuck, why = (None, "") if a is None else _stuck(activation, a)
        found.append(
            {
                "name": name,
                "shape": list(w.shape),
                "activation": activation,
                "activations": None if a is None else histogram(a, ENDS.get(activation)),
                "gradients": histogram(gradient, symmetric=True),
                "ratio": float(np.linalg.norm(update)) / size if size else None,
                "stuck": stuck,
                "why": why,
            }
        )
    return found


def activations(training: Steps, step: Step) -> dict[str, tuple[str, Array]]:
    """Of each layer that has weights: name of the activation function, and the activations (m, ...).

    Of a network of modules, what the op that used the weights gave for the first samples of the step's batch.
    """
    model: Any = training.model
    outputs = model.layer_outputs()
    if outputs is None:
        return _of_modules(training, step)
    return {output.name: (output.activation, output.a) for output in outputs}


def _of_modules(training: Steps, step: Step) -> dict[str, tuple[str, Array]]:
    model: Any = training.model
    rows = step.indices[:PROBE]
    with watch() as tape, no_grad():
        model.preview(training.x[rows], training.y[rows])
    outputs = {_place(given.data): node.output for node in tape for given in node.inputs if isinstance(given, Tensor)}
    return {name: ("", outputs[_place(w)]) for name, w in weights_of(model).items() if _place(w) in outputs}


def _place(array: Array) -> int:
    """Where an array lies in memory."""
    return int(array.__array_interface__["data"][0])


def _stuck(activation: str, a: Array) -> tuple[float | None, str]:
    """The share of a layer that does not learn now: units that no sample of the batch wakes, or values at their ends."""
    if activation in RECTIFIED:
        return float((a <= 0).all(axis=0).mean()), "silent"
    if activation in ENDS:
        low, high = ENDS[activation]
        edge = SATURATED * (high - low)
        return float(((a < low + edge) | (a > high - edge)).mean()), "saturated"
    return None, ""


def first_weights(model: Any, shape: tuple[int, ...]) -> dict[str, Any] | None:
    """The weights into the first units as images; shape: of one sample. None where they are too many to be looked at.

    `levels` are bytes, -127 to 127 times `unit`; `kind` says how a pixel names its weight: "weight" of a feed-forward network,
    "place" of a network of modules, "code" of an autoencoder.
    """
    weights = weights_of(model)
    if model.purpose == GENERATION:  # begins with its time and label; what it sees goes into its first convolution
        weights = {name: w for name, w in weights.items() if w.ndim == 4}
    if not weights:
        return None
    name, w = next(iter(weights.items()))
    if w.ndim == 4:  # (k, k, C, units)
        images, kind = w[:, :, 0, :].transpose(2, 0, 1), "place"
    else:
        image = shape[:2] if len(shape) == 3 and shape[2] == 1 else (1, w.shape[1])
        if w.shape[1] != image[0] * image[1] or w.shape[1] > WIDEST:
            return None
        images = w.reshape(-1, *image)
        kind = {CLASSIFICATION: "weight", RECONSTRUCTION: "code"}[model.purpose] if model.by_hand else "place"
    units = len(images)
    images = images[:TILES]
    unit, levels = levels_of(images)
    return {
        "name": name,
        "kind": kind,
        "units": units,
        "rows": images.shape[1],
        "columns": images.shape[2],
        "unit": unit,
        "levels": levels,
    }


# ---------------------------------------------------------------- validation


class Validation:
    """Measures a model on at most `most` samples that it does not train on, the same ones every time."""

    def __init__(self, data: Dataset, most: int = 1_000, seed: int = 0) -> None:
        rows = np.sort(generator(seed, "validate").permutation(len(data))[:most])
        self.indices, self.data = rows, data.take(rows)
        self.targets = self.data.targets()

    def check(self, model: Any) -> tuple[float, float | None]:
        """Cost and accuracy alone, which are quick."""
        cost, accuracy = model.evaluate(self.data.flat, self.targets)
        return float(cost), accuracy

    def measure(self, model: Any) -> dict[str, Any]:
        """Cost, accuracy, confusions and pictures: of the surest mistakes, or of what an autoencoder makes of an image."""
        cost, accuracy = self.check(model)
        found: dict[str, Any] = {"cost": cost, "accuracy": accuracy, "n": len(self.data)}
        if model.purpose == RECONSTRUCTION:
            rows = np.arange(min(PICTURES, len(self.data)))
            y = self.targets[rows] if model.classes else None
            rebuilt = model.reconstruct(self.data.flat[rows], y)
            pairs = zip(rows, rebuilt, strict=True)
            return found | {"rebuilt": [self._picture(int(row)) | {"rebuilt": text_of(bytes_of(image))} for row, image in pairs]}
        if model.purpose == REGRESSION:
            return found | self._predicted(model)
        if model.purpose == LABELLING:
            return found | {"labels": [list(row) for row in evaluate_labels(model, self.data).rows()]}
        if model.purpose != CLASSIFICATION:
            return found
        outputs, labels = each_class(model.forward(self.data.flat)), self.data.labels
        predictions = outputs.argmax(axis=1)
        if self.data.n_classes <= CLASSES:
            confusion = np.zeros((self.data.n_classes,) * 2, np.intp)
            np.add.at(confusion, (labels, predictions), 1)
            found["confusion"] = confusion.tolist()
        every = np.arange(len(labels))
        mistake = outputs[every, predictions] - outputs[every, labels]
        wrong = np.flatnonzero(predictions != labels)
        worst = wrong[np.argsort(-mistake[wrong], kind="stable")][:PICTURES]
        names = self.data.class_names
        found["wrong"] = len(wrong)
        found["misread"] = [
            self._picture(int(row)) | {"answer": names[predictions[row]], "output": float(outputs[row, predictions[row]])}
            for row in worst
        ]
        return found

    def _predicted(self, model: Any) -> dict[str, Any]:
        """True and predicted numbers, in the target's unit, and how well they agree."""
        told = evaluate_numbers(model, self.data)
        pairs = np.stack([told.true, told.told], axis=1)[:POINTS]
        return {
            "predicted": {
                "pairs": [[float(f"{value:.6g}") for value in pair] for pair in pairs.tolist()],
                "r2": told.r2,
                "off": told.mean_absolute_error,
                "name": told.name,
            }
        }

    def _picture(self, row: int) -> dict[str, Any]:
        x = self.data.inputs[row]
        shown: dict[str, Any] = {"index": int(self.indices[row]), "label": self.data.class_names[self.data.labels[row]]}
        if x.ndim == 3 and x.shape[2] == 1:
            return shown | {"rows": x.shape[0], "columns": x.shape[1], "image": text_of(bytes_of(x))}
        if self.data.encoding is not None:
            return shown | {"cells": self.data.encoding.row(x)[:CELLS]}
        return shown | {"numbers": [round(float(value), 4) for value in x.reshape(-1)[:8]]}


# ---------------------------------------------------------------- the plane


class Plane:
    """The decisions of a network on data of two numbers a sample."""

    def __init__(self, data: Dataset, points: int = 400) -> None:
        x = data.flat
        low, high = x.min(axis=0), x.max(axis=0)
        margin = 0.15 * np.maximum(high - low, 1e-6)
        self.low, self.high = low - margin, high + margin
        self.ends = {"low": self.low.tolist(), "high": self.high.tolist()}
        across, up = (np.linspace(self.low[axis], self.high[axis], SIDE, dtype=np.float32) for axis in (0, 1))
        grid = np.meshgrid(across, up[::-1])  # the first row is the top one
        self.grid = np.stack([axis.reshape(-1) for axis in grid], axis=1)
        rows = np.linspace(0, len(x) - 1, min(points, len(x))).astype(int)
        self.points = [
            [round(float(a), 3), round(float(b), 3), int(k)] for (a, b), k in zip(x[rows], data.labels[rows], strict=True)
        ]

    def measure(self, model: Any) -> dict[str, Any]:
        """The winning class of each place, and by how much it wins over the second, 0 to 255."""
        outputs = each_class(model.forward(self.grid))
        two = np.sort(outputs, axis=1)[:, -2:]
        lead = two[:, -1] - two[:, 0]  # with one class there is none
        return {
            "side": SIDE,
            **self.ends,
            "winner": text_of(outputs.argmax(axis=1).astype(np.uint8)),
            "lead": text_of(bytes_of(lead)),
        }

    def field(self, model: Any) -> dict[str, Any]:
        """How real each place looks to a GAN's discriminator, 0 to 255: the mean over its classes, where it knows classes."""
        labels = range(max(1, model.classes))
        each = [model.looks_real(self.grid, np.full(len(self.grid), k) if model.classes else None) for k in labels]
        return {"side": SIDE, "real": text_of(bytes_of(np.nan_to_num(np.mean(each, axis=0))))}
