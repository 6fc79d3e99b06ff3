r"""What a network that draws is worth: whether a judge reads its characters as they were asked for, and how real they are.

The Fréchet distance compares two sets of images by the mean and covariance of what a judge sees in them, the features before its
last layer:

    d^2 = \|\mu_1 - \mu_2\|^2 + \operatorname{tr}\left(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2}\right)

Source: Dowson and Landau (1982); Heusel et al. (2017), arXiv:1706.08500, section 2, with another judge than theirs: it reads
characters, so the figures are to be compared with each other, and with no other paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array, on_device
from byhand.data.emnist import merging
from byhand.engine import Tensor, no_grad
from byhand.errors import ModelError
from byhand.neural_network import NeuralNetwork
from byhand.nn import Dropout, Linear, Network, Sequential

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset

ROWS = 256


@dataclass(frozen=True)
class DiffusionEvaluation:
    """Measured on n samples.

    Attributes:
        cost: the weighted mean squared error of the network's predictions, at random times and with random noise.
        data: what it was measured on.
    """

    n: int
    cost: float
    data: Any = field(default=None, repr=False)

    def details(self) -> dict[str, Any]:
        """What else there is to say: nothing."""
        return {}

    def lines(self) -> list[str]:
        """What is added to the headline: nothing."""
        return []

    def rows(self) -> list[tuple[str, ...]]:
        """A table of words: none."""
        return []

    def figures(self) -> dict[str, Any]:
        """What it is worth, in numbers."""
        return {"cost": self.cost, "n": self.n}

    @property
    def headline(self) -> str:
        """The same in one line of words."""
        return f"cost {self.cost:.4f} on {self.n:,} test samples"


@dataclass(frozen=True)
class SamplesEvaluation:
    """Measured on n drawn images, of each class as many.

    Attributes:
        accuracy, real: how many of the drawn and of the real held-out images the judge reads as what they are, the mean of the
            classes; merged, real_merged: where c and C, o and O and their like count as one (None where there are none such).
        frechet: distance squared of the drawn to the real ones; halves: between two halves of the real ones.
        nearest: median distance (root of the mean square of a pixel) of a drawn image to the nearest training image;
            nearest_real: of a held-out one. copies: how many of the drawn are nearer than the nearest 1 in 1,000 of the real.
        images, labels: what was drawn, (n, 784), and as what, (n,) of class_names; settings: of the sampler.
    """

    n: int
    accuracy: float
    real: float
    merged: float | None
    real_merged: float | None
    frechet: float
    halves: float
    nearest: float
    nearest_real: float
    copies: float
    images: Array = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    class_names: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """What it is worth, in numbers."""
        apart = ("images", "labels", "class_names", "settings")
        return {name: value for name, value in vars(self).items() if value is not None and name not in apart}

    def details(self) -> dict[str, Any]:
        """How the images were drawn."""
        return self.settings

    def lines(self) -> list[str]:
        """What is added to the headline: nothing."""
        return []

    def rows(self) -> list[tuple[str, ...]]:
        """The drawn images beside the real ones, under a header."""
        rows = [("", "drawn", "real"), ("the judge reads right", f"{self.accuracy:.1%}", f"{self.real:.1%}")]
        if self.merged is not None:
            rows.append(("c and C counted as one", f"{self.merged:.1%}", f"{self.real_merged:.1%}"))
        return [
            *rows,
            ("Fréchet distance to the real ones", f"{self.frechet:.2f}", f"{self.halves:.2f} between halves"),
            ("to the nearest training image", f"{self.nearest:.3f}", f"{self.nearest_real:.3f}"),
            ("nearer than 999 of 1,000 real ones", f"{self.copies:.2%}", "0.10%"),
        ]

    @property
    def headline(self) -> str:
        """The same in one line of words."""
        return (
            f"a judge reads {self.accuracy:.1%} of {self.n:,} drawn characters as asked (of real ones {self.real:.1%}); "
            f"Fréchet distance {self.frechet:.2f} (between halves of the real ones {self.halves:.2f})"
        )


def evaluate_denoiser(network: NeuralNetwork, data: Dataset, *, binarised: bool = False) -> DiffusionEvaluation:
    """Measure what training minimises; `binarised` has no meaning for it."""
    return DiffusionEvaluation(len(data), network.evaluate(data.flat, data.targets())[0], data)


def evaluate_samples(
    images: Array, labels: NDArray[np.int64], train: Dataset, test: Dataset, judge: NeuralNetwork, **settings: Any
) -> SamplesEvaluation:
    """Measure drawn images (n, 784) in [0, 1] and what they were to be (n,), of each class as many, beside real ones."""
    drawn, real = features(judge, images), features(judge, test.flat)
    even = weights(test.labels)
    halves = np.random.default_rng(0).permutation(len(test)) % 2 == 0
    found, held = (nearest(some, train.flat) for some in (images, test.flat))
    kept, table = merging(test.class_names)
    read = [(_read(judge, images), labels), (_read(judge, test.flat), test.labels)]
    plain = [_mean_of_classes(guess == truth, truth) for guess, truth in read]
    together = [_mean_of_classes(table[guess] == table[truth], truth) for guess, truth in read]
    some_merge = len(kept) < len(test.class_names)
    return SamplesEvaluation(
        n=len(images),
        accuracy=plain[0],
        real=plain[1],
        merged=together[0] if some_merge else None,
        real_merged=together[1] if some_merge else None,
        frechet=frechet_distance(drawn, real, weights(labels), even),
        halves=frechet_distance(real[halves], real[~halves], weights(test.labels[halves]), weights(test.labels[~halves])),
        nearest=float(np.median(found)),
        nearest_real=float(np.median(held)),
        copies=float((found < np.quantile(held, 0.001)).mean()),
        images=images,
        labels=labels,
        class_names=test.class_names,
        settings=settings,
    )


def weights(labels: NDArray[np.int64]) -> Array:
    """What each sample counts so that every class counts as much, (n,), with the sum 1.

    >>> weights(np.array([0, 0, 1])).tolist()
    [0.25, 0.25, 0.5]
    """
    counts = np.bincount(labels)
    weight: Array = 1 / (np.count_nonzero(counts) * counts[labels])
    return weight


def frechet_distance(a: Array, b: Array, of_a: Array | None = None, of_b: Array | None = None) -> float:
    r"""The squared Fréchet distance between two Gaussians with the moments of these samples, (n, d) and (m, d).

    Equation:
        d^2 = \|\mu_1 - \mu_2\|^2 + \operatorname{tr}\left(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2}\right)
    Source:
        Dowson and Landau (1982), eq. 4

    `of_a`, `of_b` are what each sample counts, with the sum 1.

    >>> points = np.random.default_rng(0).standard_normal((50, 3))
    >>> round(frechet_distance(points, points + [3, 0, 4]), 6)
    25.0
    """
    (mean_a, cov_a), (mean_b, cov_b) = _moments(a, of_a), _moments(b, of_b)
    root = _root(cov_a)
    # tr (A B)^(1/2) is the sum of the roots of A B's eigenvalues, which are those of the symmetric A^(1/2) B A^(1/2).
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0)).sum()
    return float(np.square(mean_a - mean_b).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * shared)


def _moments(x: Array, weight: Array | None) -> tuple[Array, Array]:
    x = np.asarray(x, np.float64)
    weight = np.full(len(x), 1 / len(x)) if weight is None else weight
    mean = weight @ x
    centred = x - mean
    return mean, (centred * weight[:, None]).T @ centred


def _root(symmetric: Array) -> Array:
    values, vectors = np.linalg.eigh(symmetric)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def features(judge: NeuralNetwork, images: Array) -> Array:
    """What the judge sees in images (n, 784), before its last layer: (n, d).

    Raises ModelError for a judge that does not end in a linear layer.
    """
    if not isinstance(judge, Network) or not isinstance(judge.module, Sequential) or not isinstance(judge.module[-1], Linear):
        raise ModelError("a judge is a network whose last layer is linear: choose emnist-cnn or mnist-cnn")
    seen = [layer for layer in list(judge.module)[:-1] if not isinstance(layer, Dropout)]

    def look(rows: Array) -> Array:
        h: Any = Tensor(rows.reshape(len(rows), *judge.input_shape))
        for layer in seen:
            h = layer(h)
        return on_device(h.data, "cpu")

    judge.module.eval()
    with no_grad():
        return _by_rows(look, images)


def nearest(images: Array, among: Array, rows: int = 512) -> Array:
    """How far each image (n, d) is from the nearest one among others (m, d): root of the mean square of a pixel, (n,)."""
    squares, found = np.square(among).sum(axis=1), []
    for start in range(0, len(images), rows):
        some = images[start : start + rows]
        distances = squares - 2 * some @ among.T
        found.append(distances.min(axis=1) + np.square(some).sum(axis=1))
    return np.sqrt(np.maximum(np.concatenate(found), 0) / images.shape[1])


def _read(judge: NeuralNetwork, images: Array) -> NDArray[np.intp]:
    guesses: NDArray[np.intp] = _by_rows(judge.forward, images).argmax(axis=1)
    return guesses


def _by_rows(look: Callable[[Array], Array], images: Array) -> Array:
    return np.concatenate([look(images[start : start + ROWS]) for start in range(0, len(images), ROWS)])


def _mean_of_classes(right: Array, truth: NDArray[np.int64]) -> float:
    return float(weights(truth) @ right)


def even_labels(classes: int, each: int) -> NDArray[np.int64]:
    """Labels of `each` samples a class: 0, 1, 2, ..., 0, 1, 2, ..."""
    return np.tile(np.arange(classes), each)
