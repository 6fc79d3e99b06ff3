"""Embedding beside central differences and PyTorch, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand.engine import Tensor, ops
from byhand.engine.check import check_gradient
from byhand.errors import EngineError

from .strategies import LAYOUTS, Call, assert_as_pytorch, assert_layout_is_nothing, assert_numbers_survive, numbers

some = settings(max_examples=40)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    n, shape = draw(st.integers(1, 4)), draw(st.lists(st.integers(0, 3), max_size=3))
    indices = np.random.default_rng(draw(st.integers(0, 99))).integers(0, n, shape)
    indices = indices.astype(draw(st.sampled_from([np.int64, np.int32, np.uint8])))
    return Call([draw(numbers((n, draw(st.integers(0, 4)))))], {"indices": indices})


@some
@given(call=calls())
def test_the_gradient_is_that_of_central_differences(call: Call) -> None:
    check_gradient(lambda w: ops.embedding(w, **call.options), *call.inputs)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@some
@given(call=calls())
def test_value_and_gradient_are_those_of_pytorch(dtype: str, torch: Any, call: Call) -> None:
    def theirs(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
        return torch.nn.functional.embedding(torch.tensor(options["indices"].astype(np.int64)), *tensors)

    assert_as_pytorch("embedding", call, torch, dtype, theirs)


@some
@given(call=calls(), layout=st.sampled_from([*LAYOUTS]))
def test_how_the_numbers_lie_in_memory_changes_nothing(call: Call, layout: str) -> None:
    assert_layout_is_nothing("embedding", call, layout)
    assert_numbers_survive("embedding", call)


def test_many_choices_of_few_rows_add_up(rng: np.random.Generator) -> None:
    w, indices = Tensor(np.zeros((7, 64), np.float32), requires_grad=True), rng.integers(0, 7, (500, 40))
    delta = rng.standard_normal((500, 40, 64)).astype(np.float32)
    ops.embedding(w, indices=indices).backward(delta)
    exact = np.stack([delta[indices == row].sum(axis=0, dtype=np.float64) for row in range(7)])
    assert np.abs(w.grad - exact).max() < 1e-5 * np.abs(exact).max()


def test_the_callers_indices_may_change_before_the_gradient() -> None:
    w, indices = Tensor(np.zeros((3, 1)), requires_grad=True), np.array([2, 2])
    e = ops.embedding(w, indices=indices)
    indices[:] = 0
    e.sum().backward()
    assert w.grad[:, 0].tolist() == [0, 0, 2]


@pytest.mark.parametrize(
    ("w", "indices", "said"),
    [
        (
            np.ones((3, 2)),
            [0.0],
            r"embedding: w must be a table \(n, d\) and the indices whole numbers",
        ),
        (np.ones(3), [0], r"embedding: w must be a table \(n, d\) and the indices whole numbers"),
        (np.ones((3, 2)), [0, 3], "embedding: the indices must be from 0 to 2"),
        (np.ones((3, 2)), [-1], "embedding: the indices must be from 0 to 2"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(w: Any, indices: Any, said: str) -> None:
    with pytest.raises(EngineError, match=said) as raised:
        ops.embedding(w, indices=np.array(indices))
    assert "\n" not in str(raised.value)
