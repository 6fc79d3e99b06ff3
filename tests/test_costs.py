"""Costs: their values at saturation against 60 decimal digits, and what they refuse."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from byhand import activations, costs
from byhand.errors import ModelError

EXTREMES = [-1e4, -1000.0, -88.5, -20.0, -10.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 10.0, 20.0, 88.5, 1000.0, 1e4]
DTYPES = [np.float32, np.float64]


def _cost_and_error(cost_name: str, output: str, z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    activation = activations.by_name(output)
    cost = costs.by_name(cost_name, activation)
    a = activation.forward(z, np.empty_like(z))
    return cost.value(z, a, y, activation), cost.output_error(z, a, y, activation, np.empty_like(z))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("y", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("z", EXTREMES)
def test_cross_entropy_of_a_sigmoid_is_exact_at_any_saturation(z: float, y: float, dtype: type) -> None:
    zs, ys = np.array([[z]], dtype), np.array([[y]], dtype)
    cost, error = _cost_and_error("cross_entropy", "sigmoid", zs, ys)
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 60, -(10**6), 10**6
        exact_z, one = Decimal(float(zs[0, 0])), Decimal(1)
        sigma = one / (one + (-exact_z).exp())
        exact = (one + exact_z.exp()).ln() - Decimal(y) * exact_z
        if y == 1:
            exact = (one + (-exact_z).exp()).ln()
        if (y == 0 and exact_z < -40) or (y == 1 and exact_z > 40):
            exact = (-abs(exact_z)).exp()  # ln(1 + t) = t here to 17 digits; the decimal logarithm would round it to 0
    eps = float(np.finfo(dtype).eps)
    assert cost == pytest.approx(float(exact), rel=8 * eps, abs=float(np.finfo(dtype).tiny))
    assert error[0, 0] == pytest.approx(float(sigma - Decimal(y)), abs=2 * eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", [0, 1, 2])
@pytest.mark.parametrize("row", [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, 9999.0], [0.5, -0.25, 2.0], [88.0, -88.0, 1.0]])
def test_cross_entropy_of_a_softmax_is_exact_at_any_saturation(row: list[float], target: int, dtype: type) -> None:
    z, y = np.array([row], dtype), np.eye(3, dtype=dtype)[[target]]
    cost, error = _cost_and_error("cross_entropy", "softmax", z, y)
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 60, -(10**6), 10**6
        powers = [Decimal(value).exp() for value in row]
        total = sum(powers)
        exact = float(-(powers[target] / total).ln())
        expected = [float(power / total) - (k == target) for k, power in enumerate(powers)]
    eps = float(np.finfo(dtype).eps)
    assert cost == pytest.approx(exact, rel=4 * eps, abs=4 * eps)
    assert error[0] == pytest.approx(expected, abs=4 * eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", ["sigmoid", "tanh", "relu", "leaky_relu", "silu", "identity", "softmax"])
def test_the_quadratic_cost_and_its_error_stay_finite_at_saturation(output: str, dtype: type) -> None:
    z = np.array([[1e4, -1e4], [-1e4, 1e4], [0.0, 0.0]], dtype)
    y = np.array([[0, 1], [0, 1], [1, 0]], dtype)
    cost, error = _cost_and_error("quadratic", output, z, y)
    exact = {
        "sigmoid": [1.0, 0.0, 0.25],
        "tanh": [2.5, 0.5, 0.5],
        "relu": [0.5 * (1e8 + 1), 0.5 * 9999.0**2, 0.5],
        "leaky_relu": [0.5 * (1e8 + 101**2), 0.5 * (100**2 + 9999.0**2), 0.5],
        "silu": [0.5 * (1e8 + 1), 0.5 * 9999.0**2, 0.5],
        "identity": [0.5 * (1e8 + 10001.0**2), 0.5 * (1e8 + 9999.0**2), 0.5],
        "softmax": [1.0, 0.0, 0.25],
    }[output]
    assert cost == pytest.approx(sum(exact) / 3, rel=1e-6)
    assert np.isfinite(error).all()


def test_the_quadratic_cost_is_half_the_squared_distance_averaged_over_the_batch() -> None:
    a = np.array([[1.0, 2.0], [0.0, 3.0]])
    cost, error = _cost_and_error("quadratic", "identity", a, np.array([[0.0, 0.0], [0.0, 1.0]]))
    assert cost == (0.5 * 5 + 0.5 * 4) / 2
    assert error.tolist() == [[1.0, 2.0], [0.0, 2.0]]


def test_the_quadratic_error_carries_the_slope_of_the_output_and_cross_entropy_does_not() -> None:
    z, y = np.array([[2.0]]), np.array([[0.0]])
    s = 1 / (1 + np.exp(-2.0))
    assert _cost_and_error("quadratic", "sigmoid", z, y)[1][0, 0] == pytest.approx(s * s * (1 - s), rel=1e-14)
    assert _cost_and_error("cross_entropy", "sigmoid", z, y)[1][0, 0] == pytest.approx(s, rel=1e-14)


@pytest.mark.parametrize("output", ["tanh", "relu", "leaky_relu", "silu", "identity"])
def test_cross_entropy_refuses_outputs_that_are_no_probabilities(output: str) -> None:
    with pytest.raises(ModelError, match=f"must be sigmoid or softmax, got '{output}'"):
        costs.by_name("cross_entropy", activations.by_name(output))


def test_an_unknown_cost_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match="cost 'hinge' is unknown: choose one of quadratic, cross_entropy"):
        costs.by_name("hinge", activations.by_name("sigmoid"))


@pytest.mark.parametrize("z", [-80.0, -20.0, -3.0, 0.0, 3.0, 9.0, 15.0, 20.0, 40.0, 80.0])
@pytest.mark.parametrize("y", [0.0, 0.25, 1.0])
def test_the_error_of_a_sigmoid_is_exact_at_any_saturation(z: float, y: float) -> None:
    sigmoid, cost = activations.by_name("sigmoid"), costs.by_name("cross_entropy", activations.by_name("sigmoid"))
    at, target = np.array([[z]], np.float32), np.array([[y]], np.float32)
    a = sigmoid.forward(at, np.empty_like(at))
    error = cost.output_error(at, a, target, sigmoid, np.empty_like(a))
    right = (1 - y) / (1 + math.exp(-z)) - y / (1 + math.exp(z))
    assert float(error[0, 0]) == pytest.approx(right, rel=1e-6, abs=0)
    assert cost.output_error(at, a, target, sigmoid, a) is a and float(a[0, 0]) == float(error[0, 0])
