"""Activation functions as ops: what bends a network's straight lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import Array, ArrayModule
from byhand.engine.op import Saved, op
from byhand.engine.threaded import apply
from byhand.errors import EngineError
from byhand.formula import factor, number, setting


@op
class sigmoid:
    r"""Logistic function. Its gradient is computed from z, because 1 - a is 0 where a rounds to 1.

    Equation:
        a = \sigma(z) = \frac{1}{1 + e^{-z}}
    Gradient:
        \partial C/\partial z = \delta \odot a (1 - a)
    Shapes:
        z: any -> a: the same
    Source:
        Nielsen (2015), chapter 1, eq. 3
    """

    def forward(xp: ArrayModule, z: Array) -> Any:
        return kernels.family("elementwise", z).sigmoid(z), (z,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (z,) = saved
        return kernels.family("elementwise", z).sigmoid_gradient(z, delta)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        (z,) = saved
        return delta * xp.sigmoid(z) * xp.sigmoid(-z)

    slope = r"a (1 - a)"

    def formula(z: float) -> tuple[str, float]:
        return rf"\frac{{1}}{{1 + e^{{{number(-z)}}}}}", logistic(z)


@op
class tanh:
    r"""Hyperbolic tangent. Its gradient is computed from z, because 1 - a^2 is 0 where a rounds to 1.

    Equation:
        a = \tanh z
    Gradient:
        \partial C/\partial z = \delta \odot (1 - a^2)
    Shapes:
        z: any -> a: the same
    Source:
        Nielsen (2015), chapter 3, eq. 109
    """

    def forward(xp: ArrayModule, z: Array) -> Any:
        return apply(xp.tanh, z), (z,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (z,) = saved
        return 4 * kernels.family("elementwise", z).sigmoid_gradient(2 * z, delta)  # because tanh z = 2 sigma(2z) - 1

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        (z,) = saved
        return delta * 4 * xp.sigmoid(2 * z) * xp.sigmoid(-2 * z)

    slope = r"(1 - a^2)"

    def formula(z: float) -> tuple[str, float]:
        return rf"\tanh({number(z)})", math.tanh(z)


@op
class relu:
    r"""Rectified linear unit; its gradient at 0 is 0.

    Equation:
        a = \max(0, z)
    Gradient:
        \partial C/\partial z = \delta \odot [z > 0]
    Shapes:
        z: any -> a: the same
    Source:
        Nair and Hinton (2010)
    """

    def forward(xp: ArrayModule, z: Array) -> Any:
        a = kernels.family("elementwise", z).relu(z)
        return a, (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return kernels.family("elementwise", a).relu_gradient(a, delta)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        (a,) = saved
        return delta * (a > 0)

    slope = r"[z > 0]"

    def formula(z: float) -> tuple[str, float]:
        return rf"\max(0,\; {number(z)})", max(0.0, z)


@op
class leaky_relu:
    r"""Rectified linear unit with a slope below zero.

    Equation:
        a = z\,[z > 0] + s z\,[z \le 0]
    Gradient:
        \partial C/\partial z = \delta \odot ([z > 0] + s [z \le 0])
    Shapes:
        z: any, s: a number -> a: as z
    Source:
        Maas et al. (2013), section 2
    """

    def forward(xp: ArrayModule, z: Array, *, slope: float = 0.01) -> Any:
        usual = 0 <= slope <= 1  # then the larger of the two is the right one, and found three times as quickly
        return xp.maximum(z, slope * z) if usual else xp.where(z > 0, z, slope * z), (z, slope)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        z, slope = saved
        if 0 <= slope <= 1:
            return delta * xp.maximum((z > 0).astype(delta.dtype), slope)
        return xp.where(z > 0, delta, slope * delta)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        z, slope = saved
        return delta * np.where(z > 0, 1, slope).astype(delta.dtype)

    slope = r"([z > 0] + s\,[z \le 0])"

    def formula(z: float, slope: float = 0.01) -> tuple[str, float]:
        return rf"\max({setting(slope)} \cdot {factor(z)},\; {number(z)})", z if z > 0 else slope * z


@op
class softplus:
    r"""A smooth ReLU.

    Equation:
        a = \ln(1 + e^z)
    Gradient:
        \partial C/\partial z = \delta \odot \sigma(z)
    Shapes:
        z: any -> a: the same
    Source:
        Dugas et al. (2001)
    """

    def forward(xp: ArrayModule, z: Array) -> Any:
        # Nothing overflows; NumPy's logaddexp gives the same, eight times slower.
        return xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z))), (z,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (z,) = saved
        return apply(xp.multiply, kernels.family("elementwise", z).sigmoid(z), delta)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        (z,) = saved
        return delta * xp.sigmoid(z)

    slope = r"\sigma(z)"

    def formula(z: float) -> tuple[str, float]:
        return rf"\ln(1 + e^{{{number(z)}}})", max(z, 0.0) + math.log1p(math.exp(-abs(z)))


@op
class silu:
    r"""Sigmoid linear unit (swish).

    Equation:
        a = z\,\sigma(z)
    Gradient:
        \partial C/\partial z = \delta \odot \sigma(z)\,(1 + z\,(1 - \sigma(z)))
    Shapes:
        z: any -> a: the same
    Source:
        Elfwing et al. (2018), arXiv:1702.03118, eq. 5
    """

    def forward(xp: ArrayModule, z: Array) -> Any:
        return kernels.family("elementwise", z).silu(z), (z,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (z,) = saved
        return kernels.family("elementwise", z).silu_gradient(z, delta)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        (z,) = saved
        s = xp.sigmoid(z)
        return delta * s * (1 + z * xp.sigmoid(-z))

    slope = r"\sigma(z) (1 + z (1 - \sigma(z)))"

    def formula(z: float) -> tuple[str, float]:
        return rf"\frac{{{number(z)}}}{{1 + e^{{{number(-z)}}}}}", z * logistic(z)


@op
class gelu:
    r"""Gaussian error linear unit: z, as far as a standard normal number lies below it; or its approximation by a tanh.

    Equation:
        a = z\,\Phi(z), \quad \Phi(z) = \tfrac{1}{2} \left(1 + \operatorname{erf} \tfrac{z}{\sqrt{2}}\right);
        \quad \text{tanh: } a = \tfrac{1}{2} z \left(1 + \tanh u\right), \quad u = \sqrt{2/\pi}\,(z + 0.044715\,z^3)
    Gradient:
        \partial C/\partial z = \delta \odot \left(\Phi(z) + z\,\tfrac{1}{\sqrt{2\pi}} e^{-z^2/2}\right);
        \quad \text{tanh: } \delta \odot \tfrac{1}{2} \left(1 + \tanh u
        + z\,(1 - \tanh^2 u)\,\sqrt{2/\pi}\,(1 + 0.134145\,z^2)\right)
    Shapes:
        z: any, approximate: "none" or "tanh" -> a: as z
    Source:
        Hendrycks and Gimpel (2016), arXiv:1606.08415, section 2
    """

    def forward(xp: ArrayModule, z: Array, *, approximate: str = "none") -> Any:
        if approximate not in ("none", "tanh"):
            raise EngineError(f'gelu: approximate must be "none" or "tanh", got {approximate!r}')
        kernel = kernels.family("elementwise", z)
        return kernel.gelu(z) if approximate == "none" else kernel.gelu_tanh(z), (z, approximate)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        z, approximate = saved
        kernel = kernels.family("elementwise", z)
        return kernel.gelu_gradient(z, delta) if approximate == "none" else kernel.gelu_tanh_gradient(z, delta)

    def composition(xp: ArrayModule, z: Any, *, approximate: str = "none") -> Any:
        if approximate == "none":
            return z * (0.5 * (1 + xp.erf(z * math.sqrt(0.5))))
        return 0.5 * z * (1 + xp.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z)))

    slope = "a'(z)"

    def formula(z: float, *, approximate: str = "none") -> tuple[str, float]:
        half = rf"\frac{{1}}{{2}} \cdot {factor(z)} \cdot"
        if approximate == "none":
            erf = rf"\operatorname{{erf}}\left({number(z)} / \sqrt{{2}}\right)"
            return rf"{half} \left(1 + {erf}\right)", 0.5 * z * math.erfc(-z / math.sqrt(2))
        u = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
        shown = rf"\sqrt{{2/\pi}}\,({number(z)} + 0.044715 \cdot {factor(z)}^3)"
        return rf"{half} \left(1 + \tanh({shown})\right)", z * logistic(2 * u)


def logistic(z: float) -> float:
    """sigma(z) of one number, to the last digit on both sides."""
    return math.exp(min(z, 0.0)) / (1 + math.exp(-abs(z)))
