"""Hyperbolic functions, and their inverses. The hyperbolic tangent stands with the activations."""

from __future__ import annotations

import math
from typing import Any

from byhand.backend import Array, ArrayModule
from byhand.engine.op import Saved, op
from byhand.engine.threaded import apply
from byhand.formula import number


@op
class sinh:
    r"""Hyperbolic sine.

    Equation:
        c = \sinh a
    Gradient:
        \partial C/\partial a = \delta \odot \cosh a
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.5.71
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.sinh, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta * xp.cosh(a)

    slope = r"\cosh a"

    def formula(a: float) -> tuple[str, float]:
        return rf"\sinh({number(a)})", math.sinh(a)


@op
class cosh:
    r"""Hyperbolic cosine.

    Equation:
        c = \cosh a
    Gradient:
        \partial C/\partial a = \delta \odot \sinh a
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.5.72
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.cosh, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta * xp.sinh(a)

    slope = r"\sinh a"

    def formula(a: float) -> tuple[str, float]:
        return rf"\cosh({number(a)})", math.cosh(a)


@op
class asinh:
    r"""Inverse hyperbolic sine.

    Equation:
        c = \operatorname{arsinh} a
    Gradient:
        \partial C/\partial a = \delta / \sqrt{a^2 + 1}
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.6.37
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.arcsinh, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta / xp.sqrt(a * a + 1)

    slope = r"\frac{1}{\sqrt{a^2 + 1}}"

    def formula(a: float) -> tuple[str, float]:
        return rf"\operatorname{{arsinh}}({number(a)})", math.asinh(a)


@op
class acosh:
    r"""Inverse hyperbolic cosine, for numbers that are 1 or more.

    Equation:
        c = \operatorname{arcosh} a
    Gradient:
        \partial C/\partial a = \delta / \sqrt{a^2 - 1}
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.6.38
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.arccosh, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta / (xp.sqrt(a - 1) * xp.sqrt(a + 1))

    slope = r"\frac{1}{\sqrt{a^2 - 1}}"

    def formula(a: float) -> tuple[str, float]:
        return rf"\operatorname{{arcosh}}({number(a)})", math.acosh(a)


@op
class atanh:
    r"""Inverse hyperbolic tangent, of numbers between -1 and 1.

    Equation:
        c = \operatorname{artanh} a
    Gradient:
        \partial C/\partial a = \delta / (1 - a^2)
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.6.39
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.arctanh, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta / ((1 - a) * (1 + a))

    slope = r"\frac{1}{1 - a^2}"

    def formula(a: float) -> tuple[str, float]:
        return rf"\operatorname{{artanh}}({number(a)})", math.atanh(a)
