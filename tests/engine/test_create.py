"""New tensors are NumPy's arrays of the same name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import engine
from byhand.engine import Tensor

SAME: dict[str, tuple[Any, Any]] = {
    "zeros": (engine.zeros(2, 3), np.zeros((2, 3))),
    "ones": (engine.ones((2, 3)), np.ones((2, 3))),
    "full": (engine.full((2,), 7.0), np.full(2, 7.0)),
    "arange": (engine.arange(1, 7, 2), np.arange(1, 7, 2)),
    "linspace": (engine.linspace(0, 1, 5), np.linspace(0, 1, 5)),
    "eye": (engine.eye(3), np.eye(3)),
    "zeros_like": (engine.zeros_like(Tensor(np.ones(2, np.float32))), np.zeros(2, np.float32)),
    "ones_like": (engine.ones_like(np.zeros(2, int)), np.ones(2, int)),
    "full_like": (engine.full_like(Tensor([1.0, 2.0]), 3), np.full(2, 3.0)),
}


@pytest.mark.parametrize("name", SAME)
def test_a_new_tensor_holds_what_numpys_array_does(name: str) -> None:
    ours, numpys = SAME[name]
    assert np.array_equal(ours.data, numpys) and ours.dtype == numpys.dtype and not ours.requires_grad


def test_a_new_tensor_may_be_a_parameter_of_any_type() -> None:
    x = engine.zeros(2, dtype=np.float32, requires_grad=True)
    (x + 1).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0] and x.grad.dtype == np.float32


def test_random_numbers_repeat_with_their_seed_and_differ_without() -> None:
    for make in (engine.randn, engine.rand):
        assert (make(4, rng=3) == make(4, rng=3)).all() and not (make(4) == make(4)).all()
    rng = np.random.default_rng(0)
    found = engine.randn(10_000, rng=rng).data
    assert abs(found.mean()) < 0.05 and abs(found.std() - 1) < 0.05
    assert 0 <= engine.rand(1000, rng=rng).data.min() < engine.rand(1000, rng=rng).data.max() < 1


@pytest.mark.torch
def test_arrays_go_to_pytorch_and_back_without_a_copy(torch: Any) -> None:
    x = Tensor(np.array([1.0, 2.0]))
    theirs = torch.from_dlpack(x)
    theirs[0] = 5.0
    assert x.tolist() == [5.0, 2.0]
    back = engine.from_dlpack(theirs)
    theirs[1] = 7.0
    assert back.tolist() == [5.0, 7.0]
    assert torch.from_dlpack(engine.ops.broadcast(x, shape=(2, 2))).tolist() == [[5.0, 7.0]] * 2  # a copy: it must not be written
