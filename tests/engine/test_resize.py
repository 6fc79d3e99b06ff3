"""Resizing beside central differences and PyTorch, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand.engine import ops
from byhand.engine.check import check_gradient
from byhand.errors import EngineError

from .strategies import LAYOUTS, Call, Checked, assert_as_pytorch, assert_layout_is_nothing, assert_numbers_survive, numbers

some = settings(max_examples=40)


@st.composite
def _nearest(draw: st.DrawFn) -> Call:
    shape = (draw(st.integers(0, 2)), *(draw(st.integers(1, 4)) for _ in range(2)), draw(st.integers(0, 3)))
    scale = draw(st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return Call([draw(numbers(shape))], {"scale": scale})


@st.composite
def _bilinear(draw: st.DrawFn) -> Call:
    shape = (draw(st.integers(0, 2)), *(draw(st.integers(1, 5)) for _ in range(2)), draw(st.integers(0, 3)))
    by = draw(st.sampled_from(["scale", "size"]))
    factors = st.sampled_from([1, 2, 3, 1.0, 1.7, 2.5])
    size = st.integers(1, 7)
    drawn = draw(factors | st.tuples(factors, factors)) if by == "scale" else draw(size | st.tuples(size, size))
    return Call([draw(numbers(shape))], {by: drawn})


def _interpolated(torch: Any, tensors: list[Any], options: dict[str, Any], **settings: Any) -> Any:
    (x,) = tensors
    if x.numel() == 0:  # PyTorch refuses
        name = "upsample_bilinear" if settings else "upsample_nearest"
        return x.sum() + torch.zeros(getattr(ops, name)(x.detach().numpy(), **options).shape, dtype=x.dtype)
    scale = options.get("scale")
    scale = scale if scale is None or isinstance(scale, tuple) else (scale, scale)
    given = {"scale_factor": tuple(float(s) for s in scale)} if scale else {"size": options["size"]}
    return torch.nn.functional.interpolate(x.movedim(-1, 1), **given, **settings).movedim(1, -1)


CALLS: dict[str, Checked] = {
    "upsample_nearest": Checked(_nearest(), _interpolated),
    "upsample_bilinear": Checked(
        _bilinear(), lambda torch, x, options: _interpolated(torch, x, options, mode="bilinear", align_corners=False)
    ),
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


def test_a_grey_image_stays_grey_and_a_ramp_stays_a_ramp() -> None:
    assert np.allclose(ops.upsample_bilinear(np.full((1, 3, 4, 2), 0.5), scale=2).data, 0.5)
    ramp = np.arange(5.0)[None, None, :, None] * np.ones((1, 3, 1, 1))
    assert np.allclose(np.diff(ops.upsample_bilinear(ramp, scale=2).data[0, 0, 1:-1, 0]), 0.5)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: ops.upsample_nearest(np.ones((3, 3)), scale=2),
            r"upsample_nearest: x must be images \(N, H, W, C\) in float32 or float64",
        ),
        (
            lambda: ops.upsample_nearest(np.ones((1, 3, 3, 1)), scale=1.5),
            "upsample_nearest: the scale must be a whole number, 1 or more, or two ",
        ),
        (lambda: ops.upsample_bilinear(np.ones((1, 3, 3, 1))), "scale is None and size is None: give one of them"),
        (
            lambda: ops.upsample_bilinear(np.ones((1, 3, 3, 1)), scale=-1),
            "upsample_bilinear: the scale must be a number above 0, or two",
        ),
        (lambda: ops.upsample_bilinear(np.ones((1, 3, 3, 1)), scale=0.1), "of no pixels"),
        (
            lambda: ops.upsample_bilinear(np.ones((1, 3, 3, 1)), size=0),
            "upsample_bilinear: the size must be a whole number, 1 or more, or two ",
        ),
        (lambda: ops.upsample_bilinear(np.ones((1, 0, 3, 1)), scale=2), r"x is \(1, 0, 3, 1\), and there is nothing between"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(call: Any, said: str) -> None:
    with pytest.raises(EngineError, match=said) as raised:
        call()
    assert "\n" not in str(raised.value)
