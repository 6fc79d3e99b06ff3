"""`cross_validate`: how well a network does on data that it has not seen, by training several, each without another part."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

from byhand import data as datasets
from byhand import limits
from byhand.data.dataset import Dataset, Splits, in_folds
from byhand.data.tables.splits import table_splits
from byhand.errors import DataError
from byhand.training.folds import CrossValidation, over_folds
from byhand.training.own_data import fitting, recipe_for
from byhand.training.recipes import Recipe
from byhand.training.run import measured_fold


def cross_validate(
    data: Any, folds: int = 5, *, seed: int = 1, tell: Callable[[str], None] | None = None, **settings: Any
) -> CrossValidation:
    """Train a network on all folds of the data but one, measure it on that one, and so on for each; nothing is kept of them.

    Arguments:
        data: a path to a table, a DataFrame, or a `Dataset`, whose weights of samples count in the training.
        folds: 2 or more. Each holds the same share of every class, or of small and large numbers.
        seed: of everything random in a training.
        tell: hears a line per fold.
        settings: of a table: target, drop, use, task, missing. Of the training: those of a recipe, such as hidden, epochs, lr;
            what fits the data unless given. They are what `byhand train TABLE --folds N` takes, and give the same numbers.

    Returns the figures of each fold, with `mean("accuracy")`, `std("accuracy")` and `headline`; of numbers "r2" and
    "mean_absolute_error".

    Raises DataError or ModelError where there cannot be so many folds, or a setting does not fit.

    >>> import byhand
    >>> found = byhand.cross_validate(byhand.data.load("iris").train, folds=3, epochs=5)
    >>> len(found.folds), found.n
    (3, 120)
    """
    recipe, splits = _prepared(data, folds, settings | {"seed": seed})
    return over_folds(splits, lambda fold: measured_fold(recipe, fold), tell or (lambda line: None))


def _prepared(data: Any, folds: int, settings: dict[str, Any]) -> tuple[Recipe, Splits]:
    """The recipe and the folds."""
    if isinstance(data, Dataset):
        splits = in_folds(data, folds)
        return fitting(splits.train, data.name, {}, settings), splits
    of_table = limits.parameters(table_splits, "table", "seed", "folds", "parts")
    options = {name: settings.pop(name) for name in of_table if name in settings}
    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        if not os.path.exists(path):
            raise DataError(f"{limits.told(path)} does not exist: give the path to a table, a DataFrame or a Dataset")
        recipe, loaded = recipe_for(path, options | {"folds": folds}, settings)
        splits = loaded if loaded is not None else datasets.load(path, **recipe.data_options)
    else:
        splits = datasets.load(data, folds=folds, **options)
        recipe = fitting(splits.train, splits.train.name, {}, settings)
    return recipe, dataclasses.replace(splits, validation=None)
