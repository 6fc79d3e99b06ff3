"""Diffusion in the plane: what ships draws two moons, the field leads to them, and the animation shows both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from byhand.data.moons import make_moons
from byhand.diffuse import write_particles
from byhand.draw.particles import field, forward, reverse
from byhand.errors import ByhandError
from byhand.models.diffusion import Diffusion
from byhand.shipped import open_model


@pytest.fixture(scope="module")
def network() -> Any:
    return open_model("moons-diffusion").drawer


def energy(a: Any, b: Any) -> float:
    """Energy distance squared: Székely and Rizzo (2013), eq. 3."""

    def mean(x: Any, y: Any) -> float:
        return float(np.linalg.norm(x[:, None] - y, axis=2).mean())

    return 2 * mean(a, b) - mean(a, a) - mean(b, b)


@pytest.mark.slow
def test_the_shipped_network_draws_two_moons(network: Any) -> None:
    real, other = (make_moons(1_000, 0.05, seed, "test") for seed in (1, 2))
    drawn = network.sample(1_000, real.labels, seed=3)
    same, noise = energy(real.inputs, other.inputs), energy(np.random.default_rng(0).normal(0.5, 0.7, (1_000, 2)), real.inputs)
    assert energy(drawn, real.inputs) < same + 0.05 * (noise - same)
    for label in (0, 1):  # each where its class is
        assert energy(drawn[real.labels == label], real.inputs[real.labels == label]) < 0.02


def test_forward_begins_with_the_data_and_ends_in_noise(network: Any) -> None:
    data = make_moons(2_000, 0.05, 1, "test").inputs
    shown = forward(network, data)
    assert np.allclose(shown[0].points, network.scaled(data), atol=1e-6)
    assert shown[-1].t == 1_000 and np.abs(shown[-1].points.std(axis=0) - 1).max() < 0.1
    assert [particles.t for particles in shown] == sorted({particles.t for particles in shown})


def test_the_field_is_what_the_network_says(network: Any) -> None:
    found = field(network, 400)
    diffusion: Diffusion = network.diffusion
    x0, _ = diffusion.x0_and_eps(network.prediction(found[:, :2], 400), found[:, :2], 400)
    assert np.allclose(found[:, :2] + found[:, 2:], x0, atol=1e-5)
    far = np.abs(found[:, :2]).max(axis=1) > 2
    inward = -(found[far, :2] * found[far, 2:]).sum(axis=1)
    assert (inward > 0).mean() > 0.95


def test_reverse_has_an_arrow_field_at_every_step_but_the_last(network: Any) -> None:
    shown = reverse(network, np.array([0, 1, 0]), steps=5)
    assert [particles.towards is not None for particles in shown] == [True] * 5 + [False]


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_the_animation_goes_there_and_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"moons{ending}"
    write_particles(path, particles=200, steps=20)
    with Image.open(path) as opened:
        frames = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(opened)]
    assert len(frames) > 55 and path.stat().st_size < 2_000_000
    orange = [((frame[..., 0] - frame[..., 2]) > 90).sum() for frame in frames]
    assert min(orange) > 200  # the second class has its colour throughout
    assert np.abs(frames[0] - frames[len(frames) // 2]).mean() > 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"particles": 0}, "particles must be from 1"),
        ({"model": "emnist-latent-diffusion"}, "shows points"),
        ({"model": "mnist-cnn"}, "draws nothing"),
        ({"model": "mnist-gan"}, "is a gan, but this shows diffusion"),
        ({"style": "neon"}, "style 'neon'"),
        ({"steps": 0}, "steps must be from 1 to 1,000"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(tmp_path: Path, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ByhandError, match=told):
        write_particles(tmp_path / "moons.gif", **settings)
    assert list(tmp_path.iterdir()) == []
