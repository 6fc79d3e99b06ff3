"""Diffusion in the codes of a VAE: what is drawn is decoded, and parts that do not fit are refused."""

from __future__ import annotations

import numpy as np
import pytest

from byhand.data.dataset import Dataset, Splits
from byhand.errors import ModelError
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.latent_diffusion import LatentDiffusion
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.vae import VAE
from byhand.shipped import open_model
from byhand.training.encoded_data import encoded, imaging


def made(latent: int = 3, classes: int = 0) -> LatentDiffusion:
    network = DiffusionNetwork(MLPDenoiser(3, width=8, depth=1, classes=2), (3,), steps=50, schedule="short", mean=1.0, std=2.0)
    return LatentDiffusion(network, VAE(784, (5,), latent, classes=classes, seed=1))


def test_what_is_drawn_is_the_decoded_code() -> None:
    drawing = made()
    images = drawing.sample(5, [0, 1, 0, 1, 2], steps=4, seed=3)
    codes = drawing.network.sample(5, [0, 1, 0, 1, 2], steps=4, seed=3)
    assert images.shape == (5, 784)
    np.testing.assert_allclose(images, drawing.coder.decode(codes), atol=1e-6)
    steps = list(drawing.sample_steps(2, 0, steps=4))
    assert [step.t for step in steps] == [50, 38, 25, 12, 0]
    assert all(step.x.shape == step.x0.shape == (2, 28, 28, 1) for step in steps)
    many = drawing.sample(40, 0, steps=4, seed=3)
    assert np.array_equal(drawing.sample(2, 0, steps=4, seed=3), many[:2])
    assert np.array_equal(drawing.sample([9, 38], 0, steps=4, seed=3), many[[9, 38]])


def test_many_codes_are_decoded_as_each_alone() -> None:
    drawing = made()  # the networks written out by hand keep their work in one place: two threads would mix it up
    codes = np.random.default_rng(0).standard_normal((1_000, 3)).astype(np.float32)
    for _ in range(5):
        found = drawing.decoded(codes).reshape(1_000, 784)
        np.testing.assert_allclose(found, drawing.coder.decode(codes), atol=1e-6)


@pytest.mark.parametrize(("settings", "told"), [({"latent": 4}, "codes of"), ({"classes": 2}, "told classes")])
def test_parts_that_do_not_fit_are_refused(settings: dict[str, int], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        made(**settings)


def test_data_are_encoded_by_the_mean_of_the_code() -> None:
    x = np.random.default_rng(0).random((7, 28, 28, 1), np.float32)
    data = Dataset("some", x, np.zeros(7, np.int64), ("a",))
    found = encoded(Splits(data, None, data), "emnist-vae")
    coder = open_model("emnist-vae").autoencoder
    assert found.train.inputs.shape == (7, 16) and found.validation is None
    np.testing.assert_allclose(found.test.inputs, coder.code(data.flat), atol=1e-5)
    with pytest.raises(ModelError, match="reads 784 numbers"):
        encoded(Splits(found.train, None, found.test), "emnist-vae")


def test_a_model_of_codes_is_opened_with_its_coder() -> None:
    assert isinstance(imaging(open_model("emnist-latent-diffusion")), LatentDiffusion)
    assert isinstance(imaging(open_model("emnist-diffusion")), DiffusionNetwork)
    with pytest.raises(ModelError, match="draws nothing"):
        imaging(open_model("mnist"))
