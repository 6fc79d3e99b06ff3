"""Functions of one number, applied to every element, and choices between elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.engine.large import apply
from byhand.engine.op import op
from byhand.engine.ops.arithmetic import sum_to, together
from byhand.errors import EngineError


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

    def forward(xp: Any, a: Any) -> Any:
        c = apply(xp.exp, a)
        return c, (c,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (c,) = saved
        return apply(xp.multiply, delta, c)


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

    def forward(xp: Any, a: Any) -> Any:
        return apply(xp.log, a), (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return apply(xp.divide, delta, a)


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

    def forward(xp: Any, a: Any) -> Any:
        c = apply(xp.sqrt, a)
        return c, (c,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (c,) = saved
        return delta / (2 * c)


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

    def forward(xp: Any, a: Any) -> Any:
        return apply(xp.abs, a), (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return delta * xp.sign(a)


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

    def forward(xp: Any, a: Any) -> Any:
        return apply(xp.sin, a), (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return delta * xp.cos(a)


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

    def forward(xp: Any, a: Any) -> Any:
        return apply(xp.cos, a), (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return -delta * xp.sin(a)


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

    def forward(xp: Any, a: Any, *, low: float, high: float) -> Any:
        if not low <= high:
            raise EngineError(f"clip: low is {low} but high is {high}: low must not be above high")
        return xp.clip(a, low, high), (a, low, high)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        a, low, high = saved
        return delta * ((a >= low) & (a <= high))


@op
class maximum:
    r"""The larger of two, element by element; where both are equal, a is taken.

    Equation:
        c = \max(a, b)
    Gradient:
        \partial C/\partial a = \delta \odot [a \ge b]
        \partial C/\partial b = \delta \odot [a < b]
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: Any, a: Any, b: Any) -> Any:
        return together("maximum", xp.maximum, a, b), (a, b)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, b = saved
        first = a >= b
        return sum_to(delta * first, a.shape) if wanted[0] else None, sum_to(delta * ~first, b.shape) if wanted[1] else None


@op
class minimum:
    r"""The smaller of two, element by element; where both are equal, a is taken.

    Equation:
        c = \min(a, b)
    Gradient:
        \partial C/\partial a = \delta \odot [a \le b]
        \partial C/\partial b = \delta \odot [a > b]
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: Any, a: Any, b: Any) -> Any:
        return together("minimum", xp.minimum, a, b), (a, b)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        a, b = saved
        first = a <= b
        return sum_to(delta * first, a.shape) if wanted[0] else None, sum_to(delta * ~first, b.shape) if wanted[1] else None


@op
class where:
    r"""One or the other, by a condition.

    Equation:
        c = [q]\,a + [\neg q]\,b
    Gradient:
        \partial C/\partial a = \delta \odot [q]
        \partial C/\partial b = \delta \odot [\neg q]
    Shapes:
        q: booleans, a, b: any that broadcast together -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: Any, a: Any, b: Any, *, condition: Any) -> Any:
        try:
            return xp.where(condition, a, b), (condition, getattr(a, "shape", None), getattr(b, "shape", None))
        except ValueError:
            raise EngineError(
                f"where: a is {np.shape(a)}, b is {np.shape(b)} and the condition {np.shape(condition)}: they must broadcast"
            ) from None

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        condition, a, b = saved
        return sum_to(xp.where(condition, delta, 0), a), sum_to(xp.where(condition, 0, delta), b)
