"""Networks of fully connected layers as scikit-learn's estimators: for pipelines, grid searches and cross-validation.

The names of the settings are byhand's. As in scikit-learn, inputs are taken as they are: put a `StandardScaler` in front. Numbers
to learn are standardised inside, and given back in their own unit.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from byhand import optim
from byhand.backend import Array
from byhand.data.dataset import Dataset
from byhand.errors import ByhandError
from byhand.feedforward import FeedForward
from byhand.network_kinds import KINDS
from byhand.neural_network import NeuralNetwork
from byhand.training.steps import Steps, steps

MOST_COPIES = 10  # of each sample on average: with larger whole weights samples are drawn by them instead


class Estimator(BaseEstimator):
    """What all have in common: the training, and how a network is pickled. Each says which network it makes."""

    classes_: Any

    def _network(self, data: Dataset, seed: int) -> NeuralNetwork:
        raise NotImplementedError

    # A network's layers are views into one vector, which a pickle would tear apart: it is written as its numbers.

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        network = state.get("network_")
        if network is not None:
            state["network_"] = (network.architecture(), {name: array.copy() for name, array in network.tensors().items()})
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            architecture, tensors = state["network_"]
            read = KINDS[architecture["kind"]].read
            assert read is not None
            self.network_ = read(architecture, np.float64)
            for name, view in self.network_.tensors().items():
                view[...] = tensors[name]

    def _weighed(self, x: Array, y: Any, sample_weight: Any) -> tuple[Array, Any, Any]:
        """Samples and targets in an order of their own, without those of weight 0; and the weights, None where all count alike.

        Weights that are whole numbers say how often a sample is there: so two equal rows are the same as one of weight 2, to the
        bit, as scikit-learn asks. That is also why the order is that of the numbers, whatever the order in which they came.
        """
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, x, dtype=np.float64)
            if (weights < 0).any():
                raise ValueError(f"sample_weight must be 0 or more, got {weights.min():g}")
            kept = np.flatnonzero(weights)
            if not kept.size:
                raise ValueError("sample_weight is 0 for every sample: give some a weight above 0")
            x, y, weights = x[kept], y[kept], weights[kept]
            if not (weights % 1).any() and weights.sum() <= MOST_COPIES * len(x):
                counts = weights.astype(np.intp)
                x, y, weights = np.repeat(x, counts, axis=0), np.repeat(y, counts, axis=0), None
        codes = y if y.dtype.kind == "f" else np.unique(y, return_inverse=True)[1]
        pairs = zip(x + 0.0, np.ascontiguousarray(codes), strict=True)  # -0 is 0, and has other bits
        order = np.argsort([zlib.crc32(target.tobytes(), zlib.crc32(row.tobytes())) for row, target in pairs], kind="stable")
        return x[order], y[order], None if weights is None else weights[order]

    def _trained(self, data: Dataset, epochs: int, *, again: bool) -> Self:
        """Train on these data; `again`: on from what was learned before."""
        rng = check_random_state(self.random_state)
        try:
            if not again:
                self.costs_: list[float] = []
                self.network_ = self._network(data, int(rng.randint(2**31 - 1)))
            training = steps(
                self.network_,
                data,
                epochs=epochs,
                batch_size=min(self.batch_size, len(data)),
                optimizer=optim.by_name(self.optimizer, self.learning_rate),
                seed=int(rng.randint(2**31 - 1)),
            )
            self.costs_ += _costs(training, len(data))
        except ByhandError as error:
            raise ValueError(str(error)) from error
        return self

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        return self.network_.forward(validate_data(self, X, dtype=np.float64, reset=False))


def _costs(training: Steps, samples: int) -> list[float]:
    """The mean cost of each epoch."""
    found, total, seen = [], 0.0, 0
    for step in training:
        total, seen = total + step.cost * len(step.indices), seen + len(step.indices)
        if seen >= samples:
            found.append(total / seen)
            total, seen = 0.0, 0
    return found


class Classifier(ClassifierMixin, Estimator):
    """What estimators that tell classes apart have in common."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on samples X, (N, n), with labels y, (N,); sample_weight: (N,), how much each sample counts."""
        again = bool(self.warm_start) and hasattr(self, "network_")
        x, labels = self._checked(X, y, reset=not again)
        x, labels, weights = self._weighed(x, labels, sample_weight)
        found = np.unique(labels)
        if again and not np.isin(found, self.classes_).all():
            raise ValueError(
                f"warm_start: y must hold the classes of the first fit, {self.classes_.tolist()}, got {found.tolist()}"
            )
        if not again:
            self.classes_ = found
        return self._fit(x, labels, self.epochs, weights, again=again)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one epoch on; the first call needs to know all classes. The optimiser begins anew in each call."""
        again = hasattr(self, "network_")
        x, labels = self._checked(X, y, reset=not again)
        x, labels, weights = self._weighed(x, labels, sample_weight)
        if not again:
            if classes is None:
                raise ValueError("classes must be given in the first call of partial_fit: all that will ever come")
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_.tolist()}, got {np.unique(classes).tolist()}"
            )
        if not np.isin(labels, self.classes_).all():
            raise ValueError(f"y must hold no other classes than {self.classes_.tolist()}")
        return self._fit(x, labels, 1, weights, again=again)

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class, (N, K), in the order of `classes_`."""
        return self._outputs(X)

    def predict(self, X: Any) -> Any:
        """The label of the likeliest class of each sample, (N,)."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        x, y = validate_data(self, X, y, dtype=np.float64, reset=reset)
        check_classification_targets(y)
        return x, y

    def _fit(self, x: Any, labels: Any, epochs: int, weights: Any, *, again: bool) -> Self:
        if len(self.classes_) < 2:
            raise ValueError(f"y must hold two classes or more, got one class: {self.classes_.tolist()}")
        places = np.searchsorted(self.classes_, labels)
        data = Dataset("X", x, places, tuple(map(str, range(len(self.classes_)))), weights=weights)
        return self._trained(data, epochs, again=again)


class Layers(Estimator):
    """Fully connected layers, with the settings that both their estimators have."""

    output = cost = ""

    def __init__(
        self,
        hidden: Sequence[int] = (100,),
        *,
        activation: str = "relu",
        optimizer: str = "adam",
        learning_rate: float = 0.003,
        batch_size: int = 32,
        epochs: int = 100,
        l2: float = 0.0,
        dropout: float = 0.0,
        random_state: Any = None,
        warm_start: bool = False,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.l2 = l2
        self.dropout = dropout
        self.random_state = random_state
        self.warm_start = warm_start

    def _network(self, data: Dataset, seed: int) -> NeuralNetwork:
        return FeedForward(
            (data.flat.shape[1], *self.hidden, data.n_outputs),
            self.activation,
            output=self.output,
            cost=self.cost,
            l2=self.l2,
            dropout=self.dropout,
            seed=seed,
            dtype=np.float64,
        )


class FeedForwardClassifier(Classifier, Layers):
    """A network that tells classes apart: softmax at its end, and the cross-entropy for its cost.

    Arguments:
        hidden: units of each layer between the inputs and the outputs.
        activation: of these layers, by its name in `byhand.activations`.
        optimizer, learning_rate: by its name in `byhand.optim`.
        batch_size: samples of a step. epochs: how often all samples are seen.
        l2: weight decay, as the cost's l2/2 times the sum of the squared weights. dropout: the share left out in training.
        random_state: of the first weights and of the order of the samples: a whole number, or a generator; None draws anew.
        warm_start: whether `fit` goes on from what the last one learned.

    Attributes:
        network_: the `byhand.FeedForward`, for `byhand.explain` and all else; costs_: the mean cost of each epoch.
        classes_: the labels, in the order of the outputs.
    """

    output, cost = "softmax", "cross_entropy"


class FeedForwardRegressor(RegressorMixin, Layers):
    """A network that learns numbers, one or several a sample, by the squared error.

    Arguments: those of `FeedForwardClassifier`.

    Attributes:
        network_, costs_: as of `FeedForwardClassifier`.
        mean_, deviation_: of the numbers, by which they are standardised inside.
    """

    output, cost = "identity", "quadratic"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on samples X, (N, n), with numbers y, (N,) or (N, k); sample_weight: (N,), how much each sample counts."""
        return self._fit(X, y, sample_weight, self.epochs, again=bool(self.warm_start) and hasattr(self, "network_"))

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch on; the first call's numbers say mean and deviation. The optimiser begins anew in each call."""
        return self._fit(X, y, sample_weight, 1, again=hasattr(self, "network_"))

    def predict(self, X: Any) -> Any:
        """The numbers of each sample, (N,) or (N, k), in their own unit."""
        outputs = self._outputs(X)
        found = outputs * self.deviation_ + self.mean_
        return found if self.several_ else found[:, 0]

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        x, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, reset=reset)
        if reset:
            self.several_ = y.ndim == 2
        return x, np.asarray(y, np.float64).reshape(len(x), -1)

    def _measure(self, values: Array, weights: Any) -> None:
        self.mean_ = np.average(values, axis=0, weights=weights)
        self.deviation_ = np.sqrt(np.average((values - self.mean_) ** 2, axis=0, weights=weights))
        self.deviation_ = np.where(self.deviation_ > 0, self.deviation_, 1.0)

    def _fit(self, X: Any, y: Any, sample_weight: Any, epochs: int, *, again: bool) -> Self:
        x, values = self._checked(X, y, reset=not again)
        x, values, weights = self._weighed(x, values, sample_weight)
        if not again:
            self._measure(values, weights)
        scaled = (values - self.mean_) / self.deviation_
        data = Dataset("X", x, np.zeros(len(x), np.int64), (), values=scaled, weights=weights)
        return self._trained(data, epochs, again=again)
