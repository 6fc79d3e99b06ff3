r"""The network of diffusion: trained to see through noise, and drawn with from noise alone.

A step of training takes samples, a time and noise for each, and asks the network what it sees:

    C = \frac{1}{m} \sum_i w_{t_i} \left\| f_\theta(x_{t_i}, t_i, y_i) - \mathrm{target}_i \right\|^2 / d

One draws with the running mean of the weights, not with the weights: the last steps of a training are noisy, their mean is not.

Source: Ho, Jain and Abbeel (2020), arXiv:2006.11239, algorithm 1 and appendix B (the running mean).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from byhand import limits
from byhand.backend import Array, array_module, generator, on_device
from byhand.engine import Tensor, no_grad, ops
from byhand.errors import ModelError
from byhand.kernels.alike import sample_by_sample
from byhand.kernels.threads import one_blas_thread
from byhand.models import noise_schedules, samplers
from byhand.models.data_scale import check_read, data_scale, described, of_data
from byhand.models.diffusion import WEIGHTINGS, Diffusion, drop_labels, guide, one_of
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.noise_schedules import NoiseSchedule
from byhand.models.running_mean import take_into, with_parameters
from byhand.models.samplers import Noise, SamplerStep, in_blocks, spaced_timesteps
from byhand.models.unet import UNet
from byhand.network_kinds import NetworkKind, check_options, register
from byhand.neural_network import GENERATION
from byhand.nn import Module, Network

LARGEST_SAMPLE = 1_000_000  # numbers
# What a recipe may say of diffusion; all other options are the module's.
OPTIONS = ("schedule", "steps", "target", "weighting", "gamma", "label_dropout", "ema_decay", "mean", "std")
ROWS = 64  # samples at a time where only their mean cost is wanted
# What the network is asked about at once, see `byhand.models.samplers`. With blocks of 4 images 12 letters take two thirds
# longer, as Python has its own work to do for each block; a single letter takes half as long, but that is 0.7 s.
BLOCK_OF_IMAGES, BLOCK_OF_VECTORS = 12, 32


class NoiseDraw(NamedTuple):
    """What chance adds to a batch: times (m,), noise (m, ...), and the labels (m,) that are not forgotten."""

    t: Any
    eps: Array
    labels: Any


class DiffusionNetwork(Network):
    r"""A module that sees through noise, trained by the one training loop, and sampled from.

    Arguments:
        module: `UNet`, `MLPDenoiser`, or any that takes (x_t, t, labels) and gives an answer of x_t's shape; its `classes` are
            how many labels there are.
        input_shape: of one sample, as (28, 28, 1), or (d,) of points and codes.
        schedule: "cosine", "linear" or "short"; steps: T, or None for the schedule's own.
        target: what the network is asked for, "v", "epsilon" or "x0". weighting: "plain" or "min_snr", with its gamma.
        label_dropout: the probability that a label becomes "any" in training.
        ema_decay: of the running mean of the weights, in [0, 1): m <- ema_decay m + (1 - ema_decay) theta.
        mean, std: of the data, one number or one for each of a sample's; None for data in [0, 1], which become [-1, 1].
        initialiser, seed, dtype, device: as of `byhand.nn.Network`.

    Raises ModelError for settings that make no such network.

    >>> from byhand.models.mlp_denoiser import MLPDenoiser
    >>> DiffusionNetwork(MLPDenoiser(2, width=64), (2,))
    DiffusionNetwork(2, cosine noise in 1000 steps, v: 46,466 parameters)
    """

    kind = "diffusion"
    purpose = GENERATION

    def __init__(
        self,
        module: Module,
        input_shape: tuple[int, ...],
        *,
        schedule: str = "cosine",
        steps: int | None = None,
        target: str = "v",
        weighting: str = "plain",
        gamma: float = 5.0,
        label_dropout: float = 0.1,
        ema_decay: float = 0.999,
        mean: Any = None,
        std: Any = None,
        initialiser: str | None = "he",
        seed: int = 0,
        dtype: Any = np.float32,
        device: str = "cpu",
    ) -> None:
        input_shape = limits.whole_numbers("input_shape", input_shape, fewest=1)
        if math.prod(input_shape) > LARGEST_SAMPLE:
            raise ModelError(f"a sample must have at most {LARGEST_SAMPLE:,} numbers, got the shape {input_shape}")
        self.label_dropout = limits.number("label_dropout", label_dropout, least=0, below=1)
        self.ema_decay = limits.number("ema_decay", ema_decay, least=0, below=1)
        self.diffusion = Diffusion(noise_schedules.by_name(schedule, **{} if steps is None else {"steps": steps}), target)
        self.weighting, self.gamma = one_of("weighting", weighting, WEIGHTINGS), limits.number("gamma", gamma, above=0)
        self.classes = int(getattr(module, "classes", 0))
        super().__init__(module, input_shape, cost="mse", initialiser=initialiser, seed=seed, dtype=dtype, device=device)
        scale = data_scale(mean, std, input_shape, self.dtype)
        self.scale = None if scale is None else (self._here(scale[0]), self._here(scale[1]))
        self.average = self.parameters.copy()
        self.learned = self._here(np.zeros(1, self.dtype))  # how many batches, for the running mean's beginning
        self.averaged = with_parameters(self.module, self.average)

    def twin(self, dtype: Any = None) -> Self:
        """The same network, in this float type, sharing nothing with the first."""
        other = super().twin(dtype)
        other.scale = None if self.scale is None else (self.scale[0].astype(other.dtype), self.scale[1].astype(other.dtype))
        other.average, other.learned = self.average.astype(other.dtype), self.learned.astype(other.dtype)
        other.averaged = with_parameters(other.module, other.average)
        return other

    def chance(self, y: Array, m: int) -> tuple[Any, ...]:
        """The times, the noise and the labels of the next batch."""
        drawn = self.draw(self._labels(y, m), copy.deepcopy(self.rng), self.label_dropout)
        return (drawn._replace(eps=np.asarray(drawn.eps, np.float64)),)

    @property
    def n_classes(self) -> int:
        """How many labels there are."""
        return self.classes

    @property
    def cost_name(self) -> str:
        """ "": its cost is of predictions at random times."""
        return ""

    def weighted_outputs(self, x: Array) -> None:
        """None: what it says of a sample depends on the time."""
        return

    def answers(self, x: Array, y: Array | None = None) -> None:
        """None, for the same reason."""
        return

    def preview(self, x: Array, y: Array) -> None:
        """Compute the loss, at times and with noise that are the same each time."""
        self.loss(Tensor(self._here(self._shaped(x))), y, self.draw(self._labels(y, len(x)), generator(0, "look")))

    @property
    def schedule(self) -> NoiseSchedule:
        """How much noise there is at each time."""
        return self.diffusion.schedule

    def _try(self) -> tuple[int, ...]:
        """The shape of one answer, found by computing one; raises ModelError where it is not that of the sample."""
        self.module.eval()
        with no_grad():
            x = Tensor(self._here(np.zeros((1, *self.input_shape), self.dtype)))
            found = self.module(x, np.ones(1, np.int64), np.full(1, self.classes)).shape[1:]
        if found != self.input_shape:
            raise ModelError(f"the module answers {found} to a sample of {self.input_shape}, but these two must agree")
        return found

    @property
    def buffers(self) -> dict[str, Array]:
        """What belongs to the state but is not trained: views."""
        return super().buffers | {"average": self.average, "batches": self.learned} | self._scale_tensors()

    def _scale_tensors(self) -> dict[str, Array]:
        return {} if self.scale is None else {"data.mean": self.scale[0], "data.std": self.scale[1]}

    def tensors(self) -> dict[str, Array]:
        """What a model file holds, by name: the running mean of the weights, and not the weights; after reading: `adopt`."""
        return {name: on_device(array, "cpu") for name, array in (self.averaged.state() | self._scale_tensors()).items()}

    def adopt(self) -> None:
        """Go on from the running mean: the weights become it, as after a model file was read into `tensors`.

        Raises ModelError where the deviation of the data that came with it is none.
        """
        check_read(self.scale)
        self.parameters[...] = self.average
        self.learned[...] = 0

    def learn(self, x: Array, y: Array, *chance: Any) -> float:
        """One forward and one backward pass: fills `gradient`, returns the batch's cost.

        The weights that it finds, which the last step left, go into the running mean: see `byhand.models.running_mean`.
        """
        take_into(self.average, self.parameters, float(self.learned[0]), self.ema_decay)
        self.learned += 1
        return super().learn(x, y, *chance)

    def draw(self, labels: Array, rng: np.random.Generator, label_dropout: float = 0.0) -> NoiseDraw:
        """A time and noise for each of the labels (m,), some of which are forgotten."""
        t = rng.integers(1, self.diffusion.steps + 1, len(labels))
        eps = rng.standard_normal((len(labels), *self.input_shape), self.dtype)
        return NoiseDraw(t, eps, drop_labels(labels, self.classes, label_dropout, rng))

    def loss(self, x: Tensor, y: Array, drawn: NoiseDraw | None = None) -> Tensor:
        """The batch's cost on the tape; y: (m, K) of the classes, or (m,) labels. What chance adds is drawn unless given."""
        drawn = self.draw(self._labels(y, len(x)), self.rng, self.label_dropout) if drawn is None else drawn
        return self._loss(self.module, x.data, drawn)

    def _loss(self, module: Module, data: Array, drawn: NoiseDraw) -> Tensor:
        x0, eps = self.scaled(data), self._here(drawn.eps)
        prediction = module(Tensor(self.diffusion.noisy(x0, drawn.t, eps)), drawn.t, drawn.labels)
        target = self.diffusion.target_of(x0, eps, drawn.t)
        if self.weighting != "plain":
            root = np.sqrt(self.diffusion.weights(drawn.t, self.weighting, self.gamma)).astype(self.dtype)
            root_weight = self._here(root.reshape(-1, *(1,) * len(self.input_shape)))
            prediction, target = prediction * root_weight, target * root_weight
        return ops.mse_loss(prediction, target)

    def _labels(self, y: Any, n: int) -> Any:
        """Labels (n,) of one-hot classes, of labels, of one label for all, or of None; where there are no classes, "any"."""
        y = on_device(y, "cpu")
        if y is None or self.classes == 0:
            return np.full(n, self.classes)
        y = np.asarray(y)
        if y.ndim == 2 and y.shape == (n, self.classes):
            return y.argmax(axis=1)
        y = np.broadcast_to(y, (n,)) if y.ndim == 0 else y
        if y.shape != (n,) or y.dtype.kind not in "iu" or not 0 <= y.min() <= y.max() <= self.classes:
            raise ModelError(
                f"the labels must be ({n},) whole numbers from 0 to {self.classes}, got {y.dtype} {y.shape}: "
                f'the last for "any", or ({n}, {self.classes}) of the classes'
            )
        return y

    def scaled(self, data: Array) -> Array:
        """What the network sees of data: [0, 1] becomes [-1, 1], or the mean is taken off and the deviation made 1."""
        if self.scale is None:
            return 2 * data - 1
        xp = array_module(data)
        return (data - xp.asarray(self.scale[0])) / xp.asarray(self.scale[1])

    def unscaled(self, x: Array) -> Array:
        """`scaled` undone."""
        return 0.5 * x + 0.5 if self.scale is None else on_device(self.scale[0], "cpu") + on_device(self.scale[1], "cpu") * x

    def evaluate(self, x: Array, y: Array) -> tuple[float, Any]:
        """Mean cost with the running mean of the weights, at times and with noise that are the same each time: no accuracy."""
        x, rng, total = self._shaped(x), generator(0, "evaluate"), 0.0
        labels = self._labels(y, len(x))
        for start in range(0, len(x), ROWS):
            some, kept = x[start : start + ROWS], labels[start : start + ROWS]
            with no_grad(), one_blas_thread():
                total += self._loss(self.averaged, self._here(some), self.draw(kept, rng)).item() * len(some)
        return total / len(x), None

    @property
    def block(self) -> int:
        """How many samples the network is asked about at once."""
        return BLOCK_OF_VECTORS if len(self.input_shape) == 1 else BLOCK_OF_IMAGES

    def prediction(self, x: Array, t: int, labels: Any = None, guidance: float = 1.0) -> Array:
        """What the averaged network says of x_t, (N, ...), in its target: with guidance, see `byhand.models.diffusion.guide`."""
        labels = self._labels(labels, len(x))
        anyway = np.full(len(x), self.classes)
        if guidance == 1 or (labels == anyway).all():
            return self._predict(x, t, labels)
        if guidance == 0:
            return self._predict(x, t, anyway)
        both = self._predict(np.concatenate([x, x]), t, np.concatenate([labels, anyway]))
        return guide(both[: len(x)], both[len(x) :], guidance)

    def _predict(self, x: Array, t: int, labels: Array) -> Array:
        def predict(x: Array, labels: Array) -> Array:
            return on_device(self.averaged(Tensor(self._here(x)), np.full(len(x), t), labels).data, "cpu")

        with no_grad(), one_blas_thread(), sample_by_sample():
            return in_blocks(predict, self.block, x, labels)

    def sample_steps(
        self,
        names: int | Sequence[int | str],
        labels: Any = None,
        *,
        sampler: str = "ddim",
        steps: int | Sequence[int] = 50,
        guidance: float = 1.0,
        seed: int = 0,
        clip: float | str | None = "data",
        **settings: Any,
    ) -> Iterator[SamplerStep]:
        """Draw samples, step by step: one for each time, and one more, which at t = 0 is the samples.

        Arguments:
            names: how many; or the names of those wanted. A sample depends on the seed, its name and its label only.
            labels: one for each, or one for all; None for "any".
            sampler: "ddim", which takes an `eta`, "ddpm" or "dpm_solver". steps: how often the network is
                asked, evenly from T down; or the times themselves, falling.
            guidance: 1 follows the label, more exaggerates it, 0 ignores it.
            clip: hold what the network sees in [-clip, clip]; "data" does so with 1 for data in [0, 1], and with none for others.

        Each step's x and x0 are (N, *input_shape), in the data's units.
        """
        guidance = limits.number("guidance", guidance, least=0)
        held = (1.0 if self.scale is None else None) if isinstance(clip, str) else clip
        if isinstance(clip, str) and clip != "data":
            raise ModelError(f'clip must be a number above 0, None for none, or "data", got {limits.told(clip)}')
        held = None if held is None else limits.number("clip", held, above=0)
        noise = Noise(names, self.input_shape, seed, self.dtype)
        kept = self._labels(labels, len(noise.generators))
        try:
            steps_taken = samplers.by_name(sampler)(
                self.diffusion,
                lambda x, t: self.prediction(x, t, kept, guidance),
                noise,
                steps if isinstance(steps, Sequence) else spaced_timesteps(self.diffusion.steps, steps),
                held,
                **settings,
            )
        except TypeError as error:
            raise ModelError(f"the sampler {sampler!r} does not take {', '.join(settings)}: {error}") from error
        return (SamplerStep(t, self.unscaled(x), self.unscaled(x0)) for t, x, x0 in steps_taken)

    def sample(self, names: int | Sequence[int | str], labels: Any = None, **settings: Any) -> Array:
        """Samples as rows (N, n), in the data's units; the settings are those of `sample_steps`."""
        *_, last = self.sample_steps(names, labels, **settings)
        return last.x.reshape(len(last.x), -1)

    def forward(self, x: Array) -> Array:
        """Raises ModelError: what a diffusion network says of a sample depends on the time."""
        raise ModelError(
            "a diffusion network has no outputs for a sample alone: draw some with sample, or ask by prediction(x, t)"
        )

    def predict(self, x: Array) -> Any:
        """Raises ModelError: a diffusion network tells no classes apart."""
        raise ModelError("a diffusion network tells no classes apart, it draws: see sample")

    def _again(self, architecture: dict[str, Any]) -> DiffusionNetwork:
        return from_architecture(architecture, self.dtype)

    def _tried(self) -> Array:
        """The predictions for two made-up samples, the same ones each time."""
        return self.prediction(generator(0, "probe").standard_normal((2, *self.input_shape), np.float32), 1)

    def architecture(self) -> dict[str, Any]:
        """What a model file says of the network, and what `from_architecture` reads."""
        return {
            "kind": self.kind,
            "input_shape": list(self.input_shape),
            "schedule": self.schedule.name,
            "steps": self.diffusion.steps,
            "target": self.diffusion.target,
            "weighting": self.weighting,
            "gamma": self.gamma,
            "label_dropout": self.label_dropout,
            "ema_decay": self.ema_decay,
            "standardised": self.scale is not None,
            "module": self.module.describe(),
        }

    def __repr__(self) -> str:
        shape, noise = "x".join(map(str, self.input_shape)), f"{self.schedule.name} noise in {self.diffusion.steps} steps"
        return f"DiffusionNetwork({shape}, {noise}, {self.diffusion.target}: {self.parameters.size:,} parameters)"


def from_architecture(architecture: dict[str, Any], dtype: Any = np.float32) -> DiffusionNetwork:
    """The untrained network that an `architecture` described; raises ModelError where it describes none."""
    try:
        module, shape, settings = described(architecture)
        return DiffusionNetwork(module, shape, dtype=dtype, **settings)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"the architecture is not a diffusion network's ({error!r}): expected input_shape, schedule, target, module"
        ) from error


def from_recipe(recipe: Any, train: Any, dtype: Any, device: str) -> DiffusionNetwork:
    """The untrained network of a recipe, for data that `train` is the training part of: a U-Net for images, layers for points."""
    options, shape = dict(recipe.model_options), train.inputs.shape[1:]
    if len(shape) not in (1, 3):
        raise ModelError(f"diffusion draws images (H, W, C) or points (d,), but {train.name} has samples of {shape}")
    make, given = (UNet, ("classes", "image_channels")) if len(shape) == 3 else (MLPDenoiser, ("features", "classes"))
    check_options(recipe, [*limits.parameters(make, *given), *OPTIONS, "standardise"])
    if limits.truth("model_options: standardise", options.pop("standardise", False)):
        options |= of_data(train.inputs)
    own = {name: options.pop(name) for name in OPTIONS if name in options}
    module: Module
    if len(shape) == 3:
        module = UNet(classes=train.n_classes, image_channels=shape[2], **options)
    else:
        module = MLPDenoiser(shape[0], classes=train.n_classes, **options)
    seed, initialiser = recipe.seed, recipe.initialiser or "he"
    return DiffusionNetwork(module, shape, initialiser=initialiser, seed=seed, dtype=dtype, device=device, **own)


register(NetworkKind(DiffusionNetwork.kind, read=from_architecture, build=from_recipe, settings=("model_options", "initialiser")))
