"""Functions of one number, applied to every element, and choices between elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule
from byhand.engine.call import Call
from byhand.engine.op import Saved, op
from byhand.engine.ops.arithmetic import number_of, sum_to, together
from byhand.engine.threaded import apply
from byhand.errors import EngineError
from byhand.formula import factor, number, setting
from byhand.terms import At, Sum, single


@op
class exp:
    r"""Exponential function.

    Equation:
        c = e^a
    Gradient:
        \partial C/\partial a = \delta \odot c
    Shapes:
        a: any -> c: the same
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        c = apply(xp.exp, a)
        return c, (c,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (c,) = saved
        return apply(xp.multiply, delta, c)

    slope = r"c"

    def formula(a: float) -> tuple[str, float]:
        return f"e^{{{number(a)}}}", math.exp(a)


@op
class log:
    r"""Natural logarithm.

    Equation:
        c = \ln a
    Gradient:
        \partial C/\partial a = \delta / a
    Shapes:
        a: any -> c: the same
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.log, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return apply(xp.divide, delta, a)

    slope = r"\frac{1}{a}"

    def formula(a: float) -> tuple[str, float]:
        return rf"\ln {factor(a)}", math.log(a)


@op
class sqrt:
    r"""Square root.

    Equation:
        c = \sqrt{a}
    Gradient:
        \partial C/\partial a = \delta / (2 c)
    Shapes:
        a: any -> c: the same
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        c = apply(xp.sqrt, a)
        return c, (c,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (c,) = saved
        return delta / (2 * c)

    slope = r"\frac{1}{2 c}"

    def formula(a: float) -> tuple[str, float]:
        return rf"\sqrt{{{number(a)}}}", math.sqrt(a)


@op
class absolute:
    r"""Absolute value; its gradient at 0 is 0.

    Equation:
        c = |a|
    Gradient:
        \partial C/\partial a = \delta \odot \operatorname{sign} a
    Shapes:
        a: any -> c: the same
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.abs, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta * xp.sign(a)

    slope = r"\operatorname{sign} a"

    def formula(a: float) -> tuple[str, float]:
        return f"|{number(a)}|", abs(a)


@op
class sin:
    r"""Sine.

    Equation:
        c = \sin a
    Gradient:
        \partial C/\partial a = \delta \odot \cos a
    Shapes:
        a: any -> c: the same
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.sin, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta * xp.cos(a)

    slope = r"\cos a"

    def formula(a: float) -> tuple[str, float]:
        return rf"\sin({number(a)})", math.sin(a)


@op
class cos:
    r"""Cosine.

    Equation:
        c = \cos a
    Gradient:
        \partial C/\partial a = -\delta \odot \sin a
    Shapes:
        a: any -> c: the same
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.cos, a), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return -delta * xp.sin(a)

    slope = r"(-\sin a)"

    def formula(a: float) -> tuple[str, float]:
        return rf"\cos({number(a)})", math.cos(a)


@op
class clip:
    r"""Held between two bounds; what lies outside has no gradient.

    Equation:
        c = \min(\max(a, l), h)
    Gradient:
        \partial C/\partial a = \delta \odot [l \le a \le h]
    Shapes:
        a: any, l, h: numbers -> c: as a
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array, *, low: float, high: float) -> Any:
        if not low <= high:
            raise EngineError(f"clip: low is {low} but high is {high}: low must not be above high")
        return xp.clip(a, low, high), (a, low, high)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        a, low, high = saved
        return delta * ((a >= low) & (a <= high))

    slope = r"[l \le a \le h]"

    def formula(a: float, *, low: float, high: float) -> tuple[str, float]:
        return rf"\min(\max({number(a)}, {setting(low)}), {setting(high)})", min(max(a, low), high)


@op
class maximum:
    r"""The larger of two, element by element; where both are equal, they share the gradient.

    Equation:
        c = \max(a, b)
    Gradient:
        \partial C/\partial a = \delta \odot \left([a > b] + \tfrac{1}{2} [a = b]\right)
        \partial C/\partial b = \delta \odot \left([a < b] + \tfrac{1}{2} [a = b]\right)
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Boyd and Vandenberghe (2022), "Subgradients", section 3.4: a mean of subgradients is one
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        return together("maximum", xp.maximum, a, b), (a, b)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b = saved
        equal, half = a == b, 0.5 * delta  # ~(a < b), not a >= b: a NaN is no smaller, and what it spoils is told
        return (
            sum_to(xp.where(equal, half, delta * ~(a < b)), a.shape) if wanted[0] else None,
            sum_to(xp.where(equal, half, delta * ~(a > b)), b.shape) if wanted[1] else None,
        )

    def terms(call: Call, at: At) -> list[Sum]:
        a, b = (number_of(call, slot, at) for slot in (0, 1))
        return [single(a if a.value >= b.value else b)]


@op
class minimum:
    r"""The smaller of two, element by element; where both are equal, they share the gradient.

    Equation:
        c = \min(a, b)
    Gradient:
        \partial C/\partial a = \delta \odot \left([a < b] + \tfrac{1}{2} [a = b]\right)
        \partial C/\partial b = \delta \odot \left([a > b] + \tfrac{1}{2} [a = b]\right)
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Boyd and Vandenberghe (2022), "Subgradients", section 3.4: a mean of subgradients is one
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        return together("minimum", xp.minimum, a, b), (a, b)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b = saved
        equal, half = a == b, 0.5 * delta
        return (
            sum_to(xp.where(equal, half, delta * ~(a > b)), a.shape) if wanted[0] else None,
            sum_to(xp.where(equal, half, delta * ~(a < b)), b.shape) if wanted[1] else None,
        )

    def terms(call: Call, at: At) -> list[Sum]:
        a, b = (number_of(call, slot, at) for slot in (0, 1))
        return [single(a if a.value <= b.value else b)]


@op
class where:
    r"""One or the other, by a condition.

    Equation:
        c = [q]\,a + [\neg q]\,b
    Gradient:
        \partial C/\partial q = 0
        \partial C/\partial a = \delta \odot [q]
        \partial C/\partial b = \delta \odot [\neg q]
    Shapes:
        q: booleans, or numbers, of which 0 is False; a, b: any that broadcast together -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, condition: Any, a: Array, b: Array) -> Any:
        chosen = xp.asarray(condition)
        chosen = chosen if chosen.dtype == bool else chosen != 0
        try:
            return xp.where(chosen, a, b), (chosen, getattr(a, "shape", None), getattr(b, "shape", None))
        except ValueError:
            raise EngineError(
                f"where: a is {np.shape(a)}, b is {np.shape(b)} and the condition {np.shape(condition)}: they must broadcast"
            ) from None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        chosen, a, b = saved
        return (
            xp.zeros(chosen.shape, delta.dtype) if wanted[0] else None,
            sum_to(xp.where(chosen, delta, 0), a) if wanted[1] else None,
            sum_to(xp.where(chosen, 0, delta), b) if wanted[2] else None,
        )

    def terms(call: Call, at: At) -> list[Sum]:
        chosen = bool(np.broadcast_to(call.saved[0], call.output.values.shape)[at])
        return [single(number_of(call, 1 if chosen else 2, at))]
