r"""What a network is worth that tells several labels of each sample, beside who always gives the most frequent answer.

A label that few samples have is right in most of them without a look, so accuracy alone says little; F1 asks how many of those
that have it are found, and how many that are told to have it do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.neural_network import NeuralNetwork
from byhand.predictions import HALF

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset


@dataclass(frozen=True)
class LabelsEvaluation:
    """Measured on n samples of K labels.

    Attributes:
        true, told: (n, K), whether a sample has a label, and whether the network says so: its output is above 1/2.
        outputs: (n, K) in [0, 1]. cost: mean over the samples. names: of the labels. data: what it was measured on.
    """

    n: int
    true: NDArray[np.bool_]
    told: NDArray[np.bool_]
    outputs: Array
    cost: float
    names: tuple[str, ...]
    data: Any = field(default=None, repr=False)

    @property
    def each(self) -> NDArray[np.float64]:
        """The accuracy of each label, (K,)."""
        found: NDArray[np.float64] = (self.true == self.told).mean(axis=0)
        return found

    @property
    def baseline(self) -> NDArray[np.float64]:
        """The accuracy of each label where the most frequent answer is always given, (K,)."""
        share = self.true.mean(axis=0)
        return np.maximum(share, 1 - share)

    @property
    def f1(self) -> NDArray[np.float64]:
        """F1 of each label, (K,)."""
        return f1_of(self.true, self.told)

    @property
    def baseline_f1(self) -> NDArray[np.float64]:
        """F1 of each label where the most frequent answer is always given, (K,): 0 where that is no."""
        return f1_of(self.true, np.broadcast_to(self.true.mean(axis=0) > HALF, self.true.shape))

    def figures(self) -> dict[str, Any]:
        """What it is worth, in numbers: accuracy and F1 are means over the labels."""
        return {
            "accuracy": float(self.each.mean()),
            "f1": float(self.f1.mean()),
            "all_right": float((self.true == self.told).all(axis=1).mean()),
            "baseline_accuracy": float(self.baseline.mean()),
            "baseline_f1": float(self.baseline_f1.mean()),
            "cost": self.cost,
            "n": self.n,
        }

    def details(self) -> dict[str, Any]:
        """Each label's figures, as JSON takes them."""
        columns = {"accuracy": self.each, "f1": self.f1, "baseline_accuracy": self.baseline, "baseline_f1": self.baseline_f1}
        return {
            "labels": {
                name: {what: float(column[k]) for what, column in columns.items()} | {"share": float(self.true[:, k].mean())}
                for k, name in enumerate(self.names)
            }
        }

    def lines(self) -> list[str]:
        """What is added to the headline."""
        return [f"cost {self.cost:.4f}, F1 {self.f1.mean():.4f}, always the most frequent answer {self.baseline_f1.mean():.4f}"]

    def rows(self) -> list[tuple[str, ...]]:
        """Each label in a row, under a header."""
        header = ("label", "have it", "right", "always the commoner", "F1", "its F1")
        columns = zip(self.names, self.true.mean(axis=0), self.each, self.baseline, self.f1, self.baseline_f1, strict=True)
        return [
            header,
            *(
                (name, f"{share:.1%}", f"{right:.1%}", f"{base:.1%}", f"{f1:.3f}", f"{base_f1:.3f}")
                for name, share, right, base, f1, base_f1 in columns
            ),
        ]

    @property
    def headline(self) -> str:
        """The same in one line of words."""
        found = self.figures()
        return (
            f"{found['accuracy']:.2%} of the {len(self.names)} labels of {self.n:,} test samples right, always the most frequent "
            f"answer {found['baseline_accuracy']:.2%}; all labels of a sample in {found['all_right']:.2%}"
        )


def f1_of(true: NDArray[np.bool_], told: NDArray[np.bool_]) -> NDArray[np.float64]:
    r"""The harmonic mean of precision and recall for each column; 0 where nobody has the label and nobody is told to.

    Equation:
        F_1 = \frac{2\,\text{both}}{\text{true} + \text{told}}
    Source:
        van Rijsbergen (1979), "Information Retrieval", chapter 7

    >>> f1_of(np.array([[True], [True], [False]]), np.array([[True], [False], [True]])).tolist()
    [0.5]
    """
    both, all_ = (true & told).sum(axis=0), true.sum(axis=0) + told.sum(axis=0)
    return np.where(all_ > 0, 2 * both / np.maximum(all_, 1), 0.0)


def evaluate_labels(network: NeuralNetwork, data: Dataset, *, binarised: bool = False) -> LabelsEvaluation:
    """Measure a network on a data set with several labels; `binarised` has no meaning for it.

    Raises ModelError where the two do not fit.
    """
    if data.values is None or not data.label_names:
        raise ModelError(f"{data.name} has not several labels per sample, which the network tells: choose other data")
    if network.n_outputs != data.n_outputs:
        raise ModelError(f"the network tells {network.n_outputs} labels but {data.name} has {data.n_outputs}: choose other data")
    cost, _ = network.evaluate(data.flat, data.targets(network.dtype))
    outputs = network.forward(data.flat)
    return LabelsEvaluation(len(data), data.values > HALF, outputs > HALF, outputs, cost, data.label_names, data)
