"""Data as codes, on which latent diffusion is trained, and codes as images again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.latent_diffusion import LatentDiffusion
from byhand.shipped import open_model

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset, Splits
    from byhand.modelfile import Model


def imaging(model: Model) -> DiffusionNetwork | LatentDiffusion:
    """What draws images with this model: its network, or, where it draws codes, the network with the coder they are of.

    Raises ModelError for a model that draws nothing.
    """
    coder = model.preprocessing.get("latents_of")
    return LatentDiffusion(model.drawer, open_model(str(coder)).autoencoder) if coder else model.drawer


def encoded(splits: Splits, coder: str) -> Splits:
    """The data with codes for inputs: the mean that a shipped coder gives each image.

    Raises ModelError for a coder that there is not, or that does not read such images.
    """
    network = open_model(coder).autoencoder
    if splits.train.flat.shape[1] != network.n:
        raise ModelError(
            f"{coder} reads {network.n} numbers, but a sample of {splits.train.name} has {splits.train.flat.shape[1]}: choose "
            "other data, or another coder"
        )

    def codes(part: Dataset) -> Dataset:
        return replace(part, inputs=_codes(network, part.flat))

    validation = None if splits.validation is None else codes(splits.validation)
    return replace(splits, train=codes(splits.train), validation=validation, test=codes(splits.test))


def _codes(network: Any, images: Array, rows: int = 4096) -> Array:
    return np.concatenate([network.code(images[start : start + rows]) for start in range(0, len(images), rows)])
