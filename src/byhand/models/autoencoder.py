r"""The autoencoder: an image through a narrow code and back, so that the code has to hold what matters.

L = L_rec alone: nothing says where in their space the codes shall lie, and between them the decoder was never asked for
anything. That is what one sees when one walks there, and what the VAE is for. `noise` makes it a denoising one: what is added to
the code in training forces neighbouring codes to mean neighbouring images.

Source: Hinton and Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks"; noise on the code:
Poole, Sohl-Dickstein and Ganguli (2014), arXiv:1406.1831.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.models import encoder_decoder
from byhand.models.encoder_decoder import ROWS, EncoderDecoder
from byhand.network_kinds import NetworkKind, register


class Autoencoder(EncoderDecoder):
    r"""Encoder, code, decoder.

    Arguments:
        n, hidden, latent, activation, reconstruction, classes, seed, dtype: as `byhand.models.vae.VAE`'s.
        noise: standard deviation of what is added to the code in training, in units of the code.

    Raises ModelError for settings that make no autoencoder.

    >>> Autoencoder(784, (128, 128), 16, seed=1)
    Autoencoder(784-128-128-16-128-128-784, bernoulli: 238,880 parameters)
    """

    kind = "autoencoder"

    def __init__(
        self,
        n: int,
        hidden: Sequence[int],
        latent: int,
        *,
        activation: str = "relu",
        reconstruction: str = "bernoulli",
        noise: float = 0.0,
        classes: int = 0,
        seed: int = 0,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(
            n,
            hidden,
            latent,
            per_number=1,
            activation=activation,
            reconstruction=reconstruction,
            classes=classes,
            seed=seed,
            dtype=dtype,
        )
        self.noise = limits.number("noise", noise, least=0)

    def learn(self, x: Array, y: Array | None = None, eps: Array | None = None) -> float:
        """One forward and one backward pass: fills `gradient`, returns the batch's cost.

        x: (m, n) images; y: (m, K) targets, needed where it is conditional; eps: (m, d), drawn anew unless given.
        """
        x = self._rows(x)
        code = self.encoder.forward(self._with_class(x, y))
        if self.noise:
            code = code + self.noise * self._eps(eps, len(x))
        self.decoder.forward(self._with_class(code, y))
        # What is added has no derivative: the error of the noisy code is the error of the code.
        d_code = self.decoder.backward(self._reconstruction_error(x)).input_error()[:, : self.latent]
        self.encoder.backward(d_code)
        return float(self._reconstruction_cost(x).sum(dtype=np.float64)) / len(x)

    def code(self, x: Array, y: Array | None = None) -> Array:
        """The codes of images (N, n), (N, d)."""
        return self.encoder.forward(self._with_class(self._rows(x), y))

    def without_noise(self) -> Self | None:
        """The same network, sharing its parameters, that adds no noise to its code; None where it adds none."""
        if not self.noise:
            return None
        other = copy.copy(self)
        other.noise = 0.0
        return other

    def weighted_outputs(self, x: Array) -> Array | None:
        """The weighted inputs of the pixels, (N, n); None where it needs to be told classes."""
        if self.classes:
            return None
        self.decoder.forward(self.encoder.forward(self._rows(x)))
        return self.decoder.z[-1]

    def evaluate(self, x: Array, y: Array) -> tuple[float, None]:
        """Mean cost without noise, in nats (or half squared units) an image: an autoencoder has no accuracy."""
        x, total = self._rows(x), 0.0
        for start in range(0, len(x), ROWS):
            rows = x[start : start + ROWS]
            self.reconstruct(rows, y[start : start + ROWS])
            total += float(self._reconstruction_cost(rows).sum(dtype=np.float64))
        return total / len(x), None

    def architecture(self) -> dict[str, Any]:
        """What a model file says of the network, and what `from_architecture` reads."""
        return super().architecture() | {"noise": self.noise}

    def __repr__(self) -> str:
        return f"Autoencoder({self._sizes()}, {self.reconstruction}: {self.parameters.size:,} parameters)"


def from_architecture(architecture: dict[str, Any], dtype: Any = np.float32) -> Autoencoder:
    """The untrained network that `Autoencoder.architecture` described; raises ModelError where it describes none."""
    made: Autoencoder = encoder_decoder.from_architecture(Autoencoder, "an autoencoder", architecture, dtype)
    return made


def from_recipe(recipe: Any, train: Any, dtype: Any, device: str) -> Autoencoder:
    """The untrained autoencoder of a recipe, for data that `train` is the training part of."""
    made: Autoencoder = encoder_decoder.from_recipe(Autoencoder, recipe, train, dtype)
    return made


register(
    NetworkKind(
        Autoencoder.kind,
        read=from_architecture,
        build=from_recipe,
        settings=("model_options", "hidden", "activation"),
        by_hand=True,
    )
)
