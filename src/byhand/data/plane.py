"""Points in the plane that no straight line parts, each set by its own rule: circles, a spiral, exclusive or, a curve."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import Array, generator
from byhand.data.dataset import Dataset, Splits
from byhand.errors import DataError

MOST = 100_000_000  # points: 1.6 GB while they are made


def circles(labels: Array, t: Array) -> Array:
    """Two circles around one centre, of radius 1/2 and 1; t even in [0, 1] goes around."""
    radius = np.where(labels == 0, 0.5, 1.0)
    return radius[:, None] * np.stack([np.cos(2 * math.pi * t), np.sin(2 * math.pi * t)], axis=1)


def spiral(labels: Array, t: Array) -> Array:
    """Two arms that wind outwards one and a half times, half a turn apart; t in [0, 1] goes along, denser outside."""
    radius = np.sqrt(t)
    angle = 3 * math.pi * radius + math.pi * labels
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def xor(labels: Array, t: Array) -> Array:
    """Four spots at (±1, ±1): class 0 where both signs are the same, class 1 where they differ."""
    first = np.where(t < 0.5, -1.0, 1.0)
    return np.stack([first, np.where(labels == 0, first, -first)], axis=1)


def under_a_function(labels: Array, t: Array) -> Array:
    """Class 0 lies under y = sin(pi x) / 2, class 1 over it; t's first three digits go along, the others away from the curve."""
    thousand = 1000 * t
    x, away = np.floor(thousand) / 500 - 0.999, 0.05 + 0.75 * (thousand % 1)
    return np.stack([x, np.sin(math.pi * x) / 2 + np.where(labels == 0, -away, away)], axis=1)


RULES: dict[str, tuple[Callable[[Array, Array], Array], tuple[str, str], float]] = {
    "circles": (circles, ("inner", "outer"), 0.08),
    "spiral": (spiral, ("first arm", "second arm"), 0.02),
    "xor": (xor, ("same", "different"), 0.3),
    "under-a-function": (under_a_function, ("under", "over"), 0.03),
}  # the rule, the names of the classes, and the noise that is usual


def make_plane(rule: str, n: int = 1000, noise: float | None = None, seed: int = 0, part: str = "") -> Dataset:
    """n points by a rule, as many of each class, (n, 2), plus Gaussian noise.

    >>> points = make_plane("xor", 100, noise=0.0)
    >>> bool(((points.inputs[:, 0] == points.inputs[:, 1]) == (points.labels == 0)).all())
    True
    """
    place, names, usual = RULES[limits.one_of("the rule", rule, RULES, DataError)]
    n = limits.whole(f"{rule}: n", n, least=2, most=MOST, error=DataError)
    noise = usual if noise is None else limits.number(f"{rule}: noise", noise, 0, 1_000, error=DataError)
    rng = generator(seed, f"{part}{rule}")
    labels = np.arange(n, dtype=np.int64) % 2
    points = place(labels.astype(float), rng.random(n)) + noise * rng.standard_normal((n, 2))
    return Dataset(f"{rule}{f'-{part}' if part else ''}", points.astype(np.float32), labels, names, "generated")


def _splits(rule: str, settings: dict[str, Any]) -> Splits:
    train, validation, test = (make_plane(rule, part=part, **settings) for part in ("", "validation", "test"))
    return Splits(train, validation, test)


def load_circles(n: int = 1000, noise: float = 0.08, seed: int = 0) -> Splits:
    """n points to train on, and as many fresh ones each to validate and to test on."""
    return _splits("circles", {"n": n, "noise": noise, "seed": seed})


def load_spiral(n: int = 1000, noise: float = 0.02, seed: int = 0) -> Splits:
    """n points to train on, and as many fresh ones each to validate and to test on."""
    return _splits("spiral", {"n": n, "noise": noise, "seed": seed})


def load_xor(n: int = 1000, noise: float = 0.3, seed: int = 0) -> Splits:
    """n points to train on, and as many fresh ones each to validate and to test on."""
    return _splits("xor", {"n": n, "noise": noise, "seed": seed})


def load_under_a_function(n: int = 1000, noise: float = 0.03, seed: int = 0) -> Splits:
    """n points to train on, and as many fresh ones each to validate and to test on."""
    return _splits("under-a-function", {"n": n, "noise": noise, "seed": seed})
