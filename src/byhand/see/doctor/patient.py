"""Whom the doctor examines: a training as it begins, with what it is measured on."""

from __future__ import annotations

import importlib.util
import inspect
import os
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.data.dataset import Dataset
from byhand.errors import ByhandError, ModelError
from byhand.neural_network import CLASSIFICATION, GENERATION, RECONSTRUCTION
from byhand.shipped import find_model
from byhand.training.history import History, read_history
from byhand.training.recipes import RECIPES, Recipe
from byhand.training.run import begin, build, load_splits, read_recipe
from byhand.training.steps import Steps


@dataclass
class Patient:
    """A training before its first step, and its validation and test data, where there are any.

    Attributes:
        training: what `byhand.steps` returns, or anything of its kind.
        history: of a run that has ended, else empty.
    """

    training: Steps
    validation: Dataset | None = None
    test: Dataset | None = None
    name: str = ""
    history: History = field(default_factory=History)

    @property
    def model(self) -> Any:
        return self.training.model

    @property
    def x(self) -> Array:
        """The training inputs as rows, (N, n)."""
        return self.training.x

    @property
    def y(self) -> Array:
        """The training targets, (N, K)."""
        return self.training.y

    @property
    def held_out(self) -> Dataset | None:
        """What the doctor measures on: validation data, or where there are none those of the test."""
        return self.validation if self.validation is not None else self.test

    @property
    def classifies(self) -> bool:
        """Whether the network tells classes apart."""
        return bool(self.model.purpose == CLASSIFICATION) and self.y.ndim == 2

    @property
    def reconstructs(self) -> bool:
        """Whether the network gives its input back through a code."""
        return bool(self.model.purpose == RECONSTRUCTION)

    @property
    def draws(self) -> bool:
        """Whether the network makes samples out of noise."""
        return bool(self.model.purpose == GENERATION)

    def few(self, n: int, seed: int = 0) -> tuple[Array, Array]:
        """n of the training samples, evenly from all of them, as (x, y)."""
        order = np.random.default_rng(seed).permutation(len(self.x))[:n]
        return self.x[order], self.y[order]


def open_patient(what: str, seed: int | None = None) -> Patient:
    """The patient that `what` names: a recipe, a run's folder, or `script.py:make`, a function that returns a `Patient`.

    A script's function may take a `seed`. It may also return a `Steps`, or (Steps, validation, test).

    Raises ByhandError where there is no such thing, or where the script returns something else.
    """
    if ".py:" in what:
        return _from_script(what, seed)
    if what in RECIPES:
        recipe = RECIPES[what] if seed is None else RECIPES[what].changed(seed=seed)
        return from_recipe(recipe)
    path = find_model(what)
    found = read_recipe(path.parent)
    if found is None:
        raise ModelError(f"{what} is neither a recipe nor a run's folder: the doctor needs one of them, or script.py:make")
    patient = from_recipe(found)
    if (path.parent / "history.jsonl").exists():
        patient.history = read_history(path.parent / "history.jsonl")
    return patient


def from_recipe(recipe: Recipe) -> Patient:
    """The training of a recipe, before its first step; where all data are trained on after a cross-validation, its first fold."""
    splits = load_splits(recipe)
    splits = splits if splits.folds is None else next(iter(splits.folds))
    network = build(recipe, splits)
    return Patient(begin(recipe, network, splits), splits.validation, splits.test, recipe.name)


def _from_script(what: str, seed: int | None) -> Patient:
    path, _, function = what.rpartition(":")
    if not os.path.isfile(path):
        raise ModelError(f"there is no file {path}: name a script and its function, as in train.py:make")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        make = getattr(module, function, None)
        if not callable(make):
            raise ModelError(f"{path} has no function {function!r}: name one that returns a byhand.Patient, as in {path}:make")
        takes = "seed" in inspect.signature(make).parameters
        made = make(seed=seed) if takes and seed is not None else make()
    except ByhandError:
        raise
    except SyntaxError as error:
        raise ModelError(f"{path} is no Python: {error.msg}, line {error.lineno}; mend it, and run the doctor again") from error
    except (Exception, SystemExit) as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"{what} raised {told}{line_of(error, path)}; mend it, and run the doctor again") from error
    return patient_of(made, what)


def patient_of(made: Any, what: str) -> Patient:
    """What a function returned as a patient; raises ModelError for anything but a Patient, Steps or (Steps, validation, test)."""
    if isinstance(made, Steps):
        made = Patient(made)
    elif isinstance(made, tuple) and made and isinstance(made[0], Steps):
        made = Patient(*made)
    if not isinstance(made, Patient):
        raise ModelError(f"{what} must return a byhand.Patient, or what byhand.steps returns, got {type(made).__name__}")
    made.name = made.name or what
    return made


def line_of(error: BaseException, path: str) -> str:
    """Where in the script it was raised: ", line 12"; "" where the traceback does not touch it."""
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == path]
    return f", line {lines[-1]}" if lines else ""


def retimed(training: Steps, *, epochs: int | None = None, batch_size: int | None = None) -> None:
    """Give a training that has not begun another length, or batches of another size."""
    size = training.batch_size if batch_size is None else batch_size
    training.drop_last |= len(training.x) % size == 1 < len(training.x)  # batch norm cannot learn from one sample
    training.retime(training.epochs if epochs is None else epochs, size)
