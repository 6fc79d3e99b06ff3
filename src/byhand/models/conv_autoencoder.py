r"""The autoencoder and the VAE with convolutions, on the engine: the cost is written down, and the tape finds the gradients.

What `byhand.models.vae` derives by hand is here two lines: z = mu + eps e^s and L = L_rec + beta L_reg.

Source: Kingma and Welling (2014), arXiv:1312.6114; making images larger by repeating pixels before a convolution: Odena, Dumoulin
and Olah (2016), "Deconvolution and checkerboard artifacts", Distill.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from byhand import limits
from byhand.backend import Array, generator, on_device
from byhand.engine import Tensor, no_grad, ops
from byhand.errors import ModelError
from byhand.models import elbo
from byhand.models.elbo import Measured
from byhand.network_kinds import NetworkKind, check_options, register
from byhand.neural_network import RECONSTRUCTION
from byhand.nn import Conv2d, Flatten, Linear, Module, Network, Sequential, SiLU, Upsample
from byhand.nn.sizes import at_least_one

SIDE = 28
ROWS = 500  # images at a time where no gradient is wanted
LOG_SIGMA = 8.0  # as in `byhand.models.vae`


class ConvHalves(Module):
    r"""An encoder and a decoder of images, as one module: strided convolutions down to a code, and the same way up again.

    Arguments: `channels` at 14 x 14 and, where there are two, 7 x 7 pixels; `latent` d; `per_number`, how many numbers the
    encoder gives for each of the code's.

    >>> ConvHalves((8, 16), latent=4).n_parameters
    12681
    """

    settings = ("channels", "latent", "per_number")

    def __init__(self, channels: Sequence[int] = (32, 64), latent: int = 8, per_number: int = 2) -> None:
        # 28 pixels are halved once or twice.
        self.channels = limits.whole_numbers("channels", channels, fewest=1, most=2)
        self.latent, self.per_number = latent, per_number
        at_least_one("ConvHalves", latent=latent, per_number=per_number)
        self.side = SIDE >> len(self.channels)
        down: list[Module] = []
        for n_in, n in zip((1, *self.channels[:-1]), self.channels, strict=True):
            down += [Conv2d(n_in, n, 3, stride=2, padding=1), SiLU()]
        places = self.side**2 * self.channels[-1]
        self.encoder = Sequential(*down, Flatten(), Linear(places, per_number * latent))
        self.start = Linear(latent, places)
        up: list[Module] = []
        for n_in, n in zip(self.channels[::-1], (*self.channels[-2::-1], 1), strict=True):
            up += [SiLU(), Upsample(scale_factor=2), Conv2d(n_in, n, 3, padding="same")]
        self.decoder = Sequential(*up)

    def decode(self, z: Any) -> Any:
        """The weighted inputs of the pixels, (N, 28, 28, 1), of codes (N, d)."""
        return self.decoder(self.start(z).reshape(z.shape[0], self.side, self.side, self.channels[-1]))

    def forward(self, x: Any) -> Any:
        return self.decode(self.encoder(x)[:, : self.latent])


class ConvAutoencoder(Network):
    """An autoencoder of 28 x 28 images with convolutions; the arguments are those of `byhand.models.autoencoder.Autoencoder`.

    Raises ModelError for settings that make none.

    >>> ConvAutoencoder(latent=4, channels=(8, 16), seed=1)
    ConvAutoencoder(8-16 channels, 4 numbers, bernoulli: 9,541 parameters)
    """

    kind = "conv_autoencoder"
    purpose = RECONSTRUCTION
    per_number = 1

    def __init__(
        self,
        *,
        channels: Sequence[int] = (32, 64),
        latent: int = 16,
        noise: float = 0.0,
        seed: int = 0,
        dtype: Any = np.float32,
        device: str = "cpu",
    ) -> None:
        noise = limits.number("noise", noise, least=0)
        halves = ConvHalves(channels, latent, self.per_number)
        super().__init__(halves, (SIDE, SIDE, 1), cost="bce", initialiser="he", seed=seed, dtype=dtype, device=device)
        self.halves, self.latent, self.noise, self.n, self.classes = halves, latent, noise, SIDE * SIDE, 0
        self.reconstruction = "bernoulli"

    def twin(self, dtype: Any = None) -> Self:
        """The same network, in this float type, sharing nothing with the first."""
        other = super().twin(dtype)
        halves: Any = other.module  # they are the module
        other.halves = halves
        return other

    @property
    def n_classes(self) -> None:
        """None: names of classes are of the data that it learned from."""
        return None

    @property
    def cost_name(self) -> str:
        """ "": its cost is that of a reconstruction."""
        return ""

    @property
    def output_activation(self) -> str:
        """The function that the pixels come out of."""
        return "sigmoid"

    def weighted_outputs(self, x: Array) -> None:
        """None."""
        return

    def check_saved(self) -> None:
        """Nothing: it is made again from its own settings."""

    def without_noise(self) -> Self | None:
        """The same network, sharing its parameters, that adds no noise to its code; None where it adds none."""
        if not self.noise:
            return None
        other = copy.copy(self)
        other.noise = 0.0
        return other

    def chance(self, y: Array, m: int) -> tuple[Any, ...]:
        """The noise of the next batch's codes, (m, d)."""
        if self.per_number == 1 and not self.noise:
            return (None,)
        return (copy.deepcopy(self.rng).standard_normal((m, self.latent), self.dtype),)

    def loss(self, x: Tensor, y: Array, eps: Array | None = None) -> Tensor:
        """The batch's cost on the tape; `eps` (m, d) is drawn anew unless given."""
        z = self.halves.encoder(x)
        return self._error(z + self.noise * self._eps(z, eps) if self.noise else z, x)

    def _eps(self, like: Any, eps: Array | None) -> Any:
        """The same numbers forward and backward."""
        drawn = self.rng.standard_normal((len(like), self.latent), self.dtype) if eps is None else eps
        return self._here(np.asarray(drawn, self.dtype))

    def _error(self, z: Tensor, x: Tensor) -> Tensor:
        """L_rec: a sum over the pixels, a mean over the batch."""
        return ops.bce_with_logits(self.halves.decode(z), x.data) * self.n

    def code(self, x: Array, y: Array | None = None) -> Array:
        """The codes of images (N, 784), or their means: (N, d)."""
        return self._encoded(x)[:, : self.latent]

    def _encoded(self, x: Array) -> Array:
        x = self._shaped(x)
        with no_grad():
            rows = [self.halves.encoder(Tensor(self._here(x[i : i + ROWS]))).data for i in range(0, len(x), ROWS)]
        return np.concatenate([on_device(row, "cpu") for row in rows])

    def decode(self, z: Array, y: Array | None = None) -> Array:
        """The images of codes (N, d), as numbers in [0, 1], (N, 784)."""
        z = np.asarray(z, self.dtype)
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise ModelError(f"the codes must be (N, {self.latent}), got {z.shape}")
        with no_grad():
            rows = [ops.sigmoid(self.halves.decode(Tensor(self._here(z[i : i + ROWS])))).data for i in range(0, len(z), ROWS)]
        return np.concatenate([on_device(row, "cpu").reshape(-1, self.n) for row in rows])

    def reconstruct(self, x: Array, y: Array | None = None) -> Array:
        """Images (N, 784) through the (means of their) codes and back."""
        return self.decode(self.code(x))

    def forward(self, x: Array) -> Array:
        """`reconstruct`."""
        return self.reconstruct(x)

    def reconstruction_cost(self, z: Array, x: Array, y: Array | None = None) -> Array:
        """L_rec of images (N, 784) given their codes (N, d): (N,)."""
        x, found = np.asarray(x, self.dtype).reshape(len(z), -1), []
        with no_grad():
            for i in range(0, len(z), ROWS):
                logits = self.halves.decode(Tensor(self._here(z[i : i + ROWS]))).data
                rows = on_device(logits, "cpu").reshape(-1, self.n)
                found.append((np.logaddexp(0, rows) - rows * x[i : i + ROWS]).sum(axis=1))
        return np.concatenate(found)

    def evaluate(self, x: Array, y: Array) -> tuple[float, Any]:
        """Mean cost without noise, in nats an image: an autoencoder has no accuracy."""
        return float(self.reconstruction_cost(self.code(x), x).mean(dtype=np.float64)), None

    def architecture(self) -> dict[str, Any]:
        """What a model file says of the network, and what `from_architecture` reads."""
        return {"kind": self.kind, "channels": list(self.halves.channels), "latent": self.latent, **self._options()}

    def _options(self) -> dict[str, Any]:
        return {"noise": self.noise}

    def __repr__(self) -> str:
        channels = "-".join(map(str, self.halves.channels))
        return (
            f"{type(self).__name__}({channels} channels, {self.latent} numbers, {self.reconstruction}: "
            f"{self.parameters.size:,} parameters)"
        )


class ConvVAE(ConvAutoencoder):
    """A variational autoencoder of 28 x 28 images with convolutions; the arguments are those of `byhand.models.vae.VAE`.

    >>> ConvVAE(latent=4, channels=(8, 16), seed=1)
    ConvVAE(8-16 channels, 4 numbers, bernoulli: 12,681 parameters)
    """

    kind = "conv_vae"
    closed_form = True
    per_number = 2

    def __init__(
        self,
        *,
        latent: int = 8,
        channels: Sequence[int] = (32, 64),
        beta: float = 1.0,
        warm_up: int = 0,
        noise: float = 0.0,
        seed: int = 0,
        dtype: Any = np.float32,
        device: str = "cpu",
    ) -> None:
        self.beta, self.warm_up = limits.number("beta", beta, least=0), limits.whole("warm_up", warm_up, least=0)
        super().__init__(latent=latent, channels=channels, noise=noise, seed=seed, dtype=dtype, device=device)
        self.codes: dict[str, Array] = {}
        self.learned = np.zeros(1, self.dtype)  # how many steps were learned from, for the warm-up

    def twin(self, dtype: Any = None) -> Self:
        """The same network, in this float type, sharing nothing with the first."""
        other = super().twin(dtype)
        other.learned = self.learned.astype(other.dtype)
        return other

    @property
    def buffers(self) -> dict[str, Array]:
        """What belongs to the state but is not trained: views."""
        return super().buffers | {"steps": self.learned}

    def learn(self, x: Array, y: Array, *chance: Any) -> float:
        """One forward and one backward pass: fills `gradient`, returns the batch's cost."""
        cost = super().learn(x, y, *chance)
        self.learned += 1
        return cost

    def loss(self, x: Tensor, y: Array, eps: Array | None = None) -> Tensor:
        """The batch's cost on the tape: L_rec + beta L_reg; `eps` (m, d) is drawn anew unless given."""
        beta = self.beta * (min(1.0, float(self.learned[0]) / self.warm_up) if self.warm_up else 1.0)
        both = self.halves.encoder(x)
        mu, log_sigma = both[:, : self.latent], both[:, self.latent :]
        z = mu + log_sigma.exp() * self._eps(mu, eps)
        return self._error(z, x) + beta * ops.gaussian_kl(mu, log_sigma)

    def encode(self, x: Array, y: Array | None = None) -> tuple[Array, Array]:
        """Mean and log standard deviation of the codes of images (N, 784), each (N, d)."""
        both = self._encoded(x)
        return both[:, : self.latent], np.clip(both[:, self.latent :], -LOG_SIGMA, LOG_SIGMA)

    def sample(self, count: int, seed: int = 0, y: Array | None = None) -> Array:
        """Images (count, 784) of codes drawn from N(0, 1)."""
        return self.decode(generator(seed, "sample").standard_normal((count, self.latent)))

    def measure(self, x: Array, y: Array | None = None, seed: int = 0) -> Measured:
        """The bound and its parts on images (N, 784); see `byhand.models.elbo`."""
        return elbo.measure(self, self._shaped(x), y, seed)

    def evaluate(self, x: Array, y: Array) -> tuple[float, Any]:
        """Minus the bound, in nats an image: a VAE has no accuracy."""
        return -self.measure(x).elbo, None

    def log_likelihood(self, x: Array, samples: int = 5_000, y: Array | None = None, seed: int = 0) -> Array:
        """The importance-weighted estimate of log p(x) of each image, (N,), in nats; see `byhand.models.elbo`."""
        return elbo.log_likelihood(self, self._shaped(x), samples, None, seed)

    def _options(self) -> dict[str, Any]:
        return {"beta": self.beta, "warm_up": self.warm_up, "noise": self.noise}


def from_architecture(architecture: dict[str, Any], dtype: Any = np.float32) -> ConvAutoencoder:
    """The untrained network that an `architecture` described; raises ModelError where it describes none."""
    settings = {name: value for name, value in architecture.items() if name != "kind"}
    try:
        return (ConvVAE if architecture["kind"] == ConvVAE.kind else ConvAutoencoder)(dtype=dtype, **settings)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"the architecture is not a convolutional autoencoder's ({error!r}): expected channels, latent"
        ) from error


def from_recipe(recipe: Any, train: Any, dtype: Any, device: str) -> ConvAutoencoder:
    """The untrained network of a recipe, for images that `train` is the training part of."""
    make: Any = ConvVAE if recipe.model == ConvVAE.kind else ConvAutoencoder
    if train.inputs.shape[1:] != (SIDE, SIDE, 1):
        raise ModelError(f"a {recipe.model} reads images of 28 x 28, but {train.name} has {train.inputs.shape[1:]}")
    check_options(recipe, limits.parameters(make, "seed", "dtype", "device"))
    made: ConvAutoencoder = make(seed=recipe.seed, dtype=dtype, device=device, **recipe.model_options)
    return made


for _made in (ConvAutoencoder, ConvVAE):
    register(NetworkKind(_made.kind, read=from_architecture, build=from_recipe, settings=("model_options",)))
