"""What a VAE is worth on images, whatever it is made of: the bound on log p(x), its parts, and a closer estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from byhand.backend import Array, generator
from byhand.errors import ModelError

ROWS = 2_000  # codes decoded at a time
DEAD = 0.1  # nats: a dimension that carries less tells the decoder next to nothing


@runtime_checkable
class Variational(Protocol):
    """A VAE: the two numbers of each code's Gaussian, and what a code costs as the code of an image.

    closed_form: whether its cost has the divergence as the formula below, and not as a mean over drawn codes.
    codes: what the last `learn` computed of the codes, by name (mu, log_sigma, eps, z, ...); empty where it is on the tape.
    """

    latent: int
    reconstruction: str
    dtype: Any
    beta: float
    warm_up: int
    codes: dict[str, Array]
    closed_form: bool
    classes: int

    def encode(self, x: Array, y: Array | None = None) -> tuple[Array, Array]: ...
    def sample(self, count: int, seed: int = 0, y: Array | None = None) -> Array: ...
    def measure(self, x: Array, y: Array | None = None, seed: int = 0) -> Measured: ...
    def log_likelihood(self, x: Array, samples: int = 5_000, y: Array | None = None, seed: int = 0) -> Array: ...
    def reconstruction_cost(self, z: Array, x: Array, y: Array | None = None) -> Array: ...


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
        return np.flatnonzero(self.kl_of < DEAD).tolist()


def measure(vae: Variational, x: Array, y: Array | None = None, seed: int = 0) -> Measured:
    """The bound and its parts on images (N, n), with one drawn code an image; y: their classes, where it is conditional."""
    rng = generator(seed, "measure")
    reconstruction, kl = 0.0, np.zeros(vae.latent)
    for start in range(0, len(x), ROWS):
        rows, classes = x[start : start + ROWS], None if y is None else y[start : start + ROWS]
        mu, log_sigma = vae.encode(rows, classes)
        z = draw_code(mu, log_sigma, rng.standard_normal(mu.shape, vae.dtype))
        reconstruction += float(vae.reconstruction_cost(z, rows, classes).sum(dtype=np.float64))
        kl += divergence(mu, log_sigma).sum(axis=0, dtype=np.float64)
    reconstruction, kl = reconstruction / len(x), kl / len(x)
    return Measured(-reconstruction - float(kl.sum()), reconstruction, float(kl.sum()), kl)


def bound(log_w: Array) -> Array:
    r"""L_k of each image: the logarithm of the mean weight.

    Equation:
        \log \frac{1}{k} \sum_i w_i
    Shapes:
        log_w: (m, k) -> (m,)
    Source:
        Burda, Grosse and Salakhutdinov (2016), equation 8
    """
    largest = log_w.max(axis=1)
    return largest + np.log(np.exp(log_w - largest[:, None]).mean(axis=1))


def log_likelihood(vae: Variational, x: Array, samples: int = 5_000, y: Array | None = None, seed: int = 0) -> Array:
    r"""The importance-weighted estimate of log p(x) of each image, (N,), in nats.

    Equation:
        \log p(x) \approx \log \frac{1}{k} \sum_{i=1}^{k} \frac{p(x \mid z_i)\, p(z_i)}{q(z_i \mid x)},
        \quad z_i \sim q(z \mid x)
    Shapes:
        x: (N, n) binary, k = samples -> (N,)
    Source:
        Burda, Grosse and Salakhutdinov (2016), arXiv:1509.00519, eq. 8

    It is a bound from below that grows with k; 5,000 is the paper's. Raises ModelError for a Gaussian reconstruction,
    whose half squared distance is a likelihood only up to a constant, and for fewer than one sample.
    """
    if vae.reconstruction != "bernoulli":
        raise ModelError("log_likelihood needs a bernoulli reconstruction: this VAE has a gaussian one, of no set variance")
    if samples < 1:
        raise ModelError(f"log_likelihood: samples must be 1 or more, got {samples}")
    rng = generator(seed, "importance")
    mu, log_sigma = vae.encode(x, y)
    found = np.empty(len(x))
    for i, image in enumerate(x):
        weights = []
        for start in range(0, samples, ROWS):
            eps = rng.standard_normal((min(ROWS, samples - start), vae.latent), vae.dtype)
            z = draw_code(mu[i], log_sigma[i], eps)
            rows = np.broadcast_to(image.reshape(-1), (len(z), image.size))
            cost = vae.reconstruction_cost(z, rows, None if y is None else np.broadcast_to(y[i], (len(z), y.shape[1])))
            # log p(z) - log q(z | x): the constants of the two Gaussians cancel.
            weights.append(-cost.astype(float) + (0.5 * (eps * eps - z * z) + log_sigma[i]).sum(axis=1, dtype=np.float64))
        found[i] = bound(np.concatenate(weights)[None])[0]
    return found
