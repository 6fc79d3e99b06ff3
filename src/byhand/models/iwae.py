r"""The importance-weighted autoencoder: a VAE that draws k codes for each image, for a bound that is the closer the larger k is.

With one code the bound on log p(x) is an average of logarithms; with k it is the logarithm of an average,

    L_k = E\left[\log \frac{1}{k} \sum_{i=1}^{k} w_i\right], \quad w_i = \frac{p(x \mid z_i)\, p(z_i)}{q(z_i \mid x)},
    \quad z_i = \mu + \varepsilon_i \odot e^{s},

and so one good code among k is enough: the encoder's Gaussian may be wide where a VAE has to be careful. L_1 is the VAE's bound,
L_k never falls with k, and in the limit it is log p(x). The cost is C = -L_k, a mean over the batch.

Its gradient is a mean of the k gradients, weighted by a softmax of the log weights:

    \nabla L_k = \sum_i \tilde w_i \nabla \log w_i, \quad \tilde w_i = \frac{w_i}{\sum_j w_j}.

With the draw held fixed, log q(z_i | x) is -s up to what does not depend on the network, so that

    \log w_i = -L_rec(z_i) - \tfrac{1}{2} z_i^2 + \tfrac{1}{2} \varepsilon_i^2 + s,

summed over the code's numbers; the constants of the two Gaussians cancel. Where the VAE knows its divergence from N(0, 1) in
closed form, this draws it: with k = 1 the two have the same expectation, and not the same numbers.

Source: Burda, Grosse and Salakhutdinov (2016), arXiv:1509.00519, equations 8 to 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.models import encoder_decoder
from byhand.models.elbo import bound
from byhand.models.encoder_decoder import EncoderDecoder
from byhand.models.vae import VAE
from byhand.network_kinds import NetworkKind, register

# ---------------------------------------------------------------- the equations, one function each


def log_weights(reconstruction: Array, z: Array, eps: Array, log_sigma: Array) -> Array:
    r"""How well each code tells its image, over how likely it was to be drawn: log w.

    Equation:
        \log w_i = -L^{\text{rec}}_i + \sum_j \left(\tfrac{1}{2} \varepsilon_{ij}^2 - \tfrac{1}{2} z_{ij}^2 + s_j\right)
    Shapes:
        reconstruction: (m, k), z and eps: (m, k, d), log_sigma: (m, d) -> (m, k)
    Source:
        Burda, Grosse and Salakhutdinov (2016), equation 8
    """
    return 0.5 * (eps * eps - z * z).sum(axis=2) + log_sigma.sum(axis=1)[:, None] - reconstruction


def normalised(log_w: Array) -> Array:
    r"""The share of each code in the gradient: a softmax over the k of an image.

    Equation:
        \tilde w_i = \frac{w_i}{\sum_j w_j}
    Shapes:
        log_w: (m, k) -> (m, k)
    Source:
        Burda, Grosse and Salakhutdinov (2016), equation 13
    """
    w = np.exp(log_w - log_w.max(axis=1, keepdims=True))
    return w / w.sum(axis=1, keepdims=True)


def weighted_code_errors(dz: Array, shares: Array, z: Array, eps: Array, log_sigma: Array) -> tuple[Array, Array]:
    r"""The errors with which the encoder begins: those of all k codes, through their draws, and the entropy's -1.

    Equation:
        \frac{\partial C}{\partial \mu} = \sum_i \frac{\partial C}{\partial z_i}, \qquad
        \frac{\partial C}{\partial s} = \sum_i \frac{\partial C}{\partial z_i} \odot \varepsilon_i\, e^{s} - 1, \qquad
        \frac{\partial C}{\partial z_i} = \tilde w_i \frac{\partial L^{\text{rec}}_i}{\partial z_i} + \tilde w_i z_i
    Shapes:
        dz: (m, k, d), of the weighted reconstruction; shares: (m, k), z and eps: (m, k, d), log_sigma: (m, d) -> two of (m, d)
    Source:
        Burda, Grosse and Salakhutdinov (2016), equation 14, with the gradients of log w
    """
    error = dz + shares[:, :, None] * z
    return error.sum(axis=1), (error * eps).sum(axis=1) * np.exp(log_sigma) - 1


# ---------------------------------------------------------------- the network


class IWAE(VAE):
    r"""A `VAE` that is trained on the importance-weighted bound.

    Arguments: those of `VAE`, without beta and warm_up, which the bound does not have; and
        samples: k, codes that are drawn for each image, 1 or more. A step takes nearly k times as long.

    Raises ModelError for settings that make none.

    >>> IWAE(784, (128,), 8, samples=5, seed=1)
    IWAE(784-128-8-128-784, bernoulli, 5 codes per image: 204,832 parameters)
    """

    kind = "iwae"
    closed_form = False

    def __init__(
        self,
        n: int,
        hidden: Sequence[int],
        latent: int,
        *,
        samples: int = 5,
        activation: str = "relu",
        reconstruction: str = "bernoulli",
        classes: int = 0,
        seed: int = 0,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(
            n, hidden, latent, activation=activation, reconstruction=reconstruction, classes=classes, seed=seed, dtype=dtype
        )
        self.samples = limits.whole("samples", samples)

    def learn(self, x: Array, y: Array | None = None, eps: Array | None = None) -> float:
        """One forward and one backward pass: fills `gradient`, returns the batch's cost.

        x: (m, n) images; y: (m, K) targets, needed where it is conditional; eps: (m, k, d), drawn anew unless given.
        """
        x, m, k, d = self._rows(x), len(x), self.samples, self.latent
        self.buffers["steps"] += 1
        mu, log_sigma = self._encode(x, y)
        eps = self._eps(None if eps is None else np.reshape(eps, (m * k, d)), m * k).reshape(m, k, d)
        z = mu[:, None] + eps * np.exp(log_sigma)[:, None]
        # Each image k times, one row per code: to the decoder they are a batch like any other.
        images, classes = np.repeat(x, k, axis=0), None if y is None else np.repeat(y, k, axis=0)
        self.decoder.forward(self._with_class(z.reshape(m * k, d), classes))
        log_w = log_weights(self._reconstruction_cost(images).reshape(m, k), z, eps, log_sigma)
        shares = normalised(log_w)

        # The decoder takes means over its m k rows: k times its share, each row counts as it should.
        self.decoder.backward(self._reconstruction_error(images) * (k * shares).reshape(m * k, 1))
        dz = self.decoder.input_error()[:, :d].reshape(m, k, d) / k
        d_mu, d_log_sigma = weighted_code_errors(dz, shares, z, eps, log_sigma)
        self.encoder.backward(np.concatenate([d_mu, d_log_sigma], axis=1))
        self.codes = {
            "mu": mu, "log_sigma": log_sigma, "eps": eps, "z": z, "log_w": log_w, "shares": shares, "dz": dz, "d_mu": d_mu,
            "d_log_sigma": d_log_sigma,
        }  # fmt: skip
        return -float(bound(log_w).mean(dtype=np.float64))

    def chance(self, y: Array | None, m: int) -> tuple[Array]:
        """What the next batch of m images will draw, eps (m, k, d), as `learn` takes it; the generator stays where it stands."""
        (eps,) = super().chance(y, m * self.samples)
        return (eps.reshape(m, self.samples, self.latent),)

    def architecture(self) -> dict[str, Any]:
        """What a model file says of the network, and what `from_architecture` reads."""
        found = super().architecture()
        return {name: value for name, value in found.items() if name not in ("beta", "warm_up")} | {"samples": self.samples}

    def can_start_from(self, other: Any) -> bool:
        """A VAE's weights fit too: it is the same network, trained with a looser bound."""
        return isinstance(other, VAE) and EncoderDecoder.architecture(other) | {"kind": self.kind} == EncoderDecoder.architecture(
            self
        )

    def __repr__(self) -> str:
        codes = f"{self.samples} code{'s' if self.samples > 1 else ''} per image"
        return f"IWAE({self._sizes()}, {self.reconstruction}, {codes}: {self.parameters.size:,} parameters)"


def from_architecture(architecture: dict[str, Any], dtype: Any = np.float32) -> IWAE:
    """The untrained IWAE that `IWAE.architecture` described; raises ModelError where it describes none."""
    made: IWAE = encoder_decoder.from_architecture(IWAE, "an IWAE", architecture, dtype)
    return made


def from_recipe(recipe: Any, train: Any, dtype: Any, device: str) -> IWAE:
    """The untrained IWAE of a recipe, for data that `train` is the training part of."""
    made: IWAE = encoder_decoder.from_recipe(IWAE, recipe, train, dtype)
    return made


register(
    NetworkKind(
        IWAE.kind, read=from_architecture, build=from_recipe, settings=("model_options", "hidden", "activation"), by_hand=True
    )
)
