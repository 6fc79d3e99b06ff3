"""Every op of the table in `strategies`: beside central differences, beside PyTorch, and however its numbers lie in memory."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .strategies import LAYOUTS, OPS, assert_as_pytorch, assert_gradient, assert_layout_is_nothing, assert_numbers_survive

# Fewer examples than elsewhere: with 44 ops they add up.
some = settings(max_examples=settings().max_examples * 2 // 5)


@pytest.mark.parametrize("name", OPS)
@some
@given(data=st.data())
def test_the_gradient_is_that_of_central_differences(name: str, data: st.DataObject) -> None:
    assert_gradient(name, data.draw(OPS[name].first_order))


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("name", OPS)
@some
@given(data=st.data())
def test_value_and_gradient_are_those_of_pytorch(name: str, torch: Any, data: st.DataObject) -> None:
    call = data.draw(OPS[name].first_order)  # once for both: to draw takes longer than to compare
    for dtype in ("float64", "float32"):
        assert_as_pytorch(name, call, torch, dtype)


@pytest.mark.parametrize("name", OPS)
@some
@given(data=st.data(), layout=st.sampled_from([*LAYOUTS]))
def test_how_the_numbers_lie_in_memory_changes_nothing(name: str, data: st.DataObject, layout: str) -> None:
    call = data.draw(OPS[name].calls)
    assert_layout_is_nothing(name, call, layout)
    assert_numbers_survive(name, call)
