"""Numbers moved, not changed: new shapes, other orders, parts, and wholes of parts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule, Indices
from byhand.engine.call import Call, constant, unravelled
from byhand.engine.op import Saved, op
from byhand.engine.ops.arithmetic import sum_to
from byhand.engine.ops.reduce import axes_of
from byhand.engine.tensor import Tensor
from byhand.engine.threaded import new
from byhand.errors import EngineError
from byhand.kernels.reference.sums import scattered
from byhand.terms import At, Factor, Sum, single


def origin(call: Call, at: At) -> Factor:
    """The number that was moved or copied to a place."""
    a = call.operand(0)
    return a.factor(unravelled(int(_origins(call)[at]), a.values.shape))


def errors_of_copies(call: Call, at: At) -> list[Sum]:
    """The errors of all places that a number was moved or copied to."""
    a, delta = call.operand(0).values, call.error
    copies = np.argwhere(_origins(call) == (int(np.ravel_multi_index(at, a.shape)) if at else 0)).tolist()
    if not copies:
        return [single(constant(0.0))]
    values = np.array([delta.values[tuple(place)] for place in copies])
    return [Sum(values, lambda k: (delta.factor(tuple(copies[k])),))]


def _origins(call: Call) -> Any:
    """For each number of the output where it stood in the flat input: the op itself, done to the input's places."""
    a = call.operand(0).values
    return np.asarray(call.op.forward(np, np.arange(a.size, dtype=np.float64).reshape(a.shape), **call.options)[0])


@op
class reshape:
    r"""The same numbers in another shape.

    Equation:
        c = \operatorname{reshape}(a)
    Gradient:
        \partial C/\partial a = \operatorname{reshape}^{-1}(\delta)
    Shapes:
        a: any -> c: the shape asked for, in which one axis may be -1: what is left over
    Source:
        a bijection of indices
    """

    def forward(xp: ArrayModule, a: Array, *, shape: tuple[int, ...]) -> Any:
        try:
            return a.reshape(shape), a.shape
        except ValueError:
            raise EngineError(
                f"reshape: a is {a.shape}, {a.size} numbers, but the shape asked for is {shape}: "
                f"it must hold {a.size} numbers, with at most one -1"
            ) from None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return delta.reshape(saved)

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(origin(call, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_copies(call, at)


@op
class transpose:
    r"""The axes in another order; reversed, unless the order is given.

    Equation:
        c_{i_{p(1)} i_{p(2)} \dots} = a_{i_1 i_2 \dots}
    Gradient:
        \partial C/\partial a_{i_1 i_2 \dots} = \delta_{i_{p(1)} i_{p(2)} \dots}
    Shapes:
        a: any -> c: its axes in the order p
    Source:
        a bijection of indices
    """

    def forward(xp: ArrayModule, a: Array, *, axes: tuple[int, ...] | None = None) -> Any:
        axes = tuple(reversed(range(a.ndim))) if axes is None else axes
        if sorted(i % a.ndim if -a.ndim <= i < a.ndim else -1 for i in axes) != list(range(a.ndim)):
            raise EngineError(f"transpose: a is {a.shape} but the order of axes is {axes}: name each of its {a.ndim} axes once")
        return a.transpose(axes), tuple(i % a.ndim for i in axes)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return delta.transpose(tuple(np.argsort(saved)))

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(origin(call, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_copies(call, at)


@op
class broadcast:
    r"""The same numbers many times: axes of 1, and new ones in front, filled to a shape.

    Equation:
        c_{ij} = a_j
    Gradient:
        \partial C/\partial a_j = \sum_i \delta_{ij}
    Shapes:
        a: one that broadcasts to the shape asked for -> c: that shape
    Source:
        Harris et al. (2020), "Array programming with NumPy", box 1
    """

    def forward(xp: ArrayModule, a: Array, *, shape: tuple[int, ...]) -> Any:
        try:
            return xp.broadcast_to(a, shape), a.shape
        except ValueError:
            raise EngineError(f"broadcast: a is {a.shape}, which does not fill {shape}: its axes must agree or be 1") from None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return sum_to(delta, saved)

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(origin(call, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_copies(call, at)


@op
class index:
    r"""A part: slices, whole numbers, arrays of indices or of booleans, as NumPy takes them.

    Equation:
        c_j = a_{k(j)}
    Gradient:
        \partial C/\partial a_i = \sum_{j:\,k(j) = i} \delta_j
    Shapes:
        a: any, k: an index -> c: as a[k]
    Source:
        the transpose of a selection is a scattered sum
    """

    def forward(xp: ArrayModule, a: Array, *, key: Any) -> Any:
        key = tuple(_array(one) for one in key) if isinstance(key, tuple) else _array(key)
        try:
            return a[key], (a.shape, key)
        except (IndexError, TypeError) as error:
            raise EngineError(f"index: a is {a.shape}: {error}") from None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        shape, key = saved
        parts = key if isinstance(key, tuple) else (key,)
        if all(part is None or part is Ellipsis or isinstance(part, int | slice) or part.dtype.kind == "b" for part in parts):
            found = xp.zeros(shape, delta.dtype)
            found[key] = delta  # no element can be named twice
            return found
        return scattered(shape, key, delta)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        shape, key = saved
        return xp.scatter(delta, key=key, shape=shape)

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(origin(call, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return errors_of_copies(call, at)


def _array(key: Any) -> Any:
    """A tensor used as an index is its array, a list too (of no numbers: of no indices); NumPy's whole numbers are plain ones."""
    if isinstance(key, Tensor):
        key = key.data
    if isinstance(key, list | tuple):  # a tuple within a key is a list to NumPy too
        key = np.asarray(key)
        key = key if key.size else key.astype(int)
    return int(key) if isinstance(key, np.integer) else key


@op
class gather:
    r"""One number from each line along an axis: of each sample the output of its class, say.

    Equation:
        c_{ij} = a_{i\,k_{ij}}
    Gradient:
        \partial C/\partial a_{in} = \sum_{j:\,k_{ij} = n} \delta_{ij}
    Shapes:
        a: (m, n), k: (m, j) whole numbers below n -> c: (m, j); likewise for any axis
    Source:
        the transpose of a selection is a scattered sum
    """

    def forward(xp: ArrayModule, a: Array, *, indices: Indices, axis: int = -1) -> Any:
        indices = xp.asarray(indices)
        if indices.dtype.kind not in "iu":
            raise EngineError(f"gather: the indices must be whole numbers, got {indices.dtype}")
        if indices.ndim != a.ndim:
            raise EngineError(f"gather: a is {a.shape} but the indices are {indices.shape}: give them as many axes as a")
        axes_of("gather", a, axis)
        n = a.shape[axis]
        if indices.size and not (-n <= int(indices.min()) and int(indices.max()) < n):
            raise EngineError(f"gather: the indices must be below {n}, as a is {a.shape}, got {indices.min()} to {indices.max()}")
        try:
            return xp.take_along_axis(a, indices, axis), (a.shape, indices, axis)
        except (IndexError, ValueError):
            raise EngineError(
                f"gather: a is {a.shape} but the indices are {indices.shape}: all axes but {axis} must broadcast"
            ) from None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        shape, indices, axis = saved
        return scattered(shape, _line_key(indices, axis, shape, delta.shape), delta)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        shape, indices, axis = saved
        return xp.scatter(delta, key=_line_key(indices, axis, shape, delta.shape), shape=shape)


def _line_key(indices: Indices, axis: int, shape: tuple[int, ...], given: tuple[int, ...]) -> tuple[Any, ...]:
    """The key of the numbers that were gathered along an axis; an axis of 1 was broadcast."""
    grid = list(np.ogrid[tuple(slice(n) for n in given)])
    grid = [np.zeros_like(place) if n == 1 else place for n, place in zip(shape, grid, strict=True)]
    grid[axis % len(shape)] = indices
    return tuple(grid)


@op
class scatter:
    r"""Numbers added into zeros, each at its place; a place named twice gets both. What `index` takes apart, this puts back.

    Equation:
        c_i = \sum_{j:\,k(j) = i} b_j
    Gradient:
        \partial C/\partial b_j = \delta_{k(j)}
    Shapes:
        b: as c[k], key k: an index as NumPy takes it, shape: any -> c: that shape
    Source:
        the transpose of a selection is a scattered sum
    """

    def forward(xp: ArrayModule, b: Array, *, key: Any, shape: tuple[int, ...]) -> Any:
        key = tuple(_array(one) for one in key) if isinstance(key, tuple) else _array(key)
        try:
            return scattered(tuple(shape), key, b), key
        except (IndexError, TypeError, ValueError) as error:
            raise EngineError(f"scatter: b is {np.shape(b)} and the shape {shape}: {error}") from None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return delta[saved]


@op
class index_add:
    r"""Parts added into a copy at given places along an axis; a place named twice gets both.

    Equation:
        c_i = a_i + \sum_{j:\,k_j = i} b_j
    Gradient:
        \partial C/\partial a = \delta
        \partial C/\partial b_j = \delta_{k_j}
    Shapes:
        a: (..., n, ...), b: (..., j, ...), k: (j,) whole numbers below n -> c: as a
    Source:
        the transpose of a selection is a scattered sum
    """

    def forward(xp: ArrayModule, a: Array, b: Array, *, indices: Indices, axis: int = 0) -> Any:
        indices = xp.asarray(indices)
        if np.ndim(a) < 1 or indices.dtype.kind not in "iu":
            raise EngineError(f"index_add: a is {np.shape(a)} and the indices are {indices.dtype}: they must be whole numbers")
        (place,) = axes_of("index_add", a, axis)
        wanted = (*a.shape[:place], *indices.shape, *a.shape[place + 1 :])
        if indices.ndim != 1 or np.shape(b) != wanted:
            raise EngineError(
                f"index_add: a is {np.shape(a)}, b is {np.shape(b)} and the indices are {indices.shape}: b must be {wanted}"
            )
        _below("index_add", indices, a.shape[place])
        key = (slice(None),) * place + (indices,)
        return a + scattered(a.shape, key, b), key

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return delta, delta[saved]


@op
class scatter_add:
    r"""Numbers added into a copy, each at its place on its line along an axis. What `gather` takes, this gives.

    Equation:
        c_{in} = a_{in} + \sum_{j:\,k_{ij} = n} b_{ij}
    Gradient:
        \partial C/\partial a = \delta
        \partial C/\partial b_{ij} = \delta_{i\,k_{ij}}
    Shapes:
        a: (m, n), b: (m, j), k: (m, j) whole numbers below n -> c: (m, n); likewise for any axis
    Source:
        the transpose of a selection is a scattered sum
    """

    def forward(xp: ArrayModule, a: Array, b: Array, *, indices: Indices, axis: int = -1) -> Any:
        indices = xp.asarray(indices)
        if indices.dtype.kind not in "iu":
            raise EngineError(f"scatter_add: the indices must be whole numbers, got {indices.dtype}")
        (place,) = axes_of("scatter_add", a, axis)
        if np.shape(b) != indices.shape or any(
            m > n for i, (m, n) in enumerate(zip(indices.shape, a.shape, strict=False)) if i != place
        ):
            raise EngineError(
                f"scatter_add: a is {a.shape}, b is {np.shape(b)} and the indices are {indices.shape}: "
                f"b must be as the indices, and no longer than a but along axis {axis}"
            )
        if indices.ndim != a.ndim:
            raise EngineError(f"scatter_add: a is {a.shape} but the indices are {indices.shape}: give them as many axes as a")
        _below("scatter_add", indices, a.shape[place])
        grid = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
        grid[place] = indices
        return a + scattered(a.shape, tuple(grid), b), tuple(grid)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return delta, delta[saved]


def _below(name: str, indices: Indices, n: int) -> None:
    if indices.size and not (-n <= int(indices.min()) and int(indices.max()) < n):
        raise EngineError(f"{name}: the indices must be below {n}, got {indices.min()} to {indices.max()}")


@op
class concat:
    r"""Several arrays one after another along an axis.

    Equation:
        c = (a_1, a_2, \dots)
    Gradient:
        \partial C/\partial a_k = \delta_{[n_1 + \dots + n_{k-1},\; n_1 + \dots + n_k)}
    Shapes:
        a_k: equal but for n_k along the axis -> c: with the sum of the n_k there
    Source:
        a bijection of indices
    """

    def forward(xp: ArrayModule, *arrays: Any, axis: int = -1) -> Any:
        if not arrays:
            raise EngineError("concat: give it one array or more, as concat(a, b)")
        first = arrays[0]
        if any(np.ndim(array) < 1 or not hasattr(array, "shape") for array in arrays):
            raise EngineError("concat: what has no axes, or is no array, cannot be joined: give arrays one by one, concat(a, b)")
        axes_of("concat", first, axis)
        for other in arrays:
            if other.ndim != first.ndim or any(
                a != b for i, (a, b) in enumerate(zip(first.shape, other.shape, strict=True)) if i != axis % first.ndim
            ):
                shapes = " and ".join(str(array.shape) for array in arrays)
                raise EngineError(f"concat: the arrays are {shapes}: all axes but {axis} must agree")
        lengths = [array.shape[axis] for array in arrays]
        shape = list(first.shape)
        shape[axis] = sum(lengths)
        out = new(first, tuple(shape))
        return xp.concatenate(arrays, axis=axis, out=out), (np.cumsum(lengths)[:-1], axis)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        ends, axis = saved
        places = [0, *(int(end) for end in ends), delta.shape[axis]]
        front = (slice(None),) * (axis % delta.ndim)
        return tuple(delta[(*front, slice(a, b))] for a, b in itertools.pairwise(places))

    def terms(call: Call, at: At) -> list[Sum]:
        axis = call.options.get("axis", -1) % len(at)
        left, slot = at[axis], 0
        while left >= call.operand(slot).values.shape[axis]:
            left -= call.operand(slot).values.shape[axis]
            slot += 1
        return [single(call.operand(slot).factor((*at[:axis], left, *at[axis + 1 :])))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        axis = call.options.get("axis", -1) % len(at)
        before = sum(call.operand(k).values.shape[axis] for k in range(slot))
        return [single(call.error.factor((*at[:axis], at[axis] + before, *at[axis + 1 :])))]
