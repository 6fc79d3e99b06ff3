r"""The variational autoencoder, with its gradients derived by hand.

The encoder gives, for every image x, a Gaussian over codes: a mean mu and a log standard deviation s = log sigma. A code is
drawn from it, z = mu + eps e^s with eps ~ N(0, 1), and the decoder makes an image of it. What is minimised bounds -log p(x):

    L = L_rec + beta L_reg, \quad L_reg = \sum_j \tfrac{1}{2} \left(\mu_j^2 + e^{2 s_j} - 1 - 2 s_j\right),

the error of the reconstruction, plus how far the Gaussian is from N(0, 1). Both are sums over the pixels or the dimensions of one
image, and C is their mean over the batch (a mean over the pixels would weigh L_reg 784 times more, and the codes would collapse).

Only the drawing is new to backpropagation. With eps held fixed it is a function like any other (the reparameterisation), and so

    dL_rec/dmu = dL/dz, \quad dL_rec/ds = dL/dz \odot eps\, e^s, \quad dL_reg/dmu = mu, \quad dL_reg/ds = e^{2s} - 1.

dL/dz comes out of the decoder by BP2, and the two sums are the error with which the encoder's backpropagation begins.

Source: Kingma and Welling (2014), arXiv:1312.6114, section 2 and appendix B; beta: Higgins et al. (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import Array, generator
from byhand.models import elbo, encoder_decoder
from byhand.models.elbo import Measured, divergence, draw_code
from byhand.models.encoder_decoder import EncoderDecoder
from byhand.network_kinds import NetworkKind, register

LOG_SIGMA = 8.0  # e^8 = 3,000: log sigma is held within these bounds in `encode`, so that a wild image cannot overflow a picture


# ---------------------------------------------------------------- the equations, one function each


def code_errors(dz: Array, mu: Array, log_sigma: Array, eps: Array, beta: float) -> tuple[Array, Array]:
    r"""The errors with which the encoder begins: from the reconstruction, through z, and from the divergence.

    Equation:
        \frac{\partial L}{\partial \mu} = \frac{\partial L}{\partial z} + \beta \mu, \qquad
        \frac{\partial L}{\partial s} = \frac{\partial L}{\partial z} \odot \varepsilon\, e^{s} + \beta \left(e^{2 s} - 1\right)
    Shapes:
        dz, mu, log_sigma, eps: (m, d) -> two of (m, d)
    Source:
        Kingma and Welling (2014), section 2.4 and appendix B, differentiated
    """
    return dz + beta * mu, dz * eps * np.exp(log_sigma) + beta * (np.exp(2 * log_sigma) - 1)


# ---------------------------------------------------------------- the network


class VAE(EncoderDecoder):
    r"""Encoder, drawn code, decoder.

    Arguments:
        n: numbers an image, in [0, 1]. hidden: units of the encoder's layers; the decoder has them in reverse. latent: d.
        activation: of the hidden layers; see `byhand.activations`.
        reconstruction: "bernoulli" (cross-entropy of sigmoid outputs) or "gaussian" (half the squared distance: variance 1).
        beta: weight of L_reg. warm_up: training steps over which it grows from 0 to beta, so that codes form first.
        classes: K above 0 makes it conditional: the class goes into the encoder and the decoder, so the code need not hold it.
        seed: of the weights and of eps. dtype: float32, or float64 for checks.

    Raises ModelError for settings that make no VAE.

    >>> vae = VAE(784, (128,), 8, seed=1)
    >>> vae
    VAE(784-128-8-128-784, bernoulli, beta 1: 204,832 parameters)
    >>> vae.decode(np.zeros((3, 8))).shape
    (3, 784)
    """

    kind = "vae"
    closed_form = True

    def __init__(
        self,
        n: int,
        hidden: Sequence[int],
        latent: int,
        *,
        activation: str = "relu",
        reconstruction: str = "bernoulli",
        beta: float = 1.0,
        warm_up: int = 0,
        classes: int = 0,
        seed: int = 0,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(
            n,
            hidden,
            latent,
            per_number=2,
            activation=activation,
            reconstruction=reconstruction,
            classes=classes,
            seed=seed,
            dtype=dtype,
        )
        self.beta, self.warm_up = limits.number("beta", beta, least=0), limits.whole("warm_up", warm_up, least=0)
        self._buffers = {"steps": np.zeros(1, self.dtype)}  # how many were learned from, for the warm-up
        self.codes: dict[str, Array] = {}

    def learn(self, x: Array, y: Array | None = None, eps: Array | None = None) -> float:
        """One forward and one backward pass: fills `gradient`, returns the batch's cost.

        x: (m, n) images; y: (m, K) targets, needed where the VAE is conditional; eps: (m, d), drawn anew unless given.
        """
        x, m = self._rows(x), len(x)
        beta = self.warmed_beta()
        self.buffers["steps"] += 1
        mu, log_sigma = self._encode(x, y)
        eps = self._eps(eps, len(x))  # the same forward and backward
        z = draw_code(mu, log_sigma, eps)
        self.decoder.forward(self._with_class(z, y))
        kl = divergence(mu, log_sigma)

        dz = self.decoder.backward(self._reconstruction_error(x)).input_error()[:, : self.latent]
        d_mu, d_log_sigma = code_errors(dz, mu, log_sigma, eps, beta)
        self.encoder.backward(np.concatenate([d_mu, d_log_sigma], axis=1))
        self.codes = {
            "mu": mu, "log_sigma": log_sigma, "eps": eps, "z": z, "kl": kl, "dz": dz, "d_mu": d_mu, "d_log_sigma": d_log_sigma
        }  # fmt: skip
        return float((self._reconstruction_cost(x) + beta * kl.sum(axis=1)).sum(dtype=np.float64)) / m

    def warmed_beta(self) -> float:
        """The weight of the divergence in the next step: it grows to beta over the first `warm_up`."""
        return self.beta * (min(1.0, float(self.buffers["steps"][0]) / self.warm_up) if self.warm_up else 1.0)

    def encode(self, x: Array, y: Array | None = None) -> tuple[Array, Array]:
        """Mean and log standard deviation of the codes of images (N, n), each (N, d)."""
        mu, log_sigma = self._encode(self._rows(x), y)
        return mu, np.clip(log_sigma, -LOG_SIGMA, LOG_SIGMA)

    def code(self, x: Array, y: Array | None = None) -> Array:
        """The means of the codes of images (N, n), (N, d)."""
        return self.encode(x, y)[0]

    def sample(self, count: int, seed: int = 0, y: Array | None = None) -> Array:
        """Images (count, n) of codes drawn from N(0, 1)."""
        return self.decode(generator(seed, "sample").standard_normal((count, self.latent)), y)

    def measure(self, x: Array, y: Array | None = None, seed: int = 0) -> Measured:
        """The bound and its parts on images (N, n), with one drawn code an image; see `byhand.models.elbo`."""
        return elbo.measure(self, self._rows(x), y, seed)

    def evaluate(self, x: Array, y: Array) -> tuple[float, None]:
        """Minus the bound, in nats an image: a VAE has no accuracy."""
        return -self.measure(x, y if self.classes else None).elbo, None

    def log_likelihood(self, x: Array, samples: int = 5_000, y: Array | None = None, seed: int = 0) -> Array:
        """The importance-weighted estimate of log p(x) of each image, (N,), in nats; see `byhand.models.elbo`."""
        return elbo.log_likelihood(self, self._rows(x), samples, y, seed)

    def reconstruction_cost(self, z: Array, x: Array, y: Array | None = None) -> Array:
        """L_rec of images (N, n) given their codes (N, d): (N,)."""
        self.decode(z, y)
        return self._reconstruction_cost(x)

    def _encode(self, x: Array, y: Array | None) -> tuple[Array, Array]:
        both = self.encoder.forward(self._with_class(x, y))
        return both[:, : self.latent], both[:, self.latent :]

    def trace(self) -> dict[str, Any]:
        """Copies of what the last `learn` computed: the codes and their errors, and all z, a and delta of both halves."""
        return super().trace() | {name: array.copy() for name, array in self.codes.items()}

    def architecture(self) -> dict[str, Any]:
        """What a model file says of the network, and what `from_architecture` reads."""
        return super().architecture() | {"beta": self.beta, "warm_up": self.warm_up}

    def __repr__(self) -> str:
        return f"VAE({self._sizes()}, {self.reconstruction}, beta {self.beta:g}: {self.parameters.size:,} parameters)"


def from_architecture(architecture: dict[str, Any], dtype: Any = np.float32) -> VAE:
    """The untrained VAE that `VAE.architecture` described; raises ModelError where it describes none."""
    made: VAE = encoder_decoder.from_architecture(VAE, "a VAE", architecture, dtype)
    return made


def from_recipe(recipe: Any, train: Any, dtype: Any, device: str) -> VAE:
    """The untrained VAE of a recipe, for data that `train` is the training part of."""
    made: VAE = encoder_decoder.from_recipe(VAE, recipe, train, dtype)
    return made


register(
    NetworkKind(
        VAE.kind, read=from_architecture, build=from_recipe, settings=("model_options", "hidden", "activation"), by_hand=True
    )
)
