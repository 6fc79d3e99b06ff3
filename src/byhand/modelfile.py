"""Model files: one `.safetensors` with the parameters, and in its metadata all that is needed to use them.

Loading runs no code from the file. The metadata: `format`, `format_version`, `architecture`, `class_names`,
`preprocessing`, `recipe`, `metrics`, `byhand_version`, `step`, `checksum`; all but the plain strings are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from byhand import limits, notebook_html
from byhand.backend import Array
from byhand.data.classes import in_classes_of
from byhand.data.dataset import Dataset
from byhand.data.preparation import as_trained, from_pixels
from byhand.errors import ModelError
from byhand.models.kinds import in_files
from byhand.network_kinds import KINDS
from byhand.neural_network import CLASSIFICATION, GENERATION, LABELLING, OF_TASK, RECONSTRUCTION, REGRESSION, NeuralNetwork
from byhand.predictions import each_class
from byhand.tensorfile import read_tensors, write_tensors

FORMAT, FORMAT_VERSION = "byhand-model", "1"
SHOWN = 12  # arrays, in a notebook

NONSENSE = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError, MemoryError)

# What a model is told to be where something else is needed of it.
INSTEAD = {
    REGRESSION: "tells no classes apart, it tells a number ({kind}): give it the rows of a table",
    LABELLING: "tells no classes apart, it tells which of several labels apply ({kind}): give it the rows of a table",
    RECONSTRUCTION: "tells no classes apart, it gives images back ({kind}): choose another model, or see `byhand latent`",
    GENERATION: "tells no classes apart, it draws ({kind}): choose another model, or see `byhand draw`",
}


@dataclass
class Model:
    """A network with what one must know to use it; `step`: after how many steps of its training, None where that is not known."""

    network: Any  # a NeuralNetwork, of whatever kind
    class_names: tuple[str, ...] = ()
    preprocessing: dict[str, Any] = field(default_factory=dict)
    recipe: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    step: int | None = None

    def _repr_html_(self) -> str:
        """For notebooks: what it is, what it was measured at, and its arrays."""
        facts = [
            ("recipe", self.recipe),
            ("classes", ", ".join(self.class_names[:12]) + (" ..." if len(self.class_names) > 12 else "")),
            *((name, value) for name, value in self.metrics.items() if isinstance(value, int | float | str)),
        ]
        arrays = [(name, " × ".join(map(str, array.shape)), f"{array.size:,}") for name, array in self.network.tensors().items()]
        if len(arrays) > SHOWN:
            arrays = [*arrays[:SHOWN], (f"and {len(arrays) - SHOWN} more", "", "")]
        return (
            notebook_html.heading(repr(self.network))
            + notebook_html.table(("what", ""), [fact for fact in facts if fact[1] != ""])
            + notebook_html.table(("array", "shape", "numbers"), arrays)
        )

    def as_trained(self, data: Dataset) -> Dataset:
        """The data as this model was trained to read them: its classes and columns by name, its scale, its ink.

        Raises DataError where they do not fit: the names of both sides, or the ranges.
        """
        return as_trained(self.in_classes(data), self.preprocessing)

    def in_classes(self, data: Dataset) -> Dataset:
        """The data with labels that count as this model's classes, by name; of a model without classes, the data as they are."""
        return in_classes_of(data, self.class_names) if self.network.uses_labels else data

    def read(self, pixels: Any) -> Array:
        """What the network says of prepared images, bytes (N, 28, 28) of white ink on black: one column for each class."""
        rows = from_pixels(pixels, self.preprocessing).reshape(len(pixels), -1)
        return each_class(self.classifier.forward(rows))

    @property
    def purpose(self) -> str:
        """What the network is for: see `byhand.neural_network.NeuralNetwork`."""
        return str(self.network.purpose)

    @property
    def classifier(self) -> Any:
        """The network, which tells classes apart; raises ModelError where it does something else."""
        return self._network_for(
            CLASSIFICATION, INSTEAD.get(self.purpose, "tells no classes apart").format(kind=self.network.kind)
        )

    @property
    def autoencoder(self) -> Any:
        """The network, which gives its input back through a code; raises ModelError where it does something else."""
        return self._network_for(RECONSTRUCTION, "has no codes: choose an autoencoder or a VAE, such as mnist-ae or mnist-vae")

    @property
    def drawer(self) -> Any:
        """The network, which makes samples out of noise; raises ModelError where it does something else."""
        return self._network_for(GENERATION, "draws nothing: choose a diffusion model or a GAN, such as emnist-diffusion")

    def _network_for(self, purpose: str, else_: str) -> Any:
        if self.purpose != purpose:
            raise ModelError(f"{self.recipe or 'the model'} {else_}")
        return self.network

    @property
    def draws(self) -> bool:
        """Whether it makes samples out of noise."""
        return self.purpose == GENERATION

    @property
    def reads_text(self) -> bool:
        """Whether what goes in are characters, and not numbers to compute with."""
        return bool(self.network.reads_text)


def save(model: Any, path: Path | str, *, class_names: Sequence[str] = ()) -> None:
    """Write a network, or a `Model`, as a model file, which `byhand.load` reads, and the commands that are given data.

    class_names: what the outputs of a network are called, in their order; a `Model` has its own.

    Raises ModelError for what is no network, and for names that are not as many as its classes.
    """
    if isinstance(model, Model):
        if class_names:
            raise ModelError("class_names belong to a network, but a Model has its own: set them there")
    elif not hasattr(model, "tensors") or not hasattr(model, "architecture"):
        raise ModelError(f"model must be a network or a Model, got {limits.told(model)}")
    else:
        names = tuple(limits.text("a class name", name) for name in class_names)
        if names and model.purpose == CLASSIFICATION and len(names) != max(model.n_outputs, 2):
            raise ModelError(f"class_names must be {max(model.n_outputs, 2)}, one for each class, got {len(names)}")
        model = Model(model, names)
    path = Path(path)
    save_model(path if path.suffix else path.with_suffix(".safetensors"), model)


def save_model(path: Path, model: Model, dtype: Any = None) -> None:
    """Write a model file, whole or not at all; `dtype` float16 halves it at a cost of about 3 digits.

    Raises ModelError for a network of modules that the file could not bring back: the module, and what to do.
    """
    model.network.check_saved()
    tensors = {name: np.ascontiguousarray(array, dtype or array.dtype) for name, array in model.network.tensors().items()}
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "architecture": json.dumps(model.network.architecture()),
        "class_names": json.dumps(list(model.class_names)),
        "preprocessing": json.dumps(model.preprocessing),
        "recipe": model.recipe,
        "metrics": json.dumps(model.metrics),
        "byhand_version": version("byhand"),
        **({} if model.step is None else {"step": str(model.step)}),
    }
    write_tensors(path, tensors, metadata)


def load_model(path: Path | str, dtype: Any = np.float32) -> Model:
    """Read a model file; raises ModelError for one that is damaged, of another kind, or whose parts do not fit together."""
    path = Path(path)
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise ModelError(
            f"{path} is not a byhand model (no format={FORMAT!r} in its metadata): expected one that `byhand train` wrote"
        )
    if metadata.get("format_version") != FORMAT_VERSION:
        found = metadata.get("format_version", "")[:20]
        raise ModelError(f"{path} has format version {found!r}, this byhand reads {FORMAT_VERSION!r}: upgrade byhand")
    try:
        architecture = json.loads(metadata["architecture"])
        names = json.loads(metadata.get("class_names", "[]"))
        preprocessing, metrics = (json.loads(metadata.get(key, "{}")) for key in ("preprocessing", "metrics"))
        kind = architecture["kind"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} has metadata that cannot be read ({error!r}): the file is damaged or not byhand's") from error
    if not isinstance(kind, str):
        raise ModelError(f"{path}: the kind of its network must be text, got {limits.told(kind)}")
    try:
        network = _network(kind, architecture, tensors, path, dtype)
    except NONSENSE as error:  # the constructors check what a user gives them; a file may hold anything
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path} does not hold the network it describes ({reason}): the file is damaged") from error
    _fill(network, tensors, path)
    class_names = _class_names(names, network, path)
    _check_facts(preprocessing, metrics, path)
    if network.purpose == CLASSIFICATION:
        network.purpose = OF_TASK.get(preprocessing.get("task", ""), CLASSIFICATION)
    step = metadata.get("step", "")
    at = int(step) if step.isdecimal() and len(step) < 19 else None
    return Model(network, class_names, preprocessing, metadata.get("recipe", ""), metrics, at)


def _class_names(names: Any, network: NeuralNetwork, path: Path) -> tuple[str, ...]:
    """The names of the classes, one for each that the network knows; () where the file has none."""
    if not isinstance(names, list) or not all(type(name) in (str, int, float) for name in names):
        raise ModelError(f"{path}: class_names must be a list of text, got {limits.told(names)}")
    wanted = network.n_classes
    two = wanted == 1 and len(names) == 2  # no or yes of one output
    if wanted and names and len(names) != wanted and not two:
        raise ModelError(f"{path}: class_names must be {wanted}, one for each class, got {len(names)}")
    return tuple(map(str, names))


def _check_facts(preprocessing: Any, metrics: Any, path: Path) -> None:
    """Raises ModelError where what a file says of the data and the results is of another type than byhand writes."""
    for key, given in (("preprocessing", preprocessing), ("metrics", metrics)):
        if not isinstance(given, dict):
            raise ModelError(f"{path}: {key} must be settings by name, got {limits.told(given)}")
    checks: dict[str, Callable[[str, Any], Any]] = {
        "input": limits.whole_numbers,
        "range": lambda name, given: [limits.number(name, one) for one in (given if isinstance(given, list) else [given])],
        "data": limits.text,
        "data_options": limits.settings,
        "binarised": limits.truth,
        "latents_of": limits.text,
        "task": limits.text,
        "pictures": limits.settings,
    }
    for key, check in checks.items():
        if key in preprocessing:
            check(f"{path}: preprocessing: {key}", preprocessing[key])


def _network(kind: str, architecture: dict[str, Any], tensors: dict[str, Array], path: Path, dtype: Any) -> NeuralNetwork:
    """The untrained network. A file must not ask for memory that it does not fill: no layer is larger than its largest tensor."""
    known = KINDS.get(kind)
    if known is None or known.read is None:
        names = ", ".join(map(repr, in_files()))
        raise ModelError(
            f"{path} holds a network of kind {kind!r}, but this byhand knows {names}: upgrade byhand, or import the module that "
            "registers it"
        )
    with limits.at_most(max((array.size for array in tensors.values()), default=0)):
        network = known.read(architecture, dtype)
    _check_shapes({name: array.shape for name, array in network.tensors().items()}, tensors, path)
    return network


def _check_shapes(wanted: dict[str, tuple[int, ...]], tensors: dict[str, Array], path: Path) -> None:
    if set(wanted) != set(tensors):
        odd = sorted(set(wanted) ^ set(tensors))[0]
        raise ModelError(
            f"{path} does not hold the network it describes: tensor {odd!r} is {'missing' if odd in wanted else 'too many'}"
        )
    for name, shape in wanted.items():
        if tensors[name].shape != shape:
            raise ModelError(f"{path}: tensor {name!r} must be {shape} by its architecture, got {tensors[name].shape}")
        if tensors[name].dtype.kind != "f":
            raise ModelError(f"{path}: tensor {name!r} must hold float16, float32 or float64, got {tensors[name].dtype}")


def _fill(network: NeuralNetwork, tensors: dict[str, Array], path: Path) -> None:
    for name, view in network.tensors().items():
        with np.errstate(over="ignore"):  # what is too large for the type becomes infinite, and is refused as that
            view[...] = tensors[name]
        if not np.isfinite(view).all():
            raise ModelError(
                f"{path}: tensor {name!r} holds NaN or infinite numbers, or ones too large for {view.dtype}: "
                "the training that wrote it had exploded"
            )
    network.adopt()
