r"""Activation functions: a = sigma(z), and what the gradient needs of them.

Every activation gives two things. `forward` is sigma itself. `backward` turns the gradient with respect to the activation,
g = dC/da, into the error, delta = dC/dz; for all but softmax that is the elementwise product g * sigma'(z). Both write
into `out`, which may be the array that they read. An activation may also say its `formula`, as an op does: one number of it
worked out, as LaTeX with the number in it and as a value. Explanations show it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.formula import factor, number
from byhand.registry import Registry

LEAK = 0.01
LOWEST, LOWEST_DOUBLE = -88.7, -709.7  # sigma is 3e-39 there, and 6e-309 in float64


@dataclass(frozen=True)
class Activation:
    """One activation function with its mathematics beside it.

    Attributes:
        initialiser: how the weights into its layer best begin.
        joint: whether a unit's activation depends on the weighted inputs of the others too, as a softmax's does.
        formula: sigma(z) of one number z, as LaTeX with the number in it, and its value; None where it says none.
    """

    name: str
    equation: str
    derivative: str
    forward: Callable[[Array, Array], Array]
    backward: Callable[[Array, Array, Array, Array], Array]
    source: str
    initialiser: str = "nielsen"
    joint: bool = False
    formula: Callable[[float], tuple[str, float]] | None = None

    def slopes(self, z: Array, a: Array, j: int) -> Array:
        """da_u/dz_j of one sample for all of its units u, (n,), by the activation's own `backward`.

        z, a: (n,). Unless the activation is joint all are 0 but that of j itself.

        >>> by_name("tanh").slopes(np.zeros(3), np.zeros(3), 1)
        array([0., 1., 0.])
        """
        rows = np.eye(len(z), dtype=z.dtype) if self.joint else np.eye(1, len(z), j, dtype=z.dtype)
        back = self.backward(rows, np.broadcast_to(z, rows.shape), np.broadcast_to(a, rows.shape), np.empty_like(rows))
        return back[:, j] if self.joint else back[0]

    def worked_out(self, row: Array, j: int) -> tuple[str, float]:
        r"""Unit j's activation out of the weighted inputs of one sample, (n,): LaTeX with the numbers in it, and its value.

        >>> by_name("relu").worked_out(np.array([-1.0, 2.0]), 1)
        ('\\max(0, 2.000)', 2.0)
        """
        if self.formula is not None:
            return self.formula(float(row[j]))
        return rf"\sigma({number(row[j])})", float(self.forward(row[None], np.empty_like(row[None]))[0, j])


class Softmax(Activation):
    """Every unit's activation depends on the weighted inputs of all."""

    def worked_out(self, row: Array, j: int) -> tuple[str, float]:
        # e^z overflows above 709; shifting all z by the largest, as the code does, changes nothing in the quotient.
        shift = float(row.max()) if row.max() > 50 else 0.0
        powers = np.exp(row - shift)
        own = f"{number(row[j])} - {number(shift)}" if shift else number(row[j])
        each = rf"e^{{z_k - {number(shift)}}}" if shift else "e^{z_k}"
        quotient = rf"\frac{{{number(powers[j])}}}{{{number(powers.sum())}}}"
        return rf"\frac{{e^{{{own}}}}}{{\sum_k {each}}} = {quotient}", float(powers[j] / powers.sum())


def sigmoid(z: Array, out: Array) -> Array:
    # Written with tanh it would be 0 in float32 from z = -18 on. Below `lowest` e^-z would overflow: there sigma stays as it is.
    lowest = LOWEST if z.dtype == np.float32 else LOWEST_DOUBLE
    np.maximum(z, lowest, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    out += 1
    return np.reciprocal(out, out=out)


def sigmoid_slope(z: Array) -> Array:
    r"""sigma'(z) = sigma(z) (1 - sigma(z)), as e^{-|z|} / (1 + e^{-|z|})^2: from a alone it would be 0 once a rounds to 1."""
    powers = np.negative(np.abs(z))
    np.maximum(powers, LOWEST if z.dtype == np.float32 else LOWEST_DOUBLE, out=powers)
    np.exp(powers, out=powers)
    slope: Array = powers / (1 + powers) ** 2
    return slope


def sigmoid_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    return np.multiply(g, sigmoid_slope(z), out=out)


def sigmoid_formula(z: float) -> tuple[str, float]:
    return rf"\frac{{1}}{{1 + e^{{{number(-z)}}}}}", 1 / (1 + math.exp(-z)) if z > LOWEST_DOUBLE else 0.0


def tanh(z: Array, out: Array) -> Array:
    return np.tanh(z, out=out)


def tanh_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    return np.multiply(g, 4 * sigmoid_slope(2 * z), out=out)  # tanh z = 2 sigma(2z) - 1


def tanh_formula(z: float) -> tuple[str, float]:
    return rf"\tanh({number(z)})", math.tanh(z)


def relu(z: Array, out: Array) -> Array:
    return np.maximum(z, 0, out=out)


def relu_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    return np.multiply(g, a > 0, out=out)


def relu_formula(z: float) -> tuple[str, float]:
    return rf"\max(0, {number(z)})", max(0.0, z)


def leaky_relu(z: Array, out: Array) -> Array:
    return np.maximum(z, LEAK * z, out=out)


def leaky_relu_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    slope = np.where(z > 0, 1, LEAK).astype(z.dtype)
    return np.multiply(g, slope, out=out)


def leaky_relu_formula(z: float) -> tuple[str, float]:
    return rf"\max({LEAK:g} \cdot {factor(z)}, {number(z)})", max(LEAK * z, z)


def silu(z: Array, out: Array) -> Array:
    return np.multiply(z, sigmoid(z, np.empty_like(z)), out=out)


def silu_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    s = sigmoid(z, np.empty_like(z))
    slope = s * (1 + z * (1 - s))
    return np.multiply(g, slope, out=out)


def silu_formula(z: float) -> tuple[str, float]:
    return rf"\frac{{{number(z)}}}{{1 + e^{{{number(-z)}}}}}", z * sigmoid_formula(z)[1]


def identity(z: Array, out: Array) -> Array:
    np.copyto(out, z)
    return out


def identity_backward(g: Array, z: Array, a: Array, out: Array) -> Array:
    np.copyto(out, g)
    return out


def identity_formula(z: float) -> tuple[str, float]:
    return number(z), z


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


ACTIVATIONS = Registry(
    "activation",
    {
        activation.name: activation
        for activation in (
            Activation(
                "sigmoid",
                r"\sigma(z) = \frac{1}{1 + e^{-z}}",
                r"\sigma'(z) = \sigma(z)\,(1 - \sigma(z))",
                sigmoid,
                sigmoid_backward,
                "Nielsen (2015), chapter 1, eq. 3",
                formula=sigmoid_formula,
            ),
            Activation(
                "tanh",
                r"\sigma(z) = \tanh z",
                r"\sigma'(z) = 1 - \tanh^2 z",
                tanh,
                tanh_backward,
                "Nielsen (2015), chapter 3, eq. 109",
                formula=tanh_formula,
            ),
            Activation(
                "relu",
                r"\sigma(z) = \max(0, z)",
                r"\sigma'(z) = [z > 0]",
                relu,
                relu_backward,
                "Nair and Hinton (2010), ICML",
                "he",
                formula=relu_formula,
            ),
            Activation(
                "leaky_relu",
                r"\sigma(z) = \max(0.01\,z, z)",
                r"\sigma'(z) = 1 \text{ if } z > 0 \text{ else } 0.01",
                leaky_relu,
                leaky_relu_backward,
                "Maas, Hannun and Ng (2013), ICML",
                "he",
                formula=leaky_relu_formula,
            ),
            Activation(
                "silu",
                r"\sigma(z) = \frac{z}{1 + e^{-z}}",
                r"\sigma'(z) = s\,(1 + z\,(1 - s)),\quad s = \frac{1}{1 + e^{-z}}",
                silu,
                silu_backward,
                "Elfwing, Uchibe and Doya (2017), arXiv:1702.03118",
                "he",
                formula=silu_formula,
            ),
            Activation(
                "identity",
                r"\sigma(z) = z",
                r"\sigma'(z) = 1",
                identity,
                identity_backward,
                "Bishop (2006), section 5.1",
                formula=identity_formula,
            ),
            Softmax(
                "softmax",
                r"\sigma(z)_j = \frac{e^{z_j}}{\sum_k e^{z_k}}",
                r"\partial a_j/\partial z_k = a_j\,([j = k] - a_k)",
                softmax,
                softmax_backward,
                "Nielsen (2015), chapter 3, eq. 78",
                joint=True,
            ),
        )
    },
)


def by_name(name: str) -> Activation:
    """The activation of this name.

    Raises ModelError for an unknown name.

    >>> by_name("relu").forward(np.array([-1.0, 2.0]), np.empty(2))
    array([0., 2.])
    """
    return ACTIVATIONS[limits.one_of("activation", name, ACTIVATIONS)]
