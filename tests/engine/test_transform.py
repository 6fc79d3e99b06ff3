"""Gradients of functions: grad, value_and_grad and vjp beside mathematics that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, grad, no_grad, ops, value_and_grad, vjp
from byhand.errors import EngineError

X, Y = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])


def test_vjp_is_a_row_of_the_jacobian_for_each_unit_vector() -> None:
    rng = np.random.default_rng(0)
    a, x = rng.standard_normal((4, 3)), rng.standard_normal((3, 1))
    value, pull_back = vjp(lambda x: (Tensor(a) @ x).tanh(), x)
    assert np.allclose(value, np.tanh(a @ x))
    jacobian = np.stack([pull_back(unit.reshape(4, 1))[0].ravel() for unit in np.eye(4)])
    assert np.allclose(jacobian, (1 - np.tanh(a @ x) ** 2) * a, rtol=1e-14)


def test_vjp_is_linear_in_the_vector() -> None:
    _, pull_back = vjp(lambda x, y: x.exp() * y, X, Y)
    u, v = np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.0, 7.0])
    for both, one, other in zip(pull_back(2 * u - 3 * v), pull_back(u), pull_back(v), strict=True):
        assert np.allclose(both, 2 * one - 3 * other, rtol=1e-14)


def test_what_was_pulled_back_before_is_left_alone() -> None:
    _, pull_back = vjp(lambda x: x * x, X)
    (first,) = pull_back(np.ones(3))
    pull_back(np.full(3, 100.0))
    assert first.tolist() == [2.0, 4.0, 6.0]


def test_vjp_takes_lists_and_tensors() -> None:
    value, pull_back = vjp(lambda x: x * 2, Tensor([1.0, 2.0]))
    assert value.tolist() == [2.0, 4.0]
    assert pull_back([1.0, 3.0])[0].tolist() == pull_back(Tensor([1.0, 3.0]))[0].tolist() == [2.0, 6.0]


def test_the_identity_hands_back_what_it_is_given() -> None:
    value, pull_back = vjp(lambda x: x, X)
    assert value.tolist() == X.tolist() and pull_back(Y)[0].tolist() == Y.tolist()


def test_value_and_grad_gives_both_and_grad_the_second() -> None:
    value, gradients = value_and_grad(lambda x, y: (x * y).sum())(X, Y)
    assert value == 32.0 and isinstance(value, float)
    assert [g.tolist() for g in gradients] == [Y.tolist(), X.tolist()]
    assert [g.tolist() for g in grad(lambda x, y: (x * y).sum())(X, Y)] == [Y.tolist(), X.tolist()]


def test_the_same_array_given_twice_counts_as_two_inputs() -> None:
    assert [g.tolist() for g in grad(lambda x, y: (x * y * y).sum())(X, X)] == [[1.0, 4.0, 9.0], [2.0, 8.0, 18.0]]


@pytest.mark.parametrize(
    "transform", [grad, lambda f: lambda *x: value_and_grad(f)(*x)[1], lambda f: lambda *x: vjp(f, *x)[1](1.0)]
)
def test_an_input_that_is_not_used_has_the_gradient_zero(transform: Any) -> None:
    unused = np.array([np.inf, np.nan, 1.0], np.float32)
    for function in (lambda x, y: x.sum(), lambda x, y: x.detach().sum(), lambda x, y: Tensor(2.0)):
        _, zero = transform(function)(X, unused)
        assert zero.tolist() == [0.0, 0.0, 0.0] and zero.dtype == np.float32


def test_gradients_are_taken_where_evaluation_turned_the_tape_off() -> None:
    with no_grad():
        assert grad(lambda x: (x * x).sum())(X)[0].tolist() == [2.0, 4.0, 6.0]
        _, pull_back = vjp(lambda x: x * x, X)
        assert pull_back(np.ones(3))[0].tolist() == [2.0, 4.0, 6.0]
        assert not (Tensor(X, requires_grad=True) * 2).requires_grad


def test_no_grad_inside_the_function_is_obeyed() -> None:
    def half_constant(x: Tensor) -> Tensor:
        with no_grad():
            constant = x * 10
        return (x * constant).sum()

    assert grad(half_constant)(X)[0].tolist() == [10.0, 20.0, 30.0]


def test_a_gradient_inside_a_function_is_a_constant_to_the_one_outside() -> None:
    def outer(x: Tensor) -> Tensor:
        (inner,) = grad(lambda y: (y**3).sum())(x)
        return (x * inner).sum()

    assert grad(outer)(X)[0].tolist() == (3 * X**2).tolist()


def test_gradient_descent_with_it_solves_a_linear_system() -> None:
    rng = np.random.default_rng(0)
    a, w_true = rng.standard_normal((50, 3)), np.array([[1.0], [-2.0], [0.5]])
    cost = value_and_grad(lambda w: ops.mse_loss(Tensor(a) @ w, a @ w_true))
    w = np.zeros((3, 1))
    for _ in range(200):
        w -= 0.3 * cost(w)[1][0]
    assert np.allclose(w, w_true, atol=1e-10) and cost(w)[0] < 1e-20


@pytest.mark.parametrize("transform", [grad, value_and_grad])
def test_only_a_single_number_has_a_gradient(transform: Any) -> None:
    with pytest.raises(EngineError, match=r"the tensor is \(3,\), and only a single number has a gradient by itself"):
        transform(lambda x: x * 2)(X)


@pytest.mark.parametrize(
    ("use", "name"),
    [(vjp, "vjp"), (lambda f, x: value_and_grad(f)(x), "value_and_grad"), (lambda f, x: grad(f)(x), "value_and_grad")],
)
def test_a_function_that_left_the_engine_is_told_so(use: Any, name: str) -> None:
    with pytest.raises(EngineError, match=f"{name}: the function returned float64, but a Tensor is wanted"):
        use(lambda x: x.data.sum(), X)


def test_whole_numbers_are_refused() -> None:
    with pytest.raises(EngineError, match="a tensor of int64 has no gradient"):
        grad(lambda x: x.sum())(np.array([1, 2]))
