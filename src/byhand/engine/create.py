"""New tensors: of zeros, of ones, of numbers in a row, of random ones. Their type is NumPy's, unless you give another."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.engine.tensor import Tensor


def zeros(*shape: Any, dtype: Any = np.float64, requires_grad: bool = False) -> Tensor:
    """Zeros.

    >>> zeros(2, 3).shape == zeros((2, 3)).shape == (2, 3)
    True
    """
    return Tensor(np.zeros(_shape(shape), dtype), requires_grad)


def ones(*shape: Any, dtype: Any = np.float64, requires_grad: bool = False) -> Tensor:
    """Ones."""
    return Tensor(np.ones(_shape(shape), dtype), requires_grad)


def full(shape: Any, value: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """One number everywhere."""
    return Tensor(np.full(shape, value, dtype), requires_grad)


def arange(*bounds: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Numbers from 0, or from the first bound, up to below the last; with a step where a third is given."""
    return Tensor(np.arange(*bounds, dtype=dtype), requires_grad)


def linspace(first: float, last: float, n: int, dtype: Any = np.float64, requires_grad: bool = False) -> Tensor:
    """n numbers at equal distances, both ends among them."""
    return Tensor(np.linspace(first, last, n, dtype=dtype), requires_grad)


def eye(n: int, columns: int | None = None, dtype: Any = np.float64, requires_grad: bool = False) -> Tensor:
    """The identity matrix."""
    return Tensor(np.eye(n, columns, dtype=dtype), requires_grad)


def randn(*shape: Any, rng: Any = None, dtype: Any = np.float64, requires_grad: bool = False) -> Tensor:
    """Standard normal numbers. rng: a generator or a seed; without one every call draws others.

    >>> bool((randn(3, rng=1) == randn(3, rng=1)).all())
    True
    """
    return Tensor(np.random.default_rng(rng).standard_normal(_shape(shape)).astype(dtype), requires_grad)


def rand(*shape: Any, rng: Any = None, dtype: Any = np.float64, requires_grad: bool = False) -> Tensor:
    """Numbers from 0 to below 1, all equally likely. rng: a generator or a seed; without one every call draws others."""
    return Tensor(np.random.default_rng(rng).random(_shape(shape)).astype(dtype), requires_grad)


def zeros_like(a: Any, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape and type of another."""
    return Tensor(np.zeros_like(Tensor(a).data), requires_grad)


def ones_like(a: Any, requires_grad: bool = False) -> Tensor:
    """Ones in the shape and type of another."""
    return Tensor(np.ones_like(Tensor(a).data), requires_grad)


def full_like(a: Any, value: float, requires_grad: bool = False) -> Tensor:
    """One number everywhere, in the shape and type of another."""
    return Tensor(np.full_like(Tensor(a).data, value), requires_grad)


def from_dlpack(a: Any) -> Tensor:
    """The array of another library that speaks DLPack, such as PyTorch's or JAX's, without a copy."""
    return Tensor(np.from_dlpack(a))


def _shape(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Of zeros(2, 3), zeros((2, 3)) and zeros([2, 3])."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], tuple | list) else given
