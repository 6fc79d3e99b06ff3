"""What a loop's targets are: classes, yes or no, or numbers. Nobody says it; the numbers do."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.predictions import chosen

MOST = 1_000  # classes


def classes_of(y: Array, outputs: int | None = None) -> Array | None:
    """The targets as rows of 0 and 1, (m, K), if they are classes or yes and no; None where they are numbers to learn.

    y: (m,) whole numbers, (m, 1) likewise, or (m, K) with a single 1 in each row. `outputs`: how many answers the network gives.
    """
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1:
        one_hot = ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()
        return y.astype(np.float64) if one_hot else None
    if y.ndim == 2:
        y = y[:, 0]
    if y.ndim != 1 or not np.isfinite(y).all() or (y != np.floor(y)).any() or y.min() < 0 or y.max() >= MOST:
        return None
    whole = np.issubdtype(y.dtype, np.integer) or y.dtype == bool
    if outputs == 1 and y.max() <= 1:
        return np.stack([1 - y, y], axis=1).astype(np.float64)
    if outputs is not None and outputs > 1 and y.max() < outputs:
        return np.eye(outputs)[y.astype(int)]
    if outputs is None and (whole or y.max() <= 1):
        return np.eye(max(int(y.max()) + 1, 2))[y.astype(int)]
    return None


def read_as(answers: Array) -> Any:
    """The class that each row of answers (m, K) names; a single answer outside of [0, 1] is a logit, and yes from 0 on."""
    if answers.shape[1] == 1 and not (answers.min() >= 0 and answers.max() <= 1):
        return (answers[:, 0] >= 0).astype(int)
    return chosen(answers)
