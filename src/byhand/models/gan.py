r"""Generative adversarial networks: two networks that play against each other, and one that draws when they are done.

The discriminator D is asked of each sample whether it is real; the generator G makes samples out of noise and is rewarded where D
takes them for real. Each has a cost of its own, and a step of training is a turn of one of them:

    discriminator's turn:  C_D = E_x[-\log \sigma(D(x))] + E_z[-\log(1 - \sigma(D(G(z))))]
    generator's turn:      C_G = E_z[-\log \sigma(D(G(z)))]

C_G is not -C_D: where D is sure that a sample is drawn, log(1 - sigma) is flat and teaches G nothing, while -log sigma is steep
(the non-saturating game). If neither can do better, the samples are spread as the data are, D says 0 everywhere, and
C_D = 2 log 2, C_G = log 2. A penalty on D's slope at the data (`slope_at_data`) keeps the two from running in circles around
that, and G from making one sample for all noise.

The Wasserstein game asks for a difference of means instead, and holds D's slope at 1 by a penalty on the gradient of D with
respect to its input, taken between real and drawn samples. Its gradient with respect to D's weights is a second derivative:

    C_D = E_z[D(G(z))] - E_x[D(x)] + \lambda\, E\left[\left(\|\nabla_{\hat x} D(\hat x)\| - 1\right)^2\right],
    \quad C_G = -E_z[D(G(z))]

What draws is the running mean of the generator's weights: a player in the middle of a game sways to and fro, its mean does not.

Source: Goodfellow et al. (2014), arXiv:1406.2661, equation 1 and section 3; Gulrajani et al. (2017), arXiv:1704.00028,
equation 3; the slope at the data: Mescheder et al. (2018), arXiv:1801.04406; the running mean: Yazıcı et al. (2019),
arXiv:1806.04498.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from byhand import limits
from byhand.backend import Array, generator, on_device
from byhand.engine import Tensor, grad, no_grad, ops
from byhand.errors import ModelError
from byhand.kernels.threads import one_blas_thread
from byhand.models.data_scale import check_read, data_scale, described, of_data
from byhand.models.players import Players
from byhand.models.running_mean import take_into, with_parameters
from byhand.models.samplers import Noise
from byhand.network_kinds import NetworkKind, check_options, register
from byhand.neural_network import GENERATION, Turn
from byhand.nn import Module, Network

PENALTIES = {"non_saturating": 0.0, "wasserstein": 10.0}  # a game each, with the weight of its penalty where none is named
GAMES = tuple(PENALTIES)
ROWS = 256  # samples at a time where only they are wanted
OPTIONS = ("game", "penalty", "turns", "ema_decay", "temperature")

# ---------------------------------------------------------------- the two games, an equation each


def discriminator_cost(real: Tensor, drawn: Tensor) -> Tensor:
    r"""What it costs D to be wrong, in the non-saturating game.

    Equation:
        C_D = \frac{1}{m} \sum_i \left(\zeta(-D(x_i)) + \zeta(D(\tilde x_i))\right), \quad \zeta(u) = \log(1 + e^u)
    Shapes:
        real, drawn: (m, 1) logits -> a number
    Source:
        Goodfellow et al. (2014), equation 1; -log sigma(u) = zeta(-u)
    """
    return ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(drawn))


def generator_cost(drawn: Tensor) -> Tensor:
    r"""What it costs G that D is not taken in, in the non-saturating game.

    Equation:
        C_G = \frac{1}{m} \sum_i \zeta(-D(\tilde x_i))
    Shapes:
        drawn: (m, 1) logits -> a number
    Source:
        Goodfellow et al. (2014), section 3
    """
    return ops.mean(ops.softplus(-drawn))


def critic_cost(real: Tensor, drawn: Tensor) -> Tensor:
    r"""D's part of the Wasserstein game, without its penalty: drawn samples are to be rated lower than real ones.

    Equation:
        \frac{1}{m} \sum_i \left(D(\tilde x_i) - D(x_i)\right)
    Shapes:
        real, drawn: (m, 1) -> a number
    Source:
        Gulrajani et al. (2017), equation 3
    """
    return ops.mean(drawn) - ops.mean(real)


def gradient_penalty(slopes: Tensor) -> Tensor:
    r"""How far D's slope is from 1, between real and drawn samples.

    Equation:
        \frac{1}{m} \sum_i \left(\left\|\nabla_{\hat x} D(\hat x_i)\right\| - 1\right)^2
    Shapes:
        slopes: (m, n), the gradient of D with respect to each sample -> a number
    Source:
        Gulrajani et al. (2017), equation 3; the root of a sum that is 0 has no slope, so a little is added to it
    """
    length = ops.sqrt(ops.sum(slopes * slopes, axis=1) + 1e-12)
    return ops.mean((length - 1.0) ** 2)


def slope_at_data(slopes: Tensor) -> Tensor:
    r"""How steep D is at real samples: a flat D there lets the game come to rest, where else it turns in circles.

    Equation:
        \frac{1}{2m} \sum_i \left\|\nabla_x D(x_i)\right\|^2
    Shapes:
        slopes: (m, n), the gradient of D with respect to each real sample -> a number
    Source:
        Mescheder, Geiger and Nowozin (2018), arXiv:1801.04406, equation 9
    """
    return 0.5 * ops.mean(ops.sum(slopes * slopes, axis=1))


class Drawn(NamedTuple):
    """What chance adds to a batch: noise z (m, latent), and for the penalty how far between real and drawn, (m,) in [0, 1)."""

    z: Array
    between: Array


# ---------------------------------------------------------------- the network


class GAN(Network):
    r"""Two players, trained by the one training loop, a turn in each step.

    Arguments:
        players: a `Players`: a generator that takes (z, labels) and a discriminator that takes (x, labels).
        input_shape: of one sample, such as (28, 28, 1), or (d,) of points.
        game: "non_saturating", or "wasserstein"; penalty: the weight lambda of D's slope; 0 and 10 are usual.
        turns: how many turns the discriminator has for each of the generator's, 1 or more.
        ema_decay: of the running mean of the generator's weights, in [0, 1).
        temperature: the deviation of the noise that samples are drawn from, above 0; 1 is that of training, less draws what is
            more usual.
        mean, std: of the data, for points; None for data in [0, 1].
        initialiser, seed, dtype, device: as of `byhand.nn.Network`.

    Raises ModelError for settings that make no game.

    >>> from byhand.models.players import Players
    >>> GAN(Players(2, (2,), width=16), (2,))
    GAN(2 numbers -> 2, non_saturating, 1 turn to 1: 1,235 parameters)
    """

    kind = "gan"
    purpose = GENERATION
    module: Players

    def __init__(
        self,
        players: Module,
        input_shape: tuple[int, ...],
        *,
        game: str = "non_saturating",
        penalty: float | None = None,
        turns: int = 1,
        ema_decay: float = 0.995,
        temperature: float = 1.0,
        mean: Any = None,
        std: Any = None,
        initialiser: str | None = "he",
        seed: int = 0,
        dtype: Any = np.float32,
        device: str = "cpu",
    ) -> None:
        if not isinstance(players, Players):
            raise ModelError(f"GAN: the players must be a Players of a generator and a discriminator, got {limits.told(players)}")
        self.game = limits.one_of("game", game, GAMES)
        self.penalty_weight = limits.number("penalty", PENALTIES[game] if penalty is None else penalty, least=0)
        self.turns, self.ema_decay = limits.whole("turns", turns), limits.number("ema_decay", ema_decay, least=0, below=1)
        self.temperature = limits.number("temperature", temperature, above=0)
        self.latent, self.classes = int(getattr(players.generator, "latent", 1)), int(getattr(players.generator, "classes", 0))
        super().__init__(players, input_shape, cost="mse", initialiser=initialiser, seed=seed, dtype=dtype, device=device)
        scale = data_scale(mean, std, self.input_shape, self.dtype)
        self.scale = None if scale is None else (self._here(scale[0]), self._here(scale[1]))
        self.split = sum(parameter.size for _, parameter in players.generator.parameters())
        self.average = self.parameters[: self.split].copy()
        self.played = self._here(np.zeros(1, np.float64))  # turns of both, so far
        self.averaged = with_parameters(players.generator, self.average)

    def _try(self) -> tuple[int, ...]:
        self.module.eval()
        labels = np.zeros(1, np.int64) if self.classes else None
        with no_grad():
            made = self.module.generator(Tensor(self._here(np.zeros((1, self.latent), self.dtype))), labels)
            logit = self.module.discriminator(made, labels)
        if made.shape[1:] != self.input_shape or logit.shape != (1, 1):
            raise ModelError(
                f"the generator makes {made.shape[1:]} and the discriminator says {logit.shape[1:]}, "
                f"but samples are {self.input_shape} and it must say one number"
            )
        return self.input_shape

    # ---------------------------------------------------------------- whose turn it is

    @property
    def discriminator_plays(self) -> bool:
        """Whether the next turn is the discriminator's: it has the first `turns` of each round, the generator the last."""
        return int(self.played[0]) % (self.turns + 1) < self.turns

    def turn(self) -> tuple[Turn]:
        """Whose parameters the step that `learn` just computed is about, and the how-manieth of its own it is."""
        done = int(self.played[0]) - 1
        rounds, within = divmod(done, self.turns + 1)
        if within < self.turns:
            return (Turn(slice(self.split, self.parameters.size), rounds * self.turns + within + 1),)
        return (Turn(slice(0, self.split), rounds + 1),)

    def learn(self, x: Array, y: Array, *chance: Any) -> float:
        """A turn: fills the `gradient` of the player whose turn it is, 0 for the other's, and returns its cost.

        Before the discriminator's first turn of a round the generator's weights go into the running mean.
        """
        round_, within = divmod(int(self.played[0]), self.turns + 1)
        if within == 0:
            take_into(self.average, self.parameters[: self.split], float(round_), self.ema_decay)
        if self.discriminator_plays:
            other, waits = slice(0, self.split), self.module.generator
        else:
            other, waits = slice(self.split, self.parameters.size), self.module.discriminator
        for _, parameter in waits.parameters():  # of the player that waits no gradient is worked out
            parameter.requires_grad = False
        try:
            cost = super().learn(x, y, *chance)
        finally:
            for _, parameter in waits.parameters():
                parameter.requires_grad = True
        self.gradient[other] = 0
        self.played += 1
        return cost

    def chance(self, y: Array, m: int) -> tuple[Any, ...]:
        """The noise of the next batch."""
        drawn = self.draw(m, copy.deepcopy(self.rng))
        return (Drawn(np.asarray(drawn.z, np.float64), np.asarray(drawn.between, np.float64)),)

    def draw(self, m: int, rng: np.random.Generator) -> Drawn:
        """What chance adds to a batch of m samples."""
        return Drawn(rng.standard_normal((m, self.latent), np.float32), rng.random(m, np.float32))

    def loss(self, x: Tensor, y: Array, drawn: Drawn | None = None) -> Tensor:
        """The cost of the player whose turn it is, on the tape; x: real samples, y: their classes."""
        drawn = self.draw(len(x), self.rng) if drawn is None else drawn
        labels = self._labels(y, len(x)) if self.classes else None
        return self._discriminator_loss(x, labels, drawn) if self.discriminator_plays else self._generator_loss(labels, drawn)

    def _generator_loss(self, labels: Any, drawn: Drawn) -> Tensor:
        rated = self.module.discriminator(self._made(drawn, labels), labels)
        return generator_cost(rated) if self.game == "non_saturating" else -ops.mean(rated)

    def _discriminator_loss(self, x: Tensor, labels: Any, drawn: Drawn) -> Tensor:
        discriminator = self.module.discriminator
        with no_grad():  # its turn does not change the generator
            made = Tensor(self._made(drawn, labels).data)
        real = Tensor(self.scaled(x.data))
        if self.game == "non_saturating":
            cost, at = discriminator_cost(discriminator(real, labels), discriminator(made, labels)), real.data
        else:
            cost = critic_cost(discriminator(real, labels), discriminator(made, labels))
            share = self._here(drawn.between.astype(self.dtype)).reshape(-1, *(1,) * (x.ndim - 1))
            at = share * real.data + (1 - share) * made.data
        if self.penalty_weight == 0:
            return cost
        slopes = ops.reshape(grad(lambda x: ops.sum(discriminator(x, labels)))(Tensor(at)), shape=(len(x), -1))
        penalty = slope_at_data if self.game == "non_saturating" else gradient_penalty
        return cost + self.penalty_weight * penalty(slopes)

    def _made(self, drawn: Drawn, labels: Any) -> Tensor:
        """What the generator makes of noise, on the tape."""
        made: Tensor = self.module.generator(Tensor(self._here(drawn.z.astype(self.dtype))), labels)
        return made

    def _labels(self, y: Any, n: int) -> Any:
        y = np.asarray(on_device(y, "cpu"))
        found = y.argmax(axis=1) if y.ndim == 2 else np.broadcast_to(y, (n,))
        if found.shape != (n,) or found.dtype.kind not in "iu" or not 0 <= found.min() <= found.max() < self.classes:
            raise ModelError(f"the labels must be ({n},) whole numbers from 0 to {self.classes - 1}, or one-hot rows")
        return found

    def scaled(self, data: Array) -> Array:
        """What the players see of data: [0, 1] as it is, or the mean taken off and the deviation made 1."""
        return data if self.scale is None else (data - self.scale[0]) / self.scale[1]

    def unscaled(self, x: Array) -> Array:
        """`scaled` undone."""
        return x if self.scale is None else on_device(self.scale[0], "cpu") + on_device(self.scale[1], "cpu") * x

    # ---------------------------------------------------------------- drawing

    def sample(
        self, names: int | Sequence[int | str], labels: Any = None, *, seed: int = 0, steps: int = 1, **sampling: Any
    ) -> Array:
        """Samples as rows (N, n), in the data's units, by the running mean of the generator.

        Arguments:
            names: how many; or the names of those wanted. A sample depends on the seed, its name and its label only.
            labels: one for each, or one for all; where there are classes and none is named, they take turns.
            steps, sampling: settings of a diffusion's sampler, which whoever draws from both may hand in; one pass needs none.
        """
        del steps, sampling
        z = Noise(names, (self.latent,), seed, np.float32)() * np.float32(self.temperature)
        wanted = self._labels(np.arange(len(z)) % self.classes if labels is None else labels, len(z)) if self.classes else None
        found = [
            self._averaged_samples(z[i : i + ROWS], None if wanted is None else wanted[i : i + ROWS])
            for i in range(0, len(z), ROWS)
        ]
        return np.concatenate(found).reshape(len(z), -1)

    def _averaged_samples(self, z: Array, labels: Any) -> Array:
        with no_grad(), one_blas_thread():
            return self.unscaled(on_device(self.averaged(Tensor(self._here(z.astype(self.dtype))), labels).data, "cpu"))

    def rated(self, x: Array, labels: Any = None) -> Array:
        """What the discriminator says of samples (N, ...) in the data's units: logits (N,), above 0 for real."""
        x = self._shaped(x)
        self._mode(training=False)
        wanted = self._labels(labels, len(x)) if self.classes else None
        with no_grad(), one_blas_thread():
            return on_device(self.module.discriminator(Tensor(self.scaled(self._here(x))), wanted).data, "cpu").reshape(-1)

    def looks_real(self, x: Array, labels: Any = None) -> Array:
        """How probable the discriminator holds it that samples are real, sigma(D(x)): (N,) in [0, 1]."""
        return np.exp(-np.logaddexp(0, -self.rated(x, labels)))

    # ---------------------------------------------------------------- what a network says of itself

    def twin(self, dtype: Any = None) -> Self:
        """The same game, in this float type, sharing nothing with the first."""
        other = super().twin(dtype)
        other.scale = None if self.scale is None else (self.scale[0].astype(other.dtype), self.scale[1].astype(other.dtype))
        other.average, other.played = self.average.astype(other.dtype), self.played.copy()
        other.averaged = with_parameters(other.module.generator, other.average)
        return other

    @property
    def n_classes(self) -> int:
        """How many classes it is told."""
        return self.classes

    @property
    def cost_name(self) -> str:
        """ "": a game has two."""
        return ""

    def weighted_outputs(self, x: Array) -> None:
        """None: nothing comes out for a sample but how real it looks."""
        return

    def answers(self, x: Array, y: Array | None = None) -> None:
        """None, for the same reason."""
        return

    def preview(self, x: Array, y: Array) -> None:
        """Compute the generator's cost, with noise that is the same each time."""
        self._generator_loss(self._labels(y, len(x)) if self.classes else None, self.draw(len(x), generator(0, "look")))

    @property
    def buffers(self) -> dict[str, Array]:
        """What belongs to the state but is not trained: views."""
        return super().buffers | {"average": self.average, "played": self.played} | self._scale_tensors()

    def _scale_tensors(self) -> dict[str, Array]:
        return {} if self.scale is None else {"data.mean": self.scale[0], "data.std": self.scale[1]}

    def tensors(self) -> dict[str, Array]:
        """What a model file holds: the running mean of the generator, and the discriminator; after reading: `adopt`."""
        made = {f"generator.{name}": array for name, array in self.averaged.state().items()}
        judge = {f"discriminator.{name}": array for name, array in self.module.discriminator.state().items()}
        return {name: on_device(array, "cpu") for name, array in (made | judge | self._scale_tensors()).items()}

    def adopt(self) -> None:
        """Go on from the running mean, as after a model file was read into `tensors`."""
        check_read(self.scale)
        self.parameters[: self.split] = self.average
        self.played[...] = 0

    def evaluate(self, x: Array, y: Array) -> tuple[float, Any]:
        """The discriminator's cost beside as many drawn samples, in evaluation: 2 log 2 = 1.386 where it can tell nothing."""
        x, y = self._shaped(x), np.asarray(y)
        labels = self._labels(y, len(x)) if self.classes else None
        real, drawn = self.rated(x, labels), self.rated(self.sample(len(x), labels).reshape(x.shape), labels)
        return float(np.logaddexp(0, -real).mean(dtype=np.float64) + np.logaddexp(0, drawn).mean(dtype=np.float64)), None

    def forward(self, x: Array) -> Array:
        """Raises ModelError: a GAN has no outputs for a sample."""
        raise ModelError("a GAN has no outputs for a sample: draw some with sample, or ask how real one looks with rated")

    def predict(self, x: Array) -> Any:
        """Raises ModelError: a GAN tells no classes apart."""
        raise ModelError("a GAN tells no classes apart, it draws: see sample")

    def _again(self, architecture: dict[str, Any]) -> GAN:
        return from_architecture(architecture, self.dtype)

    def _tried(self) -> Array:
        """Two samples, the same ones each time."""
        return self.sample(2)

    def architecture(self) -> dict[str, Any]:
        """What a model file says of the game, and what `from_architecture` reads."""
        return {
            "kind": self.kind,
            "input_shape": list(self.input_shape),
            "game": self.game,
            "penalty": self.penalty_weight,
            "turns": self.turns,
            "ema_decay": self.ema_decay,
            "temperature": self.temperature,
            "standardised": self.scale is not None,
            "module": self.module.describe(),
        }

    def __repr__(self) -> str:
        shape, turns = "x".join(map(str, self.input_shape)), f"{self.turns} turn{'s' if self.turns > 1 else ''} to 1"
        return f"GAN({self.latent} numbers -> {shape}, {self.game}, {turns}: {self.parameters.size:,} parameters)"


def from_architecture(architecture: dict[str, Any], dtype: Any = np.float32) -> GAN:
    """The untrained game that an `architecture` described; raises ModelError where it describes none."""
    try:
        module, shape, settings = described(architecture)
        return GAN(module, shape, dtype=dtype, **settings)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"the architecture is not a GAN's ({error!r}): expected input_shape, game, turns, module") from error


def from_recipe(recipe: Any, train: Any, dtype: Any, device: str) -> GAN:
    """The untrained game of a recipe, for data that `train` is the training part of."""
    options, shape = dict(recipe.model_options), train.inputs.shape[1:]
    if len(shape) == 3 and (shape[0] != shape[1] or shape[0] % 4):
        raise ModelError(f"a GAN draws square images with a side that 4 divides, but {train.name} has {shape[:2]}")
    if len(shape) not in (1, 3):
        raise ModelError(f"a GAN draws images (H, W, C) or points (d,), but {train.name} has samples of {shape}")
    check_options(recipe, ["latent", "width", "critic_width", "conditional", "standardise", *OPTIONS])
    own = {name: options.pop(name) for name in OPTIONS if name in options}
    if limits.truth("model_options: standardise", options.pop("standardise", False)):
        own |= of_data(train.inputs)
    classes = train.n_classes if limits.truth("model_options: conditional", options.pop("conditional", True)) else 0
    latent, width = limits.whole("latent", options.pop("latent", 32)), limits.whole("width", options.pop("width", 64))
    critic = limits.whole("critic_width", options.pop("critic_width", width))
    players = Players(latent, shape, classes, width, critic)
    seed, initialiser = recipe.seed, recipe.initialiser or "he"
    return GAN(players, shape, initialiser=initialiser, seed=seed, dtype=dtype, device=device, **own)


register(NetworkKind(GAN.kind, read=from_architecture, build=from_recipe, settings=("model_options", "initialiser")))
