"""Walks through latent spaces: the way, the pictures on it, and the frames."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from byhand.draw.latent_walk import eased, frames, strip, typical, walk, way
from byhand.errors import ByhandError
from byhand.models.autoencoder import Autoencoder
from byhand.models.vae import VAE


def coders() -> dict[str, Any]:
    return {"autoencoder": Autoencoder(784, (12,), 3, seed=1), "VAE": VAE(784, (12,), 4, seed=2)}


def ends() -> Any:
    return np.random.default_rng(0).random((2, 784)).astype(np.float32)


def test_a_straight_way_is_even_and_a_round_one_keeps_its_angle() -> None:
    a, b, t = np.array([2.0, 0.0, 1.0]), np.array([-1.0, 3.0, 0.5]), np.linspace(0, 1, 9)
    straight, arc = way(a, b, t), way(a, b, t, spherical=True)
    assert np.allclose(np.diff(straight, axis=0), (b - a) / 8)
    for found in (straight, arc):
        assert np.allclose(found[0], a)
        assert np.allclose(found[-1], b)
    unit = arc / np.linalg.norm(arc, axis=1, keepdims=True)
    one = way(a / np.linalg.norm(a), b / np.linalg.norm(b), t, spherical=True)
    angles = [math.acos(min(1.0, float(p @ q))) for p, q in pairwise(one)]
    assert np.allclose(np.linalg.norm(one, axis=1), 1)
    assert np.allclose(angles, angles[0])
    assert np.isfinite(unit).all()


@pytest.mark.parametrize("b", [[2.0, 0.0], [-2.0, 0.0], [0.0, 0.0]])
def test_where_there_is_no_arc_the_way_is_straight(b: list[float]) -> None:
    a, t = np.array([1.0, 0.0]), np.linspace(0, 1, 5)
    assert np.allclose(way(a, np.array(b), t, spherical=True), way(a, np.array(b), t))


def test_easing_sets_out_and_arrives_gently_and_is_symmetric() -> None:
    t = eased(21)
    assert (t[0], t[-1]) == (0, 1)
    assert np.allclose(t, 1 - t[::-1])
    assert (np.diff(t) > 0).all()
    assert t[1] < 0.2 / 20 < 1 / 20 < t[11] - t[10]


@pytest.mark.parametrize("count", [1, 0, -3, 1_001])
def test_a_walk_of_no_steps_or_too_many_is_refused(count: int) -> None:
    with pytest.raises(ByhandError, match=f"a walk of {count:,} steps cannot be drawn: choose 2 to 1,000"):
        eased(count)


def test_every_picture_is_the_decoders_of_the_code_there() -> None:
    nets, images, shares = coders(), ends(), np.array([0.0, 0.3, 1.0])
    walked = walk(nets, images, shares)
    for net, pictures in zip(nets.values(), walked.drawn, strict=True):
        a, b = net.code(images)
        assert np.allclose(pictures, net.decode(np.stack([a, 0.7 * a + 0.3 * b, b])), atol=1e-6)
        assert np.allclose(pictures[[0, -1]], net.reconstruct(images), atol=1e-6)


def test_the_frames_go_there_and_back_and_wait_at_both_ends() -> None:
    made, times = frames(walk(coders(), ends(), eased(7)), hold=900, pace=40)
    assert len(made) == len(times) == 12
    assert times == [900, 40, 40, 40, 40, 40, 900, 40, 40, 40, 40, 40]
    for there, back in ((1, 11), (2, 10), (5, 7)):
        assert np.array_equal(made[there], made[back])
    assert not np.array_equal(made[0], made[6])
    assert {frame.shape for frame in made} == {made[0].shape}


def test_a_strip_has_a_row_a_network_and_a_column_a_moment() -> None:
    one = strip(walk(coders(), ends(), np.linspace(0, 1, 5)))
    two = strip(walk(coders(), ends(), np.linspace(0, 1, 9)))
    assert one.shape[0] == two.shape[0]
    assert two.shape[1] - one.shape[1] == 4 * (28 * 4 + 8)


def test_two_images_are_wanted() -> None:
    with pytest.raises(ByhandError, match=r"the two images of a walk must be \(2, 784\), got \(3, 784\)"):
        walk(coders(), np.zeros((3, 784)), eased(3))


def test_the_typical_image_is_the_one_with_most_others_near_it() -> None:
    class Itself:
        def code(self, x: Any) -> Any:
            return x

    # Two ways of writing it, around 0 and around 9; a lonely one in the middle of both.
    x = np.concatenate([np.linspace(-1, 1, 101) ** 3, 9 + np.linspace(-1, 1, 61) ** 3, [4.5, 100.0]])[:, None]
    labels = np.array([0] * 163 + [1])
    assert typical(Itself(), x, labels, 0) == 50
    assert typical(Itself(), x, labels, 1) == 163
    with pytest.raises(ByhandError, match="there is no image of class 2 here"):
        typical(Itself(), x, labels, 2)
