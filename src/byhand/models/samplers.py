r"""Samplers: from noise back to an image, step by step, each as an iterator that shows where it stands.

All of them ask the network, at each time of a falling row T = t_1 > t_2 > ... > t_S, what image x_t comes from, and go to the
next time, the last to 0, where no noise is added. They differ in how they go:

    ddpm        draw x_s from q(x_s | x_t, x_0): as much fresh noise as the forward steps had
    ddim        along the noise that the network sees; eta adds fresh noise: 0 none, 1 as much as ddpm
    dpm_solver  as ddim with eta = 0, but it follows curves as curves: its error falls with the square of the number of steps

Sample i draws from a generator of its own, made from the seed and its name. What is said of it does not depend on how many are
drawn at once: the arithmetic here is element by element, and `in_blocks` asks the network about the same number of samples
each time, because matrix products of another height are added up in another order (measured: a U-Net's answers to 1 image and to
32 at once differ in the sixth digit; among blocks of one size they have the same bits, wherever in the block a sample stands).

Source: Ho, Jain and Abbeel (2020), arXiv:2006.11239, algorithm 2; Song, Meng and Ermon (2021), arXiv:2010.02502; Lu et al.
(2022), arXiv:2211.01095.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np

from byhand import limits
from byhand.backend import Array, generator
from byhand.errors import ModelError
from byhand.kernels.threads import parallel
from byhand.models.diffusion import Diffusion
from byhand.models.noise_schedules import NoiseSchedule
from byhand.registry import Registry


class SamplerStep(NamedTuple):
    """Where a sampler stands: at time t, with x_t, and the image x0 that the network sees in it. At t = 0 both are the sample."""

    t: int
    x: Array
    x0: Array


class Predictor(Protocol):
    """A network as the samplers see it: what it answers to x_t, (N, ...), at time t, in the diffusion's target."""

    def __call__(self, x: Array, t: int) -> Array: ...


class Noise:
    """Standard normal numbers for samples of one shape, each of a generator of its own; called again, the next ones.

    Arguments:
        names: of the samples, whole numbers from 0 up or strings; or how many there are, whose names are 0, 1, 2, ...
        shape: of one sample. seed: a whole number from 0 up. dtype: of what is drawn in float64: both types see one image.

    >>> bool((Noise(5, (2,), seed=1)()[3] == Noise([3], (2,), seed=1)()[0]).all())
    True
    """

    def __init__(self, names: int | Sequence[int | str], shape: Sequence[int], seed: int = 0, dtype: Any = np.float64) -> None:
        names = range(names) if isinstance(names, int) else names
        if len(names) == 0:
            raise ModelError("there are no samples to draw: ask for one at least")
        self.shape, self.dtype = tuple(shape), dtype
        self.generators = [generator(seed, "diffuse", *_numbers(name)) for name in names]

    def __call__(self) -> Array:
        return np.stack([rng.standard_normal(self.shape) for rng in self.generators]).astype(self.dtype)


def _numbers(name: int | str) -> tuple[int, int]:
    """A sample's name as two numbers, of which the first keeps 1 and "1" apart."""
    if isinstance(name, str):
        return 1, int.from_bytes(name.encode(), "little")
    if not isinstance(name, int | np.integer) or name < 0:
        raise ModelError(f"a sample's name must be a whole number, 0 or more, or a string, got {limits.told(name)}")
    return 0, int(name)


def spaced_timesteps(last: int, steps: int) -> list[int]:
    """T = t_1 > ... > t_S > 0, evenly spread, of which the step to 0 is as long as the others.

    Source: Lin, Liu, Li and Yang (2024), arXiv:2305.08891, section 3.3, "trailing": the first is always T, which is pure noise.

    >>> spaced_timesteps(1000, 4)
    [1000, 750, 500, 250]
    """
    steps = limits.whole("sampling: steps", steps, most=last)
    return [round(last * (1 - k / steps)) for k in range(steps)]


def ddpm(
    diffusion: Diffusion, predict: Predictor, noise: Callable[[], Array], timesteps: Sequence[int], clip: float | None = None
) -> Iterator[SamplerStep]:
    r"""Ancestral sampling: each step back is a draw of q(x_s | x_t, x_0), with the image that the network sees for x_0.

    Equation:
        x_s = \tilde\mu(x_t, \hat x_0) + \tilde\sigma z, \quad z \sim N(0, 1), \quad z = 0 \text{ at the last step}
    Shapes:
        noise() -> (N, ...): first x_T, then each z; timesteps: the times, falling; clip: x_0 is held in [-clip, clip]
    Source:
        Ho, Jain and Abbeel (2020), algorithm 2, with the variance of eq. 7
    """
    x = noise()
    for t, s in _falling(diffusion, timesteps):
        x0, _ = _x0_and_eps(diffusion, predict, x, t, clip)
        yield SamplerStep(t, x, x0)
        x, sigma = diffusion.posterior(x0, x, t, s)
        if s > 0:
            x = x + sigma * noise()
    yield SamplerStep(0, x, x)


def ddim(
    diffusion: Diffusion,
    predict: Predictor,
    noise: Callable[[], Array],
    timesteps: Sequence[int],
    clip: float | None = None,
    eta: float = 0.0,
) -> Iterator[SamplerStep]:
    r"""The image and the noise that the network sees, put together anew with less noise; eta of it may be fresh.

    Equation:
        x_s = \sqrt{\bar\alpha_s}\, \hat x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\, \hat\varepsilon + \sigma z, \quad
        \sigma = \eta \sqrt{\frac{1 - \bar\alpha_s}{1 - \bar\alpha_t}} \sqrt{1 - \frac{\bar\alpha_t}{\bar\alpha_s}}
    Shapes:
        as `ddpm`; eta in [0, 1]
    Source:
        Song, Meng and Ermon (2021), eqs. 12 and 16
    """
    eta = limits.number("ddim: eta", eta, 0, 1)  # 0 draws no fresh noise, 1 as much as ddpm
    x = noise()
    for t, s in _falling(diffusion, timesteps):
        x0, eps = _x0_and_eps(diffusion, predict, x, t, clip)
        yield SamplerStep(t, x, x0)
        signal, rest = diffusion.signal_and_noise_rates(s, x)
        sigma = eta * diffusion.deviation(t, s)
        x = signal * x0 + math.sqrt(rest * rest - sigma * sigma) * eps
        if sigma > 0:
            x = x + sigma * noise()
    yield SamplerStep(0, x, x)


def dpm_solver(
    diffusion: Diffusion, predict: Predictor, noise: Callable[[], Array], timesteps: Sequence[int], clip: float | None = None
) -> Iterator[SamplerStep]:
    r"""DPM-Solver++(2M): the image that the network sees now, and which way it has been going since the step before.

    Equation:
        x_s = \frac{\sigma_s}{\sigma_t} x_t - \alpha_s (e^{-h} - 1) D, \quad
        D = \left(1 + \frac{1}{2r}\right) \hat x_0(x_t) - \frac{1}{2r} \hat x_0(x_{t'}), \quad
        h = \lambda_s - \lambda_t, \quad r = \frac{\lambda_t - \lambda_{t'}}{h}
    Shapes:
        as `ddpm`; t' is the time before t, \alpha the signal's and \sigma the noise's share, \lambda half the log SNR
    Source:
        Lu et al. (2022), arXiv:2211.01095, algorithm 2

    The first step has no step before it, and at the last h is infinite: both take D as it is seen.
    """
    level, before, x0_before = diffusion.schedule.half_log_snr, -1, None
    x = noise()
    for t, s in _falling(diffusion, timesteps):
        x0, _ = _x0_and_eps(diffusion, predict, x, t, clip)
        yield SamplerStep(t, x, x0)
        seen = x0
        if x0_before is not None and s > 0:
            r = float((level[t] - level[before]) / (level[s] - level[t]))
            seen = x0 + (1 / (2 * r)) * (x0 - x0_before)
        (signal, rest), (_, now) = diffusion.signal_and_noise_rates(s, x), diffusion.signal_and_noise_rates(t, x)
        x = (rest / now) * x - signal * math.expm1(float(level[t] - level[s])) * seen
        before, x0_before = t, x0
    yield SamplerStep(0, x, x)


def between(schedule: NoiseSchedule, one: SamplerStep, other: SamplerStep, t: int) -> Array:
    r"""What a sampler would have shown at a time between two of its steps, to be looked at: nothing is asked of the network.

    Equation:
        x_u = \alpha_u \hat x_0(u) + \sigma_u \hat\varepsilon(u)
    Shapes:
        x, x0: (N, ...), where the clean data are about N(0, 1); t: u, from other.t to one.t
    Source:
        the image and the noise as `ddim` has them, each going evenly from one step to the other

    At the ends it is what stands there.
    """
    share = (one.t - t) / (one.t - other.t)
    noises = [(step.x - schedule.signal[step.t] * step.x0) / schedule.noise[step.t] for step in (one, other) if step.t > 0]
    x0, eps = one.x0 + share * (other.x0 - one.x0), noises[0] + share * (noises[-1] - noises[0])
    found: Array = (schedule.signal[t] * x0 + schedule.noise[t] * eps).astype(one.x.dtype)
    return found


SAMPLERS: dict[str, Callable[..., Iterator[SamplerStep]]] = Registry(
    "sampler", {"ddpm": ddpm, "ddim": ddim, "dpm_solver": dpm_solver}
)


def by_name(name: str) -> Callable[..., Iterator[SamplerStep]]:
    """The sampler of this name; raises ModelError for an unknown one.

    >>> by_name("ddim") is ddim
    True
    """
    if name not in SAMPLERS:
        raise ModelError(f"sampler {name!r} is unknown: choose one of {', '.join(SAMPLERS)}")
    return SAMPLERS[name]


def in_blocks(answer: Callable[..., Array], block: int, *arrays: Array, together: bool = True) -> Array:
    """`answer(*arrays)` in blocks of always the same number of samples, the last filled up with its first sample.

    Each thread takes some of the blocks: that wastes less than all threads at each block would. Not `together`, where what
    answers keeps its work in one place, as the networks written out by hand do: two at once would write over each other.

    >>> in_blocks(lambda x: x + len(x), 4, np.arange(6))
    array([4, 5, 6, 7, 8, 9])
    """
    n = len(arrays[0])

    def predictions(begin: int, end: int) -> list[Array]:
        found = []
        for start in range(begin * block, end * block, block):
            rows = np.arange(start, start + block)
            rows[rows >= n] = start
            found.append(answer(*(array[rows] for array in arrays)))
        return found

    blocks = -(-n // block)
    parts = parallel(predictions, blocks, alone=True) if together else [predictions(0, blocks)]
    return np.concatenate([found for part in parts for found in part])[:n]


def _x0_and_eps(diffusion: Diffusion, predict: Predictor, x: Array, t: int, clip: float | None) -> tuple[Array, Array]:
    """(x0, eps) by the network; of a clipped image, the noise that goes with it."""
    x0, eps = diffusion.x0_and_eps(predict(x, t), x, t)
    if clip is None:
        return x0, eps
    x0 = np.clip(x0, -clip, clip)
    return x0, diffusion.x0_and_eps(x0, x, t, "x0")[1]


def _falling(diffusion: Diffusion, timesteps: Sequence[int]) -> list[tuple[int, int]]:
    """The steps (from, to), the last to 0; raises ModelError for times that do not fall from T at most to 1 at least."""
    steps = list(pairwise([*timesteps, 0]))
    if not steps or timesteps[0] > diffusion.steps or any(s >= t for t, s in steps):
        raise ModelError(
            f"sampling: the times must fall, from {diffusion.steps} at most to 1 at least, got {list(timesteps)[:5]}..."
        )
    return steps
