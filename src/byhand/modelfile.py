"""Model files: one `.safetensors` with the parameters, and in its metadata all that is needed to use them.

Loading runs no code from the file. The metadata: `format`, `format_version`, `architecture`, `class_names`,
`preprocessing`, `recipe`, `metrics`, `byhand_version`; all but the plain strings are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.feedforward import FeedForward, from_architecture, tensor_shapes
from byhand.files import write_atomically
from byhand.models import autoencoder, conv_codes, denoiser, vae
from byhand.models.autoencoder import Autoencoder
from byhand.models.conv_codes import ConvAutoencoder, ConvVAE
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.vae import VAE
from byhand.nn import Network
from byhand.nn import network as modules
from byhand.nn.sizes import at_most
from byhand.tensorfile import read_tensors

FORMAT, FORMAT_VERSION = "byhand-model", "1"

AnyNetwork = FeedForward | Network | VAE | Autoencoder
Coder = VAE | Autoencoder | ConvAutoencoder  # what gives its input back through a code
CODERS: dict[str, Callable[[dict[str, Any], Any], Coder]] = {
    VAE.kind: vae.from_architecture,
    Autoencoder.kind: autoencoder.from_architecture,
    ConvVAE.kind: conv_codes.from_architecture,
    ConvAutoencoder.kind: conv_codes.from_architecture,
}


@dataclass
class Model:
    """A network with what one must know to use it."""

    network: AnyNetwork
    class_names: tuple[str, ...] = ()
    preprocessing: dict[str, Any] = field(default_factory=dict)
    recipe: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def has_codes(self) -> bool:
        """Whether it gives its input back through a code, and does not tell classes apart."""
        return isinstance(self.network, Coder)

    @property
    def classifier(self) -> FeedForward | Network:
        """The network, which tells classes apart; raises ModelError where it has codes instead."""
        if isinstance(self.network, Coder):
            raise ModelError(
                f"{self.recipe or 'the model'} tells no classes apart, it gives images back ({self.network.kind}): "
                "choose another model, or see `byhand latent`"
            )
        if isinstance(self.network, DiffusionNetwork):
            raise ModelError(
                f"{self.recipe or 'the model'} tells no classes apart, it draws ({self.network.kind}): choose another model, "
                "or see `byhand write`"
            )
        return self.network

    @property
    def coder(self) -> Coder:
        """The network, which has codes; raises ModelError where it tells classes apart instead."""
        if not isinstance(self.network, Coder):
            raise ModelError(
                f"{self.recipe or 'the model'} has no codes: choose an autoencoder or a VAE, as mnist-ae or mnist-vae"
            )
        return self.network

    @property
    def draws(self) -> bool:
        """Whether it makes samples out of noise, and does not tell classes apart."""
        return isinstance(self.network, DiffusionNetwork)

    @property
    def drawer(self) -> DiffusionNetwork:
        """The network, which makes samples out of noise; raises ModelError where it does not."""
        if not isinstance(self.network, DiffusionNetwork):
            raise ModelError(f"{self.recipe or 'the model'} draws nothing: choose a diffusion model, as emnist-diffusion")
        return self.network

    @property
    def reads_text(self) -> bool:
        """Whether what goes in are characters, and not numbers to compute with."""
        return isinstance(self.network, Network) and self.network.module.reads_indices


def save_model(path: Path, model: Model, dtype: Any = None) -> None:
    """Write a model file, whole or not at all; `dtype` float16 halves it at a cost of about 3 digits."""
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
    }
    write_atomically(path, save(tensors, metadata))


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
        class_names = tuple(str(name) for name in json.loads(metadata.get("class_names", "[]")))
        preprocessing, metrics = (dict(json.loads(metadata.get(key, "{}"))) for key in ("preprocessing", "metrics"))
        kind = architecture["kind"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} has metadata that cannot be read ({error!r}): the file is damaged or not byhand's") from error
    network = _network(kind, architecture, tensors, path, dtype)
    _fill(network, tensors, path)
    return Model(network, class_names, preprocessing, metadata.get("recipe", ""), metrics)


def _network(kind: Any, architecture: dict[str, Any], tensors: dict[str, Array], path: Path, dtype: Any) -> AnyNetwork:
    """The untrained network. First the shapes, so that a file cannot ask for more memory than it fills."""
    if kind == FeedForward.kind:
        _check_shapes(tensor_shapes(architecture.get("sizes", ())), tensors, path)
        return from_architecture(architecture, dtype)
    if kind in (Network.kind, DiffusionNetwork.kind):
        from byhand.models import mlp_denoiser, transformer, unet  # noqa: F401 - modules are known by their names once they are imported

        with at_most(max((array.size for array in tensors.values()), default=0)):
            make = denoiser.from_architecture if kind == DiffusionNetwork.kind else modules.from_architecture
            network = make(architecture, dtype)
        _check_shapes({name: array.shape for name, array in network.tensors().items()}, tensors, path)
        return network
    if kind in CODERS:
        _check_count(architecture, tensors, path)
        coder = CODERS[kind](architecture, dtype)
        _check_shapes({name: array.shape for name, array in coder.tensors().items()}, tensors, path)
        return coder
    known = ", ".join(map(repr, (FeedForward.kind, Network.kind, DiffusionNetwork.kind, *CODERS)))
    raise ModelError(f"{path} holds a network of kind {kind!r}, but this byhand knows {known}: upgrade byhand")


def _check_count(architecture: dict[str, Any], tensors: dict[str, Array], path: Path) -> None:
    """No layer larger than the largest tensor of the file, so that it cannot ask for more memory than it fills."""
    lists = [*architecture.get("hidden", ()), *architecture.get("channels", ())]
    sizes = [architecture.get(key, 0) for key in ("n", "latent", "classes")] + lists
    largest = max((array.size for array in tensors.values()), default=0)
    if not all(isinstance(size, int) and 0 <= size <= largest for size in sizes) or len(sizes) > 3 + len(tensors):
        raise ModelError(f"{path} does not hold the network it describes: its sizes {sizes} do not fit its tensors")


def _check_shapes(wanted: dict[str, tuple[int, ...]], tensors: dict[str, Array], path: Path) -> None:
    if set(wanted) != set(tensors):
        odd = sorted(set(wanted) ^ set(tensors))[0]
        raise ModelError(
            f"{path} does not hold the network it describes: tensor {odd!r} is {'missing' if odd in wanted else 'too many'}"
        )
    for name, shape in wanted.items():
        if tensors[name].shape != shape:
            raise ModelError(f"{path}: tensor {name!r} is {tensors[name].shape}, but its architecture wants {shape}")
        if tensors[name].dtype.kind != "f":
            raise ModelError(f"{path}: tensor {name!r} holds {tensors[name].dtype}, but expected float16, float32 or float64")


def _fill(network: AnyNetwork, tensors: dict[str, Array], path: Path) -> None:
    for name, view in network.tensors().items():
        with np.errstate(over="ignore"):  # what is too large for the type becomes infinite, and is refused as that
            view[...] = tensors[name]
        if not np.isfinite(view).all():
            raise ModelError(
                f"{path}: tensor {name!r} holds NaN or infinite numbers, or ones too large for {view.dtype}: "
                "the training that wrote it had exploded"
            )
    if isinstance(network, DiffusionNetwork):
        network.adopt()
