"""Trigonometric functions beyond sine and cosine, and their inverses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from byhand.backend import Array, ArrayModule
from byhand.engine.op import Saved, op
from byhand.engine.ops.arithmetic import sum_to, together
from byhand.engine.threaded import apply
from byhand.formula import number


@op
class tan:
    r"""Tangent.

    Equation:
        c = \tan a
    Gradient:
        \partial C/\partial a = \delta \odot (1 + c^2)
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.3.107
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        c = apply(xp.tan, a)
        return c, (c,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (c,) = saved
        return delta * (1 + c * c)

    slope = r"(1 + c^2)"

    def formula(a: float) -> tuple[str, float]:
        return rf"\tan({number(a)})", math.tan(a)


@op
class asin:
    r"""Inverse sine.

    Equation:
        c = \arcsin a
    Gradient:
        \partial C/\partial a = \delta / \sqrt{1 - a^2}
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.4.52
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.arcsin, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta / xp.sqrt((1 - a) * (1 + a))  # 1 - a^2 would lose the digits near 1

    slope = r"\frac{1}{\sqrt{1 - a^2}}"

    def formula(a: float) -> tuple[str, float]:
        return rf"\arcsin({number(a)})", math.asin(a)


@op
class acos:
    r"""Inverse cosine.

    Equation:
        c = \arccos a
    Gradient:
        \partial C/\partial a = -\delta / \sqrt{1 - a^2}
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.4.53
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.arccos, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return -delta / xp.sqrt((1 - a) * (1 + a))

    slope = r"\frac{-1}{\sqrt{1 - a^2}}"

    def formula(a: float) -> tuple[str, float]:
        return rf"\arccos({number(a)})", math.acos(a)


@op
class atan:
    r"""Inverse tangent.

    Equation:
        c = \arctan a
    Gradient:
        \partial C/\partial a = \delta / (1 + a^2)
    Shapes:
        a: any -> c: the same
    Source:
        Abramowitz and Stegun (1964), eq. 4.4.54
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.arctan, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta / (1 + a * a)

    slope = r"\frac{1}{1 + a^2}"

    def formula(a: float) -> tuple[str, float]:
        return rf"\arctan({number(a)})", math.atan(a)


@op
class atan2:
    r"""The angle of a point, from -pi to pi: the arc tangent of a / b in the quadrant where the point (b, a) lies.

    Equation:
        c = \operatorname{arg}(b + i a)
    Gradient:
        \partial C/\partial a = \delta \odot \frac{b}{a^2 + b^2}
        \partial C/\partial b = -\delta \odot \frac{a}{a^2 + b^2}
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Abramowitz and Stegun (1964), eqs. 3.8.1 and 4.4.44
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        return together("atan2", xp.arctan2, a, b), (a, b)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b = saved
        share = delta / (a * a + b * b)
        return sum_to(share * b, a.shape) if wanted[0] else None, sum_to(-share * a, b.shape) if wanted[1] else None
