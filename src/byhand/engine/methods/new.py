"""New tensors by the class itself: `Tensor.zeros(2, 3)` is `byhand.engine.zeros(2, 3)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byhand import engine
from byhand.engine.methods.numbers import Numbers

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor


class New(Numbers):
    """Tensors that are made of no other."""

    __slots__ = ()

    @staticmethod
    def zeros(*shape: Any, **options: Any) -> Tensor:
        return engine.zeros(*shape, **options)

    @staticmethod
    def ones(*shape: Any, **options: Any) -> Tensor:
        return engine.ones(*shape, **options)

    @staticmethod
    def full(shape: Any, value: float, **options: Any) -> Tensor:
        return engine.full(shape, value, **options)

    @staticmethod
    def eye(n: int, columns: int | None = None, **options: Any) -> Tensor:
        return engine.eye(n, columns, **options)

    @staticmethod
    def arange(*bounds: Any, **options: Any) -> Tensor:
        return engine.arange(*bounds, **options)

    @staticmethod
    def linspace(first: float, last: float, n: int | None = None, **options: Any) -> Tensor:
        return engine.linspace(first, last, options.pop("steps", n), **options)

    @staticmethod
    def randn(*shape: Any, **options: Any) -> Tensor:
        return engine.randn(*shape, **options)

    @staticmethod
    def rand(*shape: Any, **options: Any) -> Tensor:
        return engine.rand(*shape, **options)

    def zeros_like(self, **options: Any) -> Tensor:
        return engine.zeros_like(self, **options)

    def ones_like(self, **options: Any) -> Tensor:
        return engine.ones_like(self, **options)

    def full_like(self, value: float, **options: Any) -> Tensor:
        return engine.full_like(self, value, **options)
