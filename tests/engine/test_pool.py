"""Pooling beside central differences and PyTorch; ties, NaN and what is refused."""

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
def _windows(draw: st.DrawFn) -> Call:
    """Numbers and pairs; windows that overlap, that leave gaps, and that hang over the edge."""
    kernel, stride = ([draw(st.integers(1, 3)) for _ in range(2)] for _ in range(2))
    padding = [draw(st.integers(0, k // 2)) for k in kernel]
    sides = [draw(st.integers(max(1, k - 2 * p), 6)) for k, p in zip(kernel, padding, strict=True)]
    options: dict[str, Any] = {"kernel": tuple(kernel), "stride": tuple(stride), "padding": tuple(padding)}
    if draw(st.booleans()):
        options = {"kernel": 2, "stride": draw(st.sampled_from([None, 1, 2, 3])), "padding": draw(st.integers(0, 1))}
        sides = [n + 1 for n in sides]
    shape = (draw(st.integers(0, 2)), *sides, draw(st.integers(0, 3)))
    return Call([draw(numbers(shape))], options)


@st.composite
def _divided(draw: st.DrawFn) -> Call:
    """Last windows that hang over the edge, and other divisors than the window's size."""
    call = draw(_windows())
    more = {"ceil_mode": draw(st.booleans()), "count_include_pad": draw(st.booleans())}
    return Call(call.inputs, {**call.options, **more, "divisor_override": draw(st.sampled_from([None, 1, 5]))})


@st.composite
def _apart(draw: st.DrawFn) -> Call:
    """Windows whose places lie apart, and last ones that hang over the edge."""
    call = draw(_windows())
    if draw(st.booleans()):
        return call
    kernel = call.options["kernel"] if isinstance(call.options["kernel"], tuple) else (2, 2)
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    n, h, w, c = call.inputs[0].shape
    sides = [side + d * (k - 1) for side, d, k in zip((h, w), dilation, kernel, strict=True)]
    options = {**call.options, "dilation": dilation, "ceil_mode": draw(st.booleans())}
    return Call([draw(numbers((n, *sides, c)))], options)


@st.composite
def _images(draw: st.DrawFn) -> Call:
    sides = [draw(st.integers(1, 4)) for _ in range(2)]
    return Call([draw(numbers((draw(st.integers(0, 3)), *sides, draw(st.integers(0, 3)))))])


def _their(name: str) -> Any:
    def theirs(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
        (x,) = tensors
        if x.numel() == 0:  # PyTorch refuses some
            return x.sum() + torch.zeros(getattr(ops, name)(x.detach().numpy(), **options).shape, dtype=x.dtype)
        window = [options[key] for key in ("kernel", "stride", "padding")]
        more = {key: options[key] for key in ("dilation", "ceil_mode", "count_include_pad", "divisor_override") if key in options}
        return getattr(torch.nn.functional, name)(x.movedim(-1, 1), *window, **more).movedim(1, -1)

    return theirs


CALLS: dict[str, Checked] = {
    "max_pool2d": Checked(_apart(), _their("max_pool2d")),
    "avg_pool2d": Checked(_divided(), _their("avg_pool2d")),
    "global_avg_pool": Checked(_images(), lambda torch, x, options: x[0].mean(dim=(1, 2))),
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


def test_of_equal_ones_the_first_takes_the_gradient() -> None:
    x = Tensor(np.ones((1, 2, 4, 1)), requires_grad=True)
    ops.max_pool2d(x, kernel=2).sum().backward()
    assert x.grad[0, :, :, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0]]


def test_nan_is_the_largest_and_minus_infinity_can_be() -> None:
    x = np.full((1, 2, 4, 1), -np.inf)
    x[0, 1, 0] = np.nan
    y = ops.max_pool2d(x, kernel=2).data
    assert np.isnan(y[0, 0, 0, 0]) and y[0, 0, 1, 0] == -np.inf


@pytest.mark.torch
def test_a_window_of_more_taps_than_a_byte_counts(torch: Any, rng: np.random.Generator) -> None:
    call = Call([rng.standard_normal((1, 20, 21, 2))], {"kernel": 17, "stride": 1, "padding": 0})
    assert_as_pytorch("max_pool2d", call, torch, "float64", CALLS["max_pool2d"].theirs)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: ops.max_pool2d(np.ones((2, 3, 3)), kernel=2),
            r"max_pool2d: x must be images \(N, H, W, C\) in float32 or float64",
        ),
        (
            lambda: ops.max_pool2d(np.ones((2, 3, 3, 1)), kernel=0),
            "max_pool2d: the kernel must be a whole number, 1 or more, or two of th",
        ),
        (
            lambda: ops.avg_pool2d(np.ones((2, 3, 3, 1)), kernel=2, stride=(1, 1, 1)),
            "avg_pool2d: the stride must be a whole number, 1 or more, or two of th",
        ),
        (lambda: ops.avg_pool2d(np.ones((2, 3, 3, 1)), kernel=2, padding=2), "at most half of the kernel"),
        (lambda: ops.avg_pool2d(np.ones((2, 3, 3, 1)), kernel=4), r"x is \(2, 3, 3, 1\), with padding \(0, 0\) smaller than"),
        (lambda: ops.global_avg_pool(np.ones((2, 0, 3, 1))), r"x is \(2, 0, 3, 1\), and there is no mean of no pixels"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(call: Any, said: str) -> None:
    with pytest.raises(EngineError, match=said) as raised:
        call()
    assert "\n" not in str(raised.value)


def test_the_mean_of_a_large_window_and_the_sum_of_many_errors_lose_no_digits(rng: np.random.Generator) -> None:
    x = (293 + rng.standard_normal((1, 600, 600, 2))).astype(np.float32)
    y = ops.avg_pool2d(Tensor(x), kernel=512, stride=44)
    assert np.allclose(y.data[0, 1, 2], x[0, 44:556, 88:600].mean(axis=(0, 1), dtype=np.float64), rtol=2e-7, atol=0)
    leaf = Tensor(np.zeros((1, 90, 90, 1), np.float32), requires_grad=True)
    delta = (1 + rng.standard_normal((1, 31, 31, 1)) / 100).astype(np.float32)
    (ops.avg_pool2d(leaf, kernel=60, stride=1) * Tensor(delta)).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad[0, 45, 45, 0] == pytest.approx(delta.sum(dtype=np.float64) / 3600, rel=1e-6)
