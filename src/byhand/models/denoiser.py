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
from typing import Any, NamedTuple

import numpy as np

from byhand.backend import Array, array_module, generator, on_device
from byhand.engine import Tensor, no_grad, ops
from byhand.errors import ModelError
from byhand.kernels.alike import sample_by_sample
from byhand.kernels.threads import one_blas_thread
from byhand.models import noise_schedules, samplers
from byhand.models.diffusion import WEIGHTINGS, Diffusion, forget_some, guided, one_of
from byhand.models.noise_schedules import NoiseSchedule
from byhand.models.samplers import Moment, Noise, in_blocks, times
from byhand.nn import Module, Network
from byhand.nn.description import build

LARGEST_SAMPLE = 1_000_000  # numbers
ROWS = 64  # samples at a time where only their mean cost is wanted
# What the network is asked about at once, see `byhand.models.samplers`. With blocks of 4 images 12 letters take two thirds
# longer, as Python has its own work to do for each block; a single letter takes half as long, but that is 0.7 s.
BLOCK_OF_IMAGES, BLOCK_OF_VECTORS = 12, 32


class Drawn(NamedTuple):
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
        forget: the probability that a label becomes "any" in training.
        decay: of the running mean of the weights, in [0, 1): m <- decay m + (1 - decay) theta.
        mean, std: of the data, one number or one for each of a sample's; None for data in [0, 1], which become [-1, 1].
        initialiser, seed, dtype, device: as of `byhand.nn.Network`.

    Raises ModelError for settings that make no such network.

    >>> from byhand.models.mlp_denoiser import MLPDenoiser
    >>> DiffusionNetwork(MLPDenoiser(2, width=64), (2,))
    DiffusionNetwork(2, cosine noise in 1000 steps, v: 46,466 parameters)
    """

    kind = "diffusion"

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
        forget: float = 0.1,
        decay: float = 0.999,
        mean: Any = None,
        std: Any = None,
        initialiser: str | None = "he",
        seed: int = 0,
        dtype: Any = np.float32,
        device: str = "cpu",
    ) -> None:
        if not input_shape or math.prod(input_shape) > LARGEST_SAMPLE:
            raise ModelError(f"a sample is {input_shape}, but it has from 1 to {LARGEST_SAMPLE:,} numbers")
        for name, value in (("forget", forget), ("decay", decay)):
            if not 0 <= value < 1:
                raise ModelError(f"{name} is {value}, but it is in [0, 1)")
        self.diffusion = Diffusion(noise_schedules.named(schedule, **{} if steps is None else {"steps": steps}), target)
        self.weighting, self.gamma = one_of("weighting", weighting, WEIGHTINGS), float(gamma)
        self.diffusion.weights(1, weighting, gamma)  # says what is wrong with gamma
        self.forget, self.decay, self.classes = float(forget), float(decay), int(getattr(module, "classes", 0))
        super().__init__(module, input_shape, cost="mse", initialiser=initialiser, seed=seed, dtype=dtype, device=device)
        self.scale = self._scale(mean, std)
        self.average = self.parameters.copy()
        self.learned = self._here(np.zeros(1, self.dtype))  # how many batches, for the running mean's beginning
        self.averaged = self._views(self.average)

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

    def _scale(self, mean: Any, std: Any) -> tuple[Array, Array] | None:
        """Mean and deviation of the data, each of a sample's shape, or None."""
        if mean is None and std is None:
            return None
        try:
            given = [np.asarray(0 if mean is None else mean, np.float64), np.asarray(1 if std is None else std, np.float64)]
            both = [np.broadcast_to(n, self.input_shape).astype(self.dtype) for n in given]
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"mean and std are of the data, of one number or of the shape {self.input_shape}: {error}"
            ) from error
        if not (np.isfinite(both).all() and (both[1] > 0).all()):
            raise ModelError("mean and std of the data are finite, and std is above 0: leave out what never changes")
        return self._here(both[0]), self._here(both[1])

    def _views(self, flat: Array) -> Module:
        """The module once more, with the numbers of this vector for parameters: there is nothing to swap in and out."""
        twin = copy.deepcopy(self.module)
        start = 0
        for (_, mine), (_, parameter) in zip(self.module.parameters(), twin.parameters(), strict=True):
            parameter.data = flat[start : start + mine.size].reshape(mine.shape)
            parameter.grad, parameter.requires_grad = None, False
            start += mine.size
        for (_, module), (_, other) in zip(self.module.modules(), twin.modules(), strict=True):
            for name in module.buffers:
                object.__setattr__(other, name, getattr(module, name))  # one for both
        twin.eval()
        return twin

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
        if self.scale is not None and not (self.scale[1] > 0).all():
            raise ModelError("the std of the data, which came with the weights, is not above 0: write the model file anew")
        self.parameters[...] = self.average
        self.learned[...] = 0

    def learn(self, x: Array, y: Array) -> float:
        r"""One forward and one backward pass: fills `gradient`, returns the batch's cost.

        The weights that it finds, which the last step left, go into the running mean:

        Equation:
            m_k = d_k m_{k-1} + (1 - d_k)\, \theta_k, \quad d_k = \min\left(d, \frac{1 + k}{10 + k}\right), \quad k = 0, 1, \dots
        Source:
            Ho, Jain and Abbeel (2020), appendix B; the beginning as in TensorFlow's ExponentialMovingAverage
        """
        k = float(self.learned[0])
        decay = min(self.decay, (1 + k) / (10 + k))
        self.average *= decay
        self.average += (1 - decay) * self.parameters
        self.learned += 1
        return super().learn(x, y)

    def draw(self, labels: Array, rng: np.random.Generator, forget: float = 0.0) -> Drawn:
        """A time and noise for each of the labels (m,), some of which are forgotten."""
        t = rng.integers(1, self.diffusion.steps + 1, len(labels))
        eps = rng.standard_normal((len(labels), *self.input_shape), self.dtype)
        return Drawn(t, eps, forget_some(labels, self.classes, forget, rng))

    def loss(self, x: Tensor, y: Array, drawn: Drawn | None = None) -> Tensor:
        """The batch's cost on the tape; y: (m, K) of the classes, or (m,) labels. What chance adds is drawn unless given."""
        drawn = self.draw(self._labels(y, len(x)), self.rng, self.forget) if drawn is None else drawn
        return self._loss(self.module, x.data, drawn)

    def _loss(self, module: Module, data: Array, drawn: Drawn) -> Tensor:
        x0, eps = self.scaled(data), self._here(drawn.eps)
        answer = module(Tensor(self.diffusion.noisy(x0, drawn.t, eps)), drawn.t, drawn.labels)
        wanted = self.diffusion.wanted(x0, eps, drawn.t)
        if self.weighting != "plain":
            root = np.sqrt(self.diffusion.weights(drawn.t, self.weighting, self.gamma)).astype(self.dtype)
            share = self._here(root.reshape(-1, *(1,) * len(self.input_shape)))
            answer, wanted = answer * share, wanted * share
        return ops.mse_loss(answer, wanted)

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
                f"the labels are {y.dtype} {y.shape}, but this network wants ({n},) whole numbers from 0 to {self.classes}, "
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

    def answer(self, x: Array, t: int, labels: Any = None, guidance: float = 1.0) -> Array:
        """What the averaged network says of x_t, (N, ...), in its target: with guidance, see `byhand.models.diffusion.guided`."""
        labels = self._labels(labels, len(x))
        anyway = np.full(len(x), self.classes)
        if guidance == 1 or (labels == anyway).all():
            return self._asked(x, t, labels)
        if guidance == 0:
            return self._asked(x, t, anyway)
        both = self._asked(np.concatenate([x, x]), t, np.concatenate([labels, anyway]))
        return guided(both[: len(x)], both[len(x) :], guidance)

    def _asked(self, x: Array, t: int, labels: Array) -> Array:
        def ask(x: Array, labels: Array) -> Array:
            return on_device(self.averaged(Tensor(self._here(x)), np.full(len(x), t), labels).data, "cpu")

        with no_grad(), one_blas_thread(), sample_by_sample():
            return in_blocks(ask, self.block, x, labels)

    def watch(
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
    ) -> Iterator[Moment]:
        """Draw samples, and look on: a moment for each time, and one more, which at t = 0 is the samples.

        Arguments:
            names: how many; or the names of those wanted. A sample depends on the seed, its name and its label only.
            labels: one for each, or one for all; None for "any".
            sampler: "ddim", which takes an `eta`, "ddpm" or "dpm_solver". steps: how often the network is
                asked, evenly from T down; or the times themselves, falling.
            guidance: 1 follows the label, more exaggerates it, 0 ignores it.
            clip: hold what the network sees in [-clip, clip]; "data" does so with 1 for data in [0, 1], and with none for others.

        Each moment's x and x0 are (N, *input_shape), in the data's units.
        """
        if not 0 <= guidance < math.inf:
            raise ModelError(f"guidance is {guidance}, but it is a number from 0 up: 1 follows the label, 3 exaggerates it")
        held = (1.0 if self.scale is None else None) if isinstance(clip, str) else clip
        if (isinstance(clip, str) and clip != "data") or (held is not None and not held > 0):
            raise ModelError(f'clip is {clip!r}, but it is a number above 0, None for none, or "data"')
        noise = Noise(names, self.input_shape, seed, self.dtype)
        kept = self._labels(labels, len(noise.generators))
        try:
            moments = samplers.named(sampler)(
                self.diffusion,
                lambda x, t: self.answer(x, t, kept, guidance),
                noise,
                steps if isinstance(steps, Sequence) else times(self.diffusion.steps, steps),
                held,
                **settings,
            )
        except TypeError as error:
            raise ModelError(f"the sampler {sampler!r} does not take {', '.join(settings)}: {error}") from error
        return (Moment(t, self.unscaled(x), self.unscaled(x0)) for t, x, x0 in moments)

    def sample(self, names: int | Sequence[int | str], labels: Any = None, **settings: Any) -> Array:
        """Samples as rows (N, n), in the data's units; the settings are those of `watch`."""
        *_, last = self.watch(names, labels, **settings)
        return last.x.reshape(len(last.x), -1)

    def forward(self, x: Array) -> Array:
        """Raises ModelError: what a diffusion network says of a sample depends on the time."""
        raise ModelError("a diffusion network has no outputs for a sample alone: draw some with sample, or ask by answer(x, t)")

    def predict(self, x: Array) -> Any:
        """Raises ModelError: a diffusion network tells no classes apart."""
        raise ModelError("a diffusion network tells no classes apart, it draws: see sample")

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
            "forget": self.forget,
            "decay": self.decay,
            "standardised": self.scale is not None,
            "module": self.module.describe(),
        }

    def __repr__(self) -> str:
        shape, noise = "x".join(map(str, self.input_shape)), f"{self.schedule.name} noise in {self.diffusion.steps} steps"
        return f"DiffusionNetwork({shape}, {noise}, {self.diffusion.target}: {self.parameters.size:,} parameters)"


def from_architecture(architecture: dict[str, Any], dtype: Any = np.float32) -> DiffusionNetwork:
    """The untrained network that an `architecture` described; raises ModelError where it describes none."""
    try:
        settings = {name: value for name, value in architecture.items() if name not in ("kind", "standardised")}
        shape = tuple(int(n) for n in settings.pop("input_shape"))
        if architecture["standardised"]:
            settings |= {"mean": 0.0, "std": 1.0}  # the file's own are read into their places
        return DiffusionNetwork(build(settings.pop("module")), shape, dtype=dtype, **settings)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"the architecture is not a diffusion network's ({error!r}): expected input_shape, schedule, target, module"
        ) from error
