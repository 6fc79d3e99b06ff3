"""Activations where they saturate, bend and overflow. (Gradients: `test_every_op`.)"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from byhand.activations import ACTIVATIONS
from byhand.engine import Tensor, ops, vjp
from byhand.errors import EngineError

NAMES = ["sigmoid", "tanh", "relu", "leaky_relu", "softplus", "silu", "gelu"]
FAR = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, 1e4), "leaky_relu": (-100, 1e4), "softplus": (0, 1e4), "silu": (0, 1e4)}


@pytest.mark.parametrize("name", set(NAMES) & set(ACTIVATIONS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_is_that_of_the_feed_forward_network(name: str, dtype: Any) -> None:
    z = np.linspace(-9, 9, 101).astype(dtype)
    theirs = ACTIVATIONS[name]
    a = theirs.forward(z, np.empty_like(z))
    v = np.linspace(1, 2, 101).astype(dtype)
    value, pull_back = vjp(getattr(ops, name), z)
    # Absolutely: theirs takes sigma from tanh, which far below 0 loses its last digits.
    close = 2e-6 if dtype is np.float32 else 1e-14
    assert np.allclose(value, a, rtol=close, atol=close)
    assert np.allclose(pull_back(v)[0], theirs.backward(v, z, a, np.empty_like(z)), rtol=5 * close, atol=5 * close)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FAR)
def test_far_out_nothing_overflows_and_the_limits_are_reached(name: str, dtype: Any) -> None:
    value, pull_back = vjp(getattr(ops, name), np.array([-1e4, 1e4], dtype))
    assert value.tolist() == pytest.approx(FAR[name], rel=1e-6)
    (slope,) = pull_back(np.ones(2, dtype))
    flat = {"sigmoid": [0, 0], "tanh": [0, 0], "leaky_relu": [0.01, 1]}.get(name, [0, 1])
    assert slope.tolist() == pytest.approx(flat, rel=1e-6)
    assert value.dtype == slope.dtype == dtype


def test_small_numbers_are_not_lost_in_softplus() -> None:
    # ln(1 + e^z) taken literally is 0 from z = -37 on; it is e^z.
    assert ops.softplus(Tensor([-40.0, -100.0])).data == pytest.approx([math.exp(-40), math.exp(-100)], rel=1e-12)


@pytest.mark.parametrize(("name", "at_zero"), [("relu", 0.0), ("leaky_relu", 0.01)])
def test_the_gradient_at_the_kink_is_that_from_below(name: str, at_zero: float) -> None:
    _, pull_back = vjp(getattr(ops, name), np.array([-1.0, 0.0, 1.0]))
    assert pull_back(np.ones(3))[0][1] == at_zero


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0, 2.0])
def test_the_leak_is_below_zero_whatever_its_slope(slope: float) -> None:
    value, pull_back = vjp(lambda z: ops.leaky_relu(z, slope=slope), np.array([-2.0, 2.0]))
    assert value.tolist() == [-2 * slope, 2.0]
    assert pull_back(np.ones(2))[0].tolist() == [slope, 1.0]


def test_gelu_is_the_gaussian_one_unless_the_tanh_is_named() -> None:
    z = np.linspace(-4, 4, 81)
    exact = [0.5 * x * (1 + math.erf(x / math.sqrt(2))) for x in z]
    assert ops.gelu(Tensor(z)).data == pytest.approx(exact, rel=1e-10)
    assert 1e-5 < np.abs(ops.gelu(Tensor(z), approximate="tanh").data - exact).max() < 5e-4
    with pytest.raises(EngineError, match='gelu: approximate must be "none" or "tanh", got \'erf\''):
        ops.gelu(Tensor(z), approximate="erf")


@pytest.mark.parametrize("name", NAMES)
def test_large_arrays_give_what_small_ones_do(name: str) -> None:
    z = np.random.default_rng(0).standard_normal(210_000).astype(np.float32)
    whole, pull_back = vjp(getattr(ops, name), z)
    part, pull_part = vjp(getattr(ops, name), z[-50:])
    v = np.linspace(-1, 1, len(z)).astype(np.float32)
    assert np.allclose(whole[-50:], part, rtol=1e-6, atol=1e-7)
    assert np.allclose(pull_back(v)[0][-50:], pull_part(v[-50:])[0], rtol=1e-6, atol=1e-7)
