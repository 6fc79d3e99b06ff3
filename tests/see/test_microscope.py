"""The microscope's answers: plain, bounded, and true of the step that the training takes next."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from byhand import data
from byhand.errors import ModelError, TrainingError
from byhand.import_weights import open_foreign
from byhand.modelfile import save_model
from byhand.see import microscope
from byhand.see.chosen_step import training_of
from byhand.see.microscope import MOST, PUSHES, Microscope, choosers
from byhand.training.recipes import RECIPES
from byhand.training.run import begin, build
from byhand.training.steps import Steps

LARGEST = 120_000  # characters of any answer

CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "iris": ("iris", {}),
    "moons": ("moons", {}),
    "digits": ("mnist-nielsen-30", {}),
    "cnn": ("mnist-cnn", {"batch_size": 6}),
    "unet": ("mnist-diffusion", {"batch_size": 4, "model_options": {"channels": [8, 16], "embedding": 16, "heads": 2}}),
    "moons-diffusion": ("moons-diffusion", {"batch_size": 8}),
    "gan": ("moons-gan", {"batch_size": 8, "model_options": {"latent": 2, "width": 6, "conditional": False, "penalty": 0.3}}),
    "vae": ("mnist-vae", {"batch_size": 8, "model_options": {"latent": 3, "beta": 0.5, "warm_up": 4, "conditional": True}}),
    "autoencoder": ("mnist-ae", {"batch_size": 8, "model_options": {"latent": 3, "noise": 0.3}}),
}


def few_digits() -> data.Splits:
    found = data.load("mnist")
    return data.Splits(found.train.take(np.arange(60)), None, found.test.take(np.arange(10)))


def started(name: str, steps: int = 2) -> tuple[Steps, Any, Callable[[int], Steps]]:
    recipe_name, changes = CHANGES[name]
    recipe = RECIPES[recipe_name].changed(**changes)
    splits = data.load(recipe.data, **recipe.data_options) if not recipe.data.startswith("mnist") else few_digits()

    def again(first: int) -> Steps:
        training = begin(recipe, build(recipe, splits), splits)
        while training.index < first:
            next(training)
        return training

    return again(steps), splits.train, again


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_everything_can_be_asked_and_is_answered_in_few_words(name: str) -> None:
    training, train, again = started(name)
    found = Microscope(training, train, again=again)
    outline = found.outline()
    costs = [one["array"] for one in outline["operations"] if one["stage"] == "cost"]
    assert len(costs) == {"vae": 3, "autoencoder": 2}.get(name, 1)
    assert len(json.dumps(outline, allow_nan=False)) < LARGEST
    for k in range(len(outline["operations"])):
        operation = found.operation(k)
        assert operation["equations"] and operation["source"] and operation["arrays"]
        assert len(json.dumps(operation, allow_nan=False)) < LARGEST
    for array in found.numbers.arrays.values():
        picture = found.picture(array.name, {})
        assert len(picture["values"]) == picture["rows"] * picture["columns"] <= MOST
        assert array.name in outline["owners"] or array.why or array.parameter
    assert found.number(costs[-1], [])["total"] == pytest.approx(outline["cost"], rel=1e-10)
    arrays = found.numbers.arrays
    parameter = next(name for name, a in arrays.items() if a.parameter == name and arrays[f"{name}.gradient"].values.any())
    at = [0] * found.numbers.arrays[parameter].values.ndim
    pushed, epoch = found.pushes(parameter, at), found.epoch(parameter, at)
    assert max(len(pushed["up"]), len(pushed["down"])) <= PUSHES
    assert (epoch["first"], epoch["last"]) == (0, 1)
    assert len(json.dumps([pushed, epoch], allow_nan=False)) < LARGEST


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_it_is_the_step_that_the_training_takes(name: str) -> None:
    training, train, _ = started(name)
    found = Microscope(training, train)
    before = training.model.parameters.copy()
    step = next(training)
    assert found.numbers.step.cost == pytest.approx(step.cost, rel=2e-4)
    assert found.indices.tolist() == step.indices.tolist()
    change = training.model.parameters - before
    assert found.numbers.step.update == pytest.approx(change, abs=2e-2 * float(np.abs(change).max()))


@pytest.mark.slow
def test_a_map_holds_the_numbers_of_its_array_and_the_mean_of_the_batch_theirs() -> None:
    found = Microscope(*started("cnn")[:2])
    array = found.numbers.array("2")
    assert choosers(array) == [(0, "sample"), (3, "channel")]
    shown = found.picture("2", {0: 3, 3: 5})
    assert shown["values"] == pytest.approx(array.values[3, :, :, 5].reshape(-1), rel=1e-5)
    mean = found.picture("2", {0: None, 3: 5})
    assert mean["values"] == pytest.approx(array.values[..., 5].mean(axis=0).reshape(-1), rel=1e-5, abs=1e-6)
    made = found.number("2", [None, 14, 14, 5])
    assert made["value"] == pytest.approx(array.values[:, 14, 14, 5].mean())
    assert made["total"] == pytest.approx(made["value"]) and len(made["terms"]) == 6
    assert made["terms"][0]["factors"][1]["ref"]["name"] == "2"


@pytest.mark.slow
def test_a_long_array_is_shown_in_parts() -> None:
    training, train, _ = started("digits")
    found = Microscope(training, train)
    wide = found.numbers.array("w2")
    assert found.picture("w2", {0: 5})["values"] == pytest.approx(wide.values[5], rel=1e-5, abs=1e-9)
    values = np.arange(10_000.0)
    found.numbers.arrays["long"] = type(wide)("long", "x", values, "", None)
    parts = found.picture("long", {})["parts"]
    shown = [found.picture("long", {}, part) for part in range(parts)]
    together = [value for part in shown for value in part["values"] if value is not None]
    assert together == values.tolist()
    assert [part["first"] for part in shown] == [0, *np.cumsum([len(part["values"]) for part in shown])[:-1]]


@pytest.mark.slow
def test_of_a_batch_too_large_for_memory_the_first_samples_are_looked_at_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training, train, _ = started("cnn")
    monkeypatch.setattr(microscope, "NUMBERS", 300_000)
    found = Microscope(training, train)
    assert found.numbers.m == 3
    assert "the first 3 of its 6 samples" in found.moment


@pytest.mark.slow
def test_one_sample_alone_may_be_looked_at() -> None:
    training, train, _ = started("digits")
    found = Microscope(training, train, sample=7)
    assert found.numbers.m == 1 and found.indices.tolist() == [7]
    assert "on sample 7 alone" in found.moment
    assert found.picture("z2", {0: 0})["image"]["rows"] == 28


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda m: m.operation(99), "no operation 99"),
        (lambda m: m.picture("nothing", {}), "no array 'nothing'"),
        (lambda m: m.picture("z2", {0: 999}), "it has no map 0 = 999"),
        (lambda m: m.picture("z2", {5: 0}), "it has no map 5 = 0"),
        (lambda m: m.picture("z2", {0: 0}, 7), "has the parts 0 to 0, not 7"),
        (lambda m: m.number("z2", [0]), "has no number [0]"),
        (lambda m: m.number("z2", [None]), "has no number"),
        (lambda m: m.pushes("z2", [0, 0]), "z2 is not a parameter"),
        (lambda m: m.epoch("z2", [0, 0]), "only what is trained is pushed"),
        (lambda m: m.epoch("w2", [0, 0]), "there is no training behind it"),
    ],
)
def test_what_there_is_not_is_refused_in_one_line(ask: Callable[[Microscope], Any], said: str) -> None:
    training, train, _ = started("iris")
    with pytest.raises(ModelError) as refused:
        ask(Microscope(training, train))
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_training_that_is_over_has_no_next_step() -> None:
    training, train, again = started("iris")
    with pytest.raises(TrainingError, match="this training is over"):
        Microscope(again(training.total), train)


@pytest.mark.slow
def test_a_convolutional_vae_is_opened_as_any_network_of_modules() -> None:
    recipe, splits = RECIPES["mnist-conv-vae"].changed(batch_size=4), few_digits()
    scope = Microscope(begin(recipe, build(recipe, splits), splits), splits.train)
    assert scope.outline()["m"] == 4


@pytest.mark.slow
def test_weights_that_pytorch_saved_open_in_it(tmp_path: Any) -> None:
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    arrays = {
        "conv1.weight": rng.standard_normal((4, 1, 3, 3)), "conv1.bias": rng.standard_normal(4),
        "fc.weight": rng.standard_normal((10, 676)), "fc.bias": rng.standard_normal(10),
    }  # fmt: skip
    save_file({name: array.astype(np.float32) for name, array in arrays.items()}, tmp_path / "theirs.safetensors")
    model = open_foreign(tmp_path / "theirs.safetensors", (28, 28, 1), "conv1 relu pool2 flatten fc", tuple("0123456789"))
    model.preprocessing["data"] = "mnist"
    save_model(tmp_path / "ours.safetensors", model)
    training, train = training_of(str(tmp_path / "ours.safetensors"))
    found = Microscope(training, train)
    first = next(name for name in found.numbers.groups if found.numbers.arrays[name].values.ndim == 4)
    assert found.numbers.arrays[first].values[1, 2, 0, 3] == pytest.approx(arrays["conv1.weight"][3, 0, 1, 2], rel=1e-6)
    made = found.number(found.outline()["operations"][0]["array"], [0, 13, 13, 3])
    assert made["total"] == pytest.approx(made["value"], rel=1e-11)
