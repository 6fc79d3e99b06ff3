"""Recipes of autoencoders and VAEs as runs: trained, measured, written, read, resumed; binarised data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand import data
from byhand.data.binarise import binarise, binarised
from byhand.data.dataset import Splits
from byhand.errors import ModelError
from byhand.modelfile import load_model
from byhand.models.vae import VAE
from byhand.training.checkpoint import write_checkpoint
from byhand.training.evaluate_autoencoder import AutoencoderEvaluation, evaluate_autoencoder
from byhand.training.fit import Callback
from byhand.training.recipes import RECIPES, Recipe
from byhand.training.run import run


@pytest.fixture(scope="module")
def few() -> Any:
    whole = data.load("mnist")
    return Splits(whole.train.take(slice(512)), None, whole.test.take(slice(200)))


def tiny(model: str, **changes: Any) -> Recipe:
    options: dict[str, Any] = {"latent": 3} | ({"channels": [4]} if model.startswith("conv") else {})
    made = Recipe(
        "tiny", model=model, model_options=options, hidden=(32,), activation="relu", optimizer="adam", lr=0.003, epochs=2,
        batch_size=64,
    )  # fmt: skip
    return made.changed(**changes)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["autoencoder", "vae", "conv_autoencoder", "conv_vae"])
def test_a_run_leaves_a_model_that_measures_as_it_says(model: str, few: Any, tmp_path: Path) -> None:
    done = run(tiny(model), tmp_path, splits=few)
    read = load_model(tmp_path / "model.safetensors")
    again = evaluate_autoencoder(read.autoencoder, few.test)
    assert isinstance(done.evaluation, AutoencoderEvaluation)
    assert read.metrics["test_cost"] == again.cost == done.evaluation.cost
    assert read.metrics["test_error"] == again.error < 0.2
    assert done.history.epochs[1].cost < done.history.epochs[0].cost
    assert ("ELBO" in again.headline) == model.endswith("vae")
    if model.endswith("vae"):
        assert again.cost == pytest.approx(again.reconstruction + again.kl)
        assert sum(again.kl_of or ()) == pytest.approx(again.kl)


class Stopped(Exception):
    pass


class StopAt(Callback):
    """Writes a checkpoint after this step, and breaks off."""

    def __init__(self, index: int, folder: Path) -> None:
        self.index, self.folder = index, folder

    def after_step(self, step: Any) -> None:
        if step.index == self.index:
            write_checkpoint(self.folder / "checkpoint.safetensors", step.training)
            raise Stopped


@pytest.mark.slow
@pytest.mark.parametrize("model", ["vae", "conv_vae"])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(model: str, few: Any, tmp_path: Path) -> None:
    options = {"latent": 3, "warm_up": 20} | ({"channels": [4]} if model.startswith("conv") else {})
    recipe = tiny(model, epochs=3, model_options=options)
    whole = run(recipe, tmp_path / "whole", splits=few)
    with pytest.raises(Stopped):
        run(recipe, tmp_path / "parts", splits=few, callbacks=[StopAt(10, tmp_path / "parts")])
    parts = run(recipe, tmp_path / "parts", splits=few, resume=True)
    assert np.array_equal(whole.model.network.parameters, parts.model.network.parameters)


def test_a_conditional_vae_is_told_its_classes_by_the_data(few: Any, tmp_path: Path) -> None:
    done = run(tiny("vae", model_options={"latent": 3, "conditional": True}), tmp_path, splits=few)
    network = done.model.network
    assert isinstance(network, VAE)
    assert network.classes == 10
    y = np.eye(10)[[3, 5]]
    assert not np.allclose(*network.decode(np.zeros((2, 3)), y))


def test_black_and_white_draws_have_the_grey_levels_as_their_mean_and_come_anew() -> None:
    x = np.tile(np.linspace(0, 1, 5, dtype=np.float32), (20_000, 1))
    rng = np.random.default_rng(0)
    first, second = binarise(x, rng), binarise(x, rng)
    assert set(np.unique(first)) == {0.0, 1.0}
    assert first.dtype == np.float32
    assert np.abs(first.mean(axis=0) - x[0]).max() < 0.02
    assert not np.array_equal(first, second)
    assert np.array_equal(binarised(x, seed=1), binarised(x, seed=1))
    assert not np.array_equal(binarised(x, seed=1), binarised(x, seed=2))


def test_a_binarised_recipe_is_trained_and_measured_on_black_and_white(few: Any, tmp_path: Path) -> None:
    done = run(tiny("vae", binarise=True), tmp_path, splits=few)
    assert load_model(tmp_path / "model.safetensors").preprocessing["binarised"] is True
    assert done.evaluation.cost == evaluate_autoencoder(done.model.autoencoder, few.test, binarised=True).cost
    assert done.evaluation.cost != evaluate_autoencoder(done.model.autoencoder, few.test).cost


def test_what_does_not_fit_is_refused(few: Any, tmp_path: Path) -> None:
    iris = data.load("iris")
    other = Splits(iris.train, None, iris.test)
    cases: list[tuple[Any, str]] = [
        (lambda: run(tiny("conv_vae"), tmp_path / "x", splits=other), "a conv_vae reads images of 28 x 28, but iris has (4,)"),
        (
            lambda: run(tiny("vae", model_options={"depth": 3}), tmp_path / "x", splits=few),
            "the model vae, in its model_options, has no setting 'depth': choose one of laten",
        ),
        (lambda: run(tiny("vae", model_options={"latent": 0}), tmp_path / "x", splits=few), "VAE: latent must be 1 or more"),
        (lambda: run(tiny("vae"), tmp_path / "x", splits=few, device="gpu"), "computes on the cpu"),
        (lambda: run(tiny("gnn"), tmp_path / "x", splits=few), "model 'gnn' is unknown: did you mean 'gan'?"),
        (lambda: evaluate_autoencoder(VAE(784, (4,), 2), iris.test), "iris must have 784 numbers per image"),
    ]
    for call, message in cases:
        with pytest.raises(ModelError) as caught:
            call()
        assert message in str(caught.value)
    assert not (tmp_path / "x").exists()


def test_the_recipes_are_those_of_the_networks_they_name() -> None:
    assert RECIPES["mnist-ae"].hidden == (128, 128)
    assert RECIPES["mnist-ae"].model_options["latent"] == 16  # 784-128-128-16-128-128-784
    assert RECIPES["mnist-vae"].model_options["latent"] == 8
    assert RECIPES["mnist-vae-burda"].hidden == (200, 200)
    assert RECIPES["mnist-vae-burda"].binarise
