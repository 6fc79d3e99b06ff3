"""What an autoencoder or a VAE is worth: how well it gives images back, and, of a VAE, what its codes carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand.data.binarise import binarised
from byhand.errors import ModelError
from byhand.models.conv_codes import ConvVAE
from byhand.models.vae import VAE

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset
    from byhand.modelfile import Coder


@dataclass(frozen=True)
class CodesEvaluation:
    """Measured on n images.

    Attributes:
        cost: what training minimises, in nats (or half squared units) an image; of a VAE, minus its bound on log p(x).
        error: mean squared error of a pixel between an image and what comes back through the mean of its code.
        reconstruction, kl: the two parts of a VAE's bound; kl_of: (d,) the second by dimension. None for an autoencoder.
        dead: the dimensions that carry less than 0.1 nat.
    """

    n: int
    cost: float
    error: float
    reconstruction: float | None = None
    kl: float | None = None
    kl_of: tuple[float, ...] | None = None
    dead: tuple[int, ...] = ()

    def figures(self) -> dict[str, Any]:
        """What it is worth, in numbers."""
        found: dict[str, Any] = {"cost": self.cost, "error": self.error, "n": self.n}
        if self.kl_of is None:
            return found
        return found | {
            "elbo": -self.cost,
            "reconstruction": self.reconstruction,
            "kl": self.kl,
            "kl_of": list(self.kl_of),
            "dead": list(self.dead),
        }

    @property
    def headline(self) -> str:
        """The same in one line of words."""
        off = f"{self.error**0.5:.3f} of the grey range a pixel, root mean square, on {self.n:,} test images"
        if self.kl_of is None:
            return f"off by {off}; cost {self.cost:.2f} nats an image"
        alive = len(self.kl_of) - len(self.dead)
        unused = f" (unused: {', '.join(map(str, self.dead))})" if self.dead else ""
        return (
            f"ELBO {-self.cost:.2f} nats an image: reconstruction {self.reconstruction:.2f}, KL {self.kl:.2f} "
            f"in {alive} of {len(self.kl_of)} dimensions{unused}; off by {off}"
        )


def evaluate_codes(network: Coder, data: Dataset, *, binarise: bool = False) -> CodesEvaluation:
    """Measure a network on images; with `binarise` on a black and white draw of them, seed 0.

    Raises ModelError where the two do not fit.
    """
    if data.flat.shape[1] != network.n:
        raise ModelError(
            f"the network wants {network.n} numbers an image, but {data.name} has {data.flat.shape[1]}: choose other data"
        )
    x = binarised(data.flat) if binarise else data.flat
    y = data.targets(network.dtype) if network.classes else None
    error = float(np.square(network.reconstruct(x, y) - x).mean(dtype=np.float64))
    if not isinstance(network, (VAE, ConvVAE)):
        return CodesEvaluation(len(x), network.evaluate(x, data.targets(network.dtype))[0], error)
    found = network.measure(x, y)
    return CodesEvaluation(
        len(x), -found.elbo, error, found.reconstruction, found.kl, tuple(found.kl_of.tolist()), tuple(found.dead)
    )
