"""Convolution and its transpose as ops: gradients, PyTorch, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand.engine import Tensor, ops, vjp
from byhand.engine.check import check_gradient
from byhand.errors import EngineError


@st.composite
def shapes(draw: Any, transposed: bool = False) -> Any:
    kernel = draw(st.tuples(*[st.integers(1, 3)] * 2))
    stride, dilation = draw(st.tuples(*[st.integers(1, 3)] * 2)), draw(st.tuples(*[st.integers(1, 2)] * 2))
    padding = draw(st.tuples(*[st.integers(0, 1)] * 2))
    groups, c, o, n = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    sides = [draw(st.integers(3 if transposed else dilation[i] * (kernel[i] - 1) + 1, 6)) for i in (0, 1)]
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    w = (*kernel, o, c * groups) if transposed else (*kernel, c, o * groups)
    if transposed:
        options["output_padding"] = tuple(draw(st.integers(0, stride[i] - 1)) for i in (0, 1))
    return (n, *sides, c * groups), w, (o * groups,), options


def drawn(*wanted: Any) -> list[Any]:
    rng = np.random.default_rng(7)
    return [rng.standard_normal(shape) for shape in wanted]


@pytest.mark.slow
@given(shapes())
@settings(max_examples=30)
def test_the_gradient_of_conv2d_is_that_of_central_differences(case: Any) -> None:
    x, w, b, options = case
    check_gradient(lambda x, w, b: ops.conv2d(x, w, b, **options), *drawn(x, w, b))


@pytest.mark.slow
@given(shapes(transposed=True))
@settings(max_examples=30)
def test_the_gradient_of_conv_transpose2d_is_that_of_central_differences(case: Any) -> None:
    x, w, b, options = case
    check_gradient(lambda x, w, b: ops.conv_transpose2d(x, w, b, **options), *drawn(x, w, b))


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": (1, 2)}, {"groups": 2}], ids=str)
def test_the_gradient_of_filter_gradient_is_that_of_central_differences_and_its_value_the_filters_gradient(options: Any) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 6, 7, 2)), rng.standard_normal((3, 3, 2 // options.get("groups", 1), 4))
    z, pull_back = vjp(lambda w: ops.conv2d(x, w, **options), w)
    e = rng.standard_normal(z.shape)
    assert np.allclose(ops.filter_gradient(x, e, shape=w.shape, **options).data, pull_back(e)[0], rtol=1e-12)
    check_gradient(lambda x, e: ops.filter_gradient(x, e, shape=w.shape, **options), x, e)
    with pytest.raises(EngineError, match=r"filter_gradient: e must be .*, as this convolution makes, got"):
        ops.filter_gradient(x, e[:, 1:], shape=w.shape, **options)


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("transposed", [False, True])
@given(data=st.data())
@settings(max_examples=25)
def test_forward_and_gradients_are_pytorchs(torch: Any, transposed: bool, dtype: str, tolerance: float, data: Any) -> None:
    x_shape, w_shape, b_shape, options = data.draw(shapes(transposed))
    x, w, b = (array.astype(dtype) for array in drawn(x_shape, w_shape, b_shape))
    ours = [Tensor(array, requires_grad=True) for array in (x, w, b)]
    z = (ops.conv_transpose2d if transposed else ops.conv2d)(*ours, **options)
    theirs = [
        torch.tensor(np.ascontiguousarray(array), requires_grad=True)
        for array in (x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1), b)
    ]
    functional = torch.nn.functional
    expected = (functional.conv_transpose2d if transposed else functional.conv2d)(*theirs, **options)
    v = np.random.default_rng(8).standard_normal(z.shape).astype(dtype)
    z.backward(v)
    expected.backward(torch.tensor(np.ascontiguousarray(v.transpose(0, 3, 1, 2))))
    pairs = [
        (z.data.transpose(0, 3, 1, 2), expected.detach()),
        (ours[0].grad.transpose(0, 3, 1, 2), theirs[0].grad),
        (ours[1].grad.transpose(3, 2, 0, 1), theirs[1].grad),
        (ours[2].grad, theirs[2].grad),
    ]
    for mine, other in pairs:
        assert mine.dtype == dtype
        assert np.abs(mine - other.numpy()).max() <= tolerance * max(1.0, float(other.abs().max()))


@pytest.mark.torch
@pytest.mark.parametrize("c", [16, 48])
def test_wide_layers_are_pytorchs_in_float32(torch: Any, c: int) -> None:
    x, w = (array.astype(np.float32) for array in drawn((3, 14, 14, c), (3, 3, c, c)))
    ours = [Tensor(array, requires_grad=True) for array in (x, w)]
    z = ops.conv2d(*ours, padding=1)
    theirs = [
        torch.tensor(np.ascontiguousarray(a), requires_grad=True) for a in (x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1))
    ]
    expected = torch.nn.functional.conv2d(*theirs, padding=1)
    z.sum().backward()
    expected.sum().backward()
    for mine, other in [
        (z.data.transpose(0, 3, 1, 2), expected.detach()),
        (ours[0].grad.transpose(0, 3, 1, 2), theirs[0].grad),
        (ours[1].grad.transpose(3, 2, 0, 1), theirs[1].grad),
    ]:
        assert np.abs(mine - other.numpy()).max() <= 1e-5 * float(other.abs().max())


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda n: ops.conv2d(n((2, 5, 5, 3)), n((3, 3, 4, 2))), "conv2d: x is (2, 5, 5, 3) but w is (3, 3, 4, 2) in 1 groups"),
        (lambda n: ops.conv2d(n((5, 5, 3)), n((3, 3, 3, 2))), "x must be (N, H, W, C_in)"),
        (lambda n: ops.conv2d(n((2, 2, 5, 3)), n((3, 3, 3, 2))), "the filter is larger than the rows"),
        (lambda n: ops.conv2d(n((2, 5, 5, 4)), n((3, 3, 2, 3)), groups=2), "3 channels do not part into 2 groups"),
        (lambda n: ops.conv2d(n((2, 5, 5, 3)), n((3, 3, 3, 2)), n((3,))), "conv2d: b must be (2,), one number per channel"),
        (lambda n: ops.conv2d(n((2, 5, 5, 3)), n((3, 3, 3, 2)).astype("f")), "x is float64 but w is float32: convert one"),
        (lambda n: ops.conv_transpose2d(n((2, 1, 1, 3)), n((1, 1, 2, 3)), padding=1), "the output is -1 x -1; it needs a pixel"),
        (lambda n: ops.conv_transpose2d(n((2, 5, 5, 3)), n((3, 3, 2, 4))), "conv_transpose2d: x is (2, 5, 5, 3) but w is"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(call: Any, says: str) -> None:
    with pytest.raises(EngineError) as caught:
        call(np.ones)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
