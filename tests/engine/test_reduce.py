"""Sums, means, extremes: ties, axes, empty arrays, numbers too large for e. (Gradients: `test_every_op`.)"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byhand.engine import Tensor, grad, ops, value_and_grad, vjp
from byhand.errors import EngineError

from .strategies import shapes

NAMES = ["sum", "mean", "max", "min", "variance", "logsumexp"]


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "var"])
@given(data=st.data())
def test_values_and_shapes_are_numpys(name: str, data: st.DataObject) -> None:
    shape = data.draw(shapes(least=1, side=1))
    a = np.random.default_rng(0).standard_normal(shape)
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1) | st.just(tuple(range(len(shape)))))
    keepdims = data.draw(st.booleans())
    found = getattr(ops, "variance" if name == "var" else name)(Tensor(a), axis=axis, keepdims=keepdims)
    expected = getattr(np, name)(a, axis=axis, keepdims=keepdims)
    assert found.shape == expected.shape and isinstance(found.data, np.ndarray)
    assert np.allclose(found.data, expected, rtol=1e-13, atol=1e-13)


def test_a_mean_shares_its_gradient_and_a_sum_hands_it_on_whole() -> None:
    a = np.ones((2, 3))
    assert grad(lambda a: a.sum())(a).tolist() == np.ones((2, 3)).tolist()
    assert grad(lambda a: a.mean())(a).tolist() == np.full((2, 3), 1 / 6).tolist()
    _, pull_back = vjp(lambda a: a.mean(axis=0), a)
    assert pull_back(np.array([2.0, 4.0, 6.0]))[0].tolist() == [[1.0, 2.0, 3.0]] * 2


@pytest.mark.parametrize("name", ["max", "min"])
def test_several_that_are_largest_share_the_gradient(name: str) -> None:
    a = np.array([[3.0, 7.0, 7.0], [5.0, 5.0, 5.0], [1.0, 2.0, 9.0]]) * (1 if name == "max" else -1)
    value, pull_back = vjp(lambda a: getattr(ops, name)(a, axis=1), a)
    assert np.abs(value).tolist() == [7.0, 5.0, 9.0]
    assert pull_back(np.array([4.0, 6.0, 2.0]))[0].tolist() == [[0.0, 2.0, 2.0], [2.0, 2.0, 2.0], [0.0, 0.0, 2.0]]


@pytest.mark.torch
@pytest.mark.parametrize(("name", "theirs"), [("max", "amax"), ("min", "amin")])
def test_ties_are_shared_as_pytorch_shares_them(name: str, theirs: str, torch: Any) -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, (4, 5, 6)).astype(np.float64)
    for axis in (0, 1, (0, 2), (0, 1, 2)):
        value, pull_back = vjp(lambda a, axis=axis: getattr(ops, name)(a, axis=axis), a)
        x = torch.tensor(a, requires_grad=True)
        y = getattr(torch, theirs)(x, dim=axis)
        v = rng.standard_normal(value.shape)
        y.backward(torch.tensor(v))
        assert np.array_equal(value, y.detach().numpy())
        assert np.allclose(pull_back(v)[0], x.grad.numpy(), rtol=1e-14, atol=1e-14)


def test_equal_numbers_have_no_variance_and_a_shift_changes_none() -> None:
    assert ops.variance(Tensor(np.full((3, 4), 0.1))).item() == pytest.approx(0, abs=1e-30)
    a = np.random.default_rng(0).standard_normal(50)
    assert ops.variance(Tensor(a + 1e6)).item() == pytest.approx(a.var(), rel=1e-8)  # mean of squares less square of mean: 1e-4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_exponential_overflows_in_logsumexp(dtype: Any) -> None:
    a = np.array([[1e4, 1e4], [-1e4, -1e4], [1e4, -1e4]], dtype)
    value, pull_back = vjp(lambda a: ops.logsumexp(a, axis=1), a)
    assert value.tolist() == pytest.approx([1e4 + math.log(2), -1e4 + math.log(2), 1e4], rel=1e-6)
    assert pull_back(np.ones(3, dtype))[0] == pytest.approx(np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]]), rel=1e-2)


def test_logsumexp_of_nothing_let_through_is_minus_infinity_with_no_gradient() -> None:
    inf = math.inf
    value, pull_back = vjp(lambda a: ops.logsumexp(a, axis=1), np.array([[-inf, -inf], [0.0, -inf], [0.0, 0.0]]))
    assert value.tolist() == [-inf, 0.0, math.log(2)]
    assert pull_back(np.ones(3))[0].tolist() == [[0.0, 0.0], [1.0, 0.0], [0.5, 0.5]]
    assert ops.logsumexp(Tensor([inf, 0.0])).item() == inf


@pytest.mark.parametrize("name", NAMES)
def test_one_number_is_its_own_sum_mean_and_extreme(name: str) -> None:
    for a in (np.array(3.0), np.array([3.0]), np.array([[3.0]])):
        value, found = value_and_grad(getattr(ops, name))(a)
        assert value == (0.0 if name == "variance" else 3.0)
        assert found.shape == a.shape and found.item() == (0.0 if name == "variance" else 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_an_axis_may_be_a_numpy_number_or_a_list(name: str) -> None:
    a = Tensor(np.random.default_rng(0).standard_normal((2, 3, 4)))
    reduce = getattr(ops, name)
    assert np.array_equal(reduce(a, axis=np.int64(1)).data, reduce(a, axis=1).data)
    assert np.array_equal(reduce(a, axis=[0, -1]).data, reduce(a, axis=(0, 2)).data)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("axis", "message"),
    [
        (2, "a is (2, 3), and has no axis 2: choose from -2 to 1"),
        (-3, "a is (2, 3), and has no axis -3: choose from -2 to 1"),
        ((0, 5), "a is (2, 3), and has no axis 5: choose from -2 to 1"),
        (1.0, "a is (2, 3), and has no axis 1.0: choose from -2 to 1"),
        ("rows", "a is (2, 3), and has no axis 'rows': choose from -2 to 1"),
        ((0, 0), "the axes (0, 0) name one twice: name each once"),
        ((1, -1), "the axes (1, -1) name one twice: name each once"),
    ],
)
def test_a_wrong_axis_is_refused_in_one_line(name: str, axis: Any, message: str) -> None:
    with pytest.raises(EngineError) as caught:
        getattr(ops, name)(Tensor(np.ones((2, 3))), axis=axis)
    assert str(caught.value) == f"{name}: {message}"


def test_a_number_has_no_axes() -> None:
    with pytest.raises(EngineError) as caught:
        ops.sum(Tensor(3.0), axis=0)
    assert str(caught.value) == "sum: a is (), and has no axis 0: it has no axes"


@pytest.mark.parametrize("name", ["mean", "max", "min", "variance", "logsumexp"])
def test_there_is_none_of_no_numbers(name: str) -> None:
    for shape, axis in [((0,), None), ((2, 0), 1), ((2, 0, 3), (1, 2))]:
        with pytest.raises(
            EngineError, match=f"{name}: a is .*, which along axes .* holds no numbers: there is no {name} of none"
        ):
            getattr(ops, name)(Tensor(np.ones(shape)), axis=axis)
    assert getattr(ops, name)(Tensor(np.ones((2, 0))), axis=0).shape == (0,)  # none of them, but of two numbers each


def test_the_sum_of_no_numbers_is_zero() -> None:
    value, found = value_and_grad(lambda a: a.sum())(np.ones((0, 3)))
    assert value == 0.0 and found.shape == (0, 3)
