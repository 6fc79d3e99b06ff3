"""The VAE and the autoencoder by hand: their gradients, by central differences and by the engine; their measures; bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import optim
from byhand.data.dataset import Dataset
from byhand.engine import Tensor, ops
from byhand.errors import ModelError
from byhand.models import autoencoder, vae
from byhand.models.autoencoder import Autoencoder
from byhand.models.vae import VAE
from byhand.training.steps import steps

N, LATENT, K, M = 12, 3, 4, 6


def small(kind: str = "vae", **settings: Any) -> Any:
    settings = {"activation": "tanh", "seed": 1, "dtype": "float64"} | settings
    return (VAE if kind == "vae" else Autoencoder)(N, (7, 6), LATENT, **settings)


def batch(seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.random((M, N)), np.eye(K)[rng.integers(0, K, M)], rng.standard_normal((M, LATENT))


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "silu"])
@pytest.mark.parametrize("classes", [0, K])
@pytest.mark.parametrize("reconstruction", ["bernoulli", "gaussian"])
@pytest.mark.parametrize(("kind", "more"), [("vae", {"beta": 0.7}), ("autoencoder", {}), ("autoencoder", {"noise": 0.5})])
def test_the_gradient_by_hand_is_that_of_central_differences(
    kind: str, more: Any, reconstruction: str, classes: int, activation: str
) -> None:
    net = small(kind, reconstruction=reconstruction, classes=classes, activation=activation, **more)
    x, y, eps = batch()
    net.learn(x, y, eps)
    gradient, worst = net.gradient.copy(), 0.0
    for i in range(net.parameters.size):
        old, found = net.parameters[i], []
        for h in (1e-6, -1e-6):
            net.parameters[i] = old + h
            found.append(net.learn(x, y, eps))
        net.parameters[i] = old
        worst = max(worst, abs((found[0] - found[1]) / 2e-6 - gradient[i]))
    assert worst < 1e-7 * max(1.0, np.abs(gradient).max())
    assert np.abs(gradient).max() > 1e-3


class Taped:
    """The same network on the engine: two lists of weights and biases, and the cost by ops."""

    def __init__(self, net: Any) -> None:
        self.net = net
        self.leaves = {name: Tensor(array.copy(), requires_grad=True) for name, array in net.tensors().items()}

    def half(self, a: Any, name: str, layers: int) -> Any:
        for layer in range(layers):
            a = ops.linear(a, self.leaves[f"{name}.{layer}.weight"], self.leaves[f"{name}.{layer}.bias"])
            if layer < layers - 1:
                a = a.tanh()
        return a

    def cost(self, x: Any, y: Any, eps: Any) -> Any:
        net, layers = self.net, len(self.net.hidden) + 1
        code = self.half(Tensor(np.concatenate([x, y], axis=1) if net.classes else x), "encoder", layers)
        kl: Any = 0
        if isinstance(net, VAE):
            mu, log_sigma = code[:, :LATENT], code[:, LATENT:]
            code = mu + log_sigma.exp() * eps
            kl = net.beta * ops.gaussian_kl(mu, log_sigma)
        z = self.half(ops.concat(code, Tensor(y), axis=1) if net.classes else code, "decoder", layers)
        if net.reconstruction == "bernoulli":
            return ops.bce_with_logits(z, x) * N + kl  # the op's mean over all numbers, made a sum over those of an image
        return ops.mse_loss(z.sigmoid(), x) * (N / 2) + kl

    def learn(self, x: Any, y: Any, eps: Any) -> float:
        for leaf in self.leaves.values():
            leaf.grad = None
        cost = self.cost(x, y, eps)
        cost.backward()
        return cost.item()


@pytest.mark.parametrize("classes", [0, K])
@pytest.mark.parametrize("reconstruction", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("kind", ["vae", "autoencoder"])
def test_by_hand_and_by_the_engine_stay_equal_over_twenty_steps(kind: str, reconstruction: str, classes: int) -> None:
    net = small(kind, reconstruction=reconstruction, classes=classes)
    taped = Taped(net)
    for step in range(20):
        x, y, eps = batch(step)
        assert net.learn(x, y, eps) == pytest.approx(taped.learn(x, y, eps), abs=1e-10)
        gradients = dict(zip(net.tensors(), _gradients(net), strict=True))
        for name, leaf in taped.leaves.items():
            assert np.abs(gradients[name] - leaf.grad).max() < 1e-10
            leaf.data -= 0.05 * leaf.grad
        net.parameters -= 0.05 * net.gradient
    for name, leaf in taped.leaves.items():
        assert np.abs(net.tensors()[name] - leaf.data).max() < 1e-8


def _gradients(net: Any) -> Any:
    for stack in (net.encoder, net.decoder):
        for w, b in zip(stack.weight_gradients, stack.bias_gradients, strict=True):
            yield w
            yield b


def test_eps_is_the_same_forward_and_backward_and_new_in_every_step() -> None:
    net = small()
    x, y, _ = batch()
    net.learn(x, y)
    first = net.trace()
    assert np.array_equal(first["z"], first["mu"] + first["eps"] * np.exp(first["log_sigma"]))
    assert np.allclose(
        first["d_log_sigma"], first["dz"] * first["eps"] * np.exp(first["log_sigma"]) + np.exp(2 * first["log_sigma"]) - 1
    )
    net.learn(x, y)
    assert not np.array_equal(net.trace()["eps"], first["eps"])


def test_the_divergence_is_that_of_numerical_integration() -> None:
    mu, log_sigma = np.array([[0.7]]), np.array([[-0.4]])
    z = np.linspace(-12, 12, 200_001)
    sigma = np.exp(log_sigma[0, 0])
    q = np.exp(-0.5 * ((z - mu[0, 0]) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    p = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    inside = q > 0
    integral = np.sum(q[inside] * np.log(q[inside] / p[inside])) * (z[1] - z[0])
    assert vae.divergence(mu, log_sigma)[0, 0] == pytest.approx(integral, abs=1e-6)


def test_the_gradient_is_a_mean_so_doubling_the_batch_does_not_change_it() -> None:
    net = small()
    x, y, eps = batch()
    net.learn(x, y, eps)
    once = net.gradient.copy()
    net.learn(*(np.concatenate([array] * 2) for array in (x, y, eps)))
    assert np.abs(net.gradient - once).max() < 1e-12


def test_the_warm_up_lets_beta_grow_and_a_resumed_training_goes_on_with_it() -> None:
    rng = np.random.default_rng(0)
    data = Dataset("noise", rng.random((40, N), np.float32), rng.integers(0, K, 40), tuple("abcd"))

    def training(net: VAE) -> Any:
        return steps(net, data, epochs=4, batch_size=10, optimizer=optim.Adam(0.01), seed=3)

    straight, broken = (training(small(warm_up=10)) for _ in range(2))
    for _ in range(16):
        next(straight)
    for _ in range(5):
        next(broken)
    resumed = training(small(warm_up=10))
    vectors, strings = broken.state()
    resumed.resume({name: vector.copy() for name, vector in vectors.items()}, strings)
    for _ in range(11):
        next(resumed)
    assert np.array_equal(resumed.model.parameters, straight.model.parameters)
    x, y, eps = batch()
    first = small(warm_up=10)
    without = small(beta=0.0)
    assert first.learn(x, y, eps) == pytest.approx(without.learn(x, y, eps))  # in the first step beta is still 0


def test_the_bound_is_below_the_importance_weighted_estimate_which_grows_with_the_samples() -> None:
    net = small(reconstruction="bernoulli")
    x = (batch()[0] > 0.5).astype(float)
    bound = np.mean([net.measure(x, seed=seed).elbo for seed in range(300)])
    few, many = (np.mean([net.log_likelihood(x, samples, seed=s).mean() for s in range(20)]) for samples in (5, 500))
    assert bound < few < many


def test_the_importance_weighted_estimate_of_a_decoder_that_ignores_its_code_is_exact() -> None:
    net = small(reconstruction="bernoulli")
    for w in net.decoder.weights:
        w[...] = 0
    net.encoder.weights[-1][...] *= 0.2  # nearer to the prior, where few draws tell much
    net.decoder.biases[-1][...] = np.linspace(-1, 1, N)
    x = (batch()[0] > 0.5).astype(float)
    p = 1 / (1 + np.exp(-np.linspace(-1, 1, N)))
    exact = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=1)
    assert net.log_likelihood(x, 20_000) == pytest.approx(exact, abs=0.05)


def test_measuring_names_the_dimensions_that_carry_nothing() -> None:
    net = small()
    net.encoder.weights[-1][[1, LATENT + 1]] = 0  # mean 0 and sigma 1 in dimension 1, whatever the image
    net.encoder.biases[-1][...] = 0
    net.encoder.biases[-1][[0, 2]] = 2
    measured = net.measure(batch()[0])
    assert measured.dead == [1]
    assert measured.kl == pytest.approx(measured.kl_of.sum())
    assert measured.elbo == pytest.approx(-measured.reconstruction - measured.kl)


def test_codes_and_samples_have_their_shapes_and_the_same_seed_gives_the_same() -> None:
    for kind in ("vae", "autoencoder"):
        net = small(kind, classes=K)
        x, y, _ = batch()
        assert net.reconstruct(x, y).shape == (M, N)
    net = small()
    assert np.array_equal(net.sample(5, seed=2), net.sample(5, seed=2))
    assert net.sample(5).shape == (5, N)
    assert ((net.sample(5) > 0) & (net.sample(5) < 1)).all()


@pytest.mark.parametrize("kind", ["vae", "autoencoder"])
def test_an_architecture_makes_the_same_network_again(kind: str) -> None:
    net = small(kind, classes=K, reconstruction="gaussian")
    again = (vae if kind == "vae" else autoencoder).from_architecture(net.architecture(), "float64")
    assert again.architecture() == net.architecture()
    for name, view in again.tensors().items():
        view[...] = net.tensors()[name]
    x, y, _ = batch()
    assert np.array_equal(again.reconstruct(x, y), net.reconstruct(x, y))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: VAE(0, (7,), 3), "VAE: n must be 1 or more"),
        (lambda: VAE(12, (7,), 3, beta=-1), "beta must be 0 or more"),
        (lambda: VAE(12, (7,), 3, warm_up=0.5), "warm_up must be a whole number, 0 or more"),
        (
            lambda: VAE(12, (7,), 3, reconstruction="poisson"),
            "reconstruction 'poisson' is unknown: choose one of bernoulli, gaussian",
        ),
        (lambda: Autoencoder(12, (7,), 3, noise=-1), "noise must be 0 or more"),
        (lambda: small().learn(np.ones((2, 5))), "the images must be (m, 12), one row of 12 numbers per image"),
        (lambda: small().decode(np.ones((2, 5))), "the codes must be (N, 3)"),
        (
            lambda: small(classes=K).learn(np.ones((2, N)), np.ones((2, 2))),
            "a conditional network needs the classes too, (2, 4), one-hot",
        ),
        (lambda: small(classes=K).decode(np.ones((2, LATENT))), "a conditional network needs the classes too, (2, 4), one-hot"),
        (lambda: small().trace(), "nothing to trace yet"),
        (
            lambda: small(reconstruction="gaussian").log_likelihood(np.ones((1, N))),
            "log_likelihood needs a bernoulli reconstruction: this VAE has a gaussian one, of",
        ),
        (lambda: vae.from_architecture({"n": 12}), "the architecture is not a VAE's"),
        (lambda: autoencoder.from_architecture({"n": 12, "hidden": [1], "latent": 1, "code": 2}), "not an autoencoder's"),
    ],
)
def test_bad_input_is_told_in_one_line(make: Any, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        make()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
