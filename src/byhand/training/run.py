"""A run: a recipe carried out into a folder, from which it can be resumed after any interruption."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from byhand import data, optim
from byhand.data.binarise import binarise
from byhand.errors import ByhandError, DataError, ModelError, TrainingError
from byhand.feedforward import FeedForward
from byhand.files import write_atomically
from byhand.modelfile import AnyNetwork, Coder, Model, save_model
from byhand.models.autoencoder import Autoencoder
from byhand.models.conv_codes import ConvAutoencoder, ConvVAE
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.vae import VAE
from byhand.nn import Module, Network
from byhand.shipped import open_model
from byhand.training.checkpoint import Checkpoint, read_checkpoint
from byhand.training.encode import encoded
from byhand.training.evaluate import Evaluation, evaluate
from byhand.training.evaluate_codes import CodesEvaluation, evaluate_codes
from byhand.training.evaluate_samples import DiffusionEvaluation
from byhand.training.fit import Callback, fit
from byhand.training.history import History, read_history
from byhand.training.recipes import Recipe
from byhand.training.record import MEGABYTES, Recorder
from byhand.training.recording import discard_recording, has_recording
from byhand.training.steps import Augmentation, Steps, steps

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset, Splits

MODELS = ("feedforward", "cnn", "transformer", "autoencoder", "vae", "conv_autoencoder", "conv_vae", "diffusion")
DIFFUSION = ("schedule", "steps", "target", "weighting", "gamma", "forget", "decay", "mean", "std")  # not the module's own
BY_HAND = ("feedforward", "autoencoder", "vae")


Measured = Evaluation | CodesEvaluation | DiffusionEvaluation


@dataclass(frozen=True)
class Run:
    """What a finished run leaves: its folder, its model, its history, and its evaluation on the test data."""

    folder: Path
    model: Model
    history: History
    evaluation: Measured


def load_splits(recipe: Recipe) -> Splits:
    """The data of a recipe."""
    try:
        splits = data.load(recipe.data, **recipe.data_options)
    except TypeError as error:
        raise DataError(f"data {recipe.data!r} do not take these data_options: {error}") from error
    return encoded(splits, recipe.codes_of) if recipe.codes_of else splits


def build(recipe: Recipe, splits: Splits, dtype: Any = "float32", device: str = "cpu") -> AnyNetwork:
    """The untrained network of a recipe; raises ModelError for a model that no recipe has, or a device that it does not take."""
    if recipe.model not in MODELS:
        raise ModelError(f"model {recipe.model!r} is unknown: choose one of {', '.join(MODELS)}")
    if (recipe.model == "transformer") != (splits.train.labels.ndim == 2):
        raise ModelError(f"data {recipe.data!r} are not for a {recipe.model}: a transformer reads text, the others read numbers")
    if recipe.model in BY_HAND and device != "cpu":
        raise ModelError(f"the network written out by hand computes on the cpu, not on {device!r}: choose cpu")
    if recipe.model == "feedforward":
        return _feedforward(recipe, splits, dtype)
    if recipe.model in ("autoencoder", "vae"):
        return _coder(recipe, splits, dtype)
    if recipe.model in ("conv_autoencoder", "conv_vae"):
        return _conv_coder(recipe, splits, dtype, device)
    if recipe.model == "diffusion":
        return _diffusion(recipe, splits, dtype, device)
    if recipe.model == "cnn":
        return _network(recipe, splits, _cnn(recipe, splits), dtype, device)
    return _network(recipe, splits, _transformer(recipe, splits), dtype, device)


def _cnn(recipe: Recipe, splits: Splits) -> Module:
    from byhand.models.cnn import cnn

    shape = splits.train.inputs.shape[1:]
    if len(shape) != 3:
        raise ModelError(f"a CNN reads images (H, W, C), but {splits.train.name} has samples of {shape}: choose other data")
    try:
        return cnn(shape[2], splits.train.n_classes, dropout=recipe.dropout, **recipe.model_options)
    except TypeError as error:
        raise ModelError(f"a CNN does not take these model_options: {error}") from error


def _diffusion(recipe: Recipe, splits: Splits, dtype: Any, device: str) -> DiffusionNetwork:
    from byhand.models.mlp_denoiser import MLPDenoiser
    from byhand.models.unet import UNet

    train, options = splits.train, dict(recipe.model_options)
    shape = train.inputs.shape[1:]
    if len(shape) not in (1, 3):
        raise ModelError(f"diffusion draws images (H, W, C) or points (d,), but {train.name} has samples of {shape}")
    if options.pop("standardise", False):
        options |= {"mean": train.inputs.mean(axis=0), "std": train.inputs.std(axis=0)}
    own = {name: options.pop(name) for name in DIFFUSION if name in options}
    try:
        module: Module
        if len(shape) == 3:
            module = UNet(classes=train.n_classes, image_channels=shape[2], **options)
        else:
            module = MLPDenoiser(shape[0], classes=train.n_classes, **options)
    except TypeError as error:
        raise ModelError(f"a diffusion network does not take these model_options: {error}") from error
    seed, initialiser = recipe.seed, recipe.initialiser
    return DiffusionNetwork(module, shape, initialiser=initialiser, seed=seed, dtype=dtype, device=device, **own)


def _transformer(recipe: Recipe, splits: Splits) -> Module:
    from byhand.models.transformer import Transformer

    train = splits.train
    try:
        return Transformer(train.n_classes, length=train.inputs.shape[1], dropout=recipe.dropout, **recipe.model_options)
    except TypeError as error:
        raise ModelError(f"a transformer does not take these model_options: {error}") from error


def _network(recipe: Recipe, splits: Splits, module: Module, dtype: Any, device: str) -> Network:
    return Network(
        module,
        splits.train.inputs.shape[1:],
        cost=recipe.cost,
        label_smoothing=recipe.label_smoothing,
        initialiser=recipe.initialiser,
        seed=recipe.seed,
        dtype=dtype,
        device=device,
    )


def _feedforward(recipe: Recipe, splits: Splits, dtype: Any) -> FeedForward:
    train = splits.train
    return FeedForward(
        (train.flat.shape[1], *recipe.hidden, train.n_classes),
        recipe.activation,
        output=recipe.output,
        cost=recipe.cost,
        initialiser=recipe.initialiser,
        l2=recipe.regularisation / len(train),
        l1=recipe.l1,
        dropout=recipe.dropout,
        seed=recipe.seed,
        dtype=dtype,
    )


def _coder(recipe: Recipe, splits: Splits, dtype: Any) -> VAE | Autoencoder:
    make: Any = VAE if recipe.model == "vae" else Autoencoder
    options = {"latent": 8, "activation": recipe.activation} | recipe.model_options
    if options.pop("conditional", False):
        options["classes"] = splits.train.n_classes
    try:
        return make(splits.train.flat.shape[1], recipe.hidden, options.pop("latent"), seed=recipe.seed, dtype=dtype, **options)
    except TypeError as error:
        raise ModelError(f"the model {recipe.model} does not take these model_options: {error}") from error


def _conv_coder(recipe: Recipe, splits: Splits, dtype: Any, device: str) -> ConvAutoencoder:
    make = ConvVAE if recipe.model == "conv_vae" else ConvAutoencoder
    if splits.train.inputs.shape[1:] != (28, 28, 1):
        raise ModelError(f"a {recipe.model} reads images of 28 x 28, but {splits.train.name} has {splits.train.inputs.shape[1:]}")
    try:
        return make(seed=recipe.seed, dtype=dtype, device=device, **recipe.model_options)
    except TypeError as error:
        raise ModelError(f"the model {recipe.model} does not take these model_options: {error}") from error


def begin(recipe: Recipe, network: AnyNetwork, splits: Splits) -> Steps:
    """The training of a recipe, at its first step."""
    augment: Augmentation | None = binarise if recipe.binarise else None
    if recipe.augment is not None:
        from byhand.data.augment import Augment

        augment = Augment(**recipe.augment)
    return steps(
        network,
        splits.train,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        optimizer=optim.named(recipe.optimizer, recipe.lr, **recipe.optimizer_settings),
        schedule=recipe.schedule,
        clip=recipe.clip,
        augment=augment,
        seed=recipe.seed,
        even=recipe.even,
    )


def run(
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    splits: Splits | None = None,
    device: str = "cpu",
    record: bool | float = False,
) -> Run:
    """Carry out a recipe: train, evaluate on the test data, write `model.safetensors` and the rest into the folder.

    With `resume` it goes on from the folder's checkpoint, where there is one, to the same bits as without interruption.
    `record` keeps what `byhand.training.replay` needs, in at most so many megabytes (True: 50); on resuming, a recording that the
    folder has is continued either way.

    Raises TrainingError where the folder holds another recipe's run, or numbers explode (the last checkpoint stays).
    """
    if resume:
        _check_same(recipe, folder)
    splits = splits if splits is not None else load_splits(recipe)
    network = build(recipe, splits, device=device)
    if recipe.start_from:
        start_from(network, recipe.start_from)
    training, history = begin(recipe, network, splits), History()
    checkpoint = folder / "checkpoint.safetensors"
    recorded = record is not False or (resume and has_recording(folder))
    if resume and checkpoint.exists():
        read_checkpoint(checkpoint, training)
        history = read_history(folder / "history.jsonl", before_step=training.index)
    else:
        write_atomically(folder / "recipe.toml", tomli_w.dumps(_as_toml(recipe)).encode())  # says it where it may not write
        checkpoint.unlink(missing_ok=True)
        discard_recording(folder)
    recorder = [Recorder(folder, MEGABYTES if isinstance(record, bool) else record)] if recorded else []
    watching = (*callbacks, *recorder, Checkpoint(folder))
    fit(network, splits.train, validation=splits.validation, callbacks=watching, history=history, training=training)

    evaluation = measure(network, splits.test, binarised=recipe.binarise)
    model = Model(
        network,
        class_names=splits.train.class_names,
        preprocessing={
            "input": list(splits.train.inputs.shape[1:]),
            **({"range": [0, 1]} if splits.train.inputs.dtype.kind == "f" else {}),
            "data": recipe.data,
            "data_options": recipe.data_options,
            **({"binarised": True} if recipe.binarise else {}),
            **({"codes_of": recipe.codes_of} if recipe.codes_of else {}),
        },
        recipe=recipe.name,
        metrics=metrics(evaluation),
    )
    save_model(folder / "model.safetensors", model)
    return Run(folder, model, history, evaluation)


def start_from(network: AnyNetwork, model: str) -> None:
    """Give a network the weights of a trained one of the same architecture; raises ModelError where it is another."""
    found = open_model(model).network
    if found.architecture() != network.architecture():
        raise ModelError(f"{model} is {found!r}, but this training is of {network!r}: start from one of the same kind")
    for name, view in network.tensors().items():
        view[...] = found.tensors()[name]
    if isinstance(network, DiffusionNetwork):
        network.adopt()


def measure(network: AnyNetwork, test: Dataset, *, binarised: bool = False) -> Measured:
    """What a network is worth on test data: of one that tells classes apart, its accuracy; of others, what they minimise."""
    if isinstance(network, DiffusionNetwork):
        return DiffusionEvaluation(len(test), network.evaluate(test.flat, test.targets())[0])
    if isinstance(network, Coder):
        return evaluate_codes(network, test, binarise=binarised)
    return evaluate(network, test)


def metrics(evaluation: Measured) -> dict[str, Any]:
    """What a model file says of the model's worth."""
    return {f"test_{name}": figure for name, figure in evaluation.figures().items()}


def _as_toml(recipe: Recipe) -> dict[str, Any]:
    return {key: value for key, value in dataclasses.asdict(recipe).items() if value is not None}


def read_recipe(folder: Path) -> Recipe | None:
    """The recipe of the run in this folder; None where there is no run. Raises TrainingError for a damaged one."""
    path = folder / "recipe.toml"
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
        return Recipe(str(written.pop("name"))).changed(**written)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, ByhandError) as error:
        raise TrainingError(f"{path} cannot be read ({error}): start the run anew without --resume") from error


def _check_same(recipe: Recipe, folder: Path) -> None:
    written = read_recipe(folder)
    if written is not None and written != recipe:
        before, now = dataclasses.asdict(written), dataclasses.asdict(recipe)
        differ = sorted(key for key in now if before[key] != now[key])
        raise TrainingError(f"{folder} holds a run with another {', '.join(differ)}: use its settings, or another --out")
