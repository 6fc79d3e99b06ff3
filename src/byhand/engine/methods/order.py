"""Which number comes before which: order along an axis, the largest and the smallest so far, and where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from byhand import engine
from byhand.engine.methods.numbers import Numbers, axis_of, named
from byhand.errors import EngineError

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor


class Order(Numbers):
    """Methods that compare the numbers of a tensor with one another."""

    __slots__ = ()

    def argmax(self, axis: int | None = None, keepdims: bool = False, **names: Any) -> Tensor:
        """Where the largest stands, the first of equal ones; of a flat tensor, unless an axis is given."""
        return self._place("argmax", axis, keepdims, names)

    def argmin(self, axis: int | None = None, keepdims: bool = False, **names: Any) -> Tensor:
        """Where the smallest stands, the first of equal ones; of a flat tensor, unless an axis is given."""
        return self._place("argmin", axis, keepdims, names)

    def _place(self, name: str, axis: int | None, keepdims: bool, names: dict[str, Any]) -> Tensor:
        found = named(axis, keepdims, names)
        if self.size == 0:
            raise EngineError(f"{name}: the tensor must hold numbers, got {self.shape}")
        axis_of(name, self, 0 if found["axis"] is None or not self.ndim else found["axis"])
        return engine.Tensor(getattr(self.data, name)(**found))

    def argsort(self, axis: int = -1, descending: bool = False, **names: Any) -> Tensor:
        """Where the numbers stand in their order; equal ones keep theirs."""
        axis = axis_of("argsort", self, names.get("dim", axis))
        if not self.ndim:
            return engine.Tensor(np.zeros((), np.int64))
        if not descending:
            return engine.Tensor(self.data.argsort(axis=axis, kind="stable"))
        backwards = np.flip(np.flip(self.data, axis).argsort(axis=axis, kind="stable"), axis)
        return engine.Tensor(self.shape[axis] - 1 - backwards)

    def sort(self, axis: int = -1, descending: bool = False, **names: Any) -> tuple[Tensor, Tensor]:
        """The numbers in their order along an axis, and where they stood.

        >>> from byhand.engine import Tensor
        >>> values, places = Tensor([3.0, 1.0, 2.0]).sort()
        >>> values.tolist(), places.tolist()
        ([1.0, 2.0, 3.0], [1, 2, 0])
        """
        places = self.argsort(axis, descending, **names)
        if not self.ndim:
            return engine.ops.reshape(self, shape=()), places
        return engine.ops.gather(self, indices=places.data, axis=names.get("dim", axis)), places

    def topk(self, k: int, axis: int = -1, largest: bool = True, **names: Any) -> tuple[Tensor, Tensor]:
        """The k largest numbers along an axis (or smallest), in their order, and where they stood."""
        axis = axis_of("topk", self, names.get("dim", axis))
        n = self.shape[axis] if self.ndim else 1
        if not 0 <= k <= n:
            raise EngineError(f"topk: k must be from 0 to {n}, as the tensor is {self.shape}, got {k}")
        values, places = self.sort(axis, descending=largest)
        if not self.ndim:
            return values, places
        first = (slice(None),) * (axis % self.ndim) + (slice(0, k),)
        return values[first], places[first]

    def cummax(self, axis: int = -1, **names: Any) -> tuple[Tensor, Tensor]:
        """The largest so far along an axis, and where it stands: the last of equal ones, as in PyTorch.

        >>> from byhand.engine import Tensor
        >>> values, places = Tensor([1.0, 3.0, 2.0, 3.0]).cummax()
        >>> values.tolist(), places.tolist()
        ([1.0, 3.0, 3.0, 3.0], [0, 1, 1, 3])
        """
        return self._so_far("cummax", np.maximum, names.get("dim", axis))

    def cummin(self, axis: int = -1, **names: Any) -> tuple[Tensor, Tensor]:
        """The smallest so far along an axis, and where it stands: the last of equal ones, as in PyTorch."""
        return self._so_far("cummin", np.minimum, names.get("dim", axis))

    def _so_far(self, name: str, function: Any, axis: Any) -> tuple[Tensor, Tensor]:
        place = axis_of(name, self, axis)
        line = self if self.ndim else engine.ops.reshape(self, shape=(1,))
        array = line.numpy()
        new = (array == function.accumulate(array, axis=place)) | np.isnan(array)
        counted = np.arange(array.shape[place]).reshape([-1 if i == place else 1 for i in range(array.ndim)])
        places = np.maximum.accumulate(np.where(new, counted, 0), axis=place)
        values = engine.ops.gather(line, indices=places, axis=place)
        return engine.ops.reshape(values, shape=self.shape), engine.Tensor(places.reshape(self.shape))

    def nonzero(self) -> Tensor:
        """Where the numbers other than 0 stand: one row of indices for each."""
        return engine.Tensor(np.argwhere(self.numpy()))
