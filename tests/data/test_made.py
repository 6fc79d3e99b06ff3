"""Data that are made by a known rule: the rule holds, and a network comes as near to it as the noise lets it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from byhand import data
from byhand.data.known_numbers import house_price, sine
from byhand.data.plane import make_plane
from byhand.errors import ByhandError, DataError
from byhand.training.recipes import recipe
from byhand.training.run import run


def test_points_without_noise_lie_where_the_rule_says() -> None:
    circles, spiral, xor = (make_plane(rule, 400, noise=0.0) for rule in ("circles", "spiral", "xor"))
    radius = np.hypot(*circles.inputs.T)
    assert np.allclose(radius, np.where(circles.labels == 0, 0.5, 1.0), atol=1e-6)
    r, angle = np.hypot(*spiral.inputs.T), np.arctan2(spiral.inputs[:, 1], spiral.inputs[:, 0])
    turned = (3 * np.pi * r + np.pi * spiral.labels - angle) / (2 * np.pi)
    assert np.allclose(turned, np.round(turned), atol=1e-4)
    assert set(map(tuple, xor.inputs.tolist())) == {(-1, -1), (-1, 1), (1, -1), (1, 1)}
    assert np.array_equal(xor.inputs.prod(axis=1) < 0, xor.labels == 1)


def test_points_under_a_function_are_under_it_and_fill_the_plane() -> None:
    points = make_plane("under-a-function", 4_000, noise=0.0)
    x, y = points.inputs.T
    away = y - np.sin(np.pi * x) / 2
    assert np.array_equal(away > 0, points.labels == 1) and 0.049 < np.abs(away).min() < 0.06 and np.abs(away).max() > 0.78
    assert -1 < x.min() < -0.99 and 0.99 < x.max() < 1 and abs(np.corrcoef(x, np.abs(away))[0, 1]) < 0.05


@pytest.mark.parametrize("name", ["circles", "spiral", "xor", "under-a-function"])
def test_the_parts_are_fresh_points_and_a_seed_makes_the_same_ones(name: str) -> None:
    splits, again = data.load(name, n=200), data.load(name, n=200)
    assert splits.validation is not None and np.array_equal(splits.train.inputs, again.train.inputs)
    assert not np.array_equal(splits.train.inputs, splits.test.inputs)
    assert np.bincount(splits.train.labels).tolist() == [100, 100]


def test_numbers_without_noise_are_those_of_the_rule() -> None:
    for name, rule in (("regression-sine", lambda x: sine(x[0])), ("california-like", lambda x: house_price(*x))):
        train = data.load(name, n=300, noise=0).train
        assert train.values is not None and train.scaling is not None and train.encoding is not None
        raw = train.inputs.astype(float) * train.scaling[1] + train.scaling[0]
        columns = [raw[:, i] for i in range(min(5, raw.shape[1]))]
        if name == "california-like":
            columns[4] = raw[:, train.feature_names.index("sea=inland")]
        told = train.values[:, 0] * train.encoding.target_std + train.encoding.target_mean
        assert np.allclose(told, rule(columns), rtol=1e-3, atol=1e-3 * np.ptp(told))


@pytest.mark.parametrize(("name", "options"), [("circles", {"n": 1}), ("xor", {"noise": -1}), ("regression-sine", {"n": 2.5})])
def test_impossible_data_are_refused(name: str, options: dict[str, float]) -> None:
    with pytest.raises(DataError, match=f"{name}: (n|noise) must be"):
        data.load(name, **options)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("circles", 0.99), ("spiral", 0.97), ("xor", 0.98), ("under-a-function", 0.98)])
def test_points_are_told_apart_by_their_recipe(name: str, least: float, tmp_path: Path) -> None:
    assert run(recipe(name), tmp_path).evaluation.accuracy > least


@pytest.mark.slow
@pytest.mark.parametrize(("name", "noise"), [("regression-sine", 0.1), ("california-like", 20_000.0)])
def test_numbers_are_learned_up_to_their_noise(name: str, noise: float, tmp_path: Path) -> None:
    measured = run(recipe(name), tmp_path).evaluation
    assert noise * 0.9 < measured.root_mean_square_error < noise * 1.25


def test_wines_and_digits_are_those_of_scikit_learn() -> None:
    known = pytest.importorskip("sklearn.datasets")
    wine = data.load("wine")
    assert (len(wine.train), len(wine.test)) == (142, 36) and wine.train.class_names == ("class_0", "class_1", "class_2")
    assert wine.train.scaling is not None
    both = np.concatenate([part.inputs * wine.train.scaling[1] + wine.train.scaling[0] for part in (wine.train, wine.test)])
    assert np.allclose(np.sort(both, axis=0), np.sort(known.load_wine().data, axis=0), rtol=1e-4)
    digits = data.load("digits")
    assert digits.train.inputs.shape[1:] == (8, 8, 1) and len(digits.train) + len(digits.test) == 1_797
    assert digits.train.inputs.max() == 1 and np.bincount(digits.test.labels).min() >= 34


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("wine", 0.94), ("digits", 0.96)])
def test_the_recipes_of_scikit_learns_data_learn_them(name: str, least: float, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    assert run(recipe(name), tmp_path).evaluation.accuracy > least


def test_without_scikit_learn_its_data_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("byhand.sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ByhandError, match=r"needs scikit-learn: pip install 'byhand\[sklearn\]'"):
        data.load("wine")
