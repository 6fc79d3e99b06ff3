"""The two networks of a GAN's game: one that makes samples out of noise, one that tells them from real ones.

Both exist for points in the plane (and any short vectors) and for images. Where there are classes, both are told them: the
generator beside its noise, the discriminator by a direction of each class in its last features, as Miyato and Koyama have it.

Source: Radford, Metz and Chintala (2016), arXiv:1511.06434, for the shape of both on images; Odena, Dumoulin and Olah (2016),
Distill, for enlarging before convolving; Miyato and Koyama (2018), arXiv:1802.05637, equation 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import array_module
from byhand.engine import ops
from byhand.nn import (
    BatchNorm2d,
    Conv2d,
    Embedding,
    Flatten,
    LeakyReLU,
    Linear,
    Module,
    PixelShuffle,
    ReLU,
    Sequential,
    Sigmoid,
    Unflatten,
    Upsample,
)
from byhand.nn.sizes import at_least_one

SLOPE = 0.2  # of the discriminator's LeakyReLU, as in Radford et al.


class Generator(Module):
    r"""Noise and a class become a sample.

    Equation:
        \tilde x = G(z, y), \quad z \sim N(0, 1)
    Shapes:
        z: (N, latent), labels: (N,) whole numbers -> (N, features), or (N, side, side, image_channels) in [0, 1]

    Arguments: `latent` d; `shape` of a sample, (features,) or (side, side, channels) with a side that 4 divides; `classes` K, 0
    for none; `width` of the layers, or of the channels at a quarter of the side.
    """

    settings = ("latent", "shape", "classes", "width")

    def __init__(self, latent: int, shape: Sequence[int], classes: int = 0, width: int = 64) -> None:
        at_least_one("Generator", latent=latent, width=width)
        self.latent, self.shape, self.classes, self.width = latent, tuple(shape), classes, width
        self.label = Embedding(classes, latent) if classes else None
        told = 2 * latent if classes else latent
        if len(self.shape) == 1:
            hidden = [layer for n_in in (told, width, width) for layer in (Linear(n_in, width), ReLU())]
            self.layers = Sequential(*hidden, Linear(width, self.shape[0]))
            return
        quarter = self.shape[0] // 4
        self.layers = Sequential(
            Linear(told, quarter * quarter * width),
            Unflatten(1, (width, quarter, quarter)),
            BatchNorm2d(width),
            ReLU(),
            Upsample(scale_factor=2),
            Conv2d(width, width // 2, 3, padding=1),
            BatchNorm2d(width // 2),
            ReLU(),
            Conv2d(width // 2, width // 2, 3, padding=1),
            BatchNorm2d(width // 2),
            ReLU(),
            Conv2d(width // 2, 4 * self.shape[2], 3, padding=1),
            PixelShuffle(2),
            Sigmoid(),
        )

    def forward(self, z: Any, labels: Any = None) -> Any:
        if self.label is not None:
            z = ops.concat(z, self.label(labels), axis=1)
        return self.layers(z)


class Discriminator(Module):
    r"""How real a sample looks, as a logit: above 0 for real.

    Equation:
        D(x, y) = v \cdot \phi(x) + b + e_y \cdot \phi(x) + c_y
    Shapes:
        x: (N, ...) of `shape`, labels: (N,) -> (N, 1)

    Arguments: as of `Generator`; `width` of the layers, or of the channels at half the side.
    """

    settings = ("shape", "classes", "width")

    def __init__(self, shape: Sequence[int], classes: int = 0, width: int = 32) -> None:
        at_least_one("Discriminator", width=width)
        self.shape, self.classes, self.width = tuple(shape), classes, width
        if len(self.shape) == 1:
            features = width
            hidden = [layer for n_in in (self.shape[0], width, width) for layer in (Linear(n_in, width), LeakyReLU(SLOPE))]
            self.layers = Sequential(*hidden)
        else:
            features = (-(-self.shape[0] // 8)) ** 2 * 4 * width
            self.layers = Sequential(
                Conv2d(self.shape[2], width, 3, stride=2, padding=1),
                LeakyReLU(SLOPE),
                Conv2d(width, 2 * width, 3, stride=2, padding=1),
                LeakyReLU(SLOPE),
                Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),
                LeakyReLU(SLOPE),
                Flatten(),
            )
        self.out = Linear(features, 1 + classes)  # the first with v and b, the others with e_y and c_y of each class

    def forward(self, x: Any, labels: Any = None) -> Any:
        logits = self.out(self.layers(x))
        if not self.classes:
            return logits
        counts = np.eye(1 + self.classes, dtype=logits.dtype)[1 + np.asarray(labels)]
        counts[:, 0] = 1
        return ops.sum(logits * array_module(logits.data).asarray(counts), axis=1, keepdims=True)


class Players(Module):
    """Both players as one module, the generator first: what is trained, saved and moved to a device together.

    Arguments: as of `Generator` and `Discriminator`; `critic_width` is the discriminator's, 0 for the same. A class of your own
    may have other players: they are its attributes `generator`, with a `latent` and its `classes`, and `discriminator`.

    >>> Players(4, (2,), width=8).n_parameters
    379
    """

    settings = ("latent", "shape", "classes", "width", "critic_width")
    reads_indices = False  # though the generator's first part, which reads labels, does

    generator: Module
    discriminator: Module

    def __init__(self, latent: int, shape: Sequence[int], classes: int = 0, width: int = 64, critic_width: int = 0) -> None:
        self.latent, self.shape, self.classes = latent, tuple(shape), classes
        self.width, self.critic_width = width, critic_width or width
        self.generator = Generator(latent, self.shape, classes, width)
        self.discriminator = Discriminator(self.shape, classes, self.critic_width)

    def forward(self, z: Any, labels: Any = None) -> Any:
        """Samples out of noise."""
        return self.generator(z, labels)
