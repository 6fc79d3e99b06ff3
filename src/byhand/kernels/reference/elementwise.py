"""Activation functions and their slopes, as their definitions say them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array, array_module
from byhand.kernels.reference.normal import density_and_below

ROOT = math.sqrt(2 / math.pi)


def sigmoid(z: Array) -> Any:
    r"""Logistic function.

    Far below 0 it is e^z, which (1 + tanh(z / 2)) / 2 would lose: 0 in float32 from -18 on. Where e^-z overflows, sigma is 0.

    Equation:
        \sigma(z) = \frac{1}{1 + e^{-z}}
    """
    xp = array_module(z)
    with np.errstate(over="ignore"):
        return 1 / (1 + xp.exp(-z))


def sigmoid_slope(z: Array) -> Any:
    r"""The slope of the logistic function, from z: of an a that rounds to 1 nothing is left in 1 - a.

    Equation:
        \sigma'(z) = \sigma(z)\,(1 - \sigma(z)) = \frac{e}{(1 + e)^2}, \quad e = e^{-|z|}
    """
    xp = array_module(z)
    e = xp.exp(-xp.abs(z))
    return e / ((1 + e) * (1 + e))


def sigmoid_gradient(z: Array, delta: Array) -> Any:
    r"""What comes back through a logistic function.

    Equation:
        \partial C/\partial z = \delta \odot \sigma'(z)
    """
    return delta * sigmoid_slope(z)


def relu(z: Array) -> Any:
    r"""Rectified linear unit.

    Equation:
        a = \max(0, z)
    """
    return array_module(z).maximum(z, 0)


def relu_gradient(z: Array, delta: Array) -> Any:
    r"""What comes back through a ReLU; z may be its output as well: both are above 0 at the same places.

    Equation:
        \partial C/\partial z = \delta \odot [z > 0]
    """
    return array_module(z).where(z <= 0, delta.dtype.type(0), delta)


def silu(z: Array) -> Any:
    r"""Sigmoid linear unit.

    Equation:
        a = z\,\sigma(z)
    """
    return z * sigmoid(z)


def silu_gradient(z: Array, delta: Array) -> Any:
    r"""What comes back through a SiLU.

    Equation:
        \partial C/\partial z = \delta \odot \sigma(z)\,(1 + z\,(1 - \sigma(z)))
    """
    sigma = sigmoid(z)
    return delta * (sigma * (1 + z * (1 - sigma)))


def gelu(z: Array) -> Any:
    r"""Gaussian error linear unit: z, as far as a standard normal number lies below it.

    Equation:
        a = z\,\Phi(z)
    """
    return z * density_and_below(z)[1]


def gelu_gradient(z: Array, delta: Array) -> Any:
    r"""What comes back through a GELU.

    Equation:
        \partial C/\partial z = \delta \odot \left(\Phi(z) + z\,\phi(z)\right)
    """
    density, below = density_and_below(z)
    return delta * (below + z * density)


def gelu_tanh(z: Array) -> Any:
    r"""Gaussian error linear unit, in its tanh form; 1 + tanh(u) = 2 sigma(2 u), which keeps its digits far below 0.

    Equation:
        a = \tfrac{1}{2} z \left(1 + \tanh u\right) = z\,\sigma(2 u), \quad u = \sqrt{2/\pi}\,(z + 0.044715\,z^3)
    """
    return z * sigmoid(2 * ROOT * (z + 0.044715 * z * z * z))


def gelu_tanh_gradient(z: Array, delta: Array) -> Any:
    r"""What comes back through a GELU in its tanh form.

    Equation:
        \partial C/\partial z = \delta \odot \left(s + 2 z\,s (1 - s)\,u'\right), \quad s = \sigma(2 u),
        \quad u' = \sqrt{2/\pi}\,(1 + 0.134145\,z^2)
    """
    s = sigmoid(2 * ROOT * (z + 0.044715 * z * z * z))
    return delta * (s + 2 * z * s * (1 - s) * ROOT * (1 + 0.134145 * z * z))


def dropped(a: Array, kept: NDArray[np.bool_], factor: float) -> Any:
    r"""The numbers that are kept, times a factor; 0 for the others, whatever they are.

    Equation:
        c = f\,a\,[k]
    """
    return array_module(a).where(kept, a * a.dtype.type(factor), a.dtype.type(0))


def activated(y: Array, activation: str | None) -> Any:
    """The activation function of this name, or none."""
    return y if activation is None else {"relu": relu, "silu": silu}[activation](y)


def activation_gradient(y: Array, delta: Array, activation: str | None) -> Any:
    """What comes back through the activation function of this name."""
    return delta if activation is None else {"relu": relu_gradient, "silu": silu_gradient}[activation](y, delta)
