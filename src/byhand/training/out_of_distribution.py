r"""Whether a sample is unlike all that a classifier was trained on: how far it lies from every class, as the last layer sees it.

A network names a class for whatever it is given. What it was not trained on mostly comes to the last layer where no class lies.
So of each class the mean of these features is kept, and of all the covariance around it; the distance to the nearest class is

    d^2 = \min_k\, (f - \mu_k)^\top\, \Sigma^{-1}\, (f - \mu_k) = \min_k\, |W f - W \mu_k|^2, \quad \Sigma^{-1} = W^\top W

and what lies further away than 95 % of validation samples (or test samples, where there are none) is told to be unlike. So 5 % of
samples that belong to a class are too.

Source: Lee, Lee, Lee and Shin (2018), "A simple unified framework for detecting out-of-distribution samples and adversarial
attacks", section 2.1. Their distance is measured here at the last layer alone, without the ensemble over layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.errors import ModelError

KEY = "out_of_distribution"  # in a model's `preprocessing`
REFUSED = 0.05  # share of validation samples that are told to be unlike
MOST_FEATURES = 256  # the covariance of more would be larger than many a network
MOST_SAMPLES = 20_000
LEAST = 10  # samples of a class, below which its mean says little
ROUND = 1e-3  # of the mean variance, added to each: features that never change have no inverse
DIGITS = 5  # that the file keeps of each number
UNLIKE = "it is unlike all that the network was trained on"


@dataclass(frozen=True)
class OutOfDistribution:
    """Where the classes lie.

    Attributes:
        centres: (K, d), W mu_k. whitening: (d, d), W. limit: the distance d beyond which a sample is unlike.
    """

    centres: Array
    whitening: Array
    limit: float

    def distances(self, features: Array) -> Array:
        """Of each row of features (N, d) the distance to the nearest class over the limit, (N,): above 1 it is unlike."""
        away = (features @ self.whitening.T)[:, None] - self.centres
        return np.asarray(np.sqrt((away**2).sum(axis=-1)).min(axis=1) / self.limit)

    def facts(self) -> dict[str, Any]:
        """As a model file holds it."""
        return {"centres": _kept(self.centres), "whitening": _kept(self.whitening), "limit": float(f"{self.limit:.{DIGITS}g}")}


def fitted(network: Any, train: Any, validation: Any) -> OutOfDistribution | None:
    """Where the classes lie for a network that was trained on one data set, its limit by another; None where that says nothing.

    That is so for networks without a layer of features before the last, with more than 256 of these, and for few samples.
    """
    rows = _spread(train.labels)
    x, labels = train.inputs[rows], np.asarray(train.labels[rows])
    counts = np.bincount(labels, minlength=train.n_classes)
    if len(counts) < 2 or counts.min() < LEAST or len(validation) < 1 / REFUSED:
        return None
    probe = network.features(x[:1])
    if probe is None or probe.shape[1] > MOST_FEATURES:
        return None
    features = network.features(x).astype(np.float64)
    means = np.stack([features[labels == k].mean(axis=0) for k in range(len(counts))])
    around = features - means[labels]
    covariance = around.T @ around / len(around)
    size = float(np.trace(covariance)) / len(covariance)
    if not np.isfinite(covariance).all() or size == 0:
        return None
    whitening = np.linalg.inv(np.linalg.cholesky(covariance + ROUND * size * np.eye(len(covariance))))
    one = OutOfDistribution(means @ whitening.T, whitening, 1.0)
    far = one.distances(network.features(validation.inputs[_spread(validation.labels)]).astype(np.float64))
    return OutOfDistribution(one.centres, whitening, float(np.quantile(far, 1 - REFUSED)))


def _spread(labels: Array) -> Any:
    """Which samples are looked at: all, or at most 20,000 of them, of each class its share, whatever order they come in."""
    if len(labels) <= MOST_SAMPLES:
        return slice(None)
    by_class = np.argsort(labels, kind="stable")
    return np.sort(by_class[np.linspace(0, len(labels) - 1, MOST_SAMPLES).astype(np.intp)])


def of_model(preprocessing: dict[str, Any], n_classes: int) -> OutOfDistribution | None:
    """What a model file says; None where it says nothing. Raises ModelError for what cannot be."""
    given = preprocessing.get(KEY)
    if given is None:
        return None
    try:
        centres, whitening = (np.array(given[part], np.float64) for part in ("centres", "whitening"))
        limit = limits.number(f"{KEY}: limit", given["limit"], above=0)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{KEY} must have centres, whitening and limit, got {limits.told(given)}") from error
    d = len(whitening)
    if whitening.shape != (d, d) or centres.shape != (max(n_classes, 2), d) or not 0 < d <= MOST_FEATURES:
        raise ModelError(f"{KEY}: centres {centres.shape} and whitening {whitening.shape} do not fit together")
    return OutOfDistribution(centres, whitening, limit)


def _kept(array: Array) -> list[list[float]]:
    return [[float(f"{one:.{DIGITS}g}") for one in row] for row in array.tolist()]
