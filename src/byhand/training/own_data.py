"""Defaults for data that no recipe was written for: a network and a training that fit what they are."""

from __future__ import annotations

import math
import os
from typing import Any

from byhand import data
from byhand.data.dataset import Dataset, Splits
from byhand.data.folder import Progress, options_of
from byhand.training.picture_defaults import for_pictures
from byhand.training.recipes import Recipe, recipe
from byhand.training.run import load_splits

STEPS = {"classes": 2_000, "yes_no": 2_000, "labels": 3_000, "numbers": 4_000}  # that a small table is trained for
FEWEST_EPOCHS = 20
MOST_EPOCHS = {"classes": 100, "yes_no": 100, "labels": 100, "numbers": 300}
MANY_INPUTS = 40
# Units of the hidden layers for a table. A number that bends with another needs two layers; classes do as well with one.
HIDDEN = {"classes": (64,), "yes_no": (64,), "labels": (64,), "numbers": (64, 32)}


def recipe_for(
    what: str,
    options: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
    progress: Progress = None,
) -> tuple[Recipe, Splits | None]:
    """A recipe by its name; or, for a path, the one that fits the data there, and these data, which it was chosen by.

    options: of the data, such as a table's target; changes: settings of the recipe; progress hears how many pictures are read.

    >>> recipe_for("iris", changes={"lr": 0.5})[0].lr
    0.5
    >>> recipe_for("mnist-cnn", changes={"data_options": {}})[0].data_options
    {}
    """
    changes = dict(changes or {})
    given = changes.pop("data_options", None)  # which say all of them, instead of the recipe's
    options = {**(options or {}), **(given or {})}
    is_path = os.path.exists(what) or os.sep in what or os.path.splitext(what)[1] != ""
    if not is_path and what != "emnist":
        known = recipe(what)
        its = known.data_options if given is None and changes.get("data", known.data) == known.data else {}
        return known.changed(data_options=its | options, **changes), None
    if os.path.splitext(what)[1].lower() == ".txt":
        return recipe("attention").changed(**{"name": stem(what), "data": what, "data_options": options, **changes}), None
    splits = data.load(what, progress=progress, **options)
    if os.path.isdir(what) and splits.train.inputs.ndim == 4:
        options |= options_of(splits.train)  # whatever else will stand in the folder, the model's pictures stay as they were
    chosen = fitting(splits.train, what, options, changes)
    return chosen, load_splits(chosen, splits if chosen.data == what else None)


def fitting(train: Dataset, what: str, options: dict[str, Any], changes: dict[str, Any]) -> Recipe:
    """The recipe that fits the data of this path, or name, and was then changed by hand."""
    about = {"lr": 0.5}
    if train.encoding is not None or not os.path.exists(what):
        about = for_table(train)
    elif os.path.isdir(what) and train.inputs.ndim == 4:
        about = for_pictures(train, str(changes.get("model", "cnn")))
    return Recipe(stem(what), data=what, data_options=options, **(for_outputs(train) | about)).changed(**changes)


def for_outputs(train: Dataset) -> dict[str, Any]:
    """Output and cost by what is learned: probabilities of classes, one of each label, or numbers as they are."""
    if train.task == "labels":
        return {"output": "sigmoid", "cost": "cross_entropy"}
    if train.task == "numbers":
        return {"output": "identity", "cost": "quadratic"}
    return {"output": "softmax", "cost": "cross_entropy"}


def for_table(train: Dataset) -> dict[str, Any]:
    """Network and training for the columns of a table; their inputs are standardised, so one rate serves them all.

    Chosen on twenty tables beside scikit-learn's MLPClassifier and MLPRegressor: `python -m tests.tables`.
    """
    n = len(train)
    batch_size = max(8, min(32, n // 8)) if n < 10_000 else 128 if n < 50_000 else 256
    steps = math.ceil(n / batch_size)
    return {
        "hidden": HIDDEN[train.task],
        "activation": "relu",
        "optimizer": "adamw",
        "optimizer_settings": {"weight_decay": weight_decay(train.task, n, train.flat.shape[1])},
        "lr": 0.01,
        "schedule": "one_cycle",
        "batch_size": batch_size,
        "epochs": min(MOST_EPOCHS[train.task], max(FEWEST_EPOCHS, math.ceil(STEPS[train.task] / steps))),
    }


def weight_decay(task: str, n: int, n_in: int) -> float:
    """How strongly weights are pulled to 0, for n rows of n_in inputs: the more, the fewer rows there are for each input.

    On the tables of `tests.tables.fresh` with other decays, 6 seeds: 30 columns in 455 rows want 1 (0.33 is 1.8 points worse),
    two columns in 480 rows want 0.05 (1 is 5.5 points worse). The number of rows does not tell the two apart, rows per input do.
    More columns than MANY_INPUTS say much the same again, as pixels do: 3,200 digits want 0.15, and 1 is 1.2 points worse.

    >>> weight_decay("classes", 480, 2), weight_decay("classes", 3_200, 784), weight_decay("numbers", 120, 4)
    (0.05, 0.15, 0.02)
    """
    return 0.02 if task == "numbers" else max(0.01, min(1.0, 12 * min(n_in, MANY_INPUTS) / n))


def stem(spec: str) -> str:
    """The name of a file or a folder, of "." too, without what says how it is written and packed."""
    name = os.path.basename(os.path.abspath(spec))
    return os.path.splitext(name.removesuffix(".gz"))[0] or "data"
