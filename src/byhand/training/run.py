"""A run: a recipe carried out into a folder, from which it can be resumed after any interruption."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from byhand import data, optim
from byhand.data.augment import Augment
from byhand.data.binarise import binarise, binarised
from byhand.data.classes import in_classes_of
from byhand.data.dataset import stratified_split
from byhand.data.preparation import preparation
from byhand.errors import ByhandError, ModelError, TrainingError, say
from byhand.files import staged, write_atomically
from byhand.lock import locked
from byhand.modelfile import Model, save_model
from byhand.models.kinds import of_recipe
from byhand.neural_network import CLASSIFICATION, NeuralNetwork
from byhand.parallel.reducer import Reducer
from byhand.safe_reading import reading
from byhand.shipped import open_model
from byhand.training import folds, out_of_distribution
from byhand.training.checkpoint import Checkpoint, read_checkpoint
from byhand.training.encoded_data import encoded
from byhand.training.evaluate import Evaluation, measure, nonsense
from byhand.training.fit import Callback, EarlyStopping, fit
from byhand.training.folds import CrossValidation
from byhand.training.history import Epoch, History, whole_rows
from byhand.training.recipes import Recipe, read
from byhand.training.recorder import MEGABYTES, Recorder
from byhand.training.recording_files import has_recording
from byhand.training.run_folder import CHECKPOINT, FOLDS, HISTORY, LENGTH, MODEL, RECIPE, clear_leftovers, discard, settle
from byhand.training.steps import Augmentation, Steps, steps
from byhand.training.stopping import stoppable

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset, Splits

HELD_OUT = 0.2  # of the training samples, to validate on where the data have none to validate on
NUMBER_COSTS = ("quadratic", "huber")  # of numbers to learn
PIXELS = 28 * 28  # a row of so many numbers is taken for an image


@dataclass(frozen=True)
class Run:
    """What a finished run leaves: its folder, its model, its history, and its evaluation on the test data.

    `kept` is the epoch whose state the model is, where the best one was kept, else None.
    """

    folder: Path
    model: Model
    history: History
    evaluation: Any
    kept: Epoch | None = None

    def figures(self) -> dict[str, Any]:
        """What came of it, as JSON takes it."""
        kept = {} if self.kept is None else {"kept_epoch": self.kept.epoch + 1, "validation_cost": self.kept.validation_cost}
        return {
            "model": str(self.folder / MODEL),
            "run": str(self.folder),
            "seconds": self.history.seconds,
            **self.evaluation.figures(),
            "epochs": len(self.history.epochs),
            **kept,
        }

    def lines(self) -> list[str]:
        """The same in words, a line each."""
        told = [f"{self.evaluation.headline}, in {self.history.seconds:.1f} s"]
        if self.kept is not None:
            told.append(
                f"the model is that of epoch {self.kept.epoch + 1} of {len(self.history.epochs)}, with the lowest validation "
                f"cost: {self.kept.validation_cost:.4f}"
            )
        return told


def load_splits(recipe: Recipe, loaded: Splits | None = None) -> Splits:
    """The data of a recipe, loaded here unless they are at hand."""
    splits = data.load(recipe.data, **recipe.data_options) if loaded is None else loaded
    splits = encoded(splits, recipe.latents_of) if recipe.latents_of else splits
    return _to_validate(splits, recipe.seed) if recipe.stops_early else splits


def _to_validate(splits: Splits, seed: int) -> Splits:
    """The same with validation data, and a note that says which; raises DataError where a class is too small to part."""
    if splits.validation is None:
        train, held = stratified_split(splits.train, HELD_OUT, seed)
        measured = f"{len(held):,} of the {len(splits.train):,} training samples, which are held out"
        splits = dataclasses.replace(splits, train=train, validation=held)
    else:
        measured = f"{len(splits.validation):,} validation samples"
    said = f"the best epoch is the one with the lowest cost on {measured}"
    return dataclasses.replace(splits, note=f"{splits.note}; {said}" if splits.note else said)


def build(recipe: Recipe, splits: Splits, dtype: Any = "float32", device: str = "cpu") -> Any:
    """The untrained network of a recipe; raises ModelError where model, data and device do not go together."""
    kind = of_recipe(recipe.model)
    if kind.reads_text != (splits.train.labels.ndim == 2):
        raise ModelError(f"data {recipe.data!r} are not for a {recipe.model}: a transformer reads text, the others read numbers")
    _check_task(recipe, splits.train, kind.settings)
    if kind.by_hand and device != "cpu":
        raise ModelError(f"the network written out by hand computes on the cpu, not on {device!r}: choose cpu")
    assert kind.build is not None
    return kind.build(recipe, splits.train, dtype, device)


def _check_task(recipe: Recipe, train: Dataset, settings: Sequence[str]) -> None:
    """Raises ModelError where a network of this recipe cannot learn what the data have to be learned."""
    if train.values is None:
        return
    what = "several labels" if train.task == "labels" else "numbers"
    if recipe.even:
        raise ModelError(f"{train.name} has {what} to learn, and no classes that could come equally often: leave even out")
    if "output" not in settings:
        if "cost" in settings:
            raise ModelError(f"{train.name} has {what} to learn, which a {recipe.model} does not: choose model=feedforward")
        return  # it learns the inputs themselves
    if train.task == "labels":
        if (recipe.output, recipe.cost) != ("sigmoid", "cross_entropy"):
            raise ModelError(
                f"{train.name} has several labels to learn, which needs output=sigmoid and cost=cross_entropy, got "
                f"output={recipe.output} and cost={recipe.cost}; byhand train {recipe.data} chooses these itself"
            )
        return
    if recipe.output != "identity" or recipe.cost not in NUMBER_COSTS:
        raise ModelError(
            f"{train.name} has numbers to learn, which needs output=identity and cost={' or '.join(NUMBER_COSTS)}, got "
            f"output={recipe.output} and cost={recipe.cost}; byhand train {recipe.data} chooses these itself"
        )


def begin(recipe: Recipe, network: NeuralNetwork, splits: Splits, reducer: Reducer | None = None) -> Steps:
    """The training of a recipe, at its first step, with the ranks that share it, if any.

    Raises ModelError where it changes samples that it cannot change.
    """
    augment: Augmentation | None = None
    if recipe.binarise:
        augment = binarise
        low, high = splits.train.inputs.min(), splits.train.inputs.max()
        if low < 0 or high > 1:
            raise ModelError(f"binarise needs brightnesses from 0 to 1, got {splits.train.name} with {low:g} to {high:g}")
    if recipe.augment is not None:
        augment = Augment(**recipe.augment)
        shape = splits.train.inputs.shape[1:]
        if shape != (PIXELS,) and (len(shape) == 1 or shape[0] != shape[1] or shape[2:] not in ((), (1,), (3,))):
            raise ModelError(
                f"augment needs square grey images or coloured ones, got {splits.train.name} with samples of {shape}: "
                "leave it out"
            )
    return steps(
        network,
        splits.train,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        optimizer=optim.by_name(recipe.optimizer, recipe.lr, **recipe.optimizer_settings),
        schedule=recipe.schedule,
        clip=recipe.clip,
        augment=augment,
        seed=recipe.seed,
        even=recipe.even,
        drop_last=recipe.drop_last,
        shards=recipe.shards,
        reducer=reducer,
    )


def run(
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    callbacks: Sequence[Callback] | Callable[[Splits], Sequence[Callback]] = (),
    splits: Splits | None = None,
    device: str = "cpu",
    record: bool | float = False,
    finish: Callable[[Run], None] | None = None,
    tell: Callable[[str], None] = say,
) -> Run:
    """Carry out a recipe: train, evaluate on the test data, write `model.safetensors` and the rest into the folder.

    With `resume` it goes on from the folder's checkpoint, where there is one, to the same bits as without interruption. Where the
    recipe has other `epochs` or `patience` than the folder's, the run becomes that long, and its optimiser goes on. With
    `overwrite` it begins anew, and what the folder holds of another training goes away as soon as this one can begin. With
    neither, a training that has been finished there with the same settings is not computed again.
    `record` keeps what `byhand.training.replay` needs, in at most so many megabytes (True: 50); on resuming, a recording that the
    folder has is continued either way. `callbacks` may be a function that makes them for the data. `finish` gets the run while
    its folder still belongs to it; `tell` hears in one line what is no error. Ctrl-C and SIGTERM end a training after its step,
    with a checkpoint (`Stopped`).

    Raises TrainingError where the folder is in use or holds what would be lost, or numbers explode (the last checkpoint stays).
    """
    with locked(folder), stoppable() as stop:
        clear_leftovers(folder, recipe.epochs)
        written = None if overwrite else read_recipe(folder)
        kept = settle(folder, recipe, written, resume=resume, overwrite=overwrite, record=record is not False)
        splits = splits if splits is not None else load_splits(recipe)
        if recipe.start_from:
            splits = _in_classes_of_the_start(splits, recipe.start_from, needed=not kept)
        given = callbacks(splits) if callable(callbacks) else callbacks
        network = build(recipe, splits, device=device)
        if recipe.start_from and not kept:  # what goes on has its weights, and that model may be gone
            start_from(network, recipe.start_from)
        training, history = begin(recipe, network, splits), History()
        recorded = record is not False or ((kept or resume) and has_recording(folder))
        recorder = [Recorder(folder, MEGABYTES if isinstance(record, bool) else record, tell)] if recorded else []
        if kept:
            difference = read_checkpoint(folder / CHECKPOINT, training, longer=True)
            if difference:
                tell(difference)
            if not resume or training.index == training.total:
                tell(f"{folder} holds this training already, finished: nothing is computed again; --overwrite trains it anew")
            history = _kept_history(folder / HISTORY, training.index, tell)
            if written != recipe:
                write_atomically(folder / RECIPE, tomli_w.dumps(_as_toml(recipe)).encode())
        else:
            for one in recorder:
                one.check(training)
            with staged(folder / RECIPE, tomli_w.dumps(_as_toml(recipe)).encode()) as publish:
                discard(folder)
                publish()
        crossed = _cross_validated(recipe, splits, folder, device, tell) if splits.folds is not None else None
        stopping, validation = watched(recipe, splits)
        with stop.after_the_step():
            watching = (*given, *stopping, *recorder, Checkpoint(folder, stop=stop))
            fit(network, splits.train, validation=validation, callbacks=watching, history=history, training=training)
        done = _finished(recipe, folder, training, splits, history, crossed)
        if finish is not None:
            finish(done)
        return done


def watched(recipe: Recipe, splits: Splits) -> tuple[list[EarlyStopping], Dataset | None]:
    """Who keeps the best epoch, where the recipe wants that, and the validation data as the network is measured on them."""
    validation = splits.validation
    if validation is not None and recipe.binarise:
        validation = dataclasses.replace(validation, inputs=binarised(validation.inputs))
    return [EarlyStopping(recipe.patience)] if recipe.stops_early else [], validation


def measured_fold(recipe: Recipe, splits: Splits, device: str = "cpu") -> Any:
    """Train a network of a recipe on these data, keep nothing of it, and measure it on their test part."""
    splits = _to_validate(splits, recipe.seed) if recipe.stops_early else splits
    network = build(recipe, splits, device=device)
    if recipe.start_from:
        start_from(network, recipe.start_from)
    stopping, validation = watched(recipe, splits)
    fit(network, splits.train, validation=validation, callbacks=stopping, training=begin(recipe, network, splits))
    return _measured(recipe, network, splits.test)


def _cross_validated(recipe: Recipe, splits: Splits, folder: Path, device: str, tell: Callable[[str], None]) -> CrossValidation:
    """What the folds of these data come to: as the folder has it, where it does, else by training on each."""
    length = {name: getattr(recipe, name) for name in sorted(LENGTH)}
    found = folds.kept(folder / FOLDS, length)
    if found is None:
        found = folds.over_folds(splits, lambda fold: measured_fold(recipe, fold, device), tell)
        folds.keep(folder / FOLDS, found, length)
        tell(f"now the model that is kept: trained on all {len(splits.train):,} rows, so none is left to test it on")
    return found


def _kept_history(path: Path, step: int, tell: Callable[[str], None]) -> History:
    """The rows up to a step; of a damaged file those before the damage, as no training should end for that."""
    history, wrong = whole_rows(path, step)
    if wrong:
        tell(f"the training resumes with {len(history.epochs)} rows of its history; the others are lost: {wrong}")
    return history


def _measured(recipe: Recipe, network: Any, test: Dataset) -> Any:
    """What a trained network is worth; raises TrainingError where its figures are none."""
    evaluation = measure(network, test, binarised=recipe.binarise)
    if why := nonsense(evaluation, test.inputs[0].size):
        raise TrainingError(f"the training came to nothing: {why}; lower the learning rate, for example --lr {recipe.lr / 10:g}")
    return evaluation


def _finished(
    recipe: Recipe, folder: Path, training: Steps, splits: Splits, history: History, crossed: CrossValidation | None
) -> Run:
    """Measure what was trained, and write the model."""
    network: Any = training.model
    evaluation: Any = _measured(recipe, network, splits.test)
    if crossed is not None:
        evaluation = crossed  # what was measured are the rows that it was trained on: no more than that its numbers are some
    unlike = None
    if network.purpose == CLASSIFICATION and not network.by_hand and splits.train.inputs.ndim == 4:
        unlike = out_of_distribution.fitted(network, splits.train, splits.validation or splits.test)
    model = Model(
        network,
        class_names=splits.train.class_names,
        preprocessing={
            "input": list(splits.train.inputs.shape[1:]),
            **preparation(splits.train),
            "data": recipe.data,
            "data_options": recipe.data_options,
            **({"binarised": True} if recipe.binarise else {}),
            **({"latents_of": recipe.latents_of} if recipe.latents_of else {}),
            **({out_of_distribution.KEY: unlike.facts()} if unlike is not None else {}),
        },
        recipe=recipe.name,
        metrics=metrics(evaluation),
        # As the last checkpoint has it, also where the model is an earlier, better one.
        step=history.epochs[-1].step if history.epochs else training.index,
    )
    save_model(folder / MODEL, model)
    kept = next((epoch for epoch in history.epochs if epoch.step == training.index), None) if recipe.stops_early else None
    return Run(folder, model, history, evaluation, kept)


def _in_classes_of_the_start(splits: Splits, model: str, *, needed: bool) -> Splits:
    """Where a training begins with a model of the same classes, these stand as the model's outputs do, whatever their order.

    A training that goes on does not need the model; where it is gone, the checkpoint tells whether the order is the same.
    """
    try:
        names = open_model(model).class_names
    except ByhandError:
        if needed:
            raise
        return splits
    if set(names) != set(splits.train.class_names):
        return splits
    train, test = (in_classes_of(part, names) for part in (splits.train, splits.test))
    validation = None if splits.validation is None else in_classes_of(splits.validation, names)
    return dataclasses.replace(splits, train=train, validation=validation, test=test)


def start_from(network: NeuralNetwork, model: str) -> None:
    """Give a network the weights of a trained one that they fit; raises ModelError where they do not."""
    found = open_model(model).network
    if not network.can_start_from(found):
        raise ModelError(f"start_from must be of the kind that is trained, {network!r}, got {model} with {found!r}")
    for name, view in network.tensors().items():
        view[...] = found.tensors()[name]
    network.adopt()


def metrics(evaluation: Evaluation) -> dict[str, Any]:
    """What a model file says of the model's worth."""
    return {f"test_{name}": figure for name, figure in evaluation.figures().items()}


def _as_toml(recipe: Recipe) -> dict[str, Any]:
    return {key: value for key, value in dataclasses.asdict(recipe).items() if value is not None}


def read_recipe(folder: Path) -> Recipe | None:
    """The recipe of the run in this folder; None where there is no run. Raises TrainingError for a damaged one."""
    path = folder / RECIPE
    if not os.path.lexists(path):
        return None
    with reading(path, "cannot be read", TrainingError, "choose another --out, or begin again with --overwrite"):
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        return read(written)
    except ByhandError as error:
        raise TrainingError(f"{path} cannot be read ({error}): choose another --out, or begin again with --overwrite") from error


def continued(recipe: Recipe, folder: Path, asked: Collection[str]) -> tuple[Recipe, str]:
    """The recipe with which the run in a folder goes on, and a line on what that changes, "" for nothing.

    How long it is, and whether the best epoch is kept, says the folder, unless it was `asked` for.
    """
    written = read_recipe(folder)
    if written is None:
        return recipe, ""
    recipe = recipe.changed(**{name: getattr(written, name) for name in (LENGTH | {"keep_best"}) - set(asked)})
    if written.epochs == recipe.epochs:
        return recipe, ""
    said = f"the run of {written.epochs} epochs goes on to {recipe.epochs}"
    if recipe.schedule == "constant":
        return recipe, said
    said += f"; its {recipe.schedule} schedule is stretched to the new end, so the learning rate jumps"
    return recipe, said + (", and its recording begins anew from there" if has_recording(folder) else "")
