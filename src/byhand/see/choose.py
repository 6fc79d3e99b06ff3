"""Which step to explain: of a recipe as it begins or after some steps, of a recorded run, or of a trained model.

On a real batch, or on one sample.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.modelfile import load_model
from byhand.models.autoencoder import Autoencoder
from byhand.models.conv_codes import ConvAutoencoder
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.vae import VAE
from byhand.nn import Network
from byhand.see.explain import Explanation, explain
from byhand.see.explain_codes import CodesExplanation, explain_codes
from byhand.see.explain_diffusion import DiffusionExplanation, explain_diffusion
from byhand.see.explain_network import NetworkExplanation, explain_network
from byhand.shipped import find_model
from byhand.training.recipes import RECIPES, Recipe
from byhand.training.recording import has_recording
from byhand.training.replay import RunReplay, open_recording
from byhand.training.run import begin, build, load_splits, read_recipe

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset
    from byhand.training.steps import Steps


def explain_step(
    what: str, *, sample: int | None = None, step: int | None = None, weights: Sequence[str] = (), at: Sequence[str] = ()
) -> Explanation | NetworkExplanation | CodesExplanation | DiffusionExplanation:
    """Explain one step of the training that `what` names: a recipe, a run's folder, a model file, a shipped model.

    `step` training steps are taken first; then the next batch of the training is explained, or one `sample` of its data. Of a run
    with a recording it is that step of the run itself.
    `weights` are those to prove of a plain feed-forward network, "layer:j,k"; `at` outputs to follow of a network of modules,
    "SCOPE:N,I,J,O", or "J,P", a number of the code and a pixel, of a VAE or an autoencoder.

    Raises ModelError for a sample, a step, a weight or an output that there is not.
    """
    training, data = training_of(what, step, lambda network: _check_named(network, weights, at, what))
    return explain_upcoming(training, data, sample=sample, weights=weights, at=at, what=what)


def training_of(what: str, step: int | None = None, check: Callable[[Any], None] = lambda _: None) -> tuple[Steps, Dataset]:
    """The training that `what` names as in `explain_step`, before its step `step`, and its data; `check` may refuse the network.

    Raises ModelError for what there is not.
    """
    recipe, replay = RECIPES.get(what), _recorded(what, step)
    network: Any = None
    if replay is not None:
        recipe = replay.recipe
    elif recipe is None:
        path = find_model(what)
        model = load_model(path)
        network = model.network
        recipe = (
            read_recipe(path.parent) or RECIPES.get(model.recipe) or Recipe("", data=model.preprocessing.get("data", "mnist"))
        )
    splits = replay.splits if replay is not None else load_splits(recipe)
    if replay is not None:
        training = replay.at(step or 0)
        network = training.model
    elif network is None:
        network = build(recipe, splits)
    if isinstance(network, ConvAutoencoder):
        raise ModelError(f"explain does not know a {recipe.model} yet: choose a VAE or an autoencoder by hand, as mnist-vae")
    check(network)
    if replay is None:
        training = begin(recipe, network, splits)
    if step is not None and not 0 <= step < training.total:
        raise ModelError(f"step is {step}, but this training has the steps 0 to {training.total - 1:,}: choose one of them")
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
) -> Explanation | NetworkExplanation | CodesExplanation | DiffusionExplanation:
    """Explain the step that a training takes next, of its data; the training stays where it is.

    `sample`, `weights` and `at` are those of `explain_step`; `what` names the network in what is said of a wrong one.

    Raises ModelError for a sample, a weight or an output that there is not.
    """
    network: Any = training.model
    if isinstance(network, ConvAutoencoder):
        raise ModelError(f"explain does not know a {network.kind} yet: choose a VAE or an autoencoder by hand, as mnist-vae")
    _check_named(network, weights, at, what)
    indices, x, y = upcoming_batch(training, data, sample)
    settings: dict[str, Any] = {
        "optimizer": training.optimizer,
        "indices": indices.tolist(),
        "classes": data.class_names,
        "clip": training.clip_length,
    }
    if isinstance(network, DiffusionNetwork):
        return explain_diffusion(network, x, y, at=at, **settings)
    if isinstance(network, (VAE, Autoencoder)):
        return explain_codes(network, x, y, at=at, **settings)
    if isinstance(network, Network):
        return explain_network(network, x, y, at=at, **settings)
    return explain(network, x, y, weights=weights, **settings)


def upcoming_batch(training: Steps, data: Dataset, sample: int | None = None) -> tuple[NDArray[np.intp], Array, Array]:
    """What the training's next step will read, or one sample of the data: indices (m,), inputs (m, n), targets (m, K).

    Sets the optimiser's rate to that of the step. Raises ModelError for a sample that there is not.
    """
    if sample is not None and not 0 <= sample < len(data):
        raise ModelError(f"sample is {sample}, but the training data are numbered 0 to {len(data) - 1:,}: choose one of them")
    indices = training.upcoming() if sample is None else np.array([sample])
    batch = data.take(indices)
    x = batch.flat
    if sample is None and training.augment is not None:
        x = training.augment(x, copy.deepcopy(training.augment_rng))
    training.optimizer.learning_rate = training.base_rate * training.factor(training.index / training.total)
    return indices, x, batch.targets()


def _check_named(network: Any, weights: Sequence[str], at: Sequence[str], what: str) -> None:
    """Raises ModelError where a weight or an output is named as in another kind of network."""
    if isinstance(network, DiffusionNetwork) and weights:
        raise ModelError(
            f"weight {weights[0]!r} is named as in a plain feed-forward network, but {what} is a diffusion network: "
            "name a number of its sample instead, as in --at 14,9,0"
        )
    if isinstance(network, Network) and weights:
        raise ModelError(
            f"weight {weights[0]!r} is named as in a plain feed-forward network, but {what} is a network of modules: "
            "name an output instead, as in --at 0:0,13,14,5, and one of the weights that make it is followed"
        )
    if isinstance(network, (VAE, Autoencoder)) and weights:
        raise ModelError(
            f"weight {weights[0]!r} is named as in a plain feed-forward network, but {what} is {network.kind}: "
            "name a number of the code and a pixel instead, as in --at 3,406"
        )
    if isinstance(network, FeedForward) and at:
        raise ModelError(
            f"place {at[0]!r} is in a network of modules, but {what} is a plain feed-forward network: "
            "name a weight instead, as in --weight 2:5,100"
        )


def _recorded(what: str, step: int | None) -> RunReplay | None:
    """The recording of the run that `what` names, where it has one and a step is asked for."""
    folder = Path(what) if Path(what).is_dir() else Path(what).parent
    if step is None or what in RECIPES or not Path(what).exists() or not has_recording(folder):
        return None
    return open_recording(folder, strict=False)
