"""Activation functions: their values, their slopes, and that they can work in place."""

from __future__ import annotations

import math

import numpy as np
import pytest

from byhand import activations
from byhand.activations import ACTIVATIONS
from byhand.errors import ModelError

ROW = np.array([[-3.0, -0.5, 0.0, 0.25, 2.0]])
EXPECTED = {
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "tanh": math.tanh,
    "relu": lambda z: max(0.0, z),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "silu": lambda z: z / (1 + math.exp(-z)),
    "identity": lambda z: z,
    "softmax": lambda z: math.exp(z) / sum(math.exp(k) for k in ROW[0]),
}


def test_every_activation_has_its_values_tested_here() -> None:
    assert set(EXPECTED) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_values_are_those_of_the_formula(name: str) -> None:
    a = activations.by_name(name).forward(ROW, np.empty_like(ROW))
    assert a[0] == pytest.approx([EXPECTED[name](z) for z in ROW[0]], rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_backward_is_the_product_with_the_numerical_jacobian(name: str, rng: np.random.Generator) -> None:
    activation = activations.by_name(name)
    z, g = rng.standard_normal((4, 5)), rng.standard_normal((4, 5))
    a = activation.forward(z, np.empty_like(z))
    expected, h = np.zeros_like(z), 1e-5
    for k in range(5):
        shift = np.zeros_like(z)
        shift[:, k] = h
        up, down = (activation.forward(z + sign * shift, np.empty_like(z)) for sign in (1, -1))
        expected[:, k] = (g * (up - down)).sum(axis=1) / (2 * h)
    assert np.allclose(activation.backward(g, z, a, np.empty_like(z)), expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_working_in_place_gives_the_same_bits_and_keeps_the_type(name: str, dtype: type, rng: np.random.Generator) -> None:
    activation = activations.by_name(name)
    z, g = (rng.standard_normal((6, 3)).astype(dtype) for _ in range(2))
    a = activation.forward(z, np.empty_like(z))
    delta = activation.backward(g, z, a, np.empty_like(z))
    z_again, g_again = z.copy(), g.copy()
    assert activation.forward(z_again, z_again) is z_again
    assert activation.backward(g_again, z, a, g_again) is g_again
    assert z_again.tobytes() == a.tobytes() and g_again.tobytes() == delta.tobytes()
    assert a.dtype == delta.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_ten_thousand_either_way_overflows_nowhere(name: str, dtype: type) -> None:
    activation = activations.by_name(name)
    z = np.array([[-1e4, 1e4, 0.0]], dtype)
    a = activation.forward(z, np.empty_like(z))
    limits = {
        "sigmoid": [0, 1, 0.5],
        "tanh": [-1, 1, 0],
        "relu": [0, 1e4, 0],
        "leaky_relu": [-100, 1e4, 0],
        "silu": [0, 1e4, 0],
        "identity": [-1e4, 1e4, 0],
        "softmax": [0, 1, 0],
    }
    assert a[0] == pytest.approx(limits[name], rel=1e-6)
    assert np.isfinite(activation.backward(np.ones_like(z), z, a, np.empty_like(z))).all()


def test_softmax_rows_sum_to_one_and_ignore_a_common_shift(rng: np.random.Generator) -> None:
    z = rng.standard_normal((5, 4))
    a = activations.softmax(z, np.empty_like(z))
    assert np.allclose(a.sum(axis=1), 1, rtol=0, atol=1e-15)
    assert np.allclose(activations.softmax(z + 500, np.empty_like(z)), a, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_names_its_equation_its_derivative_and_its_source(name: str) -> None:
    activation = activations.by_name(name)
    assert activation.equation.startswith(r"\sigma(z)")
    assert "=" in activation.derivative
    assert any(year in activation.source for year in ("2006", "2010", "2013", "2015", "2017"))


def test_an_unknown_activation_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"activation 'gelu' is unknown: did you mean 'relu'\? The choice: sigmoid"):
        activations.by_name("gelu")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_the_slope_is_exact_at_any_saturation(name: str, dtype: type) -> None:
    z = np.array(
        [[-40, -20, -12, -5, -0.5, 0, 0.5, 5, 12, 20, 40, 80] if name == "sigmoid" else [-20, -9, -2, 0, 2, 9, 20, 40]], dtype
    )
    activation = activations.by_name(name)
    slope = activation.backward(np.ones_like(z), z, activation.forward(z, np.empty_like(z)), np.empty_like(z))
    right = [
        math.exp(-abs(x)) / (1 + math.exp(-abs(x))) ** 2 if name == "sigmoid" else 1 / math.cosh(x) ** 2 for x in z[0].tolist()
    ]
    assert slope[0].tolist() == pytest.approx(right, rel=1e-6 if dtype == np.float32 else 1e-13, abs=0)
