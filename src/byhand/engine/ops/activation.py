"""Activation functions as ops: what bends a network's straight lines."""

from __future__ import annotations

from typing import Any

from byhand import kernels
from byhand.engine.large import apply
from byhand.engine.op import op


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
        a = kernels.family("elementwise", z).sigmoid(z)
        return a, (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return kernels.family("elementwise", a).sigmoid_gradient(a, delta)


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
        a = kernels.family("elementwise", z).relu(z)
        return a, (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return kernels.family("elementwise", a).relu_gradient(a, delta)


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
        return kernels.family("elementwise", z).silu(z), (z,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (z,) = saved
        return kernels.family("elementwise", z).silu_gradient(z, delta)


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
        return kernels.family("elementwise", z).gelu(z), (z,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (z,) = saved
        return kernels.family("elementwise", z).gelu_gradient(z, delta)
