"""What the Train page offers and accepts: recipes as starting points, and every setting within limits.

Whatever comes from the page is checked here, before it reaches the training process. The page sends its fields as they were
typed, and knows no limits but those that `offered` tells it: what is right is decided in one place.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from byhand import limits
from byhand.activations import ACTIVATIONS
from byhand.costs import COSTS
from byhand.data.emnist import where
from byhand.errors import ByhandError, ModelError
from byhand.optim import OPTIMIZERS
from byhand.schedules import SCHEDULES
from byhand.training.recipes import RECIPES, Recipe

KINDS = {
    "feedforward": ("hidden", "activation", "cost"),
    "cnn": (),
    "autoencoder": ("hidden", "activation"),
    "vae": ("hidden", "activation"),
    "diffusion": (),
    "gan": (),
}  # the models that the page knows, and which of their settings may be changed besides those of any training
HIDDEN = tuple(name for name in ACTIVATIONS if name != "softmax")
PROBABILITIES = COSTS["cross_entropy"].outputs
MOST_LAYERS, MOST_UNITS, MOST_PARAMETERS = 8, 2_048, 20_000_000
LARGEST_RATE = 1_000.0
SPANS = {"batch_size": (1, 4_096), "epochs": (1, 10_000), "seed": (0, 2**31)}  # of the whole numbers: the least and the most
WORDS = {"lr": "learning rate", "batch_size": "batch size", "hidden": "hidden layers"}
FREE = ("optimizer", "schedule", "lr", "batch_size", "epochs", "seed")  # what may be changed of any training
# What is no class needs outputs and a cost of its own.
OF_TASK = {
    "numbers": {"output": "identity", "cost": "quadratic"},
    "labels": {"output": "sigmoid", "cost": "cross_entropy"},
}
OWN = "own"  # the name of uploaded data


PLANE = ("moons", "circles", "spiral", "xor", "under-a-function")
SHAPES = {
    "mnist": (28, 28, 1),
    "emnist": (28, 28, 1),
    "iris": (4,),
    **dict.fromkeys(PLANE, (2,)),
}  # of a sample of the data at hand
NEEDS = {"images": "images (H, W, C)", "points": "points of two numbers", "numbers": "numbers"}


def needs(recipe: Recipe) -> str:
    """What samples a recipe trains on: a key of NEEDS; any are numbers."""
    if recipe.model == "cnn" or recipe.binarise:  # which draws black or white by a pixel's brightness
        return "images"
    if recipe.model in ("diffusion", "gan"):
        return "points" if SHAPES.get(recipe.data) == (2,) else "images"
    return "numbers"


def goes_with(recipe: Recipe, shape: Sequence[int]) -> bool:
    """Whether a recipe can be trained on samples of this shape.

    >>> goes_with(RECIPES["mnist-cnn"], (4,)), goes_with(RECIPES["moons-diffusion"], (2,))
    (False, True)
    """
    return {"images": len(shape) == 3, "points": tuple(shape) == (2,), "numbers": True}[needs(recipe)]


def check_pair(recipe: Recipe, shape: Sequence[int], data: str | None = None) -> None:
    """Raises ModelError where a recipe cannot be trained on samples of this shape."""
    if not goes_with(recipe, shape):
        having = f"{data or Path(recipe.data).name} has samples of {tuple(shape)}"
        raise ModelError(
            f"the recipe {recipe.name} trains on {NEEDS[needs(recipe)]}, but {having}: choose other data, or another recipe"
        )


def fitting(shape: Sequence[int], task: str = "classes") -> list[str]:
    """The recipes that go with samples of this shape, and with what is learned of them."""
    known = [
        recipe for recipe in RECIPES.values() if is_watched(recipe) and (recipe.model == "feedforward" or task not in OF_TASK)
    ]
    return [recipe.name for recipe in known if goes_with(recipe, shape)]


def data_names() -> list[str]:
    """The data sets that are at hand without a download."""
    return ["mnist", *PLANE, "iris", *(["emnist"] if Path(where()).is_dir() else [])]


def offered() -> dict[str, Any]:
    """Everything that the page's form lets one choose, for JSON."""
    names = data_names()
    recipes = [recipe for recipe in RECIPES.values() if is_watched(recipe) and recipe.data in names]
    return {
        "data": {name: fitting(SHAPES[name]) for name in names},
        "recipes": {recipe.name: {"about": recipe.about, "settings": as_settings(recipe)} for recipe in recipes},
        "kinds": KINDS,
        "choices": {
            "activation": list(HIDDEN),
            "cost": [name for name, cost in COSTS.items() if set(cost.outputs) & set(PROBABILITIES)],
            "optimizer": list(OPTIMIZERS),
            "schedule": list(SCHEDULES),
        },
        "spans": SPANS,
        "words": WORDS,
    }


def is_watched(recipe: Recipe) -> bool:
    """Whether the page can train it: what learns a coder's codes shows nothing by itself, and of numbers no class is right."""
    return recipe.model in KINDS and not recipe.latents_of and recipe.data in SHAPES


def as_settings(recipe: Recipe) -> dict[str, Any]:
    """A recipe as the form shows it."""
    return {
        "recipe": recipe.name,
        "model": recipe.model,
        "data": recipe.data,
        "hidden": list(recipe.hidden),
        "activation": recipe.activation,
        "cost": recipe.cost,
        "optimizer": recipe.optimizer,
        "schedule": recipe.schedule,
        "lr": recipe.lr,
        "batch_size": recipe.batch_size,
        "epochs": recipe.epochs,
        "seed": recipe.seed,
    }


def typed(text: Any) -> Any:
    """A number as it was typed into a field, with a point or a comma; other text stays, to be refused.

    >>> typed("0,003"), typed(" 30 "), typed("many"), typed(None)
    (0.003, 30, 'many', None)
    """
    if not isinstance(text, str):
        return text
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text.strip().replace(",", "."))
    return text.strip()


def as_typed(fields: Any) -> Any:
    """The form's fields as settings: numbers of what was typed as numbers, a list of the hidden layers.

    >>> as_typed({"recipe": "moons", "lr": "0.01", "hidden": "16, many"})
    {'recipe': 'moons', 'lr': 0.01, 'hidden': [16, 'many']}
    """
    if not isinstance(fields, dict):
        return fields
    settings = fields | {name: typed(fields[name]) for name in ("lr", *SPANS) if name in fields}
    if isinstance(fields.get("hidden"), str):
        settings["hidden"] = [typed(part) for part in re.split(r"[\s,;]+", fields["hidden"]) if part]
    return settings


def chosen(asked: Any, own: Path | None = None, facts: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe that the form describes; own: the uploaded file, where there is one, and what is known of it.

    Raises ModelError for a setting that is missing, of the wrong type, unknown or out of its limits.
    """
    if not isinstance(asked, dict):
        raise ModelError("settings are an object with a recipe and what is changed of it: fill in the form")
    base = limits.one_of("recipe", asked.get("recipe"), [name for name, one in RECIPES.items() if is_watched(one)])
    recipe = RECIPES[base]
    for name in asked:
        limits.one_of("setting", name, list(as_settings(recipe)))
    names = [*data_names(), *([OWN] if own else [])]
    data = limits.one_of("data", asked.get("data", recipe.data), names)
    known = facts if facts is not None and data == OWN else {}
    check_pair(recipe, known.get("inputs", ()) if data == OWN else SHAPES[data], own.name if own and data == OWN else data)
    task = known.get("task", "classes")
    if task in OF_TASK and recipe.model != "feedforward":
        raise ModelError(f"{own.name if own else data} has {task} to learn, which a {recipe.model} does not: start from iris")
    changes: dict[str, Any] = {
        "data": str(own) if data == OWN else data,
        "data_options": known.get("data_options", {}) if data == OWN else _data_options(recipe, data),
        **{name: asked.get(name, getattr(recipe, name)) for name in FREE},
    }
    if changes["optimizer"] != recipe.optimizer:
        changes["optimizer_settings"] = {}
    fits = known.get("fitting")
    if fits and fits["optimizer"] == changes["optimizer"]:
        changes["optimizer_settings"] = fits["optimizer_settings"]
    if recipe.augment is not None and data not in ("mnist", "emnist"):
        changes["augment"] = None
    free = KINDS[recipe.model]
    changes |= {name: asked.get(name, getattr(recipe, name)) for name in free}
    if task in OF_TASK:
        changes |= OF_TASK[task]
    elif changes.get("cost") == "cross_entropy" and (recipe.output not in PROBABILITIES or "fitting" in known):
        changes["output"] = "softmax"
    try:
        found = recipe.changed(**changes)  # types and ranges stand there; here, what a page can show
        limits.number("lr", found.lr, most=LARGEST_RATE)
        for name, (_, most) in SPANS.items():
            limits.number(name, getattr(found, name), most=most)
        if "activation" in free:
            limits.one_of("activation", found.activation, HIDDEN)
        if "hidden" in free:
            fewest = 0 if recipe.model == "feedforward" else 1
            limits.whole_numbers("hidden", found.hidden, fewest=fewest, most=MOST_LAYERS, largest=MOST_UNITS)
    except ModelError as error:
        raise ModelError(_in_words(str(error))) from error
    return found


def _in_words(told: str) -> str:
    """An error with the words of the form in place of a setting's name."""
    name = told.partition(" ")[0].rstrip(":")
    return told.replace(name, WORDS[name], 1) if name in WORDS else told


def _data_options(recipe: Recipe, data: str) -> dict[str, Any]:
    if data == "emnist":
        return {"held_out": 0.1}
    # All of a recipe's own options but MNIST's `validation`: the page wants some digits to validate on.
    return {key: value for key, value in recipe.data_options.items() if key != "validation"} if data == recipe.data else {}


def positive(name: str, value: Any, most: float) -> float:
    """A number above 0, up to `most`, also as it was typed into a field; raises ModelError for anything else."""
    return limits.number(name, typed(value), above=0, most=most)


def least_size(recipe: Recipe, n_inputs: int, n_classes: int) -> int:
    """Weights of the network that a recipe would build, counted without building it; 0 for one whose size the data do not set."""
    if recipe.model not in ("feedforward", "autoencoder", "vae"):
        return 0
    widths = [n_inputs, *recipe.hidden, *([n_classes] if recipe.model == "feedforward" else [])]
    return sum(a * b for a, b in pairwise(widths)) * (1 if recipe.model == "feedforward" else 2)


def checked_size(parameters: int) -> None:
    """Raises ByhandError for a network that would not be watched but waited for."""
    if parameters > MOST_PARAMETERS:
        raise ByhandError(
            f"this network has {parameters:,} parameters, but the page trains at most {MOST_PARAMETERS:,}: "
            "choose smaller layers, or train it with byhand train"
        )
