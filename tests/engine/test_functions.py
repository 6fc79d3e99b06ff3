"""Functions of one number and choices between two: kinks, poles, plain numbers. (Gradients: `test_every_op`.)"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, grad, ops, value_and_grad
from byhand.engine.check import check_gradient
from byhand.errors import EngineError


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("exp", np.exp),
        ("log", lambda x: 1 / x),
        ("sqrt", lambda x: 0.5 / np.sqrt(x)),
        ("absolute", np.sign),
        ("sin", np.cos),
        ("cos", lambda x: -np.sin(x)),
    ],
)
def test_the_slope_is_that_of_the_calculus_book(name: str, slope: Any) -> None:
    x = np.array([0.1, 0.5, 1.0, 2.0, 7.0])
    value, found = value_and_grad(lambda x: getattr(ops, name)(x).sum())(x)
    assert value == pytest.approx(getattr(np, name)(x).sum(), rel=1e-15)
    assert np.allclose(found, slope(x), rtol=1e-14)


def test_the_gradient_of_an_absolute_value_at_zero_is_zero() -> None:
    assert grad(lambda x: ops.absolute(x).sum())(np.array([-2.0, 0.0, 3.0])).tolist() == [-1.0, 0.0, 1.0]


def test_a_root_is_infinitely_steep_at_zero_and_says_so() -> None:
    with np.errstate(divide="ignore"):
        assert grad(lambda x: ops.sqrt(x).sum())(np.array([0.0, 4.0])).tolist() == [np.inf, 0.25]
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        grad(lambda x: ops.sqrt(x).sum())(np.array([0.0]))


def test_clipping_passes_the_gradient_between_its_bounds_and_at_them() -> None:
    x = np.array([-2.0, -1.0, 0.3, 2.0, 2.5])
    value, found = value_and_grad(lambda x: ops.clip(x, low=-1.0, high=2.0).sum())(x)
    assert value == -1 - 1 + 0.3 + 2 + 2
    assert found.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("bounds", [(1.0, -1.0), (float("nan"), 1.0)])
def test_bounds_the_wrong_way_round_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(EngineError, match=r"clip: low is .* but high is .*: low must not be above high"):
        ops.clip(Tensor([1.0]), low=bounds[0], high=bounds[1])


@pytest.mark.parametrize(("name", "first"), [("maximum", [0.0, 1.0, 0.5]), ("minimum", [1.0, 0.0, 0.5])])
def test_two_that_are_equal_share_the_gradient(name: str, first: list[float]) -> None:
    a, b = np.array([1.0, 5.0, 3.0]), np.array([2.0, 4.0, 3.0])
    value, (to_a, to_b) = value_and_grad(lambda a, b: getattr(ops, name)(a, b).sum(), argnums=(0, 1))(a, b)
    assert value == getattr(np, name)(a, b).sum()
    assert to_a.tolist() == first and (to_a + to_b).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", ["maximum", "minimum", "where"])
def test_a_plain_number_may_be_one_of_the_two(name: str) -> None:
    x = np.array([-1.0, 0.5, 2.0])
    first = (x > 0,) if name == "where" else ()
    check_gradient(lambda x: getattr(ops, name)(*first, x, 0.1), x)
    check_gradient(lambda x: getattr(ops, name)(*first, 0.1, x), x)
    assert getattr(ops, name)(*first, Tensor(x.astype(np.float32), requires_grad=True), 0.1).dtype == np.float32


def test_what_is_not_chosen_gets_no_gradient_even_where_its_own_is_infinite() -> None:
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore"):
        found = grad(lambda x: ops.where(np.array([True, False]), x * 3.0, 1.0).sum())(x)
    assert found.tolist() == [3.0, 0.0]


def test_choosing_needs_no_numbers_so_they_may_change_afterwards() -> None:
    x, y = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0])
    chosen = ops.where([True, False], x, y).sum()
    y += 1.0
    chosen.backward()
    assert x.grad.tolist() == [1.0, 0.0]


def test_shapes_that_do_not_broadcast_are_refused_by_name() -> None:
    with pytest.raises(EngineError, match=r"where: a is \(2,\), b is \(3,\) and the condition \(3,\): they must broadcast"):
        ops.where(np.ones(3, bool), Tensor([1.0, 2.0]), np.ones(3))


def test_nan_goes_through_and_stays_nan() -> None:
    x = Tensor([np.nan, 1.0])
    for use in (ops.exp, ops.absolute, ops.relu, lambda x: ops.maximum(x, 0.0), lambda x: ops.clip(x, low=0.0, high=1.0)):
        assert np.isnan(use(x).data).tolist() == [True, False]
