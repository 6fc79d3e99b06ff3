"""Numbers in another order, and copies of them: turned round, moved along, repeated, laid on one another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule, Axes
from byhand.engine.call import Call
from byhand.engine.op import Saved, op
from byhand.engine.ops.reduce import axes_of
from byhand.engine.ops.shape import errors_of_copies, origin
from byhand.errors import EngineError
from byhand.terms import At, Sum, single


@op
class flip:
    r"""Turned round along axes; along all of them, unless some are given.

    Equation:
        c_i = a_{n - 1 - i}
    Gradient:
        \partial C/\partial a_i = \delta_{n - 1 - i}
    Shapes:
        a: any -> c: the same
    Source:
        a bijection of indices
    """

    def forward(xp: ArrayModule, a: Array, *, axis: Axes = None) -> Any:
        axes = axes_of("flip", a, axis)
        return xp.flip(a, axis=axes), axes

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return xp.flip(delta, axis=saved)

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(origin(call, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_copies(call, at)


@op
class roll:
    r"""Moved along an axis; what leaves at the end comes in at the beginning. Without an axis, along the flat array.

    Equation:
        c_{(i + s) \bmod n} = a_i
    Gradient:
        \partial C/\partial a_i = \delta_{(i + s) \bmod n}
    Shapes:
        a: any, shifts s: a whole number, or one for each axis given -> c: as a
    Source:
        a bijection of indices
    """

    def forward(xp: ArrayModule, a: Array, *, shifts: Any, axis: Axes = None) -> Any:
        axes = None if axis is None else axes_of("roll", a, axis)
        moves = tuple(shifts) if isinstance(shifts, tuple | list) else (shifts,) * (1 if axes is None else len(axes))
        if len(moves) != (1 if axes is None else len(axes)) or not all(isinstance(s, int | np.integer) for s in moves):
            raise EngineError(f"roll: the shifts must be whole numbers, one for each axis, got {shifts!r} for the axis {axis!r}")
        return xp.roll(a, moves, axis=(0,) if axes is None else axes) if axes is not None else xp.roll(a, moves[0]), (moves, axes)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        moves, axes = saved
        back = tuple(-s for s in moves)
        return xp.roll(delta, back[0]) if axes is None else xp.roll(delta, back, axis=axes)

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(origin(call, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_copies(call, at)


@op
class tile:
    r"""The whole array many times, side by side along each axis.

    Equation:
        c_i = a_{i \bmod n}
    Gradient:
        \partial C/\partial a_i = \sum_k \delta_{i + k n}
    Shapes:
        a: any, times: a whole number for each axis, 0 or more; more of them than axes make new axes in front -> c: n times longer
    Source:
        the transpose of a selection is a scattered sum
    """

    def forward(xp: ArrayModule, a: Array, *, times: Any) -> Any:
        many = tuple(times) if isinstance(times, tuple | list) else (times,)
        if not all(isinstance(n, int | np.integer) and n >= 0 for n in many):
            raise EngineError(f"tile: times must be whole numbers, 0 or more, got {times!r}")
        shape = (1,) * (len(many) - a.ndim) + a.shape
        many = (1,) * (len(shape) - len(many)) + tuple(int(n) for n in many)
        return xp.tile(a, many), (a.shape, shape, many)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        before, shape, many = saved
        pairs = tuple(n for pair in zip(many, shape, strict=True) for n in pair)
        return delta.reshape(pairs).sum(axis=tuple(range(0, len(pairs), 2))).reshape(before)

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(origin(call, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_copies(call, at)


@op
class repeat_interleave:
    r"""Each number many times, one after another, along an axis; along the flat array, unless an axis is given.

    Equation:
        c_i = a_{\lfloor i/t \rfloor}
    Gradient:
        \partial C/\partial a_i = \sum_{k < t} \delta_{i t + k}
    Shapes:
        a: any, times t: a whole number, 0 or more -> c: t times longer along the axis
    Source:
        the transpose of a selection is a scattered sum
    """

    def forward(xp: ArrayModule, a: Array, *, times: int, axis: int | None = None) -> Any:
        if not isinstance(times, int | np.integer) or isinstance(times, bool) or times < 0:
            raise EngineError(f"repeat_interleave: times must be a whole number, 0 or more, got {times!r}")
        place = None if axis is None else axes_of("repeat_interleave", a, axis)[0]
        return xp.repeat(a, times, axis=place), (a.shape, int(times), place)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        shape, times, axis = saved
        lines = (math.prod(shape),) if axis is None else shape[: axis + 1]
        rest = () if axis is None else shape[axis + 1 :]
        return delta.reshape((*lines, times, *rest)).sum(axis=len(lines)).reshape(shape)

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(origin(call, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_copies(call, at)


@op
class stack:
    r"""Arrays of one shape laid on one another, along a new axis.

    Equation:
        c_k = a_k
    Gradient:
        \partial C/\partial a_k = \delta_k
    Shapes:
        a_k: equal -> c: with a new axis, which is as long as there are arrays
    Source:
        a bijection of indices
    """

    def forward(xp: ArrayModule, *arrays: Any, axis: int = 0) -> Any:
        if not arrays:
            raise EngineError("stack: give it one array or more, as stack(a, b)")
        arrays = tuple(xp.asarray(array) for array in arrays)
        ndim = arrays[0].ndim + 1
        if any(array.shape != arrays[0].shape for array in arrays):
            raise EngineError(f"stack: the arrays must have one shape, got {' and '.join(str(array.shape) for array in arrays)}")
        if not isinstance(axis, int | np.integer) or not -ndim <= axis < ndim:
            raise EngineError(f"stack: the axis must be from {-ndim} to {ndim - 1}, got {axis!r}")
        return xp.stack(arrays, axis=axis), (axis % ndim, len(arrays))

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        axis, n = saved
        return tuple(delta[(slice(None),) * axis + (k,)] for k in range(n))

    def terms(call: Call, at: At) -> list[Sum]:
        axis = call.saved[0]
        return [single(call.operand(at[axis]).factor((*at[:axis], *at[axis + 1 :])))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        axis = call.saved[0]
        return [single(call.error.factor((*at[:axis], slot, *at[axis:])))]
