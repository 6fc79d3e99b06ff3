"""Numbers to learn whose rule is known, so that one knows how well they can be learned at all: up to the noise that was added."""

from __future__ import annotations

import math

import numpy as np

from byhand import limits
from byhand.backend import Array, generator
from byhand.data.dataset import Splits
from byhand.data.tables.splits import table_splits
from byhand.data.tables.table import of_arrays
from byhand.errors import DataError

MOST = 10_000_000  # rows


def sine(x: Array) -> Array:
    r"""The rule of `regression-sine`.

    Equation:
        y = \sin(2 \pi x)
    """
    return np.sin(2 * math.pi * x)


def house_price(income: Array, age: Array, rooms: Array, distance: Array, inland: Array) -> Array:
    r"""The rule of `california-like`, in dollars: most by income, less by each further room, and by how far the sea is.

    Equation:
        y = 40{,}000 + 38{,}000\, i + 600\, a + 45{,}000 \ln r + 120{,}000\, e^{-d/15} - 30{,}000\,[\text{inland}]
    """
    near = 120_000 * np.exp(-distance / 15)
    return 40_000 + 38_000 * income + 600 * age + 45_000 * np.log(rooms) + near - 30_000 * inland


def load_sine(n: int = 1000, noise: float = 0.1, seed: int = 0) -> Splits:
    """n pairs of x in [-1, 1] and sin(2 pi x) with Gaussian noise, four fifths to train on."""
    n = limits.whole("regression-sine: n", n, least=10, most=MOST, error=DataError)
    noise = limits.number("regression-sine: noise", noise, 0, 1_000, error=DataError)
    rng = generator(seed, "sine")
    x = rng.uniform(-1, 1, n)
    return table_splits(
        of_arrays("regression-sine", {"x": x, "y": sine(x) + noise * rng.standard_normal(n)}), seed, "y", task="numbers"
    )


def load_california_like(n: int = 4000, noise: float = 20_000.0, seed: int = 0) -> Splits:
    """n made-up districts with the price of a house in each, four fifths to train on; nobody's data, the rule is known."""
    n = limits.whole("california-like: n", n, least=10, most=MOST, error=DataError)
    noise = limits.number("california-like: noise", noise, 0, 1e9, error=DataError)
    rng = generator(seed, "california")
    income, age = rng.gamma(4, 1, n), rng.integers(1, 53, n).astype(float)
    rooms, distance = 2 + rng.gamma(3, 1.2, n), rng.exponential(20, n)
    inland = distance > 25
    price = house_price(income, age, rooms, distance, inland.astype(float)) + noise * rng.standard_normal(n)
    columns = {"income": income, "age": age, "rooms": rooms, "distance": distance}
    sea = np.where(inland, "inland", "coast")
    return table_splits(of_arrays("california-like", {**columns, "sea": sea, "price": price}), seed, "price", task="numbers")
