"""What an autoencoder or a VAE is worth: how well it gives images back, and, of a VAE, what its codes carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand.data.binarise import binarised as black_and_white
from byhand.errors import ModelError
from byhand.models.elbo import Variational

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset


@dataclass(frozen=True)
class Likelihood:
    """The importance-weighted estimate of log p(x), in nats: its mean over n images, with so many samples each, and its error."""

    mean: float
    error: float
    n: int
    samples: int

    def figures(self) -> dict[str, Any]:
        """In numbers."""
        return {
            "log_likelihood": self.mean,
            "log_likelihood_error": self.error,
            "likelihood_n": self.n,
            "likelihood_samples": self.samples,
        }


@dataclass(frozen=True)
class AutoencoderEvaluation:
    """Measured on n images.

    Attributes:
        cost: what training minimises, in nats (or half squared units) an image; of a VAE, minus its bound on log p(x).
        error: mean squared error of a pixel between an image and what comes back through the mean of its code.
        reconstruction, kl: the two parts of a VAE's bound; kl_of: (d,) the second by dimension. None for an autoencoder.
        dead: the dimensions that carry less than 0.1 nat. likelihood: where it was estimated.
        data: what it was measured on; binarised: black and white.
    """

    n: int
    cost: float
    error: float
    reconstruction: float | None = None
    kl: float | None = None
    kl_of: tuple[float, ...] | None = None
    dead: tuple[int, ...] = ()
    likelihood: Likelihood | None = None
    data: Any = field(default=None, repr=False)
    binarised: bool = False

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

    def details(self) -> dict[str, Any]:
        """What else there is to say, as JSON takes it."""
        return {"binarised": self.binarised} | ({} if self.likelihood is None else self.likelihood.figures())

    def lines(self) -> list[str]:
        """What is added to the headline: the likelihood, where it was estimated."""
        if self.likelihood is None:
            return []
        of = f"{self.likelihood.n:,} {'black and white ' if self.binarised else ''}images"
        return [
            f"log p(x) {self.likelihood.mean:.2f} ± {self.likelihood.error:.2f} nats an image "
            f"({self.likelihood.samples:,} samples each for {of})"
        ]

    def rows(self) -> list[tuple[str, ...]]:
        """The divergence by dimension, under its header; nothing for an autoencoder."""
        if self.kl_of is None:
            return []
        told = [(str(d), f"{kl:.2f}" + ("  unused" if d in self.dead else "")) for d, kl in enumerate(self.kl_of)]
        return [("dimension", "KL, nats"), *told]

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


def evaluate_autoencoder(network: Any, data: Dataset, *, binarised: bool = False) -> AutoencoderEvaluation:
    """Measure a network on images; with `binarised` on a black and white draw of them, seed 0.

    Raises ModelError where the two do not fit.
    """
    if data.flat.shape[1] != network.n:
        raise ModelError(
            f"{data.name} must have {network.n} numbers per image for this network, got {data.flat.shape[1]}: choose other data"
        )
    x = black_and_white(data.flat) if binarised else data.flat
    y = data.targets(network.dtype) if network.classes else None
    error = float(np.square(network.reconstruct(x, y) - x).mean(dtype=np.float64))
    if not isinstance(network, Variational):
        cost = network.evaluate(x, data.targets(network.dtype))[0]
        return AutoencoderEvaluation(len(x), cost, error, data=data, binarised=binarised)
    found = network.measure(x, y)
    parts = found.reconstruction, found.kl, tuple(found.kl_of.tolist()), tuple(found.dead)
    return AutoencoderEvaluation(len(x), -found.elbo, error, *parts, data=data, binarised=binarised)


def estimate_likelihood(network: Any, data: Dataset, *, samples: int, images: int = 1_000, binarised: bool = False) -> Likelihood:
    """log p(x) of so many of the images, evenly from all of them; with `binarised` of a black and white draw of them, seed 0.

    Raises ModelError for what is no VAE, and for more images than there are.
    """
    if not isinstance(network, Variational):
        raise ModelError(f"a likelihood needs a VAE, and {network!r} is none: leave it out")
    if not 1 <= images <= len(data):
        raise ModelError(f"images must be from 1 to {len(data):,}, how many {data.name} has, got {images:,}")
    chosen = slice(None, images * (len(data) // images), len(data) // images)  # evenly, as the first may be the easiest
    x = (black_and_white(data.flat) if binarised else data.flat)[chosen]
    y = data.take(chosen).targets(network.dtype) if network.classes else None
    found = network.log_likelihood(x, samples, y)
    return Likelihood(float(found.mean()), float(found.std() / len(found) ** 0.5), len(found), samples)
