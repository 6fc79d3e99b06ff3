"""Inputs and targets as a pair, (x, y), as other libraries take them, made into a data set for one network.

How many outputs the network has says what y means: with several, whole numbers and words are classes; with one, two values are a
no and a yes, and more of them are numbers to learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.data.arrays import classes_of
from byhand.data.classes import labelled
from byhand.data.dataset import Dataset
from byhand.errors import DataError
from byhand.neural_network import GENERATION, LABELLING, RECONSTRUCTION, REGRESSION, NeuralNetwork

NAME = "(x, y)"
WITHOUT_TARGETS = (RECONSTRUCTION, GENERATION)  # networks that can learn from inputs alone


def dataset_of(given: Any, network: NeuralNetwork, known: Sequence[str] = ()) -> Any:
    """A data set of a pair (x, y), or of x alone where the network needs no targets; anything else comes back as it is.

    x: (N, ...) numbers, an array or a table of numbers, in the range that the network is to read. y: (N,) classes, as numbers
    from 0 or as words, one-hot rows (N, K), or numbers to learn (N,) or (N, k). known: classes that the network learned from
    other data, with which those of y will be matched by name.

    Raises DataError where a part is something else, or the two have not the same length.
    """
    if isinstance(given, tuple | list) and len(given) == 2 and not hasattr(given, "targets"):
        x, y = _inputs(given[0], network), _array("y", given[1])
    elif isinstance(given, np.ndarray):
        if network.purpose not in WITHOUT_TARGETS or network.classes:
            raise DataError("data are x alone, but the network learns from targets: give it (x, y)")
        x = _inputs(given, network)
        y = np.zeros(len(x), np.int64)
    else:
        return given
    if network.reads_text:
        raise DataError("data are (x, y), but the network reads text: give it byhand.data.load('my.txt').train")
    if y.ndim not in (1, 2) or y.dtype.kind not in "biufUSO":
        raise DataError(f"y must be classes (N,), one-hot rows (N, K) or numbers, got {y.dtype} {y.shape}")
    if len(x) != len(y):
        raise DataError(f"x has {len(x)} samples but y has {len(y)}: there must be one target for each")
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.dtype.kind == "O":
        y = _from_objects(y)
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise DataError(f"y of sample {int(np.argwhere(~np.isfinite(y))[0][0])} is NaN or infinity: remove it or fill it in")
    if _are_numbers(y, network):
        _check_reached(y, network)
        return Dataset(NAME, x, np.zeros(len(x), np.int64), (), values=y.reshape(len(y), -1).astype(np.float32))
    names, labels = _classes(y, network, known)
    return Dataset(NAME, x, labels, names)


def _array(name: str, given: Any) -> NDArray[Any]:
    """What was given, as an array."""
    if isinstance(given, np.ma.MaskedArray):
        raise DataError(f"{name} has a mask, which nothing here looks at: fill it in, or leave out its samples")
    if hasattr(given, "toarray"):
        raise DataError(f"{name} is sparse: give its numbers, {name}.toarray()")
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{name} must be an array, or what makes one: {str(error)[:120]}") from error


def _inputs(given: Any, network: NeuralNetwork) -> NDArray[np.float32]:
    x = _array("x", given)
    if x.dtype.kind not in "fiub":
        read = ": a table with words is read by byhand.data.load(table, target='NAME'), which gives its train and test parts"
        raise DataError(f"x must be numbers, got {x.dtype}{read if x.dtype.kind in 'OUS' else ''}")
    if x.ndim < 2:
        raise DataError(f"x must be (N, ...), a row for each sample, got {x.shape}: of one column write x[:, None]")
    if x.dtype == np.uint8 and x.max(initial=0) > 1:
        raise DataError("x is in bytes, 0 to 255: divide it by 255, here and wherever the network is to read: (x / 255, y)")
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is refused by the data set, with its row
        return _channels_last(x, tuple(getattr(network, "input_shape", ()))).astype(np.float32)


def _channels_last(x: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Images as the network reads them, (N, H, W, C); those with their channels first are turned round.

    Flattened they would have as many numbers, each in another place, and nobody would notice.
    """
    if x.ndim != 4 or len(shape) != 3 or x.shape[1:] == shape:
        return x
    if np.moveaxis(x, 1, 3).shape[1:] == shape:
        return np.moveaxis(x, 1, 3)
    raise DataError(f"x must be images (N, {', '.join(map(str, shape))}), as the network reads them, got {x.shape}")


def _from_objects(y: NDArray[Any]) -> NDArray[Any]:
    """Of a column of Python objects: words, or numbers."""
    if all(isinstance(one, str) for one in y.reshape(-1)):
        return y.astype(np.str_)
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"y must be all words or all numbers, got both: {str(error)[:80]}") from error


def _are_numbers(y: NDArray[Any], network: NeuralNetwork) -> bool:
    """Whether y holds numbers to learn, and no classes; raises DataError for numbers where several outputs tell classes."""
    n_outputs = network.n_outputs
    if y.dtype.kind in "bUS" or network.purpose in WITHOUT_TARGETS:
        return False
    if network.purpose in (REGRESSION, LABELLING):
        return True
    if y.ndim == 2:
        return not (((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
    fractions = y.dtype.kind == "f" and bool((y != np.floor(y)).any())
    if fractions and n_outputs > 1:
        at = int(np.flatnonzero(y != np.floor(y))[0])
        raise DataError(
            f"y of sample {at} is {y[at]:g}, a number to learn, but the network has {n_outputs} outputs: "
            "give it one, with output='identity' and cost='quadratic'"
        )
    return n_outputs == 1 and (fractions or len(np.unique(y)) > 2)


def _check_reached(y: NDArray[Any], network: NeuralNetwork) -> None:
    """Raises DataError where the network's outputs never come to the numbers that they are to learn."""
    outside = np.argwhere((y < 0) | (y > 1))
    if network.output_activation in ("softmax", "sigmoid") and len(outside):
        at = tuple(outside[0])
        raise DataError(
            f"y of sample {at[0]} is {y[at]:g}, a number to learn, but the network's outputs lie between 0 and 1 "
            f"({network.output_activation}): make it with output='identity' and cost='quadratic'"
        )


def _classes(y: NDArray[Any], network: NeuralNetwork, known: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The names of the classes, and each sample's place among them.

    Numbers from 0 are the places of the outputs; others, and words, stand in their order, if there are as many as outputs.
    """
    outputs = max(network.n_outputs, 2)  # one output has two answers
    free = network.purpose in WITHOUT_TARGETS  # whose outputs are no classes
    found = classes_of(NAME, y if y.dtype.kind in "US" else y.astype(np.int64))
    if y.ndim == 2:
        return tuple(map(str, range(y.shape[1]))), found
    if y.dtype.kind not in "US" and found.min(initial=0) >= 0 and (free or found.max(initial=0) < outputs):
        count = max(network.classes, int(found.max(initial=0)) + 1) if free else outputs
        return tuple(map(str, range(count))), found
    names, labels = labelled(found.astype(np.str_).tolist())
    if not free and not known and len(names) != outputs:
        raise DataError(
            f"y must have as many classes as the network has outputs, {outputs}, or hold the outputs' numbers from 0, "
            f"got {len(names)}: {', '.join(names[:8])}"
        )
    return names, labels
