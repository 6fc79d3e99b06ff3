"""Sums and their like: along axes, along all of them, or running along one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byhand import engine
from byhand.engine.methods.numbers import Number, Numbers, axis_of, named

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor


class Sums(Numbers):
    """Methods that make one number of many. A tensor without axes is treated as if it had one."""

    __slots__ = ()

    def sum(self, axis: Any = None, keepdims: bool = False, **names: Any) -> Tensor:
        """The sum; dtype: that of the numbers before they are added."""
        dtype = names.pop("dtype", None)
        of = self if dtype is None else engine.ops.cast(self, dtype=dtype)
        return engine.ops.sum(of, **_along(self, axis, keepdims, names))

    def mean(self, axis: Any = None, keepdims: bool = False, **names: Any) -> Tensor:
        return engine.ops.mean(self, **_along(self, axis, keepdims, names))

    def max(self, axis: Any = None, keepdims: bool = False, **names: Any) -> Tensor:
        return engine.ops.max(self, **_along(self, axis, keepdims, names))

    def min(self, axis: Any = None, keepdims: bool = False, **names: Any) -> Tensor:
        return engine.ops.min(self, **_along(self, axis, keepdims, names))

    def prod(self, axis: Any = None, keepdims: bool = False, **names: Any) -> Tensor:
        return engine.ops.prod(self, **_along(self, axis, keepdims, names))

    def var(self, axis: Any = None, keepdims: bool = False, correction: Number = 0, **names: Any) -> Tensor:
        """The variance; NumPy's, unless PyTorch's correction=1 is asked for."""
        return engine.ops.variance(self, correction=correction, **_along(self, axis, keepdims, names))

    def std(self, axis: Any = None, keepdims: bool = False, correction: Number = 0, **names: Any) -> Tensor:
        """The standard deviation; NumPy's, unless PyTorch's correction=1 is asked for."""
        return engine.ops.std(self, correction=correction, **_along(self, axis, keepdims, names))

    def norm(self, p: Number = 2, axis: Any = None, keepdims: bool = False, **names: Any) -> Tensor:
        return engine.ops.norm(self, p=p, **_along(self, axis, keepdims, names))

    def logsumexp(self, axis: Any = None, keepdims: bool = False, **names: Any) -> Tensor:
        return engine.ops.logsumexp(self, **_along(self, axis, keepdims, names))

    def cumsum(self, axis: int = -1, **names: Any) -> Tensor:
        return _on_a_line(engine.ops.cumsum, self, axis, names)

    def cumprod(self, axis: int = -1, **names: Any) -> Tensor:
        return _on_a_line(engine.ops.cumprod, self, axis, names)

    def softmax(self, axis: int = -1, **names: Any) -> Tensor:
        return _on_a_line(engine.ops.softmax, self, axis, names)

    def log_softmax(self, axis: int = -1, **names: Any) -> Tensor:
        return _on_a_line(engine.ops.log_softmax, self, axis, names)

    def std_mean(self, axis: Any = None, keepdims: bool = False, correction: Number = 0, **names: Any) -> tuple[Tensor, Tensor]:
        """The standard deviation and the mean."""
        return self.std(axis, keepdims, correction, **names), self.mean(axis, keepdims, **names)

    def var_mean(self, axis: Any = None, keepdims: bool = False, correction: Number = 0, **names: Any) -> tuple[Tensor, Tensor]:
        """The variance and the mean."""
        return self.var(axis, keepdims, correction, **names), self.mean(axis, keepdims, **names)

    def logcumsumexp(self, axis: int = -1, **names: Any) -> Tensor:
        return _on_a_line(engine.ops.logcumsumexp, self, axis, names)

    def softmin(self, axis: int = -1, **names: Any) -> Tensor:
        """The softmax of the numbers with the other sign."""
        return _on_a_line(engine.ops.softmax, engine.ops.negative(self), axis, names)


def _along(tensor: Any, axis: Any, keepdims: bool, names: dict[str, Any]) -> dict[str, Any]:
    """The options of a sum, by whichever names they came; the one axis that a single number may be asked for is none."""
    options = named(axis, keepdims, names)
    if not tensor.ndim and options["axis"] in (0, -1, (0,), (-1,)):
        options["axis"] = ()
    return options


def _on_a_line(op: Any, tensor: Any, axis: Any, names: dict[str, Any]) -> Tensor:
    """An op along one axis, of a single number too."""
    given = {"axis": axis, **names}
    if tensor.ndim:
        return op(tensor, **given)
    axis_of(op.name, tensor, given.get("dim", given["axis"]))
    return engine.ops.reshape(op(engine.ops.reshape(tensor, shape=(1,)), axis=0), shape=())
