"""The importance-weighted autoencoder: its gradient by two other roads, its bound beside the VAE's, and an exact likelihood."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import byhand
from byhand import data, optim
from byhand.cli import app
from byhand.errors import ModelError
from byhand.models.elbo import bound
from byhand.models.iwae import IWAE, from_architecture, log_weights, normalised
from byhand.models.vae import VAE
from byhand.see.explain import explain
from byhand.shipped import open_model
from byhand.training.recipes import Recipe
from byhand.training.run import run


def small(samples: int = 3, **settings: Any) -> IWAE:
    return IWAE(9, (7, 6), 3, samples=samples, **({"activation": "tanh", "seed": 1, "dtype": np.float64} | settings))


def batch(m: int = 4) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.random((m, 9)), np.eye(2)[rng.integers(0, 2, m)]


@pytest.mark.parametrize("reconstruction", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("classes", [0, 2])
def test_the_gradient_by_hand_is_that_of_central_differences(reconstruction: str, classes: int) -> None:
    net, (x, y) = small(reconstruction=reconstruction, classes=classes), batch()
    (eps,) = net.chance(y, 4)
    assert eps.shape == (4, 3, 3)
    net.learn(x, y, eps)
    gradient = net.gradient.copy()
    for i in np.random.default_rng(1).permutation(gradient.size)[:40]:
        costs = []
        for sign in (1, -1):
            twin = net.twin()
            twin.parameters[i] += sign * 1e-6
            costs.append(twin.learn(x, y, eps))
        assert (costs[0] - costs[1]) / 2e-6 == pytest.approx(gradient[i], rel=1e-6, abs=1e-8)


@pytest.mark.torch
def test_cost_and_gradient_are_pytorch_s(torch: Any) -> None:
    net, (x, _) = small(samples=5), batch()
    (eps,) = net.chance(None, 4)
    cost = net.learn(x, eps=eps)
    theirs = {name: torch.tensor(array.copy(), requires_grad=True) for name, array in net.named_parameters().items()}

    def layers(half: str, a: Any) -> Any:
        for k in range(3):
            a = a @ theirs[f"{half}.{k}.weight"].T + theirs[f"{half}.{k}.bias"]
            a = torch.tanh(a) if k < 2 else a
        return a

    mu, log_sigma = layers("encoder", torch.tensor(x)).split(3, dim=1)
    draw = torch.tensor(eps)
    z = mu[:, None] + draw * log_sigma.exp()[:, None]
    logits = layers("decoder", z)
    log_p = -torch.nn.functional.binary_cross_entropy_with_logits(
        logits, torch.tensor(x)[:, None].expand_as(logits), reduction="none"
    ).sum(-1)
    normal = torch.distributions.Normal
    log_w = log_p + normal(0.0, 1.0).log_prob(z).sum(-1) - normal(mu[:, None], log_sigma.exp()[:, None]).log_prob(z).sum(-1)
    loss = -(torch.logsumexp(log_w, dim=1) - np.log(5)).mean()
    loss.backward()
    assert cost == pytest.approx(float(loss.detach()), rel=1e-12)
    net.learn(x, eps=eps)
    twin = net.twin()
    twin.parameters[...] = net.gradient
    for name, view in twin.named_parameters().items():
        assert np.allclose(view, theirs[name].grad.numpy(), rtol=1e-9, atol=1e-12), name


def test_the_bound_grows_with_the_samples_and_one_sample_has_the_expectation_of_the_vae_s() -> None:
    x, _ = batch(200)
    rng = np.random.default_rng(3)
    vae = VAE(9, (7, 6), 3, activation="tanh", seed=1, dtype=np.float64)
    costs = {}
    for samples in (1, 5, 50):
        net = small(samples)
        costs[samples] = np.mean([net.learn(x, eps=rng.standard_normal((200, samples, 3))) for _ in range(20)])
    assert costs[1] > costs[5] > costs[50]
    assert costs[1] == pytest.approx(np.mean([vae.learn(x, eps=rng.standard_normal((200, 3))) for _ in range(20)]), abs=0.02)


def test_a_decoder_that_ignores_its_code_has_the_exact_likelihood_at_every_k() -> None:
    net, (x, _) = small(7), batch()
    net.decoder.weights[0][...] = 0
    net.encoder.weights[-1][...] = 0
    net.encoder.biases[-1][...] = 0  # q(z | x) is N(0, 1): every weight is p(x)
    cost = net.learn(x)
    exact = net.reconstruction_cost(np.zeros((4, 3)), x).mean()
    assert cost == pytest.approx(exact, rel=1e-12)
    assert np.allclose(net.codes["shares"], 1 / 7)


def test_the_equations_by_numbers() -> None:
    log_w = log_weights(np.array([[1.0, 2.0]]), np.zeros((1, 2, 1)), np.ones((1, 2, 1)), np.array([[0.25]]))
    assert log_w.tolist() == [[-0.25, -1.25]]
    assert normalised(np.log([[1.0, 3.0]])) == pytest.approx(np.array([[0.25, 0.75]]))
    assert bound(np.log([[1.0, 3.0]])) == pytest.approx(np.log([2.0]))
    assert bound(np.array([[-1e4, -1e4]]))[0] == -1e4 and np.isfinite(normalised(np.array([[-1e4, 1e4]]))).all()


@pytest.mark.slow
def test_it_learns_resumes_to_the_same_bits_and_is_explained() -> None:
    digits = data.load("mnist").train.take(np.arange(400))

    def begun() -> Any:
        net = IWAE(784, (32,), 4, samples=3, seed=1)
        return byhand.steps(net, digits, epochs=4, batch_size=50, optimizer=optim.Adam(0.002), seed=1)

    training, costs, kept = begun(), [], None
    for step in training:
        costs.append(step.cost)
        if step.index == 15:
            vectors, strings = training.state()
            kept = {name: np.array(vector) for name, vector in vectors.items()}, strings
    assert costs[-1] < 0.6 * costs[0]
    again = begun()
    assert kept is not None
    again.resume(*kept)
    for _ in again:
        pass
    assert np.array_equal(again.model.parameters, training.model.parameters)
    made = explain(IWAE(784, (32,), 4, samples=3, seed=1), digits.flat[:5], digits.targets()[:5])
    titles = [section.title for section in made.sections]
    assert "Codes: their shares, a softmax" in titles and "The bound of each image" in titles
    assert all(weight.proof.relative_error < 1e-5 for weight in made.weights)


def test_an_architecture_makes_the_same_network_again() -> None:
    net = small(4)
    again = from_architecture(net.architecture(), np.float64)
    assert again.samples == 4 and again.architecture() == net.architecture()
    with pytest.raises(ModelError, match="not an IWAE's"):
        from_architecture({"kind": "iwae", "n": 3})
    with pytest.raises(ModelError, match="samples must be 1 or more, got 0"):
        small(0)


def test_a_recipe_names_its_samples(tmp_path: Any) -> None:
    wrong = ["--set", 'model_options={"samples": 0}']
    made = CliRunner().invoke(app, ["train", "mnist-iwae", "--out", str(tmp_path / "run"), *wrong])
    assert made.exit_code != 0 and "samples must be 1 or more" in made.output + str(made.exception)


def test_an_iwae_may_begin_with_the_weights_of_its_vae_and_of_no_other(tmp_path: Path) -> None:
    splits = replace(whole := data.load("mnist"), train=whole.train.take(range(200)), test=whole.test.take(range(50)))
    vae = Recipe(
        "small",
        about="",
        data="mnist",
        model="vae",
        model_options={"latent": 3},
        hidden=(9,),
        activation="tanh",
        optimizer="adam",
        lr=0.001,
        epochs=1,
    )
    run(vae, tmp_path / "vae", splits=splits)
    options = {"latent": 3, "samples": 4}
    iwae = replace(vae, model="iwae", model_options=options, start_from=str(tmp_path / "vae"), lr=1e-9)
    began, ended = (open_model(str(tmp_path / "vae")).network, run(iwae, tmp_path / "iwae", splits=splits).model.network)
    assert np.allclose(began.parameters, ended.parameters, atol=1e-6) and ended.samples == 4
    for wrong in (
        replace(iwae, activation="relu"),
        replace(iwae, model_options={"latent": 2, "samples": 4}),
        replace(vae, start_from=str(tmp_path / "iwae")),
    ):
        with pytest.raises(ModelError, match="start_from must be of the kind that is trained"):
            run(wrong, tmp_path / "wrong", splits=splits)
