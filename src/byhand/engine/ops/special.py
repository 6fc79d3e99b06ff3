"""Functions that keep their digits where the plain ones lose them, near 0; and the error function."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from byhand.backend import Array, ArrayModule
from byhand.engine.op import Saved, op
from byhand.engine.ops.arithmetic import sum_to, together
from byhand.engine.threaded import apply
from byhand.formula import factor, number
from byhand.kernels.reference.normal import density_and_below


@op
class log1p:
    r"""Logarithm of 1 + a: right to the last digit also for small a.

    Equation:
        c = \ln(1 + a)
    Gradient:
        \partial C/\partial a = \delta / (1 + a)
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.1.24
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.log1p, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta / (1 + a)

    slope = r"\frac{1}{1 + a}"

    def formula(a: float) -> tuple[str, float]:
        return rf"\ln(1 + {factor(a)})", math.log1p(a)


@op
class expm1:
    r"""Exponential less 1: right to the last digit also for small a.

    Equation:
        c = e^a - 1
    Gradient:
        \partial C/\partial a = \delta \odot e^a
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.2.1
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.expm1, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta * xp.exp(a)

    slope = r"e^a"

    def formula(a: float) -> tuple[str, float]:
        return rf"e^{{{number(a)}}} - 1", math.expm1(a)


@op
class erf:
    r"""Error function.

    Equation:
        c = \operatorname{erf} a = \frac{2}{\sqrt{\pi}} \int_0^a e^{-t^2} dt
    Gradient:
        \partial C/\partial a = \delta \odot \frac{2}{\sqrt{\pi}} e^{-a^2}
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 7.1.1
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return _erf(xp, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta * (2 / math.sqrt(math.pi) * xp.exp(-a * a))

    slope = r"\frac{2}{\sqrt{\pi}} e^{-a^2}"

    def formula(a: float) -> tuple[str, float]:
        return rf"\operatorname{{erf}}({number(a)})", math.erf(a)


NEAR = 0.5  # below it 1 - erfc would lose digits, and the series needs few terms


def _erf(xp: ArrayModule, a: Array) -> Any:
    r"""From the normal distribution, erf a = 1 - 2 \Phi(-a \sqrt 2) for a > 0; near 0 by the series of eq. 7.1.5."""
    a = a if a.dtype.kind == "f" else a.astype(float)
    size = xp.abs(a)
    _, below = density_and_below(-size * math.sqrt(2))
    x = xp.minimum(size, NEAR)
    square, term = x * x, x
    series = xp.zeros_like(x)
    for n in range(14):
        series = series + term / (2 * n + 1)
        term = -term * square / (n + 1)
    found = xp.where(size < NEAR, series * (2 / math.sqrt(math.pi)), 1 - 2 * below)
    return xp.where(xp.isnan(a), a, xp.copysign(found, a)).astype(a.dtype)


@op
class logaddexp:
    r"""Logarithm of a sum of two exponentials, by the larger, so that nothing overflows.

    Equation:
        c = \ln(e^a + e^b)
    Gradient:
        \partial C/\partial a = \delta \odot e^{a - c}
        \partial C/\partial b = \delta \odot e^{b - c}
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Blanchard, Higham and Higham (2021), eq. 1.2
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        c = together("logaddexp", xp.logaddexp, a, b)
        return c, (a, b, c)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b, c = saved
        return (
            sum_to(delta * xp.exp(a - c), a.shape) if wanted[0] else None,
            sum_to(delta * xp.exp(b - c), b.shape) if wanted[1] else None,
        )
