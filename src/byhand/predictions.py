"""What outputs say: the class of each row, in the one place where that is decided.

Of several outputs the largest wins. A single one is a yes or no: class 1 above 0.5, and class 0 up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.errors import ModelError

HALF = 0.5  # where a single output turns from no to yes: a probability, or a number that learns targets of 0 and 1


def chosen(outputs: Array) -> NDArray[np.intp]:
    """The classes (N, ...) of outputs or of targets (N, ..., K).

    >>> chosen(np.array([[0.1, 0.7, 0.2], [0.9, 0.1, 0.0]]))
    array([1, 0])
    >>> chosen(np.array([[0.7], [0.5], [0.2]]))
    array([1, 0, 0])
    """
    outputs = np.asarray(outputs)
    found: Any = (outputs[..., 0] > HALF).astype(np.intp) if outputs.shape[-1] == 1 else outputs.argmax(axis=-1)
    return found


def each_class(outputs: Array) -> Array:
    """Outputs with one column for each class: a single output p becomes (1 - p, p), and several stay.

    >>> each_class(np.array([[0.75]]))
    array([[0.25, 0.75]])
    """
    return np.concatenate([1 - outputs, outputs], axis=-1) if outputs.shape[-1] == 1 else outputs


def fitting_targets(y: Any, shape: tuple[int, ...]) -> Any:
    """Targets of this shape (N, ..., 1) for a single output, from any way to write yes and no; others stay as they are.

    >>> fitting_targets(np.array([True, False]), (2, 1)).tolist()
    [[True], [False]]
    >>> fitting_targets(np.array([[0.0, 1.0], [1.0, 0.0]]), (2, 1)).tolist()
    [[1.0], [0.0]]
    """
    if np.shape(y) == shape or shape[-1] != 1:
        return y
    if np.shape(y) == shape[:-1]:
        return y.reshape(shape)
    if np.shape(y) == (*shape[:-1], 2):  # one-hot, no and yes
        if not bool(((y[..., 0] + y[..., 1] == 1) & (y[..., 0] * y[..., 1] == 0)).all()):
            raise ModelError(f"the targets {np.shape(y)} must be one-hot, of no and yes, for a network of one output")
        return y[..., 1:]
    return y


def in_words(outputs: Array, names: Sequence[str], several: bool = False) -> list[str]:
    """What outputs or targets (N, K) say, a word each: the name of the class; without names, the numbers themselves.

    Where there may be several labels, their names.

    >>> in_words(np.array([[0.1, 0.7]]), ("no", "yes")), in_words(np.array([[0.25], [3.0]]), ())
    (['yes'], ['0.25', '3'])
    >>> in_words(np.array([[0.9, 0.7], [0.1, 0.2]]), ("red", "round"), several=True)
    ['red, round', 'none']
    """
    if several:
        known = list(names) or [str(unit) for unit in range(np.shape(outputs)[1])]
        return [", ".join(known[k] for k in np.flatnonzero(row > HALF)) or "none" for row in np.asarray(outputs)]
    if names:
        return [names[unit] for unit in chosen(outputs).tolist()]
    return [", ".join(f"{value:.4g}" for value in row) for row in np.asarray(outputs).tolist()]
