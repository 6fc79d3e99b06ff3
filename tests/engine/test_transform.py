"""Derivatives of functions, of any order, beside mathematics that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, grad, hessian, hvp, jacobian, jvp, no_grad, ops, per_sample_grad, value_and_grad, vjp
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
    value, gradients = value_and_grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(X, Y)
    assert value == 32.0 and isinstance(value, float)
    assert [g.tolist() for g in gradients] == [Y.tolist(), X.tolist()]
    assert [g.tolist() for g in grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(X, Y)] == [Y.tolist(), X.tolist()]


def test_the_same_array_given_twice_counts_as_two_inputs() -> None:
    assert [g.tolist() for g in grad(lambda x, y: (x * y * y).sum(), argnums=(0, 1))(X, X)] == [[1.0, 4.0, 9.0], [2.0, 8.0, 18.0]]


@pytest.mark.parametrize(
    "transform",
    [lambda f: grad(f, (0, 1)), lambda f: lambda *x: value_and_grad(f, (0, 1))(*x)[1], lambda f: lambda *x: vjp(f, *x)[1](1.0)],
)
def test_an_input_that_is_not_used_has_the_gradient_zero(transform: Any) -> None:
    unused = np.array([np.inf, np.nan, 1.0], np.float32)
    for function in (lambda x, y: x.sum(), lambda x, y: x.detach().sum(), lambda x, y: Tensor(2.0)):
        _, zero = transform(function)(X, unused)
        assert zero.tolist() == [0.0, 0.0, 0.0] and zero.dtype == np.float32


def test_gradients_are_taken_where_evaluation_turned_the_tape_off() -> None:
    with no_grad():
        assert grad(lambda x: (x * x).sum())(X).tolist() == [2.0, 4.0, 6.0]
        _, pull_back = vjp(lambda x: x * x, X)
        assert pull_back(np.ones(3))[0].tolist() == [2.0, 4.0, 6.0]
        assert not (Tensor(X, requires_grad=True) * 2).requires_grad


def test_no_grad_inside_the_function_is_obeyed() -> None:
    def half_constant(x: Tensor) -> Tensor:
        with no_grad():
            constant = x * 10
        return (x * constant).sum()

    assert grad(half_constant)(X).tolist() == [10.0, 20.0, 30.0]


# Of each the inner derivative, as a tensor, and what comes out of the outer one.
NESTED: dict[str, tuple[Any, Any]] = {
    "grad": (lambda x: (x * grad(lambda y: (y**3).sum())(x)).sum(), 9 * X**2),
    "grad of what the function closes over": (lambda x: (x * grad(lambda y: (x * y).sum())(Y)).sum(), 2 * X),
    "value_and_grad": (lambda x: value_and_grad(lambda y: (y**3).sum())(x)[0] * 2, 6 * X**2),
    "vjp": (lambda x: (x * vjp(lambda y: y**3, x)[1](np.ones(3))[0]).sum(), 9 * X**2),
    "the vector of a vjp": (lambda x: (x * vjp(lambda y: y**3, Y)[1](x)[0]).sum(), 6 * X * Y**2),
    "a function that returns what it closes over": (lambda x: x.sum() * vjp(lambda y: x, Y)[0].sum(), 2 * X.sum() * np.ones(3)),
    "hvp": (lambda x: (x * hvp(lambda y: (y**3).sum(), x, x)).sum(), 18 * X**2),
    "jvp": (lambda x: jvp(lambda y: y**3, (x,), (x,))[1].sum(), 9 * X**2),
    "jacobian": (lambda x: jacobian(lambda y: y**3)(x).sum(), 6 * X),
    "hessian": (lambda x: hessian(lambda y: (y**3).sum())(x).sum(), 6 * np.ones(3)),
}


@pytest.mark.parametrize("inner", NESTED)
@pytest.mark.parametrize(
    "outer",
    [grad, lambda f: lambda x: value_and_grad(f)(x)[1], lambda f: lambda x: vjp(f, x)[1](1.0)[0]],
    ids=["grad", "value_and_grad", "vjp"],
)
def test_derivatives_of_derivatives_are_those_of_the_book(outer: Any, inner: str) -> None:
    # Of x . d(x^3)/dx at 2 the derivative is 36; with the inner gradient as a constant, 12 would come out.
    function, expected = NESTED[inner]
    assert np.allclose(outer(function)(X), expected, rtol=1e-13)


def test_backward_inside_a_function_whose_gradient_is_computed_needs_a_graph() -> None:
    def by_backward(x: Tensor, **how: bool) -> Tensor:
        (x**3).sum().backward(**how)
        return (x * x.grad).sum()

    with pytest.raises(EngineError, match=r"backward: inside a function whose derivative .* give backward create_graph=True"):
        grad(by_backward)(X)
    assert np.allclose(grad(lambda x: by_backward(x, create_graph=True))(X), 9 * X**2)


def test_an_inner_gradient_of_something_else_or_of_a_constant_is_a_constant() -> None:
    w = Tensor(Y, requires_grad=True)
    assert grad(lambda x: (x * grad(lambda y: (y * w).sum())(Y)).sum())(X).tolist() == Y.tolist()
    assert grad(lambda x: (x * grad(lambda y: (y**3).sum())(w)).sum())(X).tolist() == (3 * Y**2).tolist()
    assert grad(lambda x: (x * grad(lambda y: (y**3).sum())(x.detach())).sum())(X).tolist() == (3 * X**2).tolist()
    assert w.grad is None


# ---------------------------------------------------------------- jvp, hvp, jacobian, hessian, per sample


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def test_the_hessian_of_rosenbrocks_function_is_that_of_the_book() -> None:
    a, b = -1.2, 1.0
    expected = [[1200 * a**2 - 400 * b + 2, -400 * a], [-400 * a, 200]]
    found = hessian(rosenbrock)(np.array([a, b]))
    assert isinstance(found, np.ndarray) and np.allclose(found, expected, rtol=1e-13)
    for v in np.eye(2):
        assert np.allclose(hvp(rosenbrock, np.array([a, b]), v), found @ v, rtol=1e-13)


def test_a_jacobian_has_the_axes_of_the_value_and_those_of_the_input_and_jvp_and_vjp_are_its_products() -> None:
    rng = np.random.default_rng(0)
    a, x = rng.standard_normal((4, 3)), rng.standard_normal((3, 2))
    f: Any = lambda x: (Tensor(a) @ x).tanh()  # noqa: E731
    found = jacobian(f)(x)
    expected = np.einsum("ij,ik,jl->ijkl", 1 - np.tanh(a @ x) ** 2, a, np.eye(2))
    assert found.shape == (4, 2, 3, 2) and np.allclose(found, expected, rtol=1e-12, atol=1e-14)
    v, u = rng.standard_normal((3, 2)), rng.standard_normal((4, 2))
    value, change = jvp(f, (x,), (v,))
    assert np.allclose(value, np.tanh(a @ x)) and np.allclose(change, np.tensordot(found, v, 2), rtol=1e-12)
    assert np.allclose(vjp(f, x)[1](u)[0], np.tensordot(u, found, 2), rtol=1e-12)
    assert jacobian(lambda w, x: (w * x).sum(), argnums=1)(X, Y).tolist() == X.tolist()
    assert jacobian(lambda x: x[:0])(X).shape == (0, 3)


def test_a_jvp_of_several_inputs_adds_up_their_changes() -> None:
    value, change = jvp(lambda x, y: x * y, (X, Y), (np.ones(3), np.full(3, 10.0)))
    assert value.tolist() == (X * Y).tolist() and np.allclose(change, Y + 10 * X)
    assert jvp(lambda x: x * 3, (2.0,), (5.0,))[1] == 15.0 and not jvp(lambda x: x.detach() * 3, (X,), (X,))[1].any()
    with pytest.raises(EngineError, match=r"jvp: the inputs are \[\(3,\)\] but the tangents \[\(2,\)\]"):
        jvp(lambda x: x, (X,), (np.ones(2),))
    with pytest.raises(EngineError, match=r"hvp: x is \(3,\) but v is \(2,\)"):
        hvp(lambda x: x.sum(), X, np.ones(2))


def test_gradients_of_each_sample_are_those_of_batches_of_one() -> None:
    rng = np.random.default_rng(0)
    w, x, y = rng.standard_normal((3, 2)), rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    cost: Any = lambda w, x, y: (((x @ w).tanh() - y) ** 2).sum()  # noqa: E731
    found = per_sample_grad(cost)(w, x, y)
    assert found.shape == (5, 3, 2)
    whole = grad(lambda w: (((Tensor(x) @ w).tanh() - y) ** 2).sum())(w)
    assert np.allclose(found.sum(axis=0), whole, rtol=1e-12)
    assert np.allclose(found[2], grad(cost)(w, x[2], y[2]), rtol=1e-14)
    assert per_sample_grad(cost)(w, x[:0], y[:0]).shape == (0, 3, 2)
    with pytest.raises(EngineError, match=r"per_sample_grad: the batch's arrays must have one length, got \[4, 5\]"):
        per_sample_grad(cost)(w, x, y[:4])


# ---------------------------------------------------------------- what goes in, and what comes out


def test_numbers_come_back_as_numbers_and_tensors_as_tensors() -> None:
    assert grad(lambda x: x**3)(2.0) == grad(lambda x: x**3)(2) == 12.0 and isinstance(grad(lambda x: x**3)(2.0), float)
    found = grad(lambda x: (x**3).sum())(Tensor(X))
    assert isinstance(found, Tensor) and found.tolist() == (3 * X**2).tolist()
    value, both = value_and_grad(lambda x, y: x * y, argnums=(1, 0))(2.0, 5.0)
    assert value == 10.0 and both == (2.0, 5.0)


def test_a_function_whose_value_is_a_plain_number_has_no_slope() -> None:
    assert grad(lambda x: 1.0)(2.0) == 0.0 and grad(grad(lambda x: x))(2.0) == 0.0
    assert grad(lambda x: 3)(X).tolist() == [0.0] * 3


def test_only_the_inputs_that_are_named_must_have_a_gradient() -> None:
    places = np.array([0, 2])
    assert grad(lambda x, k: x[k].sum())(X, places).tolist() == [1.0, 0.0, 1.0]
    assert grad(lambda x, flag: x.sum() if flag else -x.sum())(X, True).tolist() == [1.0] * 3


@pytest.mark.parametrize("argnums", [2, -1, 1.0, True, (0, 5)])
def test_an_input_that_is_not_there_cannot_be_named(argnums: Any) -> None:
    with pytest.raises(EngineError, match="grad: argnums must be from 0 to 1, got"):
        grad(lambda x, y: (x * y).sum(), argnums)(X, Y)


@pytest.mark.parametrize("transform", [grad, value_and_grad, lambda f: lambda x: vjp(f, x)[1](1.0)])
def test_a_gradient_goes_to_nobody_elses_tensor(transform: Any) -> None:
    w, kept = Tensor(Y, requires_grad=True), Tensor(Y, requires_grad=True)
    hidden = (w * 2).retain_grad()
    w.grad = np.full(3, 7.0)
    transform(lambda x: (hidden * x * w * kept).sum())(X)
    assert w.grad.tolist() == [7.0] * 3 and kept.grad is None and hidden.grad is None
    hidden.sum().backward()  # its tape is still there
    assert w.grad.tolist() == [9.0] * 3 and hidden.grad.tolist() == [1.0] * 3


def test_gradient_descent_with_it_solves_a_linear_system() -> None:
    rng = np.random.default_rng(0)
    a, w_true = rng.standard_normal((50, 3)), np.array([[1.0], [-2.0], [0.5]])
    cost = value_and_grad(lambda w: ops.mse_loss(Tensor(a) @ w, a @ w_true))
    w = np.zeros((3, 1))
    for _ in range(200):
        w -= 0.3 * cost(w)[1]
    assert np.allclose(w, w_true, atol=1e-10) and cost(w)[0] < 1e-20


@pytest.mark.parametrize("transform", [grad, value_and_grad])
def test_only_a_single_number_has_a_gradient(transform: Any) -> None:
    with pytest.raises(EngineError, match=r"the tensor is \(3,\), and only a single number has a gradient by itself"):
        transform(lambda x: x * 2)(X)


@pytest.mark.parametrize(
    ("use", "name"),
    [(vjp, "vjp"), (lambda f, x: value_and_grad(f)(x), "value_and_grad"), (lambda f, x: grad(f)(x), "grad")],
)
def test_a_function_that_left_the_engine_is_told_so(use: Any, name: str) -> None:
    with pytest.raises(EngineError, match=f"^{name}: the function must return a Tensor, got float64"):
        use(lambda x: x.data.sum(), X)


def test_whole_numbers_are_refused() -> None:
    with pytest.raises(EngineError, match="a tensor of int64 has no gradient"):
        grad(lambda x: x.sum())(np.array([1, 2]))
