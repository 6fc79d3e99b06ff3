"""A change of type: rounded forward, and the gradient comes back in the type that it left."""

from __future__ import annotations

import numpy as np
import pytest

from byhand.engine import Tensor, ops
from byhand.engine.check import check_gradient
from byhand.errors import EngineError


def test_the_gradient_is_that_of_central_differences() -> None:
    check_gradient(lambda x: ops.cast(x * x, dtype=np.float64), np.array([0.5, -2.0]))


def test_the_gradient_comes_back_in_the_type_that_it_left() -> None:
    x = Tensor(np.array([0.1, 0.2], np.float32), requires_grad=True)
    y = x.double()
    assert y.dtype == np.float64 and x.astype("float32").dtype == np.float32
    (y * np.array([1.0, 3.0])).sum().backward()
    assert x.grad.dtype == np.float32 and x.grad.tolist() == [1.0, 3.0]


def test_the_share_of_what_is_right_is_a_mean_of_booleans() -> None:
    assert (Tensor([1, 2, 3, 4]) == Tensor([1, 2, 0, 4])).float().mean().item() == 0.75


def test_what_is_no_type_is_refused() -> None:
    with pytest.raises(EngineError, match=r"cast: dtype must be a type of NumPy's, such as np\.float32, got 'numbers'"):
        Tensor([1.0]).astype("numbers")
