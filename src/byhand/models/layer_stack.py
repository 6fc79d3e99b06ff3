r"""Layers by hand, without a cost of their own: forward through them, and an error from their end to their beginning.

An autoencoder and a VAE are two of these, one behind the other. The equations are those of `byhand.feedforward`; what differs is
that the error of the last layer comes from outside, and that the error of the input goes on to whatever stands before.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np

from byhand import activations, initialisers, limits
from byhand.backend import Array
from byhand.errors import ModelError
from byhand.feedforward import activate, backpropagated_error, bias_gradient, weight_gradient, weighted_input


class Stack:
    """Fully connected layers, with their parameters and gradients as views into two flat vectors.

    Arguments:
        sizes: units per layer, input first. names: the activation of each layer after it.
        parameters, gradient: flat, `Stack.count(sizes)` numbers each.
    """

    def __init__(self, sizes: Sequence[int], names: Sequence[str], parameters: Array, gradient: Array) -> None:
        self.sizes = tuple(sizes)
        self.activations = [activations.by_name(name) for name in names]
        self.weights, self.biases = _views(self.sizes, parameters)
        self.weight_gradients, self.bias_gradients = _views(self.sizes, gradient)
        self.z: list[Array] = []
        self.a: list[Array] = []
        self.delta: list[Array] = []

    @staticmethod
    def count(sizes: Sequence[int]) -> int:
        """How many parameters layers of these sizes have.

        >>> Stack.count((784, 30, 10))
        23860
        """
        if any(n_in * n_out > limits.largest_array() for n_in, n_out in pairwise(sizes)):
            raise ModelError(f"layers of {limits.told(tuple(sizes))} units make more than {limits.largest_array():,} weights")
        return sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))

    def twin(self, parameters: Array, gradient: Array) -> Self:
        """The same layers on other flat vectors, which hold its numbers."""
        other = copy.copy(self)
        other.weights, other.biases = _views(self.sizes, parameters)
        other.weight_gradients, other.bias_gradients = _views(self.sizes, gradient)
        other.z, other.a, other.delta = [], [], []
        return other

    def initialise(self, rng: np.random.Generator) -> None:
        """He's weights before a ReLU or its like, Glorot's before anything else; biases 0."""
        for w, b, activation in zip(self.weights, self.biases, self.activations, strict=True):
            rectified = activation.name in ("relu", "leaky_relu", "silu")
            initialisers.by_name("he" if rectified else "glorot")(w, b, rng)

    def forward(self, x: Array) -> Array:
        """All z^l and a^l, kept for `backward`; returns the last a."""
        self.z, self.a = [], [x]
        for w, b, activation in zip(self.weights, self.biases, self.activations, strict=True):
            z = weighted_input(self.a[-1], w, b, np.empty((len(x), len(b)), x.dtype))
            self.z.append(z)
            self.a.append(activate(z, activation, np.empty_like(z)))
        return self.a[-1]

    def backward(self, delta: Array) -> Stack:
        r"""Gradients of all layers, BP2 to BP4, means over the batch, from the error of the last: delta = dL/dz^L of each sample.

        Returns itself: `input_error` takes the error on to what stands before.
        """
        m = len(delta)
        ones = np.ones(m, delta.dtype)
        self.delta = [delta]
        for layer in range(len(self.weights) - 1, -1, -1):
            share = delta / m
            bias_gradient(share, ones, self.bias_gradients[layer])
            weight_gradient(share, self.a[layer], self.weight_gradients[layer])
            if layer > 0:
                z, a, activation = self.z[layer - 1], self.a[layer], self.activations[layer - 1]
                delta = backpropagated_error(delta, self.weights[layer], z, a, None, activation, np.empty_like(a))
                self.delta.insert(0, delta)
        return self

    def input_error(self) -> Array:
        """dL/dx of each sample, after `backward`: BP2 without an activation, as there is none before the first layer."""
        return self.delta[0] @ self.weights[0]

    def tensors(self, prefix: str) -> dict[str, Array]:
        """The parameters by their names in a model file: views."""
        named: dict[str, Array] = {}
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            named[f"{prefix}.{layer}.weight"], named[f"{prefix}.{layer}.bias"] = w, b
        return named


def _views(sizes: Sequence[int], flat: Any) -> tuple[list[Array], list[Array]]:
    weights, biases, start = [], [], 0
    for n_in, n_out in pairwise(sizes):
        weights.append(flat[start : start + n_out * n_in].reshape(n_in, n_out).T)  # by columns, as in `FeedForward`
        start += n_out * n_in
        biases.append(flat[start : start + n_out])
        start += n_out
    return weights, biases
