"""Which step to explain: of a recipe as it begins or after some steps, of a recorded run, or of a trained model.

On a real batch, or on one sample.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.modelfile import Model, load_model
from byhand.see.accounts import account_of
from byhand.see.explain import explain
from byhand.see.explanation import Explanation
from byhand.shipped import find_model, measured
from byhand.training.recipes import RECIPES, Recipe
from byhand.training.recording_files import has_recording
from byhand.training.replay import RunReplay, open_recording
from byhand.training.run import begin, build, load_splits, read_recipe

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset
    from byhand.training.steps import Steps


def explain_step(
    what: str,
    *,
    sample: int | None = None,
    step: int | None = None,
    weights: Sequence[str] = (),
    at: Sequence[str] = (),
    trained: bool = False,
) -> Explanation:
    """Explain one step of the training that `what` names: a recipe, a run's folder, a model file, a shipped model.

    `step` training steps are taken first; then the next batch of the training is explained, or one `sample` of its data. Of a run
    with a recording it is that step of the run itself.
    `weights` are those to prove of a plain feed-forward network, "layer:j,k"; `at` outputs to follow of a network of modules,
    "SCOPE:N,I,J,O", or "J,P", a number of the code and a pixel, of a VAE or an autoencoder.
    `trained`: where a recipe and a shipped model have one name, that of the model.

    Raises ModelError for a sample, a step, a weight or an output that there is not.
    """
    place = str(find_model(what)) if trained else what
    training, data = training_of(place, step, lambda network: account_of(network).check(weights, at, what))
    explanation = explain_upcoming(training, data, sample=sample, weights=weights, at=at, what=what)
    return replace(explanation, provenance=provenance(place, training.index))


def provenance(what: str, step: int) -> str:
    """Whose weights an explanation begins with, in words; what: as in `explain_step`."""
    on_the_way = "" if step == 0 else f"after {step:,} training step{'s' if step > 1 else ''}"
    if what in RECIPES:
        return on_the_way or "as drawn, not trained"
    if _recorded(what, step) is not None:
        return f"of the recorded run, {on_the_way or 'before its first step'}"
    figures = measured(load_model(find_model(what)).metrics)
    return f"trained{f' ({figures})' if figures else ''}" + (f", and {on_the_way} more" if on_the_way else "")


def training_of(what: str, step: int | None = None, check: Callable[[Any], None] = lambda _: None) -> tuple[Steps, Dataset]:
    """The training that `what` names as in `explain_step`, before its step `step`, and its data; `check` may refuse the network.

    Raises ModelError for what there is not.
    """
    recipe, replay = RECIPES.get(what), _recorded(what, step)
    network: Any = None
    model: Model | None = None
    if replay is not None:
        recipe = replay.recipe
    elif recipe is None:
        path = find_model(what)
        model = load_model(path)
        network = model.network
        recipe = (
            read_recipe(path.parent)
            or RECIPES.get(model.recipe)
            or Recipe("unnamed", data=model.preprocessing.get("data", "mnist"))
        )
    splits = replay.splits if replay is not None else load_splits(recipe)
    if model is not None:  # its outputs keep their meaning, in whatever order the data name their classes
        splits = replace(splits, train=model.in_classes(splits.train), test=model.in_classes(splits.test))
    if replay is not None:
        training = replay.at(step or 0)
        network = training.model
    elif network is None:
        network = build(recipe, splits)
    check(network)
    if replay is None:
        training = begin(recipe, network, splits)
    if step is not None and not 0 <= step < training.total:
        raise ModelError(f"step must be from 0 to {training.total - 1:,} in this training, got {step}")
    while training.index < (step or 0):
        next(training)
    return training, splits.train


def check_named(what: str) -> None:
    """Raises ModelError where `what` names neither a recipe nor a model nor a run."""
    if what not in RECIPES:
        find_model(what)


def explain_upcoming(
    training: Steps,
    data: Dataset,
    *,
    sample: int | None = None,
    weights: Sequence[str] = (),
    at: Sequence[str] = (),
    what: str = "it",
) -> Explanation:
    """Explain the step that a training takes next, of its data; the training stays where it is.

    `sample`, `weights` and `at` are those of `explain_step`; `what` names the network in what is said of a wrong one.

    Raises ModelError for a sample, a weight or an output that there is not.
    """
    account_of(training.model).check(weights, at, what)
    indices, x, y = upcoming_batch(training, data, sample)
    return explain(
        training.model,
        x,
        y,
        optimizer=training.optimizer,
        indices=indices.tolist(),
        weights=weights,
        at=at,
        classes=data.class_names or data.label_names,
        clip=training.clip_length,
    )


def upcoming_batch(training: Steps, data: Dataset, sample: int | None = None) -> tuple[NDArray[np.intp], Array, Array]:
    """What the training's next step will read, or one sample of the data: indices (m,), inputs (m, n), targets (m, K).

    Sets the optimiser's rate to that of the step. Raises ModelError for a sample that there is not.
    """
    if sample is not None and not 0 <= sample < len(data):
        raise ModelError(f"sample must be from 0 to {len(data) - 1:,}, as the training data are numbered, got {sample}")
    indices = training.upcoming() if sample is None else np.array([sample])
    batch = data.take(indices)
    x = batch.flat
    if sample is None and training.augment is not None:
        x = training.augment(x, copy.deepcopy(training.augment_rng))
    training.optimizer.at_rate(training.base_rate * training.factor(training.index / training.total))
    return indices, x, training.y[indices]


def _recorded(what: str, step: int | None) -> RunReplay | None:
    """The recording of the run that `what` names, where it has one and a step is asked for."""
    folder = Path(what) if os.path.isdir(what) else Path(what).parent
    if step is None or what in RECIPES or not os.path.exists(what) or not has_recording(folder):
        return None
    return open_recording(folder, strict=False)
