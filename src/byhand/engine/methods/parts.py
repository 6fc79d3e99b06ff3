"""Parts taken out, put together, filled in and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from byhand import engine
from byhand.engine.methods.numbers import Number, Numbers, axis_of, known, renamed
from byhand.engine.methods.shapes import one_tuple
from byhand.errors import EngineError

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor


class Parts(Numbers):
    """Methods that choose some of the numbers."""

    __slots__ = ()

    def split(self, size: int | list[int] | tuple[int, ...], axis: int = 0, **names: Any) -> list[Tensor]:
        """Parts of this size along an axis, the last one smaller where it does not fit; or parts of these sizes.

        >>> from byhand.engine import arange
        >>> [part.tolist() for part in arange(5).split(2)]
        [[0, 1], [2, 3], [4]]
        """
        axis = axis_of("split", self, names.get("dim", axis))
        n = self.shape[axis] if self.ndim else 0
        if isinstance(size, int):
            if size < 1:
                raise EngineError(f"split: the size of a part must be 1 or more, got {size}")
            sizes = [min(size, n - begin) for begin in range(0, n, size)] or [0]
        else:
            sizes = list(size)
            if sum(sizes) != n or any(one < 0 for one in sizes):
                raise EngineError(f"split: the sizes must add up to {n}, as the tensor is {self.shape}, got {sizes}")
        parts, begin = [], 0
        for one in sizes:
            parts.append(self[(slice(None),) * axis + (slice(begin, begin + one),)])
            begin += one
        return parts

    def chunk(self, parts: int, axis: int = 0, **names: Any) -> list[Tensor]:
        """This many parts along an axis, of one size but for the last; fewer where there are not enough numbers."""
        axis = axis_of("chunk", self, names.get("dim", axis))
        if parts < 1:
            raise EngineError(f"chunk: the number of parts must be 1 or more, got {parts}")
        return self.split(max(1, -(-self.shape[axis] // parts)), axis)

    def unbind(self, axis: int = 0, **names: Any) -> list[Tensor]:
        """The parts along an axis, without it."""
        axis = axis_of("unbind", self, names.get("dim", axis))
        return [self[(slice(None),) * axis + (i,)] for i in range(self.shape[axis])]

    def cat(self, *others: Any, axis: int = 0, **names: Any) -> Tensor:
        """This one and others, one after another along an axis."""
        return engine.ops.concat(self, *others, axis=names.get("dim", axis))

    def stack(self, *others: Any, axis: int = 0, **names: Any) -> Tensor:
        """This one and others laid on one another, along a new axis."""
        return engine.ops.stack(self, *others, axis=names.get("dim", axis))

    @staticmethod
    def einsum(equation: str, *arrays: Any) -> Tensor:
        """Sums of products by Einstein's rule: Tensor.einsum("ij,jk->ik", a, b)."""
        many = len(arrays) == 1 and isinstance(arrays[0], list | tuple)
        return engine.ops.einsum(*(arrays[0] if many else arrays), equation=equation)

    def pad(self, widths: Any, mode: str = "constant", value: Number = 0.0) -> Tensor:
        """Something around: a pair (before, after) for each axis, None for none; or PyTorch's flat list, the last axis first.

        >>> from byhand.engine import zeros
        >>> zeros(2, 3).pad(((1, 0), (0, 4))).shape, zeros(2, 3).pad((0, 4, 1, 0)).shape
        ((3, 7), (3, 7))
        """
        pairs = list(widths) if isinstance(widths, tuple | list) else widths
        if pairs and isinstance(pairs, list) and all(isinstance(n, int | np.integer) for n in pairs) and len(pairs) % 2 == 0:
            last_first = [(pairs[i], pairs[i + 1]) for i in range(0, len(pairs), 2)]
            pairs = [None] * (self.ndim - len(last_first)) + last_first[::-1]
        if isinstance(pairs, list):
            pairs = tuple((0, 0) if pair is None else pair for pair in pairs)
        return engine.ops.pad(self, widths=pairs, mode=mode, value=value)

    def shrink(self, bounds: Any) -> Tensor:
        """What lies within bounds (from, to) along each axis; None for an axis as it is."""
        return self[tuple(slice(None) if pair is None else slice(*pair) for pair in bounds)]

    def shrink_to(self, *shape: Any) -> Tensor:
        """The first numbers along each axis, as many as the shape says; None for an axis as it is."""
        return self[tuple(slice(n) for n in one_tuple(shape))]

    def pad_to(self, *shape: Any) -> Tensor:
        """Zeros behind, up to a shape; None for an axis as it is.

        >>> from byhand.engine import ones
        >>> ones(2, 3).pad_to(None, 5).tolist()
        [[1.0, 1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0, 0.0]]
        """
        wanted = one_tuple(shape)
        if len(wanted) != self.ndim or any(n is not None and n < m for n, m in zip(wanted, self.shape, strict=False)):
            raise EngineError(f"pad_to: the tensor is {self.shape}: give as many axes, none of them shorter, got {wanted}")
        return engine.ops.pad(self, widths=tuple((0, 0 if n is None else n - m) for n, m in zip(wanted, self.shape, strict=True)))

    def unfold(self, axis: Any = None, size: int = 1, step: int = 1, **names: Any) -> Tensor:
        """Windows along an axis, `step` apart; what they hold is the new last axis, as in PyTorch.

        >>> from byhand.engine import arange
        >>> arange(5).unfold(0, 3, 1).tolist()
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
        """
        place = axis_of("unfold", self, renamed(names, axis, "dim", "dimension"))
        known("unfold", names, "axis (or dim), size and step")
        if not 0 <= size <= self.shape[place] or step < 1:
            raise EngineError(f"unfold: size must be from 0 to {self.shape[place]} and step 1 or more, got {size} and {step}")
        begins = np.arange(0, self.shape[place] - size + 1, step)
        windows = self[(slice(None),) * place + (begins[:, None] + np.arange(size),)]
        order = [i for i in range(windows.ndim) if i != place + 1]
        return engine.ops.transpose(windows, axes=(*order, place + 1))

    # ---------------------------------------------------------------- by indices and by conditions

    def gather(self, *given: Any, indices: Any = None, axis: int = -1, **names: Any) -> Tensor:
        """One number from each line along an axis: gather(indices=..., axis=...), where the other axes broadcast.

        Or PyTorch's gather(dim, index), where along the other axes the first numbers are meant, as many as the index has.
        """
        if not given and "index" not in names:
            return engine.ops.gather(self, indices=indices, axis=names.get("dim", axis))
        axis, index = given if given else (names["dim"], names["index"])
        index, place = np.asarray(getattr(index, "data", index)), axis_of("gather", self, axis)
        if index.ndim != self.ndim:
            raise EngineError(f"gather: the tensor is {self.shape} but the index {index.shape}: give it as many axes")
        first = tuple(slice(None if i == place else n) for i, n in enumerate(index.shape))
        return engine.ops.gather(self[first], indices=index, axis=axis)

    def index_select(self, axis: Any = None, index: Any = None, **names: Any) -> Tensor:
        """The parts at some places along an axis."""
        place = axis_of("index_select", self, renamed(names, axis, "dim"))
        known("index_select", names, "axis (or dim) and index")
        return self[(slice(None),) * place + (index,)]

    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        """The value where the mask is True."""
        return engine.ops.where(mask, value, self)

    def masked_select(self, mask: Any) -> Tensor:
        """The numbers where the mask is True, in a row."""
        chosen = np.asarray(getattr(mask, "data", mask))
        return engine.ops.broadcast(self, shape=np.broadcast_shapes(self.shape, chosen.shape))[
            np.broadcast_to(chosen, np.broadcast_shapes(self.shape, chosen.shape))
        ]

    def scatter_add(self, axis: Any = None, index: Any = None, src: Any = None, **names: Any) -> Tensor:
        """The source's numbers added, each at its place on its line along an axis."""
        return self.scatter_reduce(axis, index, src, "sum", **names)

    def scatter(self, axis: Any = None, index: Any = None, src: Any = None, reduce: str | None = None, **names: Any) -> Tensor:
        """The source's numbers in the place of these, or added to them ("add"), or multiplied with them ("multiply").

        >>> from byhand.engine import zeros
        >>> zeros(4).scatter(0, [1, 3], [5.0, 6.0]).tolist()
        [0.0, 5.0, 0.0, 6.0]
        """
        axis, src = renamed(names, axis, "dim"), renamed(names, src, "value")
        known("scatter", names, "axis (or dim), index, src (or value) and reduce")
        if reduce is not None:
            return self.scatter_reduce(axis, index, src, {"add": "sum", "multiply": "prod"}.get(reduce, reduce))
        src, hit = self._sent(axis, index, src)
        last = hit.shape[-1] - 1 - np.flip(hit, -1).argmax(axis=-1, keepdims=True) if hit.shape[-1] else None
        if last is None:
            return engine.ops.reshape(self, shape=self.shape)
        sent = engine.ops.gather(src, indices=last[..., 0], axis=-1)
        place = axis_of("scatter", self, axis)
        return engine.ops.where(np.moveaxis(hit.any(axis=-1), -1, place), sent.movedim(-1, place), self)

    def scatter_reduce(
        self, axis: Any = None, index: Any = None, src: Any = None, reduce: str = "sum", include_self: bool = True, **names: Any
    ) -> Tensor:
        """Each number made one with those of the source that are sent to it: "sum", "prod", "mean", "amax" or "amin".

        `include_self`: whether what stood there counts. Where nothing is sent to, it stays.
        """
        fills = {"sum": 0.0, "prod": 1.0, "mean": 0.0, "amax": -np.inf, "amin": np.inf}
        if reduce not in fills:
            raise EngineError(f"scatter_reduce: reduce must be one of {', '.join(fills)}, got {reduce!r}")
        axis = renamed(names, axis, "dim")
        known("scatter_reduce", names, "axis (or dim), index, src, reduce and include_self")
        place = axis_of("scatter_reduce", self, axis)
        src, hit = self._sent(axis, index, src)
        mine = engine.ops.transpose(self, axes=(*(i for i in range(self.ndim) if i != place), place))
        sent = engine.ops.where(hit, src[..., None, :], fills[reduce])
        if include_self:
            sent = engine.ops.concat(mine[..., None], sent, axis=-1)
        count = hit.sum(axis=-1) + include_self
        if reduce == "mean":
            found = engine.ops.sum(sent, axis=-1) / np.maximum(count, 1).astype(self.dtype)
        elif not sent.shape[-1]:
            found = mine
        else:
            found = getattr(engine.ops, {"amax": "max", "amin": "min"}.get(reduce, reduce))(sent, axis=-1)
        return engine.ops.where(count > 0, found, mine).movedim(-1, place)

    def _sent(self, axis: int, index: Any, src: Any) -> tuple[Any, Any]:
        """The source (..., j) with the axis last, cut or filled up to these lines, and which of it goes where: (..., n, j)."""
        place = axis_of("scatter", self, axis)
        index = np.asarray(getattr(index, "data", index))
        if not isinstance(src, engine.Tensor | np.ndarray | list):
            src = np.full(index.shape, src, self.dtype)
        src = src if isinstance(src, engine.Tensor) else engine.Tensor(src)
        fits = index.ndim == src.ndim == self.ndim and all(
            j <= s and (i == place or j <= n) for i, (j, s, n) in enumerate(zip(index.shape, src.shape, self.shape, strict=True))
        )
        if not fits or index.dtype.kind not in "iu":
            raise EngineError(
                f"scatter: the tensor is {self.shape}, the source {src.shape} and the indices {index.dtype} {index.shape}: "
                "they must be whole numbers, no longer than the source, nor than the tensor but along the axis"
            )
        n = self.shape[place]
        if index.size and not (-n <= index.min() and index.max() < n):
            raise EngineError(f"scatter: the indices must be below {n}, got {index.min()} to {index.max()}")
        widths = tuple((0, 0 if i == place else n - j) for i, (j, n) in enumerate(zip(index.shape, self.shape, strict=True)))
        places = np.pad(index % max(n, 1), widths, constant_values=-1)
        src = engine.ops.pad(src[tuple(slice(j) for j in index.shape)], widths=widths)
        return src.movedim(place, -1), np.moveaxis(places, place, -1)[..., None, :] == np.arange(n)[:, None]

    def one_hot(self, num_classes: int = -1) -> Tensor:
        """Of each class, counted from 0, a row with a 1 at its place; as many places as there are classes, unless given."""
        classes = self.numpy()
        n = int(classes.max(initial=-1)) + 1 if num_classes == -1 else num_classes
        return engine.Tensor((classes[..., None] == np.arange(n)).astype(np.int64))
