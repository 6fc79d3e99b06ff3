r"""The whole of diffusion in the plane: points dissolve into noise, and noise gathers into points, with what the network says.

    forward:  x_t = \sqrt{\bar\alpha_t} x_0 + \sqrt{1 - \bar\alpha_t} \varepsilon, each point towards a noise of its own
    reverse:  from noise, step by step towards what the network takes for x_0; the arrows show where to, everywhere at once

Source: Ho, Jain and Abbeel (2020), arXiv:2006.11239, figure 2; Song, Meng and Ermon (2021), arXiv:2010.02502, eq. 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from byhand import limits
from byhand.backend import Array
from byhand.draw.animation import Frame
from byhand.models.denoiser import DiffusionNetwork

WIDTH, HEIGHT, FOOT = 560, 420, 56  # pixels; the foot says where one is
FAR = 3.1  # how far the picture shows, in deviations of the data
FINER = 2  # times as fine as it is shown: round points
FORWARD, ACROSS, DOWN = 40, 19, 14  # frames of the way forward; arrows
PACE, REST, HOLD = 50, 700, 2_200  # ms
HALF = 127  # levels of the first colour; those above are of the second


@dataclass(frozen=True)
class ParticleFrame:
    """Points (N, 2) at a time t, in deviations of the data; `towards` (K, 4) of the arrows: from (x, y), by (dx, dy)."""

    t: int
    points: Array
    towards: Array | None = None


def forward(network: DiffusionNetwork, data: Array, seed: int = 0) -> list[ParticleFrame]:
    """Data (N, 2) on their way into noise."""
    x0 = network.scaled(data)
    eps = np.random.default_rng(limits.whole("seed", seed, least=0)).standard_normal(x0.shape)
    last = network.diffusion.steps
    timesteps = np.unique(np.round(last * np.linspace(0, 1, FORWARD)).astype(int))
    signal, noise = network.schedule.signal, network.schedule.noise
    return [ParticleFrame(int(t), signal[t] * x0 + noise[t] * eps) for t in timesteps]


def reverse(
    network: DiffusionNetwork, labels: NDArray[np.int64], *, steps: int = 50, guidance: float = 1.0, seed: int = 0
) -> list[ParticleFrame]:
    """Noise on its way into data, one point a label, and the field of what the network says."""
    steps_back = network.sample_steps(len(labels), labels, steps=steps, guidance=guidance, seed=seed)
    return [ParticleFrame(t, network.scaled(x), field(network, t) if t else None) for t, x, _ in steps_back]


def field(network: DiffusionNetwork, t: int) -> Array:
    """Where the network sends a point from each place of a grid, whatever its class: (K, 4), from (x, y), by (dx, dy)."""
    tall = FAR * HEIGHT / WIDTH
    x, y = np.meshgrid(np.linspace(-FAR, FAR, ACROSS + 2)[1:-1], np.linspace(-tall, tall, DOWN + 2)[1:-1])
    places = np.stack([x.ravel(), y.ravel()], axis=1).astype(network.dtype)
    x0, _ = network.diffusion.x0_and_eps(network.prediction(places, t), places, t)
    return np.concatenate([places, x0 - places], axis=1)


def frames(
    there: Sequence[ParticleFrame], labels_there: Any, back: Sequence[ParticleFrame], labels_back: Any, network: Any
) -> tuple[list[Frame], list[int]]:
    """Frames (H, W) and how long each is shown, in ms: forward, a rest in pure noise, reverse, a hold."""
    pictures = [frame(particles, labels_there, network, "forward: noise is added") for particles in there]
    times = [HOLD // 2, *[PACE] * (len(there) - 2), REST]
    shown = back[:: max(1, len(back) // 60)]
    shown = [*shown, back[-1]] if shown[-1] is not back[-1] else list(shown)
    pictures += [frame(particles, labels_back, network, "reverse: the network takes it away") for particles in shown]
    # Slowly where the points gather: the last third of the way.
    times += [PACE if i < 0.6 * len(shown) else round(1.6 * PACE) for i in range(len(shown) - 1)] + [HOLD]
    return pictures, times


def frame(particles: ParticleFrame, labels: Any, network: DiffusionNetwork, words: str) -> Frame:
    """One state as a picture: the first class in the first half of the levels, the second in the other."""
    width, height = WIDTH * FINER, HEIGHT * FINER
    sheets = [Image.new("L", (width, height), 0) for _ in range(2)]
    draws = [ImageDraw.Draw(sheet) for sheet in sheets]
    if particles.towards is not None:
        _arrows(draws[0], particles.towards)
    for (x, y), label in zip(_pixels(particles.points), labels, strict=True):
        draws[int(label) % 2].ellipse([x - 4.6, y - 4.6, x + 4.6, y + 4.6], fill=255)
    first, second = (np.asarray(sheet.resize((WIDTH, HEIGHT), Image.Resampling.BOX)) for sheet in sheets)
    picture = np.where(second > first, HALF + 1 + np.round(second / 255 * HALF), np.round(first / 255 * HALF)).astype(np.uint8)
    return np.concatenate([picture, _foot(particles.t, network, words)])


def _arrows(draw: ImageDraw.ImageDraw, towards: Array) -> None:
    lengths = np.hypot(towards[:, 2], towards[:, 3])
    shown = 0.2 * np.tanh(lengths)  # an arrow says where to; a long way does not make it cross its neighbours
    steps = towards[:, 2:] / np.maximum(lengths, 1e-9)[:, None] * shown[:, None]
    starts, ends = _pixels(towards[:, :2]), _pixels(towards[:, :2] + steps)
    for (x0, y0), (x1, y1), length in zip(starts, ends, lengths, strict=True):
        level = int(30 + 60 * np.tanh(length))
        draw.line([(x0, y0), (x1, y1)], fill=level, width=3)
        draw.ellipse([x1 - 4, y1 - 4, x1 + 4, y1 + 4], fill=level)


def _pixels(points: Array) -> Array:
    """Places (N, 2) as pixels of the fine picture, y up."""
    unit = WIDTH * FINER / (2 * FAR)
    return np.stack([WIDTH * FINER / 2 + unit * points[:, 0], HEIGHT * FINER / 2 - unit * points[:, 1]], axis=1)


def _foot(t: int, network: DiffusionNetwork, words: str) -> Frame:
    last = network.diffusion.steps
    foot = Image.new("L", (WIDTH, FOOT), 0)
    draw, font = ImageDraw.Draw(foot), ImageFont.load_default(17)
    draw.line([(20, 12), (WIDTH - 20, 12)], fill=40, width=2)
    here = 20 + (WIDTH - 40) * t / last
    draw.line([(20, 12), (here, 12)], fill=90, width=2)
    draw.ellipse([here - 5, 7, here + 5, 17], fill=HALF)
    draw.text((20, 37), words, fill=115, font=font, anchor="lm")
    told = f"t = {t}, signal left {network.schedule.alpha_bar[t]:.0%}"
    draw.text((WIDTH - 20, 37), told, fill=90, font=font, anchor="rm")
    return np.asarray(foot)
