"""Programs that were written for HIPS autograd run with two lines changed: its names, its forms, and what it returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import autograd as hips
from byhand.engine import grad, hvp, jacobian, value_and_grad
from byhand.errors import EngineError

X = np.array([0.3, 1.2, -0.7])


def cubes(x: Any) -> Any:
    return np.sum(x**3)


def test_gradients_have_the_form_of_the_input() -> None:
    net = {"layers": [(np.ones((2, 3)), np.zeros(2)), (np.ones(2), 0.5)], "scale": 2.0}

    def cost(net: Any, x: Any) -> Any:
        (w, b), (v, c) = net["layers"]
        return net["scale"] * np.dot(v, np.tanh(np.dot(w, x) + b)) + c

    found = hips.grad(cost)(net, X)
    assert list(found) == ["layers", "scale"] and isinstance(found["layers"][0], tuple)
    slope = 2.0 * (1 - np.tanh(X.sum()) ** 2)
    assert np.allclose(found["layers"][0][0], slope * np.stack([X, X]))
    assert np.allclose(found["layers"][0][1], slope) and found["layers"][1][1] == 1.0
    assert found["scale"] == pytest.approx(2 * np.tanh(X.sum()))
    value, again = value_and_grad(cost)(net, X)
    assert value == pytest.approx(2 * found["scale"] + 0.5) and np.allclose(again["layers"][0][0], found["layers"][0][0])


def test_second_order_through_nests() -> None:
    nested = hvp(lambda p: cubes(p["a"]) * p["b"], {"a": X, "b": 2.0}, {"a": np.ones(3), "b": 1.0})
    assert np.allclose(nested["a"], 12 * X + 3 * X**2) and nested["b"] == pytest.approx(3 * np.sum(X**2))
    with pytest.raises(EngineError, match="they must agree"):
        hvp(lambda p: cubes(p[0]), [X], [np.ones(2)])
    with pytest.raises(EngineError, match="jacobian: the input must be one array, got a list"):
        jacobian(lambda p: p[0])([X])


def test_by_place_by_name_and_several_at_once() -> None:
    def f(x: Any, y: Any, power: int = 1) -> Any:
        return np.sum(x * y**power)

    assert np.allclose(hips.grad(f, 1)(X, 2 * X, power=2), 2 * X * 2 * X)
    assert np.allclose(hips.grad(f, [0, 1])(X, 2 * X)[1], X)
    assert np.allclose(hips.multigrad_dict(f)(x=X, y=2 * X)["y"], X)
    assert np.allclose(grad(f)(X, y=2 * X), 2 * X)


def test_each_name_gives_what_it_says() -> None:
    assert np.allclose(hips.elementwise_grad(np.sin)(X), np.cos(X)) and hips.egrad is hips.elementwise_grad
    assert np.allclose(hips.elementwise_grad(hips.elementwise_grad(np.sin))(X), -np.sin(X))
    assert hips.deriv(np.exp)(0.0) == 1.0
    assert np.allclose(hips.value_and_grad(cubes)(X)[1], 3 * X**2)
    assert np.allclose(hips.jacobian(lambda x: np.outer(x, x))(X).shape, (3, 3, 3))
    assert np.allclose(hips.hessian(cubes)(X), np.diag(6 * X))
    assert hips.hessian(lambda x: np.array([1.0, 2.0]) * cubes(x))(X).shape == (2, 3, 3)
    v = np.array([1.0, 0.0, 2.0])
    assert np.allclose(hips.hessian_vector_product(cubes)(X, v), 6 * X * v)
    assert np.allclose(hips.tensor_jacobian_product(np.square)(X, v), 2 * X * v)
    pull_back, value = hips.make_vjp(np.square)(X)
    assert np.allclose(pull_back(v), 2 * X * v) and np.allclose(value, X**2)
    value, pushed = hips.make_jvp(np.square)(X)(v)
    assert np.allclose(pushed, 2 * X * v)
    times_hessian, slope = hips.make_hvp(cubes)(X)
    assert np.allclose(times_hessian(v), 6 * X * v) and np.allclose(slope, 3 * X**2)
    slope, aux = hips.grad_and_aux(lambda x: (cubes(x), {"mean": np.mean(x)}))(X)
    assert np.allclose(slope, 3 * X**2) and aux["mean"] == pytest.approx(X.mean())
    assert hips.checkpoint(cubes) is cubes
