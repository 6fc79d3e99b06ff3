"""The folder of a run: what it holds of a former training, whether a new one may begin there, and what goes away when it does.

No training is lost unasked. What is unfinished, or was made with other settings, stays until somebody says `--resume` or
`--overwrite`; what is finished with the same settings is not computed again.
"""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from byhand.activations import ACTIVATIONS
from byhand.errors import ByhandError, TrainingError
from byhand.files import clear_parts
from byhand.tensorfile import read_strings
from byhand.training.recording_files import FILES as RECORDING_FILES
from byhand.training.recording_files import FOLDER as RECORDING
from byhand.training.recording_files import discard_recording, has_recording

if TYPE_CHECKING:
    from byhand.training.recipes import Recipe

RECIPE, MODEL, CHECKPOINT, HISTORY = "recipe.toml", "model.safetensors", "checkpoint.safetensors", "history.jsonl"
FOLDS = "folds.json"  # what a cross-validation came to
# What `train`, `eval` and `demo` draw of a model beside it.
PICTURES = (
    "curves.png", "confusion.png", "mistakes.png", "reconstructions.png", "codes.png", "samples.png", "map.png", "explain.html",
)  # fmt: skip
SHEETS = "samples"  # the folder of what a diffusion network drew after each epoch
LENGTH = {"epochs", "patience"}  # how long a run is, which may be another when it goes on
WORDS = {"about", "reports"}  # settings of a recipe that do nothing in a training


@dataclass(frozen=True)
class Contents:
    """What a folder holds: a model, and a checkpoint that stands before `step` (None where it does not say)."""

    model: bool
    checkpoint: bool
    step: int | None
    finished: bool

    @property
    def words(self) -> str:
        """What it is, for a message."""
        if self.finished:
            return "a finished training"
        return "an unfinished training" + (f" that has taken {self.step:,} steps" if self.step else "")


def contents(folder: Path) -> Contents:
    """What a folder holds; the tensors are not read."""
    model, checkpoint = (folder / MODEL).exists(), (folder / CHECKPOINT).exists()
    step, last = None, read_strings(folder / MODEL).get("step")
    with suppress(KeyError, ValueError, TypeError, RecursionError):
        step = int(json.loads(read_strings(folder / CHECKPOINT)["position"])["index"])
    # A finished training that is prolonged has a checkpoint beyond its model. Older models do not say their step.
    return Contents(model, checkpoint, step, model and (not checkpoint or last is None or last == str(step)))


def differing(written: Recipe, recipe: Recipe) -> list[str]:
    """The settings in which two recipes are not the same training."""
    before, now = (dataclasses.asdict(_settled(one)) for one in (written, recipe))
    return sorted(key for key in now if key not in WORDS and before[key] != now[key])


def _settled(recipe: Recipe) -> Recipe:
    """The recipe with its initialiser named, where one fits all layers: runs from before recipes left it open say "nielsen"."""
    if recipe.initialiser or recipe.model != "feedforward":
        return recipe
    names = {ACTIVATIONS[name].initialiser for name in (recipe.activation, recipe.output) if name in ACTIVATIONS}
    return recipe.changed(initialiser="nielsen") if names == {"nielsen"} else recipe


def _may_differ(written: Recipe, recipe: Recipe) -> set[str]:
    """The settings that may be others where a training goes on."""
    # Patience from none to some would hold out other samples, and so train on others.
    both = written.patience is not None and recipe.patience is not None
    return LENGTH if both else LENGTH - {"patience"}


def settle(folder: Path, recipe: Recipe, written: Recipe | None, *, resume: bool, overwrite: bool, record: bool) -> bool:
    """Whether the training in a folder goes on (True) or a new one begins; `written`: the recipe that the folder holds.

    Raises TrainingError where it is to begin and something would be lost, or is to go on and cannot.
    """
    if overwrite:
        if resume:
            raise TrainingError("--resume goes on with a training and --overwrite removes it: give one of them")
        return False
    there = contents(folder)
    differ = differing(written, recipe) if written else []
    if resume and written:
        differ = [name for name in differ if name not in _may_differ(written, recipe)]
    if resume and differ:
        raise TrainingError(
            f"{folder} holds a run with another {', '.join(differ)}: use its settings or another --out, or replace it "
            "with --overwrite"
        )
    if not there.model and not there.checkpoint:
        return False
    if written is None and not resume:
        raise TrainingError(
            f"{folder} holds {MODEL if there.model else CHECKPOINT}, but no {RECIPE} that says how it was trained: choose "
            "another --out, replace it with --overwrite, or go on with a training of these very settings by --resume"
        )
    if differ:
        what = f"of {written.name!r}" if written and written.name != recipe.name else f"with another {', '.join(differ)}"
        raise TrainingError(
            f"{folder} holds {there.words} {what}: choose another --out, replace it with --overwrite, or go on with it by "
            "--resume and its settings"
        )
    if there.finished and not there.checkpoint:
        raise TrainingError(
            f"{folder} holds a finished model without its checkpoint, so --resume has nothing to go on from: choose another "
            "--out, or train again with --overwrite"
        )
    if resume:
        return True
    if not there.finished:
        raise TrainingError(
            f"{folder} holds {there.words}: continue it with --resume, begin again with --overwrite, or choose another --out"
        )
    if record and not has_recording(folder):
        raise TrainingError(
            f"{folder} holds a finished training without a recording, and --resume cannot make it up: train again with "
            "--overwrite, or choose another --out"
        )
    return True


def clear_leftovers(folder: Path, epochs: int) -> None:
    """Remove the temporary files of killed writes."""
    clear_parts(folder, (RECIPE, MODEL, CHECKPOINT, HISTORY, FOLDS, *PICTURES))
    clear_parts(folder / RECORDING, RECORDING_FILES)
    clear_parts(folder / SHEETS, (sheet_of(epoch) for epoch in range(epochs)))


def sheet_of(epoch: int) -> str:
    """The file name of what was drawn after an epoch, which counts from 0."""
    return f"epoch-{epoch + 1:03d}.png"


def discard(folder: Path) -> None:
    """Remove a run but its recipe, which is replaced last: whatever is left when this is cut off belongs to the recipe beside it.

    The model goes first, as without it the rest is an unfinished training, and the checkpoint before its history.
    """
    try:
        (folder / MODEL).unlink(missing_ok=True)
        for name in (*PICTURES, FOLDS, CHECKPOINT, HISTORY):
            (folder / name).unlink(missing_ok=True)
        discard_recording(folder)
        for path in (folder / SHEETS).glob("epoch-*.png"):
            path.unlink()
        with suppress(OSError):
            (folder / SHEETS).rmdir()  # unless somebody keeps other things there
    except OSError as error:
        raise ByhandError(f"cannot remove {error.filename}: {error.strerror or error}; choose another --out") from error
