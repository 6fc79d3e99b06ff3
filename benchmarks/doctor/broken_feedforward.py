"""Feed-forward networks with a mistake in their gradient, their first weights or what they report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from byhand.feedforward import FeedForward, backpropagated_error, bias_gradient, output_error, weight_gradient


class SumForMean(FeedForward):
    """The bug of the text that this project grew from: gradients summed over the batch."""

    def learn(self, x: Any, y: Any) -> float:
        cost = super().learn(x, y)
        self.gradient *= len(x)
        return cost


class SumCost(FeedForward):
    def learn(self, x: Any, y: Any) -> float:
        cost = super().learn(x, y)
        self.gradient *= len(x)
        return cost * len(x)


class Accumulating(FeedForward):
    """The gradient is never set to zero."""

    def learn(self, x: Any, y: Any) -> float:
        before = self.gradient.copy()
        cost = super().learn(x, y)
        self.gradient += before
        return cost


class WrongBackward(FeedForward):
    """BP2 written out, so that single lines of it can go wrong."""

    wrong = ""

    def _backward(self, x: Any, y: Any) -> None:
        buffers, last, m = self._buffers_for(len(x)), len(self.weights) - 1, len(x)
        for layer in range(last, -1, -1):
            z, a, activation = buffers.z[layer], buffers.a[layer], self.activations[layer]
            if layer == last:
                delta = output_error(z, a, y, self.cost, activation, buffers.delta[layer])
                if self.wrong == "output sign":
                    delta *= -1
            else:
                w = self.weights[layer + 1]
                w = w.T if self.wrong == "not transposed" and w.shape[0] == w.shape[1] else w
                delta = backpropagated_error(delta, w, z, a, None, activation, buffers.delta[layer])
                if self.wrong == "sigma' of a":
                    delta /= np.maximum(a * (1 - a), 1e-6)
                    delta *= -a
                if self.wrong == "no sigma'":
                    delta /= np.maximum(a * (1 - a), 1e-6)
                if self.wrong == "sign":
                    delta *= -1
            share = np.multiply(delta, 1 / m, out=buffers.share[layer])
            bias_gradient(share, buffers.ones, self.bias_gradients[layer])
            weight_gradient(share, x if layer == 0 else buffers.a[layer - 1], self.weight_gradients[layer])
            if self.wrong == "missing" and layer == 0:
                self.weight_gradients[layer][...] = 0
            if self.wrong == "overwritten":  # "=" for "+=": only the batch's last sample counts
                self.weight_gradients[layer][...] = delta[-1:].T @ (x if layer == 0 else buffers.a[layer - 1])[-1:] / m


def wrong(what: str) -> type[WrongBackward]:
    return type("WrongBackward", (WrongBackward,), {"wrong": what})


class Initialised(FeedForward):
    """The weights made otherwise than drawn."""

    how: Any = None

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        for w, b in zip(self.weights, self.biases, strict=True):
            type(self).how(w, b)


def initialised(how: Callable[[Any, Any], None]) -> type[Initialised]:
    return type("Initialised", (Initialised,), {"how": staticmethod(how)})


def zero(w: Any, b: Any) -> None:
    w[...], b[...] = 0, 0


def same(w: Any, b: Any) -> None:
    w[...], b[...] = 0.05, 0


def times(factor: float) -> Callable[[Any, Any], None]:
    def how(w: Any, b: Any) -> None:
        w *= factor

    return how


def down(w: Any, b: Any) -> None:
    b -= 8.0


class Misreporting(FeedForward):
    """Accuracy against the wrong column."""

    def evaluate(self, x: Any, y: Any) -> tuple[float, float]:
        cost, right = super().evaluate(x, y)
        return cost, min(1.0, right + 0.3 * (1 - right) + 0.05)


class AlwaysDropping(FeedForward):
    """Dropout stays on when the network is asked."""

    def _last_layer(self, x: Any) -> Any:
        z = a = x
        for k, (w, b, activation) in enumerate(zip(self.weights, self.biases, self.activations, strict=True)):
            z = a @ w.T + b
            a = activation.forward(z, np.empty_like(z))
            if self.dropout and k < len(self.weights) - 1:
                a = a * (self.rng.random(a.shape) >= self.dropout) / (1 - self.dropout)
        return z, a


class NormalisedLater(FeedForward):
    """Mean and deviation are taken off where the network is asked, but not where it learns."""

    def _last_layer(self, x: Any) -> Any:
        return super()._last_layer(((x - 0.13) / 0.31).astype(self.dtype))
