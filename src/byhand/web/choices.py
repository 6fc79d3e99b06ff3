"""What the Train page offers and accepts: recipes as starting points, and every setting within limits.

Whatever comes from the page is checked here, before it reaches the training process.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

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
}  # the models that the page knows, and which of their settings may be changed besides those of any training
HIDDEN = tuple(name for name in ACTIVATIONS if name != "softmax")
PROBABILITIES = COSTS["cross_entropy"].outputs
MOST_LAYERS, MOST_UNITS, MOST_PARAMETERS = 8, 2_048, 20_000_000
MOST_BATCH, MOST_EPOCHS, MOST_SEED, LARGEST_RATE = 4_096, 10_000, 2**31, 1_000.0
OWN = "own"  # the name of uploaded data


def data_names() -> list[str]:
    """The data sets that are at hand without a download."""
    return ["mnist", "moons", "iris", *(["emnist"] if Path(where()).is_dir() else [])]


def offered() -> dict[str, Any]:
    """Everything that the page's form lets one choose, for JSON."""
    names = data_names()
    recipes = [recipe for recipe in RECIPES.values() if is_watched(recipe) and recipe.data in names]
    return {
        "data": names,
        "recipes": {recipe.name: {"about": recipe.about, "settings": as_settings(recipe)} for recipe in recipes},
        "kinds": KINDS,
        "activations": HIDDEN,
        "costs": list(COSTS),
        "optimizers": list(OPTIMIZERS),
        "schedules": list(SCHEDULES),
    }


def is_watched(recipe: Recipe) -> bool:
    """Whether the page can train it: what learns a coder's codes shows nothing by itself."""
    return recipe.model in KINDS and not recipe.codes_of


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


def chosen(asked: Any, own: Path | None = None) -> Recipe:
    """The recipe that the form describes; own: the uploaded file, where there is one.

    Raises ModelError for a setting that is missing, of the wrong type, unknown or out of its limits.
    """
    if not isinstance(asked, dict):
        raise ModelError("settings are an object with a recipe and what is changed of it: fill in the form")
    base = _one_of("recipe", asked.get("recipe"), [name for name, one in RECIPES.items() if is_watched(one)])
    recipe = RECIPES[base]
    names = [*data_names(), *([OWN] if own else [])]
    data = _one_of("data", asked.get("data", recipe.data), names)
    changes: dict[str, Any] = {
        "data": str(own) if data == OWN else data,
        "data_options": _data_options(recipe, data),
        "optimizer": _one_of("optimiser", asked.get("optimizer", recipe.optimizer), list(OPTIMIZERS)),
        "schedule": _one_of("schedule", asked.get("schedule", recipe.schedule), list(SCHEDULES)),
        "lr": positive("learning rate", asked.get("lr", recipe.lr), LARGEST_RATE),
        "batch_size": _whole("batch size", asked.get("batch_size", recipe.batch_size), 1, MOST_BATCH),
        "epochs": _whole("epochs", asked.get("epochs", recipe.epochs), 1, MOST_EPOCHS),
        "seed": _whole("seed", asked.get("seed", recipe.seed), 0, MOST_SEED),
    }
    if changes["optimizer"] != recipe.optimizer:
        changes["optimizer_settings"] = {}
    if recipe.augment is not None and data not in ("mnist", "emnist"):
        changes["augment"] = None
    free = KINDS[recipe.model]
    if "hidden" in free:
        changes["hidden"] = _hidden(asked.get("hidden", list(recipe.hidden)), recipe.model != "feedforward")
    if "activation" in free:
        changes["activation"] = _one_of("activation", asked.get("activation", recipe.activation), list(HIDDEN))
    if "cost" in free:
        changes["cost"] = _one_of("cost", asked.get("cost", recipe.cost), list(COSTS))
        if changes["cost"] == "cross_entropy" and recipe.output not in PROBABILITIES:
            changes["output"] = "softmax"
    return recipe.changed(**changes)


def _data_options(recipe: Recipe, data: str) -> dict[str, Any]:
    if data == "emnist":
        return {"held_out": 0.1}
    # All of a recipe's own options but MNIST's `validation`: the page wants some digits to validate on.
    return {key: value for key, value in recipe.data_options.items() if key != "validation"} if data == recipe.data else {}


def positive(name: str, value: Any, most: float) -> float:
    """A number above 0, up to `most`; raises ModelError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most or not math.isfinite(value):
        raise ModelError(f"{name} is {_short(value)}, but it is a number above 0 and at most {most:g}: choose such a one")
    return float(value)


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ModelError(f"{name} is {_short(value)}, but it is a whole number from {least:,} to {most:,}: choose such a one")
    return value


def _one_of(name: str, value: Any, known: list[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise ModelError(f"{name} {_short(value)} is unknown: choose one of {', '.join(known)}")
    return value


def _hidden(value: Any, needed: bool) -> list[int]:
    if not isinstance(value, list) or len(value) > MOST_LAYERS or (needed and not value):
        raise ModelError(
            f"hidden layers are {_short(value)}, but they are units a layer, at most {MOST_LAYERS} layers, as in 100, 50"
        )
    return [_whole("units of a hidden layer", units, 1, MOST_UNITS) for units in value]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def checked_size(parameters: int) -> None:
    """Raises ByhandError for a network that would not be watched but waited for."""
    if parameters > MOST_PARAMETERS:
        raise ByhandError(
            f"this network has {parameters:,} parameters, but the page trains at most {MOST_PARAMETERS:,}: "
            "choose smaller layers, or train it with byhand train"
        )
