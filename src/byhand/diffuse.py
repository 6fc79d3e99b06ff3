"""`byhand diffuse`: the animation of diffusion in the plane, from a model of points."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from byhand import data
from byhand.draw.animation import ACCENTS, check_ending, style_named, write_animation
from byhand.draw.particles import forward, frames, reverse
from byhand.errors import ByhandError
from byhand.models.denoiser import DiffusionNetwork
from byhand.shipped import open_model

MODEL = "moons-diffusion"
MOST = 5_000  # particles


def write_particles(
    out: Path,
    *,
    model: str = MODEL,
    particles: int = 700,
    steps: int = 50,
    guidance: float = 1.0,
    seed: int = 0,
    style: str = "dark",
) -> None:
    """Write how data dissolve into noise and noise gathers into data, as an animation.

    Arguments:
        model: a diffusion model of points in the plane. particles: how many points are shown. steps: of the reverse process.
        guidance: 1 follows each point's class, more exaggerates it. seed: of the noise.

    Raises ByhandError (or one of its kinds) for a model of other data, a number that cannot be, or a file's ending.
    """
    check_ending(out)
    chosen = dataclasses.replace(style_named(style), accent=ACCENTS[style])
    if not 1 <= particles <= MOST:
        raise ByhandError(f"particles must be from 1 to {MOST:,}, got {particles}")
    opened = open_model(model)
    network = opened.drawer
    if not isinstance(network, DiffusionNetwork):
        raise ByhandError(f"{model} is a {network.kind}, but this shows diffusion: choose moons-diffusion")
    if network.input_shape != (2,):
        raise ByhandError(f"{model} draws {network.input_shape}, but this shows points (2,): choose moons-diffusion")
    own = opened.preprocessing
    real = data.load(own.get("data", "moons"), **own.get("data_options", {})).test
    some = real.take(np.linspace(0, len(real) - 1, min(particles, len(real))).astype(int))
    labels = np.arange(particles) % max(1, network.classes)
    there = forward(network, some.flat, seed)
    back = reverse(network, labels, steps=steps, guidance=guidance, seed=seed)
    write_animation(*frames(there, some.labels, back, labels, network), out, chosen)
