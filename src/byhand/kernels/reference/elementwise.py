"""Activation functions and their slopes, as their definitions say them."""

from __future__ import annotations

import math
from typing import Any

from byhand.backend import array_module

ROOT = math.sqrt(2 / math.pi)


def sigmoid(z: Any) -> Any:
    r"""Logistic function, by the hyperbolic tangent, which overflows nowhere.

    Equation:
        \sigma(z) = \frac{1}{1 + e^{-z}} = \tfrac{1}{2} \left(1 + \tanh \tfrac{z}{2}\right)
    """
    return 0.5 * (1 + array_module(z).tanh(0.5 * z))


def sigmoid_gradient(a: Any, delta: Any) -> Any:
    r"""What comes back through a logistic function whose output was a.

    Equation:
        \partial C/\partial z = \delta \odot a (1 - a)
    """
    return delta * (a * (1 - a))


def relu(z: Any) -> Any:
    r"""Rectified linear unit.

    Equation:
        a = \max(0, z)
    """
    return array_module(z).maximum(z, 0)


def relu_gradient(z: Any, delta: Any) -> Any:
    r"""What comes back through a ReLU; z may be its output as well: both are above 0 at the same places.

    Equation:
        \partial C/\partial z = \delta \odot [z > 0]
    """
    return array_module(z).where(z <= 0, delta.dtype.type(0), delta)


def silu(z: Any) -> Any:
    r"""Sigmoid linear unit.

    Equation:
        a = z\,\sigma(z)
    """
    return z * sigmoid(z)


def silu_gradient(z: Any, delta: Any) -> Any:
    r"""What comes back through a SiLU.

    Equation:
        \partial C/\partial z = \delta \odot \sigma(z)\,(1 + z\,(1 - \sigma(z)))
    """
    sigma = sigmoid(z)
    return delta * (sigma * (1 + z * (1 - sigma)))


def gelu(z: Any) -> Any:
    r"""Gaussian error linear unit, in its tanh form.

    Equation:
        a = \tfrac{1}{2} z \left(1 + \tanh u\right), \quad u = \sqrt{2/\pi}\,(z + 0.044715\,z^3)
    """
    return 0.5 * z * (1 + array_module(z).tanh(ROOT * (z + 0.044715 * z * z * z)))


def gelu_gradient(z: Any, delta: Any) -> Any:
    r"""What comes back through a GELU.

    Equation:
        \partial C/\partial z = \delta \odot \tfrac{1}{2} \left(1 + \tanh u
        + z\,(1 - \tanh^2 u)\,\sqrt{2/\pi}\,(1 + 0.134145\,z^2)\right)
    """
    t = array_module(z).tanh(ROOT * (z + 0.044715 * z * z * z))
    return delta * (0.5 * (1 + t + z * (1 - t * t) * ROOT * (1 + 0.134145 * z * z)))


def dropped(a: Any, kept: Any, factor: float) -> Any:
    r"""The numbers that are kept, times a factor; 0 for the others, whatever they are.

    Equation:
        c = f\,a\,[k]
    """
    return array_module(a).where(kept, a * a.dtype.type(factor), a.dtype.type(0))


def activated(y: Any, activation: str | None) -> Any:
    """The activation function of this name, or none."""
    return y if activation is None else {"relu": relu, "silu": silu}[activation](y)


def activation_gradient(y: Any, delta: Any, activation: str | None) -> Any:
    """What comes back through the activation function of this name."""
    return delta if activation is None else {"relu": relu_gradient, "silu": silu_gradient}[activation](y, delta)
