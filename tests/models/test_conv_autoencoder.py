"""The autoencoder and the VAE with convolutions: gradients, the same eps, files, measures, and what is refused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand import optim
from byhand.data.dataset import Dataset
from byhand.engine import Tensor
from byhand.errors import ModelError
from byhand.modelfile import Model, load_model, save_model
from byhand.models.conv_autoencoder import ConvAutoencoder, ConvHalves, ConvVAE
from byhand.models.vae import VAE
from byhand.training.evaluate_autoencoder import evaluate_autoencoder
from byhand.training.steps import steps

M = 3


def small(kind: str, **settings: Any) -> Any:
    settings = {"latent": 2, "channels": (3, 4), "seed": 1, "dtype": "float64"} | settings
    return (ConvVAE if kind == "vae" else ConvAutoencoder)(**settings)


def images(n: int = M, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random((n, 784))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "more"), [("vae", {"beta": 0.7}), ("vae", {"channels": (4,)}), ("ae", {}), ("ae", {"noise": 0.5})]
)
def test_the_gradient_is_that_of_central_differences(kind: str, more: Any) -> None:
    net, x = small(kind, **more), images()
    net.rng = np.random.default_rng(5)
    begin = copy.deepcopy(net.rng)

    def learn() -> float:
        net.rng = copy.deepcopy(begin)  # the same eps
        return net.learn(x, x)

    learn()
    gradient, h, worst = net.gradient.copy(), 1e-6, 0.0
    for i in np.random.default_rng(0).permutation(net.parameters.size)[:200]:
        was, found = net.parameters[i], []
        for at in (was + h, was - h):
            net.parameters[i] = at
            found.append(learn())
        net.parameters[i] = was
        worst = max(worst, abs((found[0] - found[1]) / (2 * h) - gradient[i]))
    assert worst < 1e-7 * max(1.0, np.abs(gradient).max())
    assert np.abs(gradient).max() > 1


def test_its_cost_is_that_of_the_equations_by_hand() -> None:
    net, x = small("vae", beta=0.3), images()
    eps = np.random.default_rng(1).standard_normal((M, 2))
    mu, log_sigma = net.encode(x)
    z = mu + eps * np.exp(log_sigma)
    kl = 0.5 * (mu**2 + np.exp(2 * log_sigma) - 1 - 2 * log_sigma).sum(axis=1)
    p = net.decode(z)
    rec = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=1)
    assert np.allclose(net.reconstruction_cost(z, x), rec, rtol=1e-10)
    assert net.loss(Tensor(x.reshape(M, 28, 28, 1)), x, eps).item() == pytest.approx((rec + 0.3 * kl).mean(), rel=1e-12)


def test_the_weight_of_the_divergence_grows_over_the_warm_up() -> None:
    net, plain, x = small("vae", warm_up=4), small("vae"), images()
    for step in range(6):
        net.parameters[:], net.rng, plain.rng = plain.parameters, np.random.default_rng(step), np.random.default_rng(step)
        mu, log_sigma = plain.encode(x)
        kl = 0.5 * (mu**2 + np.exp(2 * log_sigma) - 1 - 2 * log_sigma).sum(axis=1).mean()
        less = plain.learn(x, x) - net.learn(x, x)
        assert less == pytest.approx((1 - min(1, step / 4)) * kl, abs=1e-9)
    assert net.buffers["steps"][0] == 6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vae", "ae"])
def test_it_learns_and_its_file_gives_the_same_codes_and_images(kind: str, tmp_path: Path) -> None:
    net = small(kind, dtype="float32", channels=(8,), latent=4)
    x = np.zeros((64, 28, 28, 1), np.float32)
    for i in range(64):
        x[i, 6:22, 4 + i % 16 : 8 + i % 16] = 1
    bars = Dataset("bars", x, np.arange(64) % 2, ("a", "b"))
    before = evaluate_autoencoder(net, bars)
    for _ in steps(net, bars, epochs=12, batch_size=16, optimizer=optim.Adam(0.01), seed=1):
        pass
    after = evaluate_autoencoder(net, bars)
    assert after.cost < 0.4 * before.cost
    assert after.error < 0.5 * before.error
    save_model(tmp_path / "m.safetensors", Model(net, ("a", "b")))
    read = load_model(tmp_path / "m.safetensors")
    assert read.purpose == "reconstruction"
    assert type(read.autoencoder) is type(net)
    assert np.array_equal(read.autoencoder.code(x), net.code(x))
    assert np.array_equal(read.autoencoder.reconstruct(x), net.reconstruct(x))
    with pytest.raises(ModelError, match="tells no classes apart"):
        _ = read.classifier


def test_the_likelihood_is_exact_where_the_decoder_does_not_listen() -> None:
    net = small("vae", channels=(3,))
    net.halves.start.weight.data[...] = 0  # then every code means the same image
    x = (images(2) < 0.5).astype(float)
    p = net.decode(np.zeros((1, 2)))[0]
    exact = np.log(np.where(x == 1, p, 1 - p)).sum(axis=1)
    for head in (net.halves.encoder,):  # q = N(0, 1) = p(z): every weight is one and the same
        for parameter in list(dict(head.parameters()).values())[-2:]:
            parameter.data[...] = 0
    assert np.allclose(net.log_likelihood(x, samples=7), exact, rtol=1e-9)
    assert net.measure(x).elbo == pytest.approx(exact.mean(), rel=1e-9)


def test_codes_do_not_depend_on_how_many_come_at_once() -> None:
    net, x = small("vae"), images(5)
    assert np.allclose(net.code(x), np.concatenate([net.code(row[None]) for row in x]), atol=1e-12)
    assert np.array_equal(net.sample(3, seed=4), net.sample(5, seed=4)[:3])


def test_bad_settings_are_refused_in_one_line() -> None:
    cases: list[tuple[Any, str]] = [
        (lambda: ConvHalves((1, 2, 3)), "channels must be a list of whole numbers, 2 at most of them"),
        (lambda: ConvHalves(()), "channels must be a list of whole numbers, 1 or more of them"),
        (lambda: ConvHalves((4,), latent=0), "latent"),
        (lambda: small("vae", beta=-1), "beta must be 0 or more, got -1"),
        (lambda: small("vae", warm_up=2.5), "warm_up must be a whole number, 0 or more, got 2.5"),
        (lambda: small("ae", noise=float("nan")), "noise must be a finite number, 0 or more, got nan"),
        (lambda: small("vae").decode(np.zeros((2, 3))), "the codes must be (N, 2), got (2, 3)"),
        (lambda: small("vae").code(np.zeros((2, 783))), "the input must be (m, 28, 28, 1), or rows of 784 numbers, got (2, 783)"),
        (lambda: small("vae").log_likelihood(images(), samples=0), "log_likelihood: samples must be 1 or more, got 0"),
    ]
    for call, message in cases:
        with pytest.raises(ModelError) as caught:
            call()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"latent": 10**9}, {"hidden": [10**9]}, {"channels": [10**9]}, {"n": 10**12}, {"latent": -1}])
@pytest.mark.parametrize("net", [VAE(6, (5,), 2), ConvVAE(channels=(2,), latent=2)])
def test_a_file_cannot_ask_for_more_memory_than_it_fills(net: Any, change: Any, tmp_path: Path, monkeypatch: Any) -> None:
    honest = net.architecture()
    monkeypatch.setattr(type(net), "architecture", lambda self: honest | change)
    save_model(tmp_path / "m.safetensors", Model(net))
    with pytest.raises(ModelError) as caught:
        load_model(tmp_path / "m.safetensors")
    assert "\n" not in str(caught.value)
