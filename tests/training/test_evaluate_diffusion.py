"""What drawings are worth: the distances by hand, and figures that tell good drawings from bad ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import data
from byhand.errors import ModelError
from byhand.shipped import open_model
from byhand.training.evaluate_diffusion import evaluate_samples, even_labels, features, frechet_distance, nearest, weights


@pytest.fixture(scope="module")
def digits() -> Any:
    return data.load("mnist", validation=0)


def test_the_frechet_distance_of_gaussians_is_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((200_000, 2)), rng.standard_normal((200_000, 2)) * [2.0, 0.5] + [1.0, 0.0]
    # |mu|^2 + sum (s1 - s2)^2 for covariances that commute
    assert frechet_distance(a, b) == pytest.approx(1 + 1 + 0.25, abs=0.03)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_weights_make_classes_count_alike() -> None:
    points = np.array([[0.0], [0.0], [0.0], [1.0]])
    share = weights(np.array([0, 0, 0, 1]))
    assert share @ points == pytest.approx(0.5)
    assert frechet_distance(points, np.array([[0.0], [1.0]]), share) == pytest.approx(0, abs=1e-12)


def test_the_nearest_image_is_found() -> None:
    among = np.random.default_rng(0).random((100, 784)).astype(np.float32)
    images = among[[3, 50]] + np.array([[0.0], [0.1]], np.float32)
    assert nearest(images, among) == pytest.approx([0, 0.1], abs=2e-3)


@pytest.mark.slow
def test_real_images_score_better_than_blurred_and_than_noise(digits: Any) -> None:
    judge = open_model("mnist-cnn").classifier
    few, test = digits.train.take(slice(0, 5_000)), digits.test.take(slice(0, 1_000))
    others = digits.test.take(slice(1_000, 2_000))
    blurred = np.clip(others.flat + np.roll(others.flat, 2, axis=1), 0, 1)
    noise = np.random.default_rng(0).random((1_000, 784), np.float32)
    real, soft, bad = (evaluate_samples(images, others.labels, few, test, judge) for images in (others.flat, blurred, noise))
    assert real.accuracy > 0.97 and real.merged is None and bad.accuracy < 0.3
    assert real.frechet < 3 * real.halves and real.frechet < soft.frechet < bad.frechet
    assert real.nearest == pytest.approx(real.nearest_real, rel=0.1) and bad.nearest > 2 * real.nearest
    copied = evaluate_samples(few.flat[:1_000], few.labels[:1_000], few, test, judge)
    assert copied.copies > 0.9 and real.copies < 0.1


def test_a_judge_without_a_linear_end_is_refused() -> None:
    with pytest.raises(ModelError, match="a judge is"):
        features(open_model("mnist").classifier, np.zeros((1, 784), np.float32))


@pytest.mark.slow
def test_the_shipped_networks_draw_what_they_are_asked_for(digits: Any) -> None:
    network = open_model("mnist-diffusion").drawer
    labels = even_labels(10, 6)
    drawn = network.sample(60, labels, sampler="dpm_solver", steps=12, guidance=3.0)
    read = open_model("mnist-cnn").classifier.forward(drawn).argmax(axis=1)
    assert (read == labels).mean() > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("name", ["emnist-diffusion", "emnist-latent-diffusion"])
def test_the_shipped_networks_of_letters_are_readable(name: str) -> None:
    from byhand.training.encoded_data import imaging

    opened, judge = open_model(name), open_model("emnist-cnn").classifier
    letters = [opened.class_names.index(c) for c in "ABDEGHKNQRTabdeghnqrt234567"]
    drawn = imaging(opened).sample(len(letters), letters, sampler="ddim", steps=20, guidance=3.0, seed=1)
    assert (judge.forward(drawn).argmax(axis=1) == letters).mean() > 0.8
