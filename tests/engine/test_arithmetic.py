"""Sums, products and their like: broadcasting, plain numbers, and what is refused. (Gradients: `test_every_op`.)"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from byhand.engine import Tensor, grad, ops, value_and_grad
from byhand.engine.ops.arithmetic import sum_to
from byhand.errors import EngineError


@given(shapes=mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=4))
def test_summing_to_a_shape_is_the_transpose_of_broadcasting_to_it(shapes: Any) -> None:
    """<broadcast(x), delta> = <x, sum_to(delta)> for every x: that is what a gradient of a linear map is."""
    rng = np.random.default_rng(0)
    small, large = shapes.input_shapes[0], shapes.result_shape
    x, delta = rng.standard_normal(small), rng.standard_normal(large)
    found = sum_to(delta, small)
    assert found.shape == small
    assert np.vdot(np.broadcast_to(x, large), delta) == pytest.approx(np.vdot(x, found), rel=1e-12, abs=1e-12)


def test_a_bias_gets_the_sum_over_the_rows_it_was_added_to() -> None:
    rng = np.random.default_rng(0)
    z, b, v = rng.standard_normal((5, 3)), rng.standard_normal(3), rng.standard_normal((5, 3))
    found = grad(lambda z, b: ((z + b) * v).sum(), argnums=(0, 1))(z, b)
    assert np.allclose(found[0], v) and np.allclose(found[1], v.sum(axis=0))


def test_a_factor_of_one_number_gets_the_sum_over_all() -> None:
    x = np.arange(6.0).reshape(2, 3)
    for shape in [(), (1,), (1, 1), (1, 1, 1)]:
        found = grad(lambda x, s: (x * s).sum(), argnums=1)(x, np.full(shape, 2.0))
        assert found.shape == shape and found.item() == 15.0


@pytest.mark.parametrize(
    ("use", "by_hand"),
    [
        (lambda x: 3 - x, lambda x: -1),
        (lambda x: 3 / x, lambda x: -3 / x**2),
        (lambda x: x / 4, lambda x: 0.25),
        (lambda x: x - 3, lambda x: 1),
        (lambda x: 3 * x * 2, lambda x: 6),
        (lambda x: x**3, lambda x: 3 * x**2),
        (lambda x: 1 / x**2, lambda x: -2 / x**3),
    ],
)
def test_plain_numbers_on_either_side(use: Any, by_hand: Any) -> None:
    x = np.array([-2.0, 0.5, 3.0])
    assert np.allclose(grad(lambda x: use(x).sum())(x), by_hand(x) * np.ones(3), rtol=1e-14)


def test_a_power_of_zero_has_no_slope_even_at_zero() -> None:
    value, found = value_and_grad(lambda x: (x**0).sum())(np.array([0.0, 2.0]))
    assert value == 2.0 and found.tolist() == [0.0, 0.0]


def test_a_square_is_flat_at_zero() -> None:
    assert grad(lambda x: (x**2).sum())(np.array([0.0, -3.0])).tolist() == [0.0, -6.0]


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "maximum", "minimum"])
def test_shapes_that_do_not_broadcast_are_refused_by_name(name: str) -> None:
    for a, b in [((2, 3), (3, 2)), ((2, 3), (2,)), ((4,), (3, 3)), ((0,), (2,))]:
        with pytest.raises(EngineError) as caught:
            getattr(ops, name)(Tensor(np.ones(a), requires_grad=True), np.ones(b))
        expected = f"{name}: a is {a} but b is {b}: from the last axis backwards, they must agree or be 1"
        assert str(caught.value) == expected


@pytest.mark.parametrize("exponent", ["2", None, 1j])
def test_what_is_no_number_is_no_exponent(exponent: Any) -> None:
    with pytest.raises(EngineError, match="power: the exponent must be a number or an array, got"):
        Tensor([1.0, 2.0]) ** exponent


def test_both_sides_of_a_power_may_be_tensors_and_a_number_may_stand_below() -> None:
    a, b = np.array([0.0, 2.0, 0.0, 3.0]), np.array([2.0, 3.0, 0.0, -1.0])
    to_a, to_b = grad(lambda a, b: (a**b).sum(), argnums=(0, 1))(a, b)
    assert np.allclose(to_a, [0, 12, 0, -1 / 9]) and np.allclose(to_b, [0, 8 * np.log(2), 0, np.log(3) / 3])
    assert np.allclose(grad(lambda b: (2**b).sum())(b), 2**b * np.log(2), rtol=1e-15)
    assert (2 ** Tensor([3.0])).tolist() == [8.0] and (Tensor([2.0]) ** Tensor([3.0])).tolist() == [8.0]


def test_a_remainder_has_the_sign_of_the_divisor_as_pythons() -> None:
    x = Tensor([5.5, -5.5], requires_grad=True)
    assert (x % 2).tolist() == [1.5, 0.5] and (x % -2).tolist() == [-0.5, -1.5] and (7 % Tensor([4.0])).tolist() == [3.0]
    assert (x // 2).tolist() == [2.0, -3.0] and (7 // Tensor([2.0])).tolist() == [3.0]
    (x % 2 + x // 2).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


@given(size=st.sampled_from([7, 20_000, 300_000]), dtype=st.sampled_from([np.float32, np.float64]))
def test_large_arrays_are_computed_in_shares_to_the_same_bits(size: int, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(size).astype(dtype), rng.standard_normal(size).astype(dtype)
    for name in ("add", "subtract", "multiply", "divide"):
        found = getattr(ops, name)(Tensor(a), b).data
        assert found.tobytes() == getattr(np, name)(a, b).tobytes()
    assert (-Tensor(a)).data.tobytes() == (-a).tobytes()


def test_whole_numbers_are_computed_as_numpy_does_it_whatever_their_size() -> None:
    for size in (3, 100_000):
        x = Tensor(np.arange(size))
        assert (x / 2).data.tolist() == (np.arange(size) / 2).tolist()
        assert (x * 2.5).dtype == np.float64 and (x + 1).dtype == np.int64
