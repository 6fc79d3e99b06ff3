"""What a trained network is worth: accuracy, cost, confusions, and the samples that it got most wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.data.emnist import merging
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


def merged_accuracy(confusion: NDArray[np.intp], class_names: Sequence[str]) -> float | None:
    """Accuracy where letters whose lower case looks like their capital count as one class; None where there are none such.

    Source: Cohen et al. (2017), arXiv:1702.05373, the ByMerge scheme: 62 classes become 47.

    >>> merged_accuracy(np.array([[8, 2], [1, 9]]), ("C", "c"))
    1.0
    """
    kept, table = merging(class_names)
    if len(kept) == len(class_names):
        return None
    together = table[:, None] == table[None, :]
    return float(confusion[together].sum() / confusion.sum())
