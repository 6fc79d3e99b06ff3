"""Vectors and matrices: products, diagonals and triangles, inverses, determinants and factorisations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from byhand import engine
from byhand.engine.methods.numbers import Numbers, axis_of
from byhand.errors import EngineError

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor


class Algebra(Numbers):
    """Methods of linear algebra."""

    __slots__ = ()

    def matmul(self, other: Any) -> Tensor:
        return engine.ops.matmul(self, other)

    mm = matmul

    def dot(self, other: Any) -> Tensor:
        return engine.ops.matmul(self, other)

    def outer(self, other: Any) -> Tensor:
        """All products of the numbers of two vectors."""
        other = other if isinstance(other, engine.Tensor) else engine.Tensor(other)
        if self.ndim != 1 or other.ndim != 1:
            raise EngineError(f"outer: both must have one axis, got {self.shape} and {other.shape}: flatten() them")
        return engine.ops.multiply(engine.ops.reshape(self, shape=(-1, 1)), other)

    def tril(self, diagonal: int = 0) -> Tensor:
        return engine.ops.tril(self, diagonal=diagonal)

    def triu(self, diagonal: int = 0) -> Tensor:
        return engine.ops.triu(self, diagonal=diagonal)

    def diag(self, diagonal: int = 0) -> Tensor:
        return engine.ops.diag(self, diagonal=diagonal)

    def trace(self) -> Tensor:
        return engine.ops.trace(self)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1, **names: Any) -> Tensor:
        """The diagonals of the matrices that two axes span, as the last axis; PyTorch calls the axes dim1 and dim2."""
        first = axis_of("diagonal", self, names.get("dim1", axis1))
        second = axis_of("diagonal", self, names.get("dim2", axis2))
        if self.ndim < 2 or first == second:
            raise EngineError(f"diagonal: the tensor is {self.shape}: give two of its axes, got {axis1} and {axis2}")
        rest = tuple(i for i in range(self.ndim) if i not in (first, second))
        matrices = engine.ops.transpose(self, axes=(*rest, first, second))
        rows, columns = max(0, -offset), max(0, offset)
        n = max(0, min(self.shape[first] - rows, self.shape[second] - columns))
        return matrices[..., list(range(rows, rows + n)), list(range(columns, columns + n))]

    # ---------------------------------------------------------------- square matrices

    def inv(self) -> Tensor:
        return engine.ops.inv(self)

    def solve(self, b: Any) -> Tensor:
        """The x of self @ x = b."""
        return engine.ops.solve(self, b)

    def det(self) -> Tensor:
        return engine.ops.det(self)

    def logdet(self) -> Tensor:
        return engine.ops.logdet(self)

    def slogdet(self) -> tuple[Tensor, Tensor]:
        """The determinant's sign, and the logarithm of its size."""
        return engine.Tensor(np.linalg.slogdet(self.numpy())[0]), engine.ops.logdet(self)

    def cholesky(self) -> Tensor:
        return engine.ops.cholesky(self)

    def eigh(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues in their order, and in columns the eigenvectors, of symmetric matrices.

        >>> from byhand.engine import Tensor
        >>> values, vectors = Tensor([[2.0, 0.0], [0.0, 1.0]]).eigh()
        >>> values.tolist(), vectors.tolist()
        ([1.0, 2.0], [[0.0, 1.0], [1.0, 0.0]])
        """
        both = engine.ops.eigh(self)
        return both[..., 0, :], both[..., 1:, :]

    # ---------------------------------------------------------------- any matrix

    def pinv(self) -> Tensor:
        return engine.ops.pinv(self)

    def svd(self) -> tuple[Tensor, Tensor, Tensor]:
        """u, the singular values s, and v transposed, reduced: u * s @ vh is the matrix again.

        >>> from byhand.engine import Tensor
        >>> u, s, vh = Tensor([[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]).svd()
        >>> s.tolist(), (u * s @ vh).tolist()
        ([2.0, 1.0], [[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]])
        """
        parts, m = engine.ops.svd(self), self.shape[-2]
        return parts[..., 1 : m + 1, :], parts[..., 0, :], parts[..., m + 1 :, :].mT

    def qr(self) -> tuple[Tensor, Tensor]:
        """q, whose columns are at right angles, and the triangle r, reduced: q @ r is the matrix again."""
        parts, (*front, m, n) = engine.ops.qr(self), self.shape
        k = min(m, n)
        return parts[..., : m * k].reshape(*front, m, k), parts[..., m * k :].reshape(*front, k, n)
