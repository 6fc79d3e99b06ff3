"""Numbers moved, not changed: new shapes, other orders, parts, and wholes of parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.engine.large import new
from byhand.engine.op import op
from byhand.engine.ops.arithmetic import sum_to
from byhand.engine.ops.reduce import axes_of
from byhand.engine.tensor import Tensor
from byhand.errors import EngineError


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

    def forward(xp: Any, a: Any, *, shape: tuple[int, ...]) -> Any:
        try:
            return a.reshape(shape), a.shape
        except ValueError:
            raise EngineError(
                f"reshape: a is {a.shape}, {a.size} numbers, but the shape asked for is {shape}: "
                f"it must hold {a.size} numbers, with at most one -1"
            ) from None

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return delta.reshape(saved)


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

    def forward(xp: Any, a: Any, *, axes: tuple[int, ...] | None = None) -> Any:
        axes = tuple(reversed(range(a.ndim))) if axes is None else axes
        if sorted(i % a.ndim if -a.ndim <= i < a.ndim else -1 for i in axes) != list(range(a.ndim)):
            raise EngineError(f"transpose: a is {a.shape} but the order of axes is {axes}: name each of its {a.ndim} axes once")
        return a.transpose(axes), tuple(i % a.ndim for i in axes)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return delta.transpose(tuple(np.argsort(saved)))


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

    def forward(xp: Any, a: Any, *, shape: tuple[int, ...]) -> Any:
        try:
            return xp.broadcast_to(a, shape), a.shape
        except ValueError:
            raise EngineError(f"broadcast: a is {a.shape}, which does not fill {shape}: its axes must agree or be 1") from None

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return sum_to(delta, saved)


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

    def forward(xp: Any, a: Any, *, key: Any) -> Any:
        key = tuple(_array(one) for one in key) if isinstance(key, tuple) else _array(key)
        try:
            return a[key], (a.shape, key)
        except (IndexError, TypeError) as error:
            raise EngineError(f"index: a is {a.shape}: {error}") from None

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        shape, key = saved
        found = xp.zeros(shape, delta.dtype)
        parts = key if isinstance(key, tuple) else (key,)
        if all(part is None or part is Ellipsis or isinstance(part, int | slice) or part.dtype.kind == "b" for part in parts):
            found[key] = delta  # no element can be named twice
        else:
            xp.add.at(found, key, delta)
        return found


def _array(key: Any) -> Any:
    """A tensor used as an index is its array, a list too (of no numbers: of no indices); NumPy's whole numbers are plain ones."""
    if isinstance(key, Tensor):
        key = key.data
    if isinstance(key, list):
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

    def forward(xp: Any, a: Any, *, indices: Any, axis: int = -1) -> Any:
        indices = xp.asarray(indices)
        if indices.dtype.kind not in "iu":
            raise EngineError(f"gather: the indices are {indices.dtype}, but whole numbers are wanted")
        if indices.ndim != a.ndim:
            raise EngineError(f"gather: a is {a.shape} but the indices are {indices.shape}: give them as many axes as a")
        axes_of("gather", a, axis)
        n = a.shape[axis]
        if indices.size and not (-n <= int(indices.min()) and int(indices.max()) < n):
            raise EngineError(
                f"gather: indices from {indices.min()} to {indices.max()}, but a is {a.shape}: below {n} are wanted"
            )
        try:
            return xp.take_along_axis(a, indices, axis), (a.shape, indices, axis)
        except (IndexError, ValueError):
            raise EngineError(
                f"gather: a is {a.shape} but the indices are {indices.shape}: all axes but {axis} must broadcast"
            ) from None

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        shape, indices, axis = saved
        axis %= len(shape)
        found = xp.zeros(shape, delta.dtype)
        grid = list(np.ogrid[tuple(slice(n) for n in delta.shape)])
        grid = [xp.zeros_like(place) if n == 1 else place for n, place in zip(shape, grid, strict=True)]
        grid[axis] = indices
        xp.add.at(found, tuple(grid), delta)
        return found


@op
class scatter_add:
    r"""Rows added into a copy at given places; a place named twice gets both.

    Equation:
        c_i = a_i + \sum_{j:\,k_j = i} b_j
    Gradient:
        \partial C/\partial a = \delta
        \partial C/\partial b_j = \delta_{k_j}
    Shapes:
        a: (n, ...), b: (j, ...), k: (j,) whole numbers below n -> c: (n, ...)
    Source:
        the transpose of a selection is a scattered sum
    """

    def forward(xp: Any, a: Any, b: Any, *, indices: Any) -> Any:
        indices = xp.asarray(indices)
        if np.ndim(a) < 1 or indices.dtype.kind not in "iu" or np.shape(b) != (*indices.shape, *a.shape[1:]):
            raise EngineError(
                f"scatter_add: a is {np.shape(a)}, b is {np.shape(b)} and the indices are {indices.shape} {indices.dtype}: "
                f"b must be {(*indices.shape, *np.shape(a)[1:])}, the indices whole numbers"
            )
        if indices.size and not (-len(a) <= int(indices.min()) and int(indices.max()) < len(a)):
            raise EngineError(f"scatter_add: indices from {indices.min()} to {indices.max()}, but a has {len(a)} rows")
        c = a.copy()
        xp.add.at(c, indices, b)
        return c, indices

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return delta, delta[saved]


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

    def forward(xp: Any, *arrays: Any, axis: int = -1) -> Any:
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

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        ends, axis = saved
        return tuple(xp.split(delta, [int(end) for end in ends], axis=axis))


@op
class pad:
    r"""Zeros (or another number) around an array.

    Equation:
        c_{i + p} = a_i
    Gradient:
        \partial C/\partial a_i = \delta_{i + p}
    Shapes:
        a: any, p: (before, after) for each axis -> c: longer by before + after
    Source:
        a bijection of indices, onto the inside
    """

    def forward(xp: Any, a: Any, *, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> Any:
        if len(widths) != a.ndim or any(len(pair) != 2 or min(pair) < 0 for pair in widths):
            raise EngineError(f"pad: a is {a.shape} but the widths are {widths}: give (before, after), 0 or more, for each axis")
        inside = tuple(slice(before, before + n) for n, (before, _) in zip(a.shape, widths, strict=True))
        c = new(a, tuple(before + n + after for n, (before, after) in zip(a.shape, widths, strict=True)))
        c.fill(value)
        c[inside] = a
        return c, inside

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return delta[saved]
