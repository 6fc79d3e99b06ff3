"""Rectifiers after ReLU: smooth ones, and ones made of straight lines alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from byhand.backend import Array, ArrayModule
from byhand.engine.op import Saved, op
from byhand.errors import EngineError
from byhand.formula import factor, number, setting


@op
class elu:
    r"""Exponential linear unit: below zero it bends towards -alpha.

    Equation:
        a = z\,[z > 0] + \alpha\,(e^z - 1)\,[z \le 0]
    Gradient:
        \partial C/\partial z = \delta \odot ([z > 0] + \alpha\,e^z\,[z \le 0])
    Shapes:
        z: any, alpha: a number -> a: as z
    Source:
        Clevert et al. (2016), arXiv:1511.07289, eq. 15
    """

    def forward(xp: ArrayModule, z: Array, *, alpha: float = 1.0) -> Any:
        if not 0 <= alpha < math.inf:
            raise EngineError(f"elu: alpha must be a finite number, 0 or more, got {alpha!r}")
        return xp.where(z > 0, z, alpha * xp.expm1(xp.minimum(z, 0))), (z, alpha)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        z, alpha = saved
        return xp.where(z > 0, delta, alpha * xp.exp(xp.minimum(z, 0)) * delta)

    slope = r"([z > 0] + \alpha e^z [z \le 0])"

    def formula(z: float, alpha: float = 1.0) -> tuple[str, float]:
        if z > 0:
            return number(z), z
        return rf"{setting(alpha)} \cdot (e^{{{number(z)}}} - 1)", alpha * math.expm1(z)


@op
class mish:
    r"""z times the tanh of its softplus: smooth, and below zero a little dip.

    Equation:
        a = z \tanh s, \quad s = \ln(1 + e^z)
    Gradient:
        \partial C/\partial z = \delta \odot \left(\tanh s + z\,(1 - \tanh^2 s)\,\sigma(z)\right)
    Shapes:
        z: any -> a: the same
    Source:
        Misra (2020), arXiv:1908.08681, section 3
    """

    def forward(xp: ArrayModule, z: Array) -> Any:
        return z * xp.tanh(_softplus(xp, z)), (z,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (z,) = saved
        t = xp.tanh(_softplus(xp, z))
        sigma = xp.exp(xp.minimum(z, 0)) / (1 + xp.exp(-xp.abs(z)))
        return delta * (t + z * (1 - t * t) * sigma)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        (z,) = saved
        t = xp.tanh(xp.softplus(z))
        return delta * (t + z * (1 - t * t) * xp.sigmoid(z))

    slope = r"(\tanh s + z (1 - \tanh^2 s)\,\sigma(z))"

    def formula(z: float) -> tuple[str, float]:
        softplus = max(z, 0.0) + math.log1p(math.exp(-abs(z)))
        return rf"{factor(z)} \cdot \tanh(\ln(1 + e^{{{number(z)}}}))", z * math.tanh(softplus)


def _softplus(xp: ArrayModule, z: Array) -> Any:
    return xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z)))


@op
class hardsigmoid:
    r"""A sigmoid of three straight lines; its gradient at the corners is 0.

    Equation:
        a = \min\left(\max\left(\frac{z}{6} + \frac{1}{2},\, 0\right),\, 1\right)
    Gradient:
        \partial C/\partial z = \delta \odot \frac{1}{6} [-3 < z < 3]
    Shapes:
        z: any -> a: the same
    Source:
        Howard et al. (2019), arXiv:1905.02244, section 5.2
    """

    def forward(xp: ArrayModule, z: Array) -> Any:
        return xp.clip(z / 6 + 0.5, 0, 1), (z,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (z,) = saved
        return xp.where(xp.abs(z) < 3, delta / 6, 0)

    slope = r"\frac{1}{6} [-3 < z < 3]"

    def formula(z: float) -> tuple[str, float]:
        return _hard(z), _hard_value(z)


@op
class hardswish:
    r"""z times its hard sigmoid.

    Equation:
        a = z\,\min\left(\max\left(\frac{z}{6} + \frac{1}{2},\, 0\right),\, 1\right)
    Gradient:
        \partial C/\partial z = \delta \odot \left([z \ge 3] + \left(\frac{z}{3} + \frac{1}{2}\right) [-3 < z < 3]\right)
    Shapes:
        z: any -> a: the same
    Source:
        Howard et al. (2019), arXiv:1905.02244, section 5.2
    """

    def forward(xp: ArrayModule, z: Array) -> Any:
        return z * xp.clip(z / 6 + 0.5, 0, 1), (z,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (z,) = saved
        return xp.where(z >= 3, delta, xp.where(z > -3, (z / 3 + 0.5) * delta, 0))

    slope = r"([z \ge 3] + (\frac{z}{3} + \frac{1}{2}) [-3 < z < 3])"

    def formula(z: float) -> tuple[str, float]:
        return rf"{factor(z)} \cdot {_hard(z)}", z * _hard_value(z)


def _hard(z: float) -> str:
    return rf"\min(\max(\frac{{{number(z)}}}{{6}} + \frac{{1}}{{2}},\; 0),\; 1)"


def _hard_value(z: float) -> float:
    return min(max(z / 6 + 0.5, 0.0), 1.0)
