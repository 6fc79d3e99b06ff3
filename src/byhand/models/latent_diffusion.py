r"""Latent diffusion: the noise is added to an image's code and not to the image, so that there is little to compute.

    image -> encoder -> z_0 -> noise -> z_T -> denoiser, T times -> z_0 -> decoder -> image

Source: Rombach, Blattmann, Lorenz, Esser and Ommer (2022), arXiv:2112.10752, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.kernels.alike import rows_alike
from byhand.kernels.threads import one_blas_thread
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.samplers import SamplerStep, in_blocks


class LatentDiffusion:
    """A network that draws codes, and the coder that makes images of them.

    Raises ModelError where the codes of the two have other lengths, or the coder needs to be told classes.
    """

    def __init__(self, network: DiffusionNetwork, coder: Any, shape: tuple[int, ...] = (28, 28, 1)) -> None:
        if network.input_shape != (coder.latent,):
            raise ModelError(
                f"the network draws codes of {network.input_shape}, but the coder reads ({coder.latent},): use the one that the "
                "codes came from"
            )
        if coder.classes:
            raise ModelError("the coder needs to be told classes: choose one without, for example emnist-vae")
        self.network, self.coder, self.shape = network, coder, shape

    @property
    def classes(self) -> int:
        """How many labels there are."""
        return self.network.classes

    def sample_steps(self, names: int | Sequence[int | str], labels: Any = None, **settings: Any) -> Iterator[SamplerStep]:
        """As `DiffusionNetwork.sample_steps`, each step decoded: x and x0 are images (N, *shape) in [0, 1]."""
        for t, z, z0 in self.network.sample_steps(names, labels, **settings):
            yield SamplerStep(t, self.decoded(z), self.decoded(z0))

    def sample(self, names: int | Sequence[int | str], labels: Any = None, **settings: Any) -> Array:
        """Images as rows (N, n) in [0, 1]; the settings are those of `sample_steps`."""
        codes = self.network.sample(names, labels, **settings)
        return self.decoded(codes).reshape(len(codes), -1)

    def decoded(self, codes: Array) -> Array:
        """The images of codes, (N, d) -> (N, *shape)."""
        codes = np.ascontiguousarray(codes, self.network.dtype)
        with one_blas_thread():
            block = self.network.block if rows_alike() else 1
            return in_blocks(self.coder.decode, block, codes, together=False).reshape(len(codes), *self.shape)
