"""What is said of the autoencoder and the VAE that ship, on a part of the test digits: sharper the one, smoother the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import data
from byhand.draw.latent_walk import way
from byhand.models.vae import VAE
from byhand.shipped import open_model


@pytest.fixture(scope="module")
def test_digits() -> Any:
    return data.load("mnist").test


@pytest.mark.slow
def test_no_dimension_of_the_vae_has_collapsed(test_digits: Any) -> None:
    vae = open_model("mnist-vae").autoencoder
    assert isinstance(vae, VAE)
    found = vae.measure(test_digits.flat[:2_000])
    assert (found.kl_of > 0.1).sum() >= 6
    assert found.elbo > -108


@pytest.mark.slow
def test_the_autoencoder_gives_back_more_and_the_vae_walks_over_digits(test_digits: Any) -> None:
    ae, vae, judge = open_model("mnist-ae").autoencoder, open_model("mnist-vae").autoencoder, open_model("mnist-cnn").classifier
    x, labels = test_digits.flat[:1_000], test_digits.labels[:1_000]
    error = {coder.kind: float(np.square(coder.reconstruct(x) - x).mean()) for coder in (ae, vae)}
    assert error["autoencoder"] < 0.8 * error["vae"]
    pairs = [(a, b) for a, b in np.random.default_rng(0).integers(0, 1_000, (150, 2)) if labels[a] != labels[b]][:100]
    shares, digits = np.linspace(0.2, 0.8, 7), {}
    for coder in (ae, vae):
        codes = coder.code(x)
        images = coder.decode(np.concatenate([way(codes[a], codes[b], shares) for a, b in pairs]))
        digits[coder.kind] = float((judge.forward(images).max(axis=1) >= 0.9).mean())
    assert digits["vae"] > digits["autoencoder"] + 0.03
    assert digits["autoencoder"] > 0.3  # it is worse at it, not useless


@pytest.mark.slow
def test_the_judge_is_as_good_as_it_says(test_digits: Any) -> None:
    judge = open_model("mnist-cnn")
    assert judge.metrics["test_accuracy"] >= 0.995
    right = judge.classifier.evaluate(test_digits.flat[:2_000], test_digits.targets()[:2_000])[1]
    assert right >= 0.99
