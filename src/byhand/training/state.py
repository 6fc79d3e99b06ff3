"""The state of a training: all that must be kept so that it stands again exactly where it stood.

More than the parameters belong to it: buffers (batch norm's running statistics, the running mean of diffusion's weights), the
optimiser's vectors and count, the rate, the place in the data, and every generator. `Steps.snapshot` copies all of it and
`Steps.restore` puts it back. Checkpoints, recordings, early stopping, the rate finder and the doctor have no other way.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from byhand.backend import Array, array_module

if TYPE_CHECKING:
    from byhand.training.steps import Steps


class Snapshot(NamedTuple):
    """Where a training stood: copies of its arrays by name, and its numbers as JSON takes them."""

    vectors: dict[str, Array]
    position: dict[str, Any]


def arrays_of(model: Any) -> dict[str, Array]:
    """The arrays of a model that belong to its state, by name: views, where they are."""
    return {"parameters": model.parameters} | {f"buffer.{name}": array for name, array in model.buffers.items()}


def put(arrays: dict[str, Array], vectors: dict[str, Array]) -> None:
    """Write vectors into the arrays of the same names."""
    for name, array in arrays.items():
        array[...] = array_module(array).asarray(vectors[name])


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """Where a generator stands, as JSON takes it."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(part) for key, part in value.items()}
        return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value

    found: dict[str, Any] = plain(rng.bit_generator.state)
    return found


def set_generator(rng: np.random.Generator, state: dict[str, Any]) -> None:
    """Put a generator where `generator_state` found it."""

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: whole(part) for key, part in value.items()}
        return np.array(value, np.uint64) if isinstance(value, list) else value

    rng.bit_generator.state = whole(state)


@contextmanager
def undisturbed(training: Steps) -> Iterator[Steps]:
    """Whatever is done to the training inside, its settings included, afterwards it stands where it stood."""
    model, optimizer = training.model, training.optimizer
    snapshot, gradient, rng = training.snapshot(), model.gradient.copy(), model.rng
    modules = model.modules()
    modes = [module.training for module in modules]
    settings = {name: getattr(model, name) for name in model.tunable}
    of_training, slots = dict(vars(training)), dict(optimizer.state)
    of_optimizer = {name: copy.deepcopy(value) for name, value in vars(optimizer).items() if name != "state"}
    try:
        yield training
    finally:
        vars(training).clear()
        vars(training).update(of_training)
        vars(optimizer).clear()
        vars(optimizer).update(of_optimizer, state=slots)
        for name, value in settings.items():
            setattr(model, name, value)
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        model.rng = rng
        training.restore(snapshot)
        model.gradient[...] = gradient


@contextmanager
def same_buffers(model: Any) -> Iterator[None]:
    """Put a model's buffers back after what is done inside: `learn` moves running statistics."""
    kept = {name: array.copy() for name, array in model.buffers.items()}
    try:
        yield
    finally:
        put(model.buffers, kept)
