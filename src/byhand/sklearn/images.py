"""A small convolutional network as scikit-learn's estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.data.dataset import Dataset
from byhand.nn import Conv2d, Dropout, Flatten, Linear, MaxPool2d, Module, Network, ReLU, Sequential
from byhand.sklearn.estimators import Classifier

SMALLEST_SQUARE = 16  # numbers of a row that are taken for a square image


class CNNClassifier(Classifier):
    """A network of convolutions that tells images apart: for each number of channels a convolution, ReLU, and a pool that halves
    the image; then a fully connected layer, and softmax.

    Arguments:
        channels: of each convolution, 3 x 3. hidden: units of the fully connected layer.
        image_shape: (height, width) or (height, width, channels) of images that come as rows. Where it is None, rows whose length
            is a square are square images, and others one line of pixels; arrays (N, H, W) and (N, H, W, C) are taken as they are.
        dropout: the share left out, in training, in front of the last layer.
        optimizer, learning_rate, batch_size, epochs, random_state, warm_start: as in `FeedForwardClassifier`.

    Attributes:
        network_: the `byhand.nn.Network`; costs_: the mean cost of each epoch; image_shape_: (H, W, C).
        classes_: the labels, in the order of the outputs.
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32),
        hidden: int = 64,
        *,
        image_shape: Sequence[int] | None = None,
        dropout: float = 0.0,
        optimizer: str = "adam",
        learning_rate: float = 0.003,
        batch_size: int = 32,
        epochs: int = 20,
        random_state: Any = None,
        warm_start: bool = False,
    ) -> None:
        self.channels = channels
        self.hidden = hidden
        self.image_shape = image_shape
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state
        self.warm_start = warm_start

    def _network(self, data: Dataset, seed: int) -> Network:
        height, width, before = self.image_shape_
        layers: list[Module] = []
        for channels in self.channels:
            layers += [Conv2d(before, channels, 3, padding=1), ReLU()]
            if min(height, width) > 1:
                layers.append(MaxPool2d(2))
                height, width = height // 2, width // 2
            before = channels
        layers += [Flatten(), Linear(height * width * before, self.hidden), ReLU(), Dropout(self.dropout)]
        layers.append(Linear(self.hidden, data.n_outputs))
        return Network(Sequential(*layers), self.image_shape_, seed=seed, dtype=np.float64)

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        if reset:
            self.image_shape_ = self._shape_of(_sides(X))
        x, y = super()._checked(self._rows(X), y, reset=reset)
        return x.reshape(len(x), *self.image_shape_), y

    def _outputs(self, X: Any) -> Array:
        return super()._outputs(self._rows(X))

    def _rows(self, X: Any) -> Any:
        return X if len(_sides(X)) < 3 else np.asarray(X).reshape(len(X), -1)

    def _shape_of(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        if len(shape) > 2:
            given = (*shape[1:], 1)[:3] if len(shape) == 3 else shape[1:]
        elif self.image_shape is not None:
            given = (*self.image_shape, 1)[:3] if len(self.image_shape) == 2 else tuple(self.image_shape)
        else:
            n = shape[1] if len(shape) == 2 else 1
            side = math.isqrt(n)
            given = (side, side, 1) if side * side == n >= SMALLEST_SQUARE else (1, n, 1)
        if len(given) != 3 or (len(shape) == 2 and math.prod(given) != shape[1]):
            raise ValueError(
                f"image_shape must be (height, width) or (height, width, channels) of {shape[-1]} numbers, got {given}"
            )
        return int(given[0]), int(given[1]), int(given[2])


def _sides(X: Any) -> tuple[int, ...]:
    """The shape of whatever scikit-learn would take for an array."""
    return tuple(X.shape) if hasattr(X, "shape") else np.asarray(X).shape
