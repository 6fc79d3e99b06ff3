"""Softmax beside central differences and PyTorch; far numbers, NaN, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand.engine import Tensor, ops
from byhand.engine.check import check_gradient
from byhand.errors import EngineError

from .strategies import LAYOUTS, Call, Checked, assert_as_pytorch, assert_layout_is_nothing, assert_numbers_survive, numbers

some = settings(max_examples=40)


@st.composite
def _along_an_axis(draw: st.DrawFn) -> Call:
    shape = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    shape[axis] = draw(st.integers(1, 20))
    return Call([3 * draw(numbers(tuple(shape)))], {"axis": axis})


CALLS: dict[str, Checked] = {
    "softmax": Checked(_along_an_axis(), lambda torch, x, options: torch.softmax(x[0], options["axis"])),
    "log_softmax": Checked(_along_an_axis(), lambda torch, x, options: torch.log_softmax(x[0], options["axis"])),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
@some
@given(data=st.data())
def test_the_gradient_is_that_of_central_differences(name: str, data: st.DataObject) -> None:
    call = data.draw(CALLS[name].calls)
    check_gradient(lambda x: getattr(ops, name)(x, **call.options), *call.inputs)


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CALLS)
@some
@given(data=st.data())
def test_value_and_gradient_are_those_of_pytorch(name: str, dtype: str, torch: Any, data: st.DataObject) -> None:
    assert_as_pytorch(name, data.draw(CALLS[name].calls), torch, dtype, CALLS[name].theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
@some
@given(data=st.data(), layout=st.sampled_from([*LAYOUTS]))
def test_how_the_numbers_lie_in_memory_changes_nothing(name: str, data: st.DataObject, layout: str) -> None:
    call = data.draw(CALLS[name].calls)
    assert_layout_is_nothing(name, call, layout)
    assert_numbers_survive(name, call)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_numbers_neither_overflow_nor_vanish(dtype: Any) -> None:
    a = np.array([[1e4, 1e4 - 1, -1e4], [-3e4, -3e4, -3e4], [0, -np.inf, 0]], dtype)
    p = ops.softmax(a).data
    third = 1 / (1 + np.exp(1))
    assert np.allclose(p, [[1 - third, third, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0, 0.5]], rtol=1e-6)
    assert ops.log_softmax(a[:1]).data[0, 2] == pytest.approx(-2e4, rel=1e-4)
    assert p.dtype == dtype


@pytest.mark.parametrize("where", [0, 7, 49])
def test_a_nan_makes_its_row_nan_and_no_other(where: int, rng: np.random.Generator) -> None:
    a = rng.standard_normal((3, 50)).astype(np.float32)
    a[1, where] = np.nan
    for name in CALLS:
        found = getattr(ops, name)(a).data
        assert np.isnan(found[1]).all() and np.isfinite(found[[0, 2]]).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ops.softmax(np.ones((2, 3)), axis=2), r"softmax: a is \(2, 3\), and has no axis 2"),
        (
            lambda: ops.softmax(np.ones((2, 3)), axis=None),
            r"softmax: a is \(2, 3\) float64 and the axis None: it must be one axis",
        ),
        (lambda: ops.log_softmax(np.ones((2, 3), int)), r"log_softmax: a is \(2, 3\) int64"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(call: Any, said: str) -> None:
    with pytest.raises(EngineError, match=said) as raised:
        call()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
def test_of_no_numbers_there_are_no_probabilities(shape: tuple[int, ...]) -> None:
    for name in ("softmax", "log_softmax"):
        x = Tensor(np.ones(shape), requires_grad=True)
        out = getattr(ops, name)(x)
        out.sum().backward()
        assert out.shape == x.grad.shape == shape
