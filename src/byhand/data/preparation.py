"""What was done to the numbers that a network learned from, and the same done to any others that it is to read.

A model file says it in its `preprocessing`: `range`, the least and greatest number of the training inputs; `ink`, of images
whether it was dark or light; `features`, the names of the columns; `mean` and `std`, where the columns were standardised;
`table`, how the columns of a table became inputs; `pictures`, how pictures of any colour were scaled; `task`, what was learned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.data.dataset import Dataset
from byhand.data.tables.encoding import as_numbers, from_json
from byhand.errors import DataError

USUAL: tuple[tuple[float, float], ...] = ((0, 1), (-1, 1), (0, 255))
SLACK = 1e-3  # of a range's width: rounding, and what an image loses in a file
FAR = 5.0  # deviations from the training data's mean: no other sample of the same numbers lies there on average
Range = tuple[float, float]


def preparation(data: Dataset) -> dict[str, Any]:
    """What a model file says of the data that a network was trained on."""
    if data.inputs.dtype.kind != "f":
        return {}
    found: dict[str, Any] = {"range": list(range_of(data.inputs)), "task": data.task}
    if data.pictures is not None:
        found |= {"range": [0, 1], "pictures": data.pictures.to_json()}  # they have no ink that could be the other way round
    elif _side(data.inputs.shape[1:]):
        found["ink"] = ink_of(data.inputs)
    if data.feature_names:
        found["features"] = list(data.feature_names)
    if data.scaling is not None:
        found |= {"mean": list(data.scaling[0]), "std": list(data.scaling[1])}
    return found | ({"table": data.encoding.to_json()} if data.encoding is not None else {})


def range_of(inputs: Array) -> Range:
    """The least and greatest number; where they lie in one of the usual ranges of pixels, that one.

    >>> range_of(np.array([[0.0, 0.98]])), range_of(np.array([[0.0, 254.0]])), range_of(np.array([[0.1, 7.9]]))
    ((0, 1), (0, 255), (0.1, 7.9))
    """
    low, high = float(inputs.min()), float(inputs.max())
    for least, most in USUAL:
        slack = SLACK * (most - least)
        if least - slack <= low and high <= most + slack and (most <= 1 or high > most / 4):
            return least, most
    return low, high


def ink_of(inputs: Array) -> str:
    """Of images, by the brightness of their borders: "white" on black, "black" on white, "" where it cannot be told."""
    side = _side(inputs.shape[1:])
    low, high = float(inputs.min()), float(inputs.max())
    if not side or high <= low:
        return ""
    images = inputs.reshape(len(inputs), *side)
    edges = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    border = (float(np.mean([edge.mean() for edge in edges])) - low) / (high - low)
    return "white" if border < 0.25 else "black" if border > 0.75 else ""


def as_trained(data: Dataset, preprocessing: dict[str, Any]) -> Dataset:
    """The data as a model with this `preprocessing` was trained to read them: its columns, its scale, and its ink.

    Raises DataError where that is not known: the columns of both sides, or the ranges.
    """
    if data.inputs.dtype.kind != "f":
        return data
    if "pictures" in preprocessing:
        return data
    data = _columns(data, preprocessing.get("features", ()))
    data = _rescaled_values(_standardised(data, preprocessing), preprocessing)
    if not _side(data.inputs.shape[1:]) or not is_pixels(preprocessing):
        return data
    wanted, have = _range(preprocessing), range_of(data.inputs)
    if not have[0] < have[1] or len(data) == 0:
        return data
    inputs = data.inputs
    if have != wanted and not _near(have, wanted):
        if have not in USUAL or wanted not in USUAL:
            raise DataError(
                f"{data.name} holds numbers from {have[0]:g} to {have[1]:g}, but the model was trained on numbers from "
                f"{wanted[0]:g} to {wanted[1]:g}: prepare them as the training data were prepared"
            )
        unit = (inputs - np.float32(have[0])) / np.float32(have[1] - have[0])
        inputs = unit * np.float32(wanted[1] - wanted[0]) + np.float32(wanted[0])
    inks = {preprocessing.get("ink", "white" if "data" in preprocessing else ""), ink_of(data.inputs)}
    if inks == {"white", "black"}:
        inputs = np.float32(wanted[0] + wanted[1]) - inputs
    return data if inputs is data.inputs else replace(data, inputs=inputs)


def from_pixels(pixels: Any, preprocessing: dict[str, Any]) -> Array:
    """Prepared pixels, bytes (..., 28, 28) of white ink on black, as a model with this `preprocessing` was trained to read them.

    >>> from_pixels(np.array([0, 255], np.uint8), {"range": [0, 255]})
    array([  0., 255.], dtype=float32)
    >>> from_pixels(np.array([0, 255], np.uint8), {"range": [0, 1], "ink": "black"})
    array([1., 0.], dtype=float32)
    """
    low, high = _range(preprocessing)
    unit = np.asarray(pixels, np.float32) / 255
    unit = 1 - unit if preprocessing.get("ink") == "black" else unit
    return unit if (low, high) == (0, 1) else unit * np.float32(high - low) + np.float32(low)


def _rescaled_values(data: Dataset, preprocessing: dict[str, Any]) -> Dataset:
    """Numbers to learn in the scale that the model learned them in, and with its encoding."""
    if data.values is None or data.encoding is None or "table" not in preprocessing:
        return data
    encoding = from_json(preprocessing["table"])
    values = (as_numbers(data.values, data.encoding) - encoding.target_mean) / encoding.target_std
    return replace(data, values=values.astype(np.float32), encoding=encoding)


def is_pixels(preprocessing: dict[str, Any]) -> bool:
    """Whether a model reads the pixels of images, as its file tells, and not columns of other numbers."""
    shape = preprocessing.get("input")
    return bool(isinstance(shape, Sequence) and _side(tuple(shape)) and "latents_of" not in preprocessing)


def _side(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The image's shape where a sample is one, (H, W, C), also as a row of 28 x 28 numbers; else ()."""
    if len(shape) == 3:
        return shape
    return (28, 28, 1) if shape == (784,) else ()


def _range(preprocessing: dict[str, Any]) -> Range:
    """The range that a model file tells, [0, 1] where it tells none that can be."""
    told = preprocessing.get("range")
    try:
        low, high = told  # type: ignore[misc]  # what a file holds may be anything
        fits = math.isfinite(low) and math.isfinite(high) and low < high
    except (TypeError, ValueError):
        return 0, 1
    return (low, high) if fits else (0, 1)


def _near(one: Range, other: Range) -> bool:
    """Whether two measured ranges may be of the same preparation: the ends of samples differ a little."""
    width = other[1] - other[0]
    return one not in USUAL and other not in USUAL and all(abs(a - b) < 0.1 * width for a, b in zip(one, other, strict=True))


def _columns(data: Dataset, features: Any) -> Dataset:
    """The columns that the model knows, by name, in its order; further ones are left out."""
    known = tuple(map(str, features)) if isinstance(features, Sequence) else ()
    if not known or not data.feature_names or known == data.feature_names:
        return data
    missing = [name for name in known if name not in data.feature_names]
    unclear = [name for name in known if data.feature_names.count(name) > 1 or known.count(name) > 1]
    if missing or unclear:
        what = f"lacks the column {missing[0]!r}" if missing else f"has the column {unclear[0]!r} more than once"
        raise DataError(
            f"{data.name} {what} that the model reads: the model reads {', '.join(known)}, and the data have "
            f"{', '.join(data.feature_names)}; columns are matched by name"
        )
    places = [data.feature_names.index(name) for name in known]
    scaling = data.scaling and (tuple(data.scaling[0][i] for i in places), tuple(data.scaling[1][i] for i in places))
    return replace(data, inputs=data.inputs[:, places], feature_names=known, scaling=scaling)


def _standardised(data: Dataset, preprocessing: dict[str, Any]) -> Dataset:
    """Columns by the training data's means and deviations, where these were standardised and the data were not alike."""
    if "mean" not in preprocessing or "std" not in preprocessing or not (data.feature_names or data.scaling):
        return data
    mean, std = (np.asarray(preprocessing[name], np.float32) for name in ("mean", "std"))
    if mean.shape != data.inputs.shape[1:] or std.shape != mean.shape:
        return data
    raw = data.inputs
    if data.scaling is not None:
        own_mean, own_std = (np.asarray(part, np.float32) for part in data.scaling)
        if np.array_equal(own_mean, mean) and np.array_equal(own_std, std):
            return data
        raw = raw * own_std + own_mean
    inputs = (raw - mean) / std
    away = float(np.abs(inputs.mean(axis=0)).max())
    if away > FAR:
        raise DataError(
            f"{data.name} holds other numbers than the model was trained on, a column's mean is {away:.0f} "
            "deviations away: give them as they were measured, not scaled, as the model scales them itself"
        )
    return replace(data, inputs=inputs, scaling=(tuple(mean.tolist()), tuple(std.tolist())))
