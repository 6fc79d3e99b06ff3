r"""Activation functions: a = sigma(z), and what the gradient needs of them.

Every activation gives two things. `forward` is sigma itself. `backward` turns the gradient with respect to the activation,
g = dC/da, into the error, delta = dC/dz; for all but softmax that is the elementwise product g * sigma'(z). Both write
into `out`, which may be the array that they read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from byhand.backend import Array
from byhand.errors import ModelError

LEAK = 0.01


@dataclass(frozen=True)
class Activation:
    """One activation function with its mathematics beside it."""

    name: str
    equation: str
    derivative: str
    forward: Callable[[Array, Array], Array]
    backward: Callable[[Array, Array, Array, Array], Array]
    source: str


def sigmoid(z: Array, out: Array) -> Array:
    # 1 / (1 + e^-z) written with tanh: the same function, but e^-z cannot overflow.
    np.multiply(z, 0.5, out=out)
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5
    return out


def sigmoid_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    slope = a * (1 - a)
    return np.multiply(g, slope, out=out)


def tanh(z: Array, out: Array) -> Array:
    return np.tanh(z, out=out)


def tanh_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    slope = 1 - a * a
    return np.multiply(g, slope, out=out)


def relu(z: Array, out: Array) -> Array:
    return np.maximum(z, 0, out=out)


def relu_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    return np.multiply(g, a > 0, out=out)


def leaky_relu(z: Array, out: Array) -> Array:
    return np.maximum(z, LEAK * z, out=out)


def leaky_relu_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    slope = np.where(z > 0, 1, LEAK).astype(z.dtype)
    return np.multiply(g, slope, out=out)


def silu(z: Array, out: Array) -> Array:
    return np.multiply(z, sigmoid(z, np.empty_like(z)), out=out)


def silu_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    s = sigmoid(z, np.empty_like(z))
    slope = s * (1 + z * (1 - s))
    return np.multiply(g, slope, out=out)


def identity(z: Array, out: Array) -> Array:
    np.copyto(out, z)
    return out


def identity_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    np.copyto(out, g)
    return out


def softmax(z: Array, out: Array) -> Array:
    # Shifting z by its maximum changes nothing in the quotient and keeps e^z finite.
    np.subtract(z, z.max(axis=-1, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=-1, keepdims=True)
    return out


def softmax_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    # The Jacobian is diag(a) - a a^T, so its product with g needs one inner product a row and no matrix.
    inner = (g * a).sum(axis=-1, keepdims=True)
    np.subtract(g, inner, out=out)
    out *= a
    return out


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation(
            "sigmoid",
            r"\sigma(z) = \frac{1}{1 + e^{-z}}",
            r"\sigma'(z) = \sigma(z)\,(1 - \sigma(z))",
            sigmoid,
            sigmoid_backward,
            "Nielsen (2015), chapter 1, eq. 3",
        ),
        Activation(
            "tanh",
            r"\sigma(z) = \tanh z",
            r"\sigma'(z) = 1 - \tanh^2 z",
            tanh,
            tanh_backward,
            "Nielsen (2015), chapter 3, eq. 109",
        ),
        Activation(
            "relu",
            r"\sigma(z) = \max(0, z)",
            r"\sigma'(z) = [z > 0]",
            relu,
            relu_backward,
            "Nair and Hinton (2010), ICML",
        ),
        Activation(
            "leaky_relu",
            r"\sigma(z) = \max(0.01\,z, z)",
            r"\sigma'(z) = 1 \text{ if } z > 0 \text{ else } 0.01",
            leaky_relu,
            leaky_relu_backward,
            "Maas, Hannun and Ng (2013), ICML",
        ),
        Activation(
            "silu",
            r"\sigma(z) = \frac{z}{1 + e^{-z}}",
            r"\sigma'(z) = s\,(1 + z\,(1 - s)),\quad s = \frac{1}{1 + e^{-z}}",
            silu,
            silu_backward,
            "Elfwing, Uchibe and Doya (2017), arXiv:1702.03118",
        ),
        Activation(
            "identity",
            r"\sigma(z) = z",
            r"\sigma'(z) = 1",
            identity,
            identity_backward,
            "Bishop (2006), section 5.1",
        ),
        Activation(
            "softmax",
            r"\sigma(z)_j = \frac{e^{z_j}}{\sum_k e^{z_k}}",
            r"\partial a_j/\partial z_k = a_j\,([j = k] - a_k)",
            softmax,
            softmax_backward,
            "Nielsen (2015), chapter 3, eq. 78",
        ),
    )
}


def named(name: str) -> Activation:
    """The activation of this name.

    Raises ModelError for an unknown name.

    >>> named("relu").forward(np.array([-1.0, 2.0]), np.empty(2))
    array([0., 2.])
    """
    if name not in ACTIVATIONS:
        raise ModelError(f"activation {name!r} is unknown: choose one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
