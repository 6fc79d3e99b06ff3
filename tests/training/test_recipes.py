"""Recipes: what every setting may be, asked by the command line, by files, by the page and by Python."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from byhand.errors import ByhandError, ModelError, TrainingError
from byhand.models import kinds
from byhand.training import recipes
from byhand.training.recipes import RECIPES, Recipe, checks, parse_setting, recipe, shaping
from byhand.training.run import begin, build, load_splits, read_recipe, run
from byhand.web.train_settings import chosen

NEVER: tuple[Any, ...] = (
    float("nan"),
    float("inf"),
    -1,
    -0.5,
    10**400,
    "\udcff",
    b"x",
    object(),
    [[]],
    [-1],
    {1: 2},
    {"a": None},
)

# By the type of the setting's default, what else it can never be.
WRONG: dict[type, tuple[Any, ...]] = {
    str: (True, 1, 0.5, None, [], {}, "a\0b"),
    int: (True, 0.5, 2.0, None, "1", "٣", "", [1], {}, 10**30),
    float: (True, None, "0.5", "0,5", [0.5], {}),
    bool: (1, 0, "true", "True", None, []),
    dict: (True, 1, "x", [], [1], None, {"a": {"b": None}}, {"a": object()}, {"a": float("nan")}, {"a": 10**400}),
    tuple: (True, 30, 30.0, "30", "100,50", None, [0], [1.5], ["30"], [True], [[30]], {}),
}
# None is right for these: doing without.
OPTIONAL: dict[str, tuple[Any, ...]] = {
    "patience": (True, 0, -1, 0.5, "1", [1], {}, 10**30),
    "shards": (True, 0, -1, 0.5, "1", [1], {}, 10**30),
    "clip": (True, 0, "abc", [1.0], {}, "none"),
    "augment": (True, 1, "x", [], {"shift": "x"}, {"shift": -1}, {"shif": 1}, {"shift": float("nan")}),
}


def default(one: dataclasses.Field[Any]) -> Any:
    if one.default is not dataclasses.MISSING:
        return one.default
    return one.default_factory() if one.default_factory is not dataclasses.MISSING else ""


@pytest.mark.parametrize("one", dataclasses.fields(Recipe), ids=lambda one: one.name)
def test_every_setting_refuses_every_wrong_value_in_one_line(one: dataclasses.Field[Any]) -> None:
    wrong = OPTIONAL.get(one.name) or WRONG[type(default(one))]
    for value in (*NEVER, *wrong):
        for make in (made, changed):
            told = refusal(lambda make=make, value=value: make(one.name, value))
            assert "\n" not in told and 0 < len(told) < 500, f"{one.name}={value!r:.60}: {told or 'it was taken'}"


def refusal(call: Callable[[], Any]) -> str:
    """What is said against it; "" where nothing is."""
    try:
        call()
    except ByhandError as error:
        return str(error)
    return ""


def made(name: str, value: Any) -> Recipe:
    return Recipe(**({"name": "x"} | {name: value}))


def changed(name: str, value: Any) -> Recipe:
    """Changed in a recipe whose model reads the setting, so that it is the value that is refused."""
    model = next((model for model in kinds.in_recipes() if name in kinds.of_recipe(model).settings), "feedforward")
    return recipe("iris").changed(model=model, cost="cross_entropy").changed(**{name: value})


def test_every_setting_has_a_check_and_keeps_its_own_default() -> None:
    assert set(checks()) == {one.name for one in dataclasses.fields(Recipe)}
    for one in dataclasses.fields(Recipe)[1:]:
        assert checks()[one.name](one.name, default(one)) == default(one)


def test_a_setting_without_a_check_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass(frozen=True)
    class More(Recipe):
        new: int = 3

    checks.cache_clear()
    monkeypatch.setattr(recipes, "Recipe", More)
    with pytest.raises(ModelError, match="has no check"):
        checks()
    monkeypatch.undo()
    checks.cache_clear()


def test_every_shaping_setting_is_read_by_some_model_and_is_a_setting() -> None:
    assert set(checks()) >= shaping() >= {"hidden", "model_options", "activation"}
    assert all(kinds.of_recipe(model).settings for model in kinds.in_recipes())


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("seed=1.5", "seed must be a whole number, 0 or more, got 1.5"),
        ("seed=True", "seed must be a whole number, 0 or more, got 'True'"),
        ("clip=abc", "clip must be a number above 0, got 'abc'"),
        ("batch_size=2.5", "batch_size must be a whole number, 1 or more, got 2.5"),
        ("hidden=30", "hidden must be a list of whole numbers, got 30: for a single one [30]"),
        ("hidden=[30,0]", "hidden: each must be 1 or more, got 0"),
        ("epochs=0", "epochs must be 1 or more, got 0"),
        ("even=maybe", "even must be true or false, got 'maybe'"),
        ("lr=0,5", "lr must be a number above 0, got '0,5': write the decimal point as a dot"),
        ("lr=1e400", "lr must be a finite number above 0, got inf"),
        ("dropout=1", "dropout must be 0 or more and below 1, got 1"),
        ("activaton=tanh", "a recipe has no setting 'activaton': did you mean 'activation'?"),
        ("activation=tan", "activation 'tan' is unknown: did you mean 'tanh'?"),
        ('optimizer_settings={"momentun":0.9}', "the optimizer sgd has no setting 'momentun': did you mean 'momentum'?"),
        ('optimizer_settings={"momentum":"a"}', "momentum must be a number, 0 or more and below 1, got 'a'"),
        ("cost=bce", "cost 'bce' is unknown: choose one of quadratic, cross_entropy"),
        ("dropout=[" * 100_000, "dropout must be a number"),
        ("=3", "--set must be key=value, for example --set lr=0.5, got '=3'"),
        ("lr", "--set must be key=value"),
    ],
)
def test_what_is_typed_wrong_is_told_with_what_to_type(setting: str, told: str) -> None:
    with pytest.raises(ModelError) as caught:
        recipe("iris").changed(**dict([parse_setting(setting)]))
    assert str(caught.value).startswith(told) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"cost": "cross_entropy", "output": "relu"}, "must be sigmoid or softmax, got 'relu'"),
        ({"model": "cnn", "cost": "mse", "hidden": [30]}, "a cnn does not read hidden"),
        ({"model": "cnn", "cost": "quadratic"}, "cost 'quadratic' is unknown"),
        ({"model": "vae", "dropout": 0.5}, "a vae does not read dropout"),
        ({"model_options": {"latent": 2}}, "a feedforward does not read model_options"),
        ({"augment": {"shift": 1}, "binarise": True}, "augment and binarise must not both be set"),
        ({"augment": {"shift": 1}}, r"augment needs square grey images or coloured ones, got iris with samples of \(4,\)"),
        ({"binarise": True}, "binarise needs brightnesses from 0 to 1, got iris with -"),
        ({"data_options": {"sed": 1}}, "the data 'iris' has no setting 'sed': did you mean 'seed'"),
        ({"data_options": {"seed": "x"}}, "seed must be a whole number"),
        ({"data": "nothere.csv"}, "'nothere.csv' does not exist"),
        ({"model": "autoencoder", "model_options": {"latnt": 2}}, "no setting 'latnt': did you mean 'latent'"),
        ({"model": "autoencoder", "model_options": {"latent": "2"}}, "latent must be a whole number"),
        ({"model": "autoencoder", "model_options": {"seed": 2}}, "no setting 'seed'"),
        ({"model": "diffusion", "model_options": {"standardise": 1}}, "standardise must be true or false"),
        ({"model": "diffusion", "model_options": {"width": 2.5}}, "width must be a whole number"),
        ({"model": "diffusion", "model_options": {"features": 2}}, "no setting 'features'"),
    ],
)
def test_settings_that_do_not_go_together_are_told_before_the_first_step(settings: dict[str, Any], told: str) -> None:
    def prepare() -> None:
        wrong = recipe("iris").changed(**settings)
        splits = load_splits(wrong)
        begin(wrong, build(wrong, splits), splits)

    assert re.search(told, refusal(prepare)) and "\n" not in refusal(prepare)


@pytest.mark.parametrize(
    "text",
    [
        "", "name = 5", "lr = 0.5", 'name = "x"\nlr = "0.5"', 'name = "x"\nlr = nan', 'name = "x"\nhidden = 30',
        'name = "x"\nhidden = [true]', 'name = "x"\nepochs = 1.5', 'name = "x"\nseed = -1', 'name = "x"\nunknown = 1',
        'name = "x"\nmodel_options = 5', 'name = "x"\n[lr]\na = 1', 'name = "x"\nclip = false', "[", "\0", "a" * 10_000,
        'name = "x"\nlr = ' + "[" * 5_000, 'name = "x"\nlr = 1' + "0" * 5_000,
    ],
)  # fmt: skip
def test_a_damaged_recipe_file_ends_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(TrainingError, match=r"recipe\.toml cannot be read") as caught:
        read_recipe(tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def test_what_a_run_writes_is_the_recipe_that_is_read(tmp_path: Path) -> None:
    made = recipe("iris").changed(epochs=1, optimizer_settings={"momentum": 0.5}, clip=2, data_options={"seed": 3})
    run(made, tmp_path)
    assert read_recipe(tmp_path) == made


ROW = {
    "epoch": 0, "step": 12, "seconds": 1.0, "cost": 1.0, "validation_cost": None, "validation_accuracy": None, "learning_rate": 1,
}  # fmt: skip
WRONG_CELLS: tuple[tuple[str, Any], ...] = (
    ("epoch", "0"), ("epoch", -1), ("epoch", 0.5), ("step", None), ("step", True), ("cost", "1"), ("cost", None), ("cost", [1]),
    ("cost", 10**400), ("seconds", {}), ("validation_cost", "x"), ("validation_accuracy", [0.5]), ("learning_rate", False),
    ("more", 1),
)  # fmt: skip


@pytest.mark.parametrize(
    "row",
    ["5", "[]", "null", '"x"', "{}", '{"epoch": 0}', "[" * 100_000, "{", "1" * 5_000]
    + [json.dumps(ROW | {name: value}) for name, value in WRONG_CELLS],
    ids=lambda row: row[:60],
)
def test_a_damaged_history_ends_in_one_line(row: str, tmp_path: Path) -> None:
    from byhand.training.history import read_history

    (tmp_path / "history.jsonl").write_text(row + "\n")
    with pytest.raises(TrainingError, match=r"history\.jsonl") as caught:
        read_history(tmp_path / "history.jsonl")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "name", ["lr", "batch_size", "epochs", "seed", "hidden", "activation", "cost", "optimizer", "schedule", "recipe"]
)
def test_the_page_refuses_the_same_values(name: str) -> None:
    for value in (None, "x", float("nan"), -1, 10**30, [], {}, [0], True, "٣"):
        if (name, value) == ("hidden", []):
            continue  # no hidden layer is a network too
        told = refusal(lambda value=value: chosen({"recipe": "iris", name: value}))
        assert told and "\n" not in told, f"{name}={value!r:.40}"


def test_a_recipe_cannot_be_changed_through_what_it_was_given() -> None:
    options = {"seed": 1}
    made = recipe("iris").changed(data_options=options)
    options["seed"] = 2
    assert made.data_options == {"seed": 1}


def test_own_entries_of_the_tables_are_known_to_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    from byhand.activations import ACTIVATIONS

    monkeypatch.setitem(ACTIVATIONS, "mine", ACTIVATIONS["tanh"])
    assert recipe("iris").changed(activation="mine").activation == "mine"


def test_every_shipped_recipe_is_unchanged_by_its_own_checks() -> None:
    for name, made in RECIPES.items():
        assert recipes.read(dataclasses.asdict(made)) == made, name
