"""What a trained network is worth: accuracy, cost, confusions, and the samples that it got most wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.errors import ModelError

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset
    from byhand.feedforward import FeedForward
    from byhand.nn import Network


@dataclass(frozen=True)
class Evaluation:
    """Measured on n samples.

    Attributes:
        accuracy: in [0, 1]; cost: mean over the samples, weight decay left out.
        outputs: (n, n_classes); predictions: (n,).
        confusion: (n_classes, n_classes) counts, true class down, predicted class across.
        worst: indices of the wrong samples, the surest mistake first.
    """

    n: int
    accuracy: float
    cost: float
    outputs: Array
    predictions: NDArray[np.intp]
    confusion: NDArray[np.intp]
    worst: NDArray[np.intp]


def evaluate(network: FeedForward | Network, data: Dataset) -> Evaluation:
    """Measure a network on a data set; raises ModelError where the two do not fit."""
    if data.n_classes != network.n_outputs:
        raise ModelError(
            f"the network tells {network.n_outputs} classes apart but {data.name} has {data.n_classes}: choose other data"
        )
    cost, accuracy = network.evaluate(data.flat, data.targets(network.dtype))
    outputs = network.forward(data.flat)
    predictions = outputs.argmax(axis=1)
    confusion = np.zeros((data.n_classes, data.n_classes), np.intp)
    np.add.at(confusion, (data.labels, predictions), 1)
    rows = np.arange(len(data))
    mistake = outputs[rows, predictions] - outputs[rows, data.labels]  # 0 for a right answer, up to 1 for a sure mistake
    wrong = np.flatnonzero(predictions != data.labels)
    worst: Any = wrong[np.argsort(-mistake[wrong], kind="stable")]
    return Evaluation(len(data), accuracy, cost, outputs, predictions, confusion, worst)
