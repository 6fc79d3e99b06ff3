"""The same numbers in other shapes and orders."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from byhand import engine
from byhand.engine.methods.numbers import Numbers, axis_of, known, renamed
from byhand.errors import EngineError

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor


class Shapes(Numbers):
    """Methods that move numbers and change none."""

    __slots__ = ()

    def reshape(self, *shape: Any) -> Tensor:
        """The same numbers in another shape; -1 is what is left over, None an axis as it is."""
        given = one_tuple(shape)
        return engine.ops.reshape(self, shape=tuple(self.shape[i] if n is None else n for i, n in enumerate(given)))

    view = reshape

    def transpose(self, *axes: Any, **names: Any) -> Tensor:
        """All axes reversed; or in the order that a tuple, or three numbers or more, give; or two of them exchanged.

        >>> from byhand.engine import zeros
        >>> x = zeros(2, 3, 4)
        >>> x.transpose().shape, x.transpose(1, 2, 0).shape, x.transpose(-1, -2).shape
        ((4, 3, 2), (3, 4, 2), (2, 4, 3))
        """
        axes = (names.pop("dim0", 1), names.pop("dim1", 0)) if {"dim0", "dim1"} & set(names) else axes
        known("transpose", names, "the axes, or dim0 and dim1")
        if len(axes) == 2:
            return self.swapaxes(*axes)
        return engine.ops.transpose(self, axes=one_tuple(axes) or None)

    def permute(self, *axes: Any) -> Tensor:
        return engine.ops.transpose(self, axes=one_tuple(axes))

    @property
    def T(self) -> Tensor:
        return engine.ops.transpose(self, axes=None)

    def swapaxes(self, first: int, second: int) -> Tensor:
        order = list(range(self.ndim))
        first, second = axis_of("swapaxes", self, first), axis_of("swapaxes", self, second)
        if self.ndim:
            order[first], order[second] = order[second], order[first]
        return engine.ops.transpose(self, axes=tuple(order))

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return self.swapaxes(-1, -2)

    def flatten(self, first: int = 0, last: int = -1, **names: Any) -> Tensor:
        """The axes from the first to the last made one; PyTorch's names for them are start_dim and end_dim."""
        first, last = names.get("start_dim", first), names.get("end_dim", last)
        if not self.ndim:
            return self.reshape(1)
        a, b = axis_of("flatten", self, first), axis_of("flatten", self, last)
        if a > b:
            raise EngineError(f"flatten: the first axis must not be after the last, got {first} and {last}")
        return self.reshape((*self.shape[:a], math.prod(self.shape[a : b + 1]), *self.shape[b + 1 :]))

    def squeeze(self, axis: Any = None, **names: Any) -> Tensor:
        """Axes of 1 left out: all of them, or those that are given."""
        axis = names.get("dim", axis)
        given = range(self.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
        gone = {axis_of("squeeze", self, one) for one in given}
        return self.reshape(tuple(n for i, n in enumerate(self.shape) if n != 1 or i not in gone))

    def unsqueeze(self, axis: int = 0, **names: Any) -> Tensor:
        """A new axis of 1."""
        axis = names.get("dim", axis)
        if not -self.ndim - 1 <= axis <= self.ndim:
            raise EngineError(f"unsqueeze: the axis must be from {-self.ndim - 1} to {self.ndim}, got {axis}")
        place = axis % (self.ndim + 1)
        return self.reshape((*self.shape[:place], 1, *self.shape[place:]))

    def expand(self, *shape: Any) -> Tensor:
        """Broadcast to a shape; -1, or None, stands for an axis as it is."""
        wanted = tuple(-1 if n is None else n for n in one_tuple(shape))
        ahead = len(wanted) - self.ndim
        if ahead < 0 or -1 in wanted[:ahead]:
            raise EngineError(f"expand: the tensor is {self.shape}, which does not fill {wanted}: -1 stands for an axis it has")
        filled = tuple(self.shape[i - ahead] if n == -1 else n for i, n in enumerate(wanted))
        return engine.ops.broadcast(self, shape=filled)

    def flip(self, *axis: Any, **names: Any) -> Tensor:
        """Turned round along axes; along all of them, unless some are given."""
        given = names.get("dims", names.get("axis", one_tuple(axis) if axis else None))
        return engine.ops.flip(self, axis=given)

    def roll(self, shifts: Any, axis: Any = None, **names: Any) -> Tensor:
        return engine.ops.roll(self, shifts=shifts, axis=names.get("dims", axis))

    def repeat(self, *times: Any) -> Tensor:
        """The whole, many times over along each axis."""
        return engine.ops.tile(self, times=one_tuple(times))

    def tile(self, *times: Any) -> Tensor:
        return engine.ops.tile(self, times=one_tuple(times))

    def repeat_interleave(self, times: Any = None, axis: int | None = None, **names: Any) -> Tensor:
        """Each number many times, one after another; PyTorch calls how many repeats."""
        times, axis = renamed(names, times, "repeats"), renamed(names, axis, "dim")
        known("repeat_interleave", names, "times (or repeats) and axis (or dim)")
        return engine.ops.repeat_interleave(self, times=times, axis=axis)

    def view_as(self, other: Any) -> Tensor:
        return self.reshape(tuple(other.shape))

    def expand_as(self, other: Any) -> Tensor:
        return self.expand(tuple(other.shape))

    def ravel(self) -> Tensor:
        return self.reshape(-1)

    def unflatten(self, axis: Any = None, sizes: Any = None, **names: Any) -> Tensor:
        """One axis as several; one of the sizes may be -1.

        >>> from byhand.engine import zeros
        >>> zeros(2, 12).unflatten(1, (3, -1)).shape
        (2, 3, 4)
        """
        place = axis_of("unflatten", self, renamed(names, axis, "dim"))
        known("unflatten", names, "axis (or dim) and sizes")
        if -1 in sizes:
            rest = math.prod(n for n in sizes if n != -1)
            sizes = tuple(self.shape[place] // max(1, rest) if n == -1 else n for n in sizes)
        return self.reshape((*self.shape[:place], *sizes, *self.shape[place + 1 :]))

    def movedim(self, source: int, destination: int) -> Tensor:
        """One axis moved to another place, the others in their order."""
        source, destination = axis_of("movedim", self, source), axis_of("movedim", self, destination)
        order = [i for i in range(self.ndim) if i != source]
        order.insert(destination, source)
        return engine.ops.transpose(self, axes=tuple(order[: self.ndim]))

    moveaxis = movedim

    def rearrange(self, pattern: str, **sizes: int) -> Tensor:
        """Axes by name, as in einops: x.rearrange("n (h w) c -> n c h w", w=4)."""
        return engine.rearrange.rearrange(self, pattern, **sizes)

    def contiguous(self) -> Tensor:
        """The same numbers; how they lie in memory is no concern here."""
        return engine.ops.reshape(self, shape=self.shape)

    def clone(self) -> Tensor:
        """A copy, through which gradients pass."""
        return engine.ops.multiply(self, 1) if self.dtype.kind == "f" else engine.Tensor(self.data.copy())

    def meshgrid(self, *others: Any, indexing: str = "ij") -> list[Tensor]:
        """Vectors, each spread over the axes of all: rows first with "ij", columns first with "xy"."""
        if indexing not in ("ij", "xy"):
            raise EngineError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
        lines = [one if isinstance(one, engine.Tensor) else engine.Tensor(one) for one in (self, *others)]
        lines = [one.reshape(-1) for one in lines]
        swapped = indexing == "xy" and len(lines) > 1
        order = [1, 0, *range(2, len(lines))] if swapped else list(range(len(lines)))
        whole = tuple(lines[i].shape[0] for i in order)
        return [
            line.reshape(tuple(-1 if order[i] == k else 1 for i in range(len(lines)))).expand(whole)
            for k, line in enumerate(lines)
        ]


def one_tuple(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Of x.reshape(2, 3), x.reshape((2, 3)) and x.reshape([2, 3])."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], tuple | list) else given
