r"""Cost functions: C averaged over the batch, and the error that they send into the output layer (BP1).

Both read the weighted input z beside the activation a = sigma(z): cross-entropy computed from a alone loses everything
once a rounds to 0 or 1, computed from z it stays exact at any saturation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from byhand.activations import Activation
from byhand.backend import Array
from byhand.errors import ModelError


@dataclass(frozen=True)
class Cost:
    """One cost function with its mathematics beside it."""

    name: str
    equation: str
    gradient: str
    per_sample: Callable[[Array, Array, Array, Activation], Array]
    output_error: Callable[[Array, Array, Array, Activation, Array], Array]
    outputs: tuple[str, ...]
    source: str

    def value(self, z: Array, a: Array, y: Array, activation: Activation) -> float:
        """C, the mean over the batch: z, a, y are (m, n_L)."""
        return float(self.per_sample(z, a, y, activation).sum()) / len(y)


def quadratic(z: Array, a: Array, y: Array, activation: Activation) -> Array:
    difference = a - y
    return 0.5 * np.einsum("mj,mj->m", difference, difference)


def quadratic_error(z: Array, a: Array, y: Array, activation: Activation, out: Array) -> Array:
    np.subtract(a, y, out=out)
    return activation.backward(out, z, a, out)


def cross_entropy(z: Array, a: Array, y: Array, activation: Activation) -> Array:
    if activation.name == "softmax":
        shifted = z - z.max(axis=-1, keepdims=True)
        log_a = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return -np.einsum("mj,mj->m", y, log_a)
    # -y ln(sigma) - (1 - y) ln(1 - sigma) = ln(1 + e^z) - y z. With max(0, z) taken out of the logarithm nothing overflows,
    # and for a right answer the large terms cancel before the small one is added, so it is not lost.
    return ((np.maximum(z, 0) - y * z) + np.log1p(np.exp(-np.abs(z)))).sum(axis=-1)


def cross_entropy_error(z: Array, a: Array, y: Array, activation: Activation, out: Array) -> Array:
    if activation.name == "softmax":
        # (sum_j y_j) a - y: for targets that sum to 1 it is a - y, and it stays the exact gradient for others.
        np.multiply(a, y.sum(axis=-1, keepdims=True), out=out)
        out -= y
        return out
    # sigma'(z) cancels against the 1 / (a (1 - a)) of dC/da: a saturated output still learns.
    return np.subtract(a, y, out=out)


COSTS = {
    cost.name: cost
    for cost in (
        Cost(
            "quadratic",
            r"C = \frac{1}{2m} \sum_{i=1}^{m} \lVert a^L_i - y_i \rVert^2",
            r"\delta^L = (a^L - y) \odot \sigma'(z^L)",
            quadratic,
            quadratic_error,
            ("sigmoid", "tanh", "relu", "leaky_relu", "silu", "identity", "softmax"),
            "Nielsen (2015), chapter 1, eq. 6",
        ),
        Cost(
            "cross_entropy",
            r"C = -\frac{1}{m} \sum_{i=1}^{m} \sum_j y_j \ln a^L_j \;"
            r"\left[+\,(1 - y_j) \ln(1 - a^L_j) \text{ for sigmoid outputs}\right]",
            r"\delta^L = a^L - y",
            cross_entropy,
            cross_entropy_error,
            ("sigmoid", "softmax"),
            "Nielsen (2015), chapter 3, eq. 57 and 80",
        ),
    )
}


def named(name: str, output: Activation) -> Cost:
    """The cost of this name, for a network with this output activation.

    Raises ModelError for an unknown name, and for cross-entropy on outputs that are not probabilities.
    """
    if name not in COSTS:
        raise ModelError(f"cost {name!r} is unknown: choose one of {', '.join(COSTS)}")
    cost = COSTS[name]
    if output.name not in cost.outputs:
        raise ModelError(
            f"cost {name!r} wants outputs between 0 and 1, but the output activation is {output.name!r}: "
            f"use {' or '.join(cost.outputs)}, or the quadratic cost"
        )
    return cost
