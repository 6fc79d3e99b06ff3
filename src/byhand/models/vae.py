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

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array, generator
from byhand.errors import ModelError
from byhand.models.encoder_decoder import ROWS, EncoderDecoder

LOG_SIGMA = 8.0  # e^8 = 3,000: log sigma is held within these bounds in `encode`, so that a wild image cannot overflow a picture


# ---------------------------------------------------------------- the equations, one function each


def draw_code(mu: Array, log_sigma: Array, eps: Array) -> Array:
    r"""The reparameterisation: a draw from the encoder's Gaussian, as a function of its mean and its log standard deviation.

    Equation:
        z = \mu + \varepsilon \odot e^{s}, \quad \varepsilon \sim N(0, 1), \quad s = \log \sigma
    Shapes:
        mu, log_sigma, eps: (m, d) -> z: (m, d)
    Source:
        Kingma and Welling (2014), section 2.4
    """
    return mu + eps * np.exp(log_sigma)


def divergence(mu: Array, log_sigma: Array) -> Array:
    r"""How far the encoder's Gaussian is from N(0, 1), dimension by dimension: L_reg is the sum over them.

    Equation:
        \tfrac{1}{2} \left(\mu_j^2 + e^{2 s_j} - 1 - 2 s_j\right)
    Shapes:
        mu, log_sigma: (m, d) -> (m, d)
    Source:
        Kingma and Welling (2014), appendix B
    """
    return 0.5 * (mu * mu + np.exp(2 * log_sigma) - 1 - 2 * log_sigma)


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


@dataclass(frozen=True)
class Measured:
    """What a VAE is worth on some images, in nats an image.

    Attributes:
        elbo: the bound, -(reconstruction + kl), at beta = 1; reconstruction: L_rec; kl: L_reg.
        kl_of: (d,) of each dimension; dead: the dimensions that carry less than 0.1 nat, and so next to nothing.
    """

    elbo: float
    reconstruction: float
    kl: float
    kl_of: Array

    @property
    def dead(self) -> list[int]:
        return np.flatnonzero(self.kl_of < 0.1).tolist()


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
        if not 0 <= beta < math.inf:
            raise ModelError(f"beta is {beta}, but it is 0 or more, and finite")
        if not isinstance(warm_up, int) or warm_up < 0:
            raise ModelError(f"warm_up is {warm_up!r}, but it is a number of training steps from 0 up")
        self.beta, self.warm_up = float(beta), warm_up
        self.buffers = {"steps": np.zeros(1, self.dtype)}  # how many were learned from, for the warm-up
        self.codes: dict[str, Array] = {}

    def learn(self, x: Array, y: Array | None = None, eps: Array | None = None) -> float:
        """One forward and one backward pass: fills `gradient`, returns the batch's cost.

        x: (m, n) images; y: (m, K) targets, needed where the VAE is conditional; eps: (m, d), drawn anew unless given.
        """
        x, m = self._rows(x), len(x)
        beta = self.beta * (min(1.0, float(self.buffers["steps"][0]) / self.warm_up) if self.warm_up else 1.0)
        self.buffers["steps"] += 1
        mu, log_sigma = self._encode(x, y)
        eps = self.rng.standard_normal(mu.shape, self.dtype) if eps is None else eps  # the same forward and backward
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

    def encode(self, x: Array, y: Array | None = None) -> tuple[Array, Array]:
        """Mean and log standard deviation of the codes of images (N, n), each (N, d)."""
        mu, log_sigma = self._encode(self._rows(x), y)
        return mu, np.clip(log_sigma, -LOG_SIGMA, LOG_SIGMA)

    def code(self, x: Array, y: Array | None = None) -> Array:
        """The means of the codes of images (N, n), (N, d)."""
        return self.encode(x, y)[0]

    def reconstruct(self, x: Array, y: Array | None = None) -> Array:
        """Images (N, n) through the means of their codes and back."""
        return self.decode(self.code(x, y), y)

    def sample(self, count: int, seed: int = 0, y: Array | None = None) -> Array:
        """Images (count, n) of codes drawn from N(0, 1)."""
        return self.decode(generator(seed, "sample").standard_normal((count, self.latent)), y)

    forward = reconstruct

    def measure(self, x: Array, y: Array | None = None, seed: int = 0) -> Measured:
        """The bound and its parts on images (N, n), with one drawn code an image."""
        x, rng = self._rows(x), generator(seed, "measure")
        reconstruction, kl = 0.0, np.zeros(self.latent)
        for start in range(0, len(x), ROWS):
            rows, classes = x[start : start + ROWS], None if y is None else y[start : start + ROWS]
            mu, log_sigma = self._encode(rows, classes)
            self.decode(draw_code(mu, log_sigma, rng.standard_normal(mu.shape, self.dtype)), classes)
            reconstruction += float(self._reconstruction_cost(rows).sum(dtype=np.float64))
            kl += divergence(mu, log_sigma).sum(axis=0, dtype=np.float64)
        reconstruction, kl = reconstruction / len(x), kl / len(x)
        return Measured(-reconstruction - float(kl.sum()), reconstruction, float(kl.sum()), kl)

    def evaluate(self, x: Array, y: Array) -> tuple[float, None]:
        """Minus the bound, in nats an image: a VAE has no accuracy."""
        return -self.measure(x, y).elbo, None

    def log_likelihood(self, x: Array, samples: int = 5_000, y: Array | None = None, seed: int = 0) -> Array:
        r"""The importance-weighted estimate of log p(x) of each image, (N,), in nats.

        Equation:
            \log p(x) \approx \log \frac{1}{k} \sum_{i=1}^{k} \frac{p(x \mid z_i)\, p(z_i)}{q(z_i \mid x)},
            \quad z_i \sim q(z \mid x)
        Shapes:
            x: (N, n) binary, k = samples -> (N,)
        Source:
            Burda, Grosse and Salakhutdinov (2016), arXiv:1509.00519, eq. 8

        It is a bound from below that grows with k; 5,000 is the paper's. Raises ModelError for a Gaussian reconstruction,
        whose half squared distance is a likelihood only up to a constant.
        """
        if self.reconstruction != "bernoulli":
            raise ModelError("log_likelihood wants a bernoulli reconstruction: this VAE has a gaussian one, of no set variance")
        x, rng = self._rows(x), generator(seed, "importance")
        mu, log_sigma = self._encode(x, y)
        found = np.empty(len(x))
        for i, image in enumerate(x):
            weights = []
            for start in range(0, samples, ROWS):
                eps = rng.standard_normal((min(ROWS, samples - start), self.latent), self.dtype)
                z = draw_code(mu[i], log_sigma[i], eps)
                self.decode(z, None if y is None else np.broadcast_to(y[i], (len(z), self.classes)))
                rec = self._reconstruction_cost(np.broadcast_to(image, (len(z), self.n)))
                # log p(z) - log q(z | x): the constants of the two Gaussians cancel.
                weights.append(-rec.astype(float) + (0.5 * (eps * eps - z * z) + log_sigma[i]).sum(axis=1, dtype=np.float64))
            w = np.concatenate(weights)
            found[i] = w.max() + np.log(np.exp(w - w.max()).mean())
        return found

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
    try:
        settings = {name: value for name, value in architecture.items() if name != "kind"}
        return VAE(settings.pop("n"), settings.pop("hidden"), settings.pop("latent"), dtype=dtype, **settings)
    except (KeyError, TypeError) as error:
        raise ModelError(f"the architecture is not a VAE's ({error!r}): expected n, hidden, latent and its settings") from error
