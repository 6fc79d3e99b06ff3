"""Whom the doctor examines: a training as it begins, with what it is measured on; and a way to leave it as it was."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import math
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.data.dataset import Dataset
from byhand.errors import ByhandError, ModelError
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
        model = self.model
        return hasattr(model, "predict") and model.kind in ("feedforward", "network") and self.y.ndim == 2

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
        raise ModelError(f"{what} is neither a recipe nor a run's folder: the doctor wants one of them, or script.py:make")
    patient = from_recipe(found)
    if (path.parent / "history.jsonl").exists():
        patient.history = read_history(path.parent / "history.jsonl")
    return patient


def from_recipe(recipe: Recipe) -> Patient:
    """The training of a recipe, before its first step."""
    splits = load_splits(recipe)
    network = build(recipe, splits)
    return Patient(begin(recipe, network, splits), splits.validation, splits.test, recipe.name)


def _from_script(what: str, seed: int | None) -> Patient:
    path, _, function = what.rpartition(":")
    if not Path(path).is_file():
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
        raise ModelError(f"{what} raised {told}{_line(error, path)}; mend it, and run the doctor again") from error
    if isinstance(made, Steps):
        made = Patient(made)
    elif isinstance(made, tuple) and made and isinstance(made[0], Steps):
        made = Patient(*made)
    if not isinstance(made, Patient):
        raise ModelError(
            f"{what} returned a {type(made).__name__}, but a byhand.Patient, or what byhand.steps returns, is wanted"
        )
    made.name = made.name or what
    return made


def _line(error: BaseException, path: str) -> str:
    """Where in the script it was raised: ", line 12"; "" where the traceback does not touch it."""
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == path]
    return f", line {lines[-1]}" if lines else ""


# ---------------------------------------------------------------- leaving it as it was


@contextmanager
def undisturbed(training: Steps) -> Iterator[Steps]:
    """Whatever is done to the training inside, afterwards it stands where it stood: parameters, buffers, optimiser, chance."""
    model, optimizer = training.model, training.optimizer
    parameters, gradient = model.parameters.copy(), model.gradient.copy()
    buffers = {name: array.copy() for name, array in model.buffers.items()}
    rng = copy.deepcopy(model.rng)
    settings = {name: getattr(model, name) for name in ("dropout", "l2", "l1") if hasattr(model, name)}
    kept = dict(vars(training))
    optimizer_kept = {name: copy.deepcopy(value) for name, value in vars(optimizer).items()}
    generator = copy.deepcopy(training.augment_rng)
    try:
        yield training
    finally:
        model.parameters[...], model.gradient[...] = parameters, gradient
        for name, array in model.buffers.items():
            array[...] = buffers[name]
        for name, value in settings.items():
            setattr(model, name, value)
        vars(training).clear()
        vars(training).update(kept)
        vars(optimizer).clear()
        vars(optimizer).update(optimizer_kept)
        training.augment_rng, model.rng = generator, rng


def retimed(training: Steps, *, epochs: int | None = None, batch_size: int | None = None) -> None:
    """Give a training that has not begun another length, or batches of another size."""
    training.epochs = training.epochs if epochs is None else epochs
    if batch_size is not None:
        training.batch_size = min(batch_size, len(training.x))
        training._x = np.empty((training.batch_size, training.x.shape[1]), training.x.dtype)
        training._y = np.empty((training.batch_size, training.y.shape[1]), training.y.dtype)
    training.batches = math.ceil(len(training.x) / training.batch_size)
    training.total = training.epochs * training.batches


# ---------------------------------------------------------------- its parameters by name, and in double precision


def blocks(model: Any) -> dict[str, slice]:
    """Where each named tensor stands in the model's flat vector of parameters, in the order of the computation."""
    flat = model.parameters
    base, size = flat.__array_interface__["data"][0], flat.itemsize
    named: dict[str, Any] = dict(model.module.parameters()) if hasattr(model, "module") else model.tensors()
    found = {}
    for name, tensor in named.items():
        array = getattr(tensor, "data", tensor) if hasattr(tensor, "requires_grad") else tensor
        start = (array.__array_interface__["data"][0] - base) // size
        if np.shares_memory(array, flat) and start >= 0 and start + array.size <= flat.size:
            found[name] = slice(int(start), int(start + array.size))
    return found


def in_double(model: Any) -> Any:
    """The same model in float64, of the same class, as far as that can be; raises ModelError where it cannot.

    Its parameters are the model's as they stand now; what it learns does not touch the model.
    """
    twin = copy.copy(model)
    twin.dtype = np.dtype(np.float64)
    twin.rng = copy.deepcopy(model.rng)
    if model.kind == "feedforward":
        twin.parameters, twin.weights, twin.biases = twin._flat()
        twin.gradient, twin.weight_gradients, twin.bias_gradients = twin._flat()
        twin._buffers, twin._batch = {}, None
    elif hasattr(model, "module"):
        twin.module = copy.deepcopy(model.module)
        for _, parameter in twin.module.parameters():
            parameter.grad = None
        twin.parameters, twin.gradient = twin._flatten()
        for name, value in vars(model).items():
            if value is model.module:  # some know it by a name of their own as well
                setattr(twin, name, twin.module)
        if hasattr(model, "learned"):
            twin.learned = model.learned.astype(np.float64)
        twin.rng = copy.deepcopy(model.rng)
        if model.kind == "diffusion":
            twin.scale = None if model.scale is None else tuple(part.astype(np.float64) for part in model.scale)
            twin.average = model.average.astype(np.float64)
            twin.averaged = twin._views(twin.average)
    elif hasattr(model, "encoder"):
        from byhand.models.stack import Stack

        twin.parameters = np.zeros(model.parameters.shape)
        twin.gradient = np.zeros_like(twin.parameters)
        split = Stack.count(model.encoder.sizes)
        for half, part in (("encoder", slice(None, split)), ("decoder", slice(split, None))):
            stack = copy.copy(getattr(model, half))
            stack.__init__(
                stack.sizes, [activation.name for activation in stack.activations], twin.parameters[part], twin.gradient[part]
            )
            stack.activations = getattr(model, half).activations
            setattr(twin, half, stack)
        twin.buffers = {name: array.astype(np.float64) for name, array in model.buffers.items()}
    else:
        raise ModelError(f"the doctor cannot make a {type(model).__name__} more precise: its kind is {model.kind!r}")
    twin.parameters[...] = model.parameters
    return twin
