"""How weights begin, measured on enough of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from byhand import initialisers
from byhand.errors import ModelError
from byhand.feedforward import FeedForward


@pytest.mark.parametrize(
    ("name", "variance"), [("nielsen", 1 / 400), ("he", 2 / 400), ("glorot", 2 / (400 + 200)), ("uniform", 1 / 1200)]
)
def test_the_weights_have_the_variance_of_their_fan_in(name: str, variance: float) -> None:
    net = FeedForward((400, 200, 300), initialiser=name, seed=1, dtype=np.float64)
    w = net.weights[0]
    assert w.mean() == pytest.approx(0, abs=4 * math.sqrt(variance / w.size))
    assert w.var() == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize(
    ("name", "variance"), [("nielsen", 1 / 200), ("he", 2 / 200), ("glorot", 2 / (200 + 300)), ("uniform", 1 / 600)]
)
def test_the_fan_in_is_that_of_the_layer_and_not_of_the_input(name: str, variance: float) -> None:
    net = FeedForward((400, 200, 300), initialiser=name, seed=1, dtype=np.float64)
    assert net.weights[1].var() == pytest.approx(variance, rel=0.02)


def test_glorot_is_uniform_within_its_bound() -> None:
    w = FeedForward((400, 200), initialiser="glorot", seed=1, dtype=np.float64).weights[0]
    bound = math.sqrt(6 / 600)
    assert 0.999 * bound < np.abs(w).max() <= bound
    quarters = np.histogram(w, bins=4, range=(-bound, bound))[0] / w.size
    assert quarters == pytest.approx([0.25] * 4, abs=0.01)


def test_the_uniform_one_is_pytorchs_within_its_bound_biases_too() -> None:
    net = FeedForward((400, 5_000), initialiser="uniform", seed=1, dtype=np.float64)
    for found in (net.weights[0], net.biases[0]):
        assert 0.99 / 20 < np.abs(found).max() <= 1 / 20
        quarters = np.histogram(found, bins=4, range=(-1 / 20, 1 / 20))[0] / found.size
        assert quarters == pytest.approx([0.25] * 4, abs=0.02)


def test_nielsens_biases_are_standard_normal_and_the_others_zero() -> None:
    biases = FeedForward((2, 20_000), seed=1).biases[0]
    assert biases.mean() == pytest.approx(0, abs=0.03)
    assert biases.std() == pytest.approx(1, abs=0.03)
    for name in ("he", "glorot"):
        assert not FeedForward((2, 50), initialiser=name, seed=1).biases[0].any()


@pytest.mark.parametrize("name", initialisers.INITIALISERS)
def test_a_seed_gives_its_weights_again_and_another_seed_others(name: str) -> None:
    one, same, other = (FeedForward((6, 5, 4), initialiser=name, seed=seed).parameters for seed in (1, 1, 2))
    assert one.tobytes() == same.tobytes()
    assert not np.isclose(one[:50], other[:50]).any()


def test_an_unknown_initialiser_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match="initialiser 'orthogonal' is unknown: choose one of nielsen, he, glorot, uniform"):
        initialisers.by_name("orthogonal")


@pytest.mark.parametrize(
    ("activation", "output", "wanted"),
    [
        ("sigmoid", "sigmoid", ["nielsen", "nielsen", "nielsen"]),
        ("tanh", "softmax", ["nielsen", "nielsen", "nielsen"]),
        ("relu", "softmax", ["he", "he", "glorot"]),
        ("leaky_relu", "sigmoid", ["he", "he", "glorot"]),
        ("silu", "identity", ["he", "he", "glorot"]),
        (["sigmoid", "relu", "identity"], None, ["nielsen", "he", "glorot"]),
    ],
)
def test_each_layer_begins_as_fits_its_activation(activation: Any, output: str | None, wanted: list[str]) -> None:
    net = FeedForward((40, 30, 20, 10), activation, output=output, seed=3)
    assert net.initialisers == wanted
    for bias, name in zip(net.biases, wanted, strict=True):
        assert bias.any() == (name == "nielsen")
    assert ("initialised by" in repr(net)) == ("he" in wanted)


def test_an_initialiser_that_is_named_is_taken_for_all_layers_with_the_bits_it_had() -> None:
    from byhand.backend import generator
    from byhand.initialisers import by_name

    for name, settings in (("he", {"activation": "tanh"}), ("nielsen", {"activation": "relu"}), ("nielsen", {})):
        given: dict[str, Any] = {"initialiser": name} if settings else {}
        net, rng = FeedForward((6, 5, 3), **settings, **given, seed=2), generator(2, "weights")  # type: ignore[arg-type]
        for w, b in zip(net.weights, net.biases, strict=True):
            wanted_w, wanted_b = np.empty_like(w), np.empty_like(b)
            by_name(name)(wanted_w, wanted_b, rng)
            assert np.array_equal(w, wanted_w)
            assert np.array_equal(b, wanted_b)


def test_every_recipe_of_a_plain_network_begins_with_the_weights_it_always_had() -> None:
    from byhand.training.recipes import RECIPES

    before = {"iris": "nielsen", "moons": "glorot", "mnist": "he"}
    later = (
        "circles",
        "spiral",
        "xor",
        "under-a-function",
        "wine",
        "digits",
        "regression-sine",
        "california-like",
    )  # which came with initialisers that fit
    for recipe in RECIPES.values():
        if recipe.model == "feedforward" and recipe.name not in later:
            net = FeedForward(
                (4, *recipe.hidden, 3), recipe.activation, output=recipe.output, cost=recipe.cost,
                initialiser=recipe.initialiser or None,
            )  # fmt: skip
            assert set(net.initialisers) == {before.get(recipe.name, "nielsen")}, recipe.name
