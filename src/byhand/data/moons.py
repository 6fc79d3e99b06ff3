"""Two interleaved half circles: data that no straight line parts, made rather than collected."""

from __future__ import annotations

import math

import numpy as np

from byhand import limits
from byhand.backend import generator
from byhand.data.dataset import Dataset, Splits
from byhand.errors import DataError

MOST = 100_000_000  # points: 1.6 GB while they are made


def make_moons(n: int = 1000, noise: float = 0.15, seed: int = 0, name: str = "moons") -> Dataset:
    r"""n points, (n, 2): (cos t, sin t) and (1 - cos t, 1/2 - sin t), t even in [0, pi], plus Gaussian noise."""
    limits.text("the name of a data set", name, error=DataError)
    n = limits.whole("moons: n", n, least=2, most=MOST, error=DataError)
    noise = limits.number("moons: noise", noise, 0, 1_000, error=DataError)
    rng = generator(seed, name)
    labels = np.arange(n, dtype=np.int64) % 2
    t = rng.uniform(0, math.pi, n)
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)
    lower = np.stack([1 - np.cos(t), 0.5 - np.sin(t)], axis=1)
    points = np.where(labels[:, None] == 0, upper, lower) + noise * rng.standard_normal((n, 2))
    return Dataset(name, points.astype(np.float32), labels, ("upper", "lower"), "generated")


def load_moons(n: int = 1000, noise: float = 0.15, seed: int = 0) -> Splits:
    """n points to train on, and as many fresh ones each to validate and to test on."""
    train, validation, test = (make_moons(n, noise, seed, name) for name in ("moons", "moons-validation", "moons-test"))
    return Splits(train, validation, test)
