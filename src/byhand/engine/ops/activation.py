"""Activation functions as ops: what bends a network's straight lines."""

from __future__ import annotations

import math
from typing import Any

from byhand.engine.large import apply
from byhand.engine.op import op

ROOT = math.sqrt(2 / math.pi)


@op
class sigmoid:
    r"""Logistic function, computed so that nothing overflows.

    Equation:
        a = \sigma(z) = \frac{1}{1 + e^{-z}}
    Gradient:
        \partial C/\partial z = \delta \odot a (1 - a)
    Shapes:
        z: any -> a: the same
    Source:
        Nielsen (2015), chapter 1, eq. 3
    """

    def forward(xp: Any, z: Any) -> Any:
        a = apply(xp.tanh, z * 0.5)  # sigma(z) = (1 + tanh(z/2)) / 2, and tanh overflows nowhere
        a *= 0.5
        a += 0.5
        return a, (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return delta * (a * (1 - a))


@op
class tanh:
    r"""Hyperbolic tangent.

    Equation:
        a = \tanh z
    Gradient:
        \partial C/\partial z = \delta \odot (1 - a^2)
    Shapes:
        z: any -> a: the same
    Source:
        Nielsen (2015), chapter 3, eq. 109
    """

    def forward(xp: Any, z: Any) -> Any:
        a = apply(xp.tanh, z)
        return a, (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return delta * (1 - a * a)


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

    def forward(xp: Any, z: Any) -> Any:
        a = apply(xp.maximum, z, 0)
        return a, (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return apply(xp.multiply, delta, a > 0)


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

    def forward(xp: Any, z: Any, *, slope: float = 0.01) -> Any:
        return xp.where(z > 0, z, slope * z), (z, slope)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        z, slope = saved
        return xp.where(z > 0, delta, slope * delta)


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

    def forward(xp: Any, z: Any) -> Any:
        # Nothing overflows; NumPy's logaddexp gives the same, eight times slower.
        return xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z))), (z,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (z,) = saved
        return delta * (0.5 * (1 + xp.tanh(0.5 * z)))


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

    def forward(xp: Any, z: Any) -> Any:
        return z * (0.5 * (1 + xp.tanh(0.5 * z))), (z,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (z,) = saved
        sigma = 0.5 * (1 + xp.tanh(0.5 * z))
        return delta * (sigma * (1 + z * (1 - sigma)))


@op
class gelu:
    r"""Gaussian error linear unit, in its tanh form.

    Equation:
        a = \tfrac{1}{2} z \left(1 + \tanh u\right), \quad u = \sqrt{2/\pi}\,(z + 0.044715\,z^3)
    Gradient:
        \partial C/\partial z = \delta \odot \tfrac{1}{2} \left(1 + \tanh u
        + z\,(1 - \tanh^2 u)\,\sqrt{2/\pi}\,(1 + 0.134145\,z^2)\right)
    Shapes:
        z: any -> a: the same
    Source:
        Hendrycks and Gimpel (2016), arXiv:1606.08415, section 2
    """

    def forward(xp: Any, z: Any) -> Any:
        t = xp.tanh(ROOT * (z + 0.044715 * z * z * z))  # z**3 takes 300 times as long
        return 0.5 * z * (1 + t), (z, t)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        z, t = saved
        return delta * (0.5 * (1 + t + z * (1 - t * t) * ROOT * (1 + 0.134145 * z * z)))
