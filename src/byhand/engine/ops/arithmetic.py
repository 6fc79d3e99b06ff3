"""Sums, products and their like, element by element, with broadcasting."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule
from byhand.engine.call import Call, broadcast_place, constant, unravelled
from byhand.engine.op import Saved, op
from byhand.engine.threaded import apply
from byhand.errors import EngineError
from byhand.formula import factor, number, setting
from byhand.kernels.reference.sums import total
from byhand.memory import SMALLEST
from byhand.terms import At, Factor, Sum, single

DOUBLE = np.dtype(np.float64)


def sum_to(delta: Array, shape: tuple[int, ...] | None) -> Any:
    r"""The gradient of broadcasting: what was copied along an axis gets the sum along that axis back; None for a plain number.

    >>> sum_to(np.ones((3, 2)), (1, 2))
    array([[3., 3.]])
    """
    if shape is None or delta.shape == shape:
        return None if shape is None else delta
    ahead = delta.ndim - len(shape)
    axes = tuple(range(ahead)) + tuple(ahead + i for i, n in enumerate(shape) if n == 1 and delta.shape[ahead + i] != 1)
    return total(delta, axes, keepdims=True).reshape(shape)


def together(name: str, function: Any, a: Array, b: Array) -> Any:
    """A ufunc of two that broadcast; raises EngineError where they do not."""
    try:
        return function(a, b) if type(a) is np.ndarray and a.nbytes < SMALLEST else apply(function, a, b)
    except ValueError:
        raise EngineError(
            f"{name}: a is {np.shape(a)} but b is {np.shape(b)}: from the last axis backwards, they must agree or be 1"
        ) from None


def _shapes(a: Array, b: Array) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Of two arrays; None for a plain number, to which no gradient goes back."""
    return getattr(a, "shape", None), getattr(b, "shape", None)


def number_of(call: Call, slot: int, at: At) -> Factor:
    """The number of one side that goes into the output at a place: of an array that may be broadcast, or a plain number."""
    array = call.operands[slot]
    if array is not None:
        return array.factor(broadcast_place(at, array.values.shape))
    given = call.inputs[slot]
    return constant(float(getattr(given, "data", given)))


def errors_of_readers(call: Call, slot: int, at: At, *times: Callable[[At], Factor]) -> list[Sum]:
    """The errors of all outputs that a number went into, one, or many where it was broadcast; each with these factors."""
    delta, mine = call.error, call.operand(slot)
    shape = delta.values.shape
    lead = len(shape) - len(at)
    index = tuple(
        range(n) if i < lead or (mine.values.shape[i - lead] == 1 and n > 1) else (at[i - lead],) for i, n in enumerate(shape)
    )
    errors = np.asarray(delta.values[np.ix_(*index)] if index else delta.values, np.float64)

    def place(k: int) -> At:
        return tuple(index[axis][i] for axis, i in enumerate(unravelled(k, errors.shape)))

    def factors(k: int) -> tuple[Factor, ...]:
        return delta.factor(place(k)), *(each(place(k)) for each in times)

    values = errors
    if times:
        values = np.array([math.prod(one.value for one in factors(k)) for k in range(errors.size)]).reshape(errors.shape)
    return [Sum(values, factors, bool(index) and len(index[0]) == shape[0])]


def _one_over(b: Factor) -> Factor:
    return Factor(rf"\frac{{1}}{{{b.symbol}}}", 1 / b.value, b.ref, rf"\frac{{1}}{{{number(b.value)}}}")


@op
class add:
    r"""Sum.

    Equation:
        c = a + b
    Gradient:
        \partial C/\partial a = \delta
        \partial C/\partial b = \delta
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        return together("add", xp.add, a, b), _shapes(a, b)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b = saved
        return sum_to(delta, a) if wanted[0] else None, sum_to(delta, b) if wanted[1] else None

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(number_of(call, 0, at)), single(number_of(call, 1, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_readers(call, slot, at)


@op
class subtract:
    r"""Difference.

    Equation:
        c = a - b
    Gradient:
        \partial C/\partial a = \delta
        \partial C/\partial b = -\delta
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        return together("subtract", xp.subtract, a, b), _shapes(a, b)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b = saved
        return sum_to(delta, a) if wanted[0] else None, apply(xp.negative, sum_to(delta, b)) if wanted[1] else None

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(number_of(call, 0, at)), single(constant(-1.0), number_of(call, 1, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_readers(call, slot, at, *([lambda _: constant(-1.0)] if slot else []))


@op
class multiply:
    r"""Product, element by element (Nielsen's Hadamard product).

    Equation:
        c = a \odot b
    Gradient:
        \partial C/\partial a = \delta \odot b
        \partial C/\partial b = \delta \odot a
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        return together("multiply", xp.multiply, a, b), (a, b)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b = saved
        return (
            sum_to(apply(xp.multiply, delta, b), a.shape) if wanted[0] else None,
            sum_to(apply(xp.multiply, delta, a), b.shape) if wanted[1] else None,
        )

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(number_of(call, 0, at), number_of(call, 1, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_readers(call, slot, at, lambda place: number_of(call, 1 - slot, place))


@op
class divide:
    r"""Quotient.

    Equation:
        c = a / b
    Gradient:
        \partial C/\partial a = \delta / b
        \partial C/\partial b = -\delta \odot c / b
    Shapes:
        a, b: any that broadcast -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        c = together("divide", xp.divide, a, b)
        return c, (getattr(a, "shape", None), b, c)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b, c = saved
        return (
            sum_to(apply(xp.divide, delta, b), a) if wanted[0] else None,
            sum_to(-delta * c / b, b.shape) if wanted[1] else None,
        )

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(number_of(call, 0, at), _one_over(number_of(call, 1, at)))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        below = lambda place: _one_over(number_of(call, 1, place))  # noqa: E731
        if slot == 0:
            return errors_of_readers(call, slot, at, below)
        return errors_of_readers(call, slot, at, lambda _: constant(-1.0), call.output.factor, below)


@op
class negative:
    r"""The other sign.

    Equation:
        c = -a
    Gradient:
        \partial C/\partial a = -\delta
    Shapes:
        a: any -> c: the same
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return apply(xp.negative, a), None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return apply(xp.negative, delta)

    slope = "(-1)"

    def formula(a: float) -> tuple[str, float]:
        return f"-{factor(a)}", -a


@op
class power:
    r"""Power. Where the exponent is 0, nothing goes back to the base, and where the base is 0, nothing to the exponent.

    Equation:
        c = a^b
    Gradient:
        \partial C/\partial a = \delta \odot b\,a^{b-1}
        \partial C/\partial b = \delta \odot c \ln a
    Shapes:
        a, b: any that broadcast, or plain numbers -> c: their common shape
    Source:
        Baydin et al. (2018), table 2
    """

    def forward(xp: ArrayModule, a: Array, b: Any) -> Any:
        if not hasattr(b, "shape") and not isinstance(b, int | float):
            raise EngineError(f"power: the exponent must be a number or an array, got {type(b).__name__}")
        if np.min(b, initial=0) < 0 and all(getattr(one, "dtype", np.dtype(type(one))).kind in "biu" for one in (a, b)):
            raise EngineError(
                f"power: whole numbers have no power of {np.min(b)}: make them floats, as Tensor(x, dtype=np.float32)"
            )
        if not hasattr(b, "shape"):  # NumPy has short ways for a plain number, such as a square
            c = a**b
            return c, (a, b, c)
        c = together("power", xp.power, a, b)
        return c, (a, b, c)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b, c = saved
        to_a = to_b = None
        if wanted[0]:
            if hasattr(b, "shape"):
                both = (a == 0) & (b == 0)  # where the rule would be 0 times infinity
                found = delta * xp.where(both, 0, b * a ** xp.where(both, 1, b - 1))
            else:
                found = delta * (b * a ** (b - 1)) if b != 0 else xp.zeros_like(delta)
            to_a = sum_to(found, a.shape)
        if wanted[1]:
            to_b = sum_to(delta * xp.where((a == 0) & (b >= 0), 0, c * xp.log(xp.where(a == 0, xp.ones_like(c), a))), b.shape)
        return to_a, to_b

    def terms(call: Call, at: At) -> list[Sum]:
        a, b = number_of(call, 0, at), number_of(call, 1, at)
        exponent = b.symbol if call.operands[1] is not None else setting(b.value)
        worked = f"{factor(a.value)}^{{{setting(b.value)}}}"
        return [single(Factor(f"{a.symbol}^{{{exponent}}}", a.value**b.value, a.ref, worked))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        def slope(place: At) -> Factor:
            a, b = (number_of(call, k, place) for k in (0, 1))
            base, n, less = factor(a.value), setting(b.value), setting(b.value - 1)
            if slot == 0:
                worth = b.value * float(np.power(a.value, b.value - 1)) if b.value else 0.0
                plain = call.operands[1] is None
                symbol = rf"{n}\,{a.symbol}^{{{less}}}" if plain else rf"{b.symbol}\,{a.symbol}^{{{b.symbol} - 1}}"
                return Factor(symbol, worth, a.ref if plain else None, rf"{n} \cdot {base}^{{{less}}}")
            worth = float(np.power(a.value, b.value) * np.log(a.value)) if a.value else 0.0
            shown = rf"{base}^{{{n}}} \ln {base}"
            return Factor(rf"{a.symbol}^{{{b.symbol}}} \ln {a.symbol}", worth, None, shown)

        return errors_of_readers(call, slot, at, slope)
