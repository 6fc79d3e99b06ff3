"""What a trained network is worth: accuracy, cost, confusions, and the samples that it got most wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.data.emnist import merging
from byhand.errors import ModelError
from byhand.neural_network import NeuralNetwork
from byhand.predictions import chosen, each_class

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset


@dataclass(frozen=True)
class ClassifierEvaluation:
    """Measured on n samples; of text, each character is one.

    Attributes:
        accuracy: in [0, 1]; cost: mean over the samples, weight decay left out.
        outputs: (n, n_classes); predictions: (n,).
        confusion: (n_classes, n_classes) counts, true class down, predicted class across.
        worst: indices of the wrong samples, the surest mistake first.
        merged: accuracy where c and C, o and O and their like count as one; None where the classes are no such letters.
        bits: of text, how many bits a character costs him who knows what the network expects; None for what is no text.
        data: what it was measured on.
    """

    n: int
    accuracy: float
    cost: float
    outputs: Array
    predictions: NDArray[np.intp]
    confusion: NDArray[np.intp]
    worst: NDArray[np.intp]
    merged: float | None = None
    bits: float | None = None
    data: Any = field(default=None, repr=False)

    def figures(self) -> dict[str, Any]:
        """What it is worth, in numbers."""
        found = {"accuracy": self.accuracy, "cost": self.cost, "n": self.n}
        found |= {"accuracy_merged": self.merged} if self.merged is not None else {}
        return found | ({"bits_per_character": self.bits} if self.bits is not None else {})

    def details(self) -> dict[str, Any]:
        """What else there is to say, as JSON takes it; a table of all characters by all characters would tell nobody anything."""
        return {} if self.bits is not None else {"confusion": self.confusion.tolist()}

    def lines(self) -> list[str]:
        """What is added to the headline."""
        merged = [] if self.merged is None else [f"{self.merged:.2%} where c and C, o and O and their like count as one"]
        return [f"cost {self.cost:.4f}", *merged]

    def rows(self) -> list[tuple[str, ...]]:
        """A table of words: none, its table is the confusion matrix."""
        return []

    @property
    def headline(self) -> str:
        """The same in one line of words."""
        if self.bits is None:
            return f"{self.accuracy:.2%} of {self.n:,} test samples right"
        return f"{self.accuracy:.2%} of {self.n:,} next characters right, {self.bits:.3f} bits per character"


def evaluate_classifier(network: NeuralNetwork, data: Dataset, *, binarised: bool = False) -> ClassifierEvaluation:
    """Measure a network that tells classes apart; `binarised` has no meaning for it.

    Raises ModelError where network and data do not fit.
    """
    if data.values is not None:
        what = "several labels" if data.label_names else "numbers"
        raise ModelError(f"{data.name} has {what} to learn, and the network tells classes apart: choose other data")
    told = max(network.n_outputs, 2)  # a single output is a yes or no
    if data.n_classes != told:
        raise ModelError(f"the network tells {told} classes apart but {data.name} has {data.n_classes}: choose other data")
    cost, accuracy = network.evaluate(data.flat, data.targets(network.dtype))
    answers = network.forward(data.flat)
    predictions, labels = chosen(answers).reshape(-1), data.labels.reshape(-1)
    outputs = each_class(answers).reshape(-1, data.n_classes)
    confusion = np.zeros((data.n_classes, data.n_classes), np.intp)
    np.add.at(confusion, (labels, predictions), 1)
    rows = np.arange(len(labels))
    mistake = outputs[rows, predictions] - outputs[rows, labels]  # 0 for a right answer, up to 1 for a sure mistake
    wrong = np.flatnonzero(predictions != labels)
    worst: Any = wrong[np.argsort(-mistake[wrong], kind="stable")]
    is_text = data.labels.ndim == 2
    merged = None if is_text else merged_accuracy(confusion, data.class_names)
    bits = bits_per_character(outputs[rows, labels]) if is_text else None
    accuracy = float((predictions == labels).mean()) if accuracy is None else accuracy
    return ClassifierEvaluation(len(labels), accuracy, cost, outputs, predictions, confusion, worst, merged, bits, data)


def bits_per_character(p: Array) -> float:
    r"""The mean information of characters that were given the probabilities p: what an ideal code would need for each.

    Equation:
        H = -\frac{1}{n} \sum_t \log_2 p(c_t \mid c_1 \dots c_{t-1})
    Source:
        Shannon (1951), "Prediction and entropy of printed English"

    >>> bits_per_character(np.array([0.5, 0.125]))
    2.0
    """
    return -float(np.log2(np.maximum(p, np.finfo(np.float32).tiny), dtype=np.float64).mean())


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
