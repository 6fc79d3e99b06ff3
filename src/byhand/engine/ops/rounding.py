"""Functions that go up in steps: between the steps nothing changes, so their gradient is 0. And the remainder of a division."""

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
from byhand.formula import factor, number
from byhand.terms import At, Factor, Sum, single


def steps(xp: ArrayModule, name: str, a: Array) -> Any:
    """A function of whole steps; whole numbers stay as they are."""
    return a if a.dtype.kind in "biu" else apply(getattr(xp, name), a)


@op
class sign:
    r"""1, -1, or 0 for 0.

    Equation:
        c = \operatorname{sign} a
    Gradient:
        \partial C/\partial a = 0
    Shapes:
        a: any -> c: the same
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return xp.sign(a), None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return xp.zeros_like(delta)

    slope = "0"

    def formula(a: float) -> tuple[str, float]:
        return rf"\operatorname{{sign}}({number(a)})", float((a > 0) - (a < 0))


@op
class floor:
    r"""The next whole number below, or the number itself where it is one.

    Equation:
        c = \lfloor a \rfloor
    Gradient:
        \partial C/\partial a = 0
    Shapes:
        a: any -> c: the same
    Source:
        Graham, Knuth and Patashnik (1994), "Concrete Mathematics", section 3.1
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return steps(xp, "floor", a), None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return xp.zeros_like(delta)

    slope = "0"

    def formula(a: float) -> tuple[str, float]:
        return rf"\lfloor {number(a)} \rfloor", float(math.floor(a))


@op
class ceil:
    r"""The next whole number above, or the number itself where it is one.

    Equation:
        c = \lceil a \rceil
    Gradient:
        \partial C/\partial a = 0
    Shapes:
        a: any -> c: the same
    Source:
        Graham, Knuth and Patashnik (1994), "Concrete Mathematics", section 3.1
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return steps(xp, "ceil", a), None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return xp.zeros_like(delta)

    slope = "0"

    def formula(a: float) -> tuple[str, float]:
        return rf"\lceil {number(a)} \rceil", float(math.ceil(a))


@op
class trunc:
    r"""The whole number without what stands behind the point.

    Equation:
        c = \operatorname{sign} a\,\lfloor |a| \rfloor
    Gradient:
        \partial C/\partial a = 0
    Shapes:
        a: any -> c: the same
    Source:
        Graham, Knuth and Patashnik (1994), "Concrete Mathematics", section 3.1
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return steps(xp, "trunc", a), None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return xp.zeros_like(delta)

    slope = "0"

    def formula(a: float) -> tuple[str, float]:
        return rf"\operatorname{{trunc}}({number(a)})", float(math.trunc(a))


@op
class round:
    r"""Rounded to decimals; a half goes to the even neighbour, as in NumPy.

    Equation:
        c = 10^{-d} \lfloor 10^d a \rceil
    Gradient:
        \partial C/\partial a = 0
    Shapes:
        a: any, decimals d: a whole number -> c: as a
    Source:
        IEEE 754 (2019), section 4.3.1: ties to even
    """

    def forward(xp: ArrayModule, a: Array, *, decimals: int = 0) -> Any:
        return xp.round(a, decimals), None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return xp.zeros_like(delta)

    slope = "0"

    def formula(a: float, *, decimals: int = 0) -> tuple[str, float]:
        return rf"\operatorname{{round}}({number(a)})", float(np.round(a, decimals))


@op
class floor_divide:
    r"""How many whole times b goes into a, rounded down, as Python's //; whole numbers stay whole.

    Equation:
        c = \lfloor a / b \rfloor
    Gradient:
        \partial C/\partial a = 0
        \partial C/\partial b = 0
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Graham, Knuth and Patashnik (1994), "Concrete Mathematics", section 3.4
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        _divisible("floor_divide", a, b)
        return together("floor_divide", xp.floor_divide, a, b), (np.shape(a), np.shape(b))

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return tuple(xp.zeros(shape, delta.dtype) for shape in saved)


def _divisible(name: str, a: Array | int, b: Array | int) -> None:
    if getattr(a, "dtype", np.dtype(int)).kind in "biu" and isinstance(b, int) and b == 0:
        raise EngineError(f"{name}: whole numbers cannot be divided by 0")


@op
class remainder:
    r"""What a division leaves, with the sign of the divisor, as Python's %.

    Equation:
        c = a - b \lfloor a / b \rfloor
    Gradient:
        \partial C/\partial a = \delta
        \partial C/\partial b = -\delta \lfloor a / b \rfloor
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Graham, Knuth and Patashnik (1994), "Concrete Mathematics", section 3.4
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        _divisible("remainder", a, b)
        return together("remainder", xp.remainder, a, b), (a, b)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b = saved
        return (
            sum_to(delta, a.shape) if wanted[0] else None,
            sum_to(-delta * xp.floor_divide(a, b), b.shape) if wanted[1] else None,
        )

    def terms(call: Call, at: At) -> list[Sum]:
        a, b = number_of(call, 0, at), number_of(call, 1, at)
        times = float(np.floor_divide(a.value, b.value))
        many = Factor(rf"\left(-\lfloor {a.symbol} / {b.symbol} \rfloor\right)", -times, None, factor(-times))
        return [single(a), single(many, b)]
