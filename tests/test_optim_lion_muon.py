"""Lion and Muon: their equations, PyTorch's Muon, and matrices whose directions are all alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn, optim
from byhand.data import load
from byhand.errors import ModelError
from byhand.optim.muon import orthogonal
from byhand.see.explain import explain

RNG = np.random.default_rng(0)


def test_lion_is_the_algorithm_of_its_paper() -> None:
    theta, m = RNG.standard_normal(40), np.zeros(40)
    expected, optimizer = theta.copy(), optim.Lion(0.01, beta1=0.8, beta2=0.95, weight_decay=0.2)
    for k in range(5):
        g = np.random.default_rng(k).standard_normal(40)
        optimizer.step(theta, g)
        c = 0.8 * m + 0.2 * g  # Chen et al. (2023), algorithm 2, line by line
        expected = expected - 0.01 * (np.sign(c) + 0.2 * expected)
        m = 0.95 * m + 0.05 * g
        assert np.allclose(theta, expected, atol=1e-15) and np.allclose(optimizer.state["m"], m, atol=1e-15)


@pytest.mark.parametrize("shape", [(6, 6), (3, 8), (9, 2), (1, 5)])
def test_what_muon_moves_by_has_singular_values_near_one_and_the_gradients_directions(shape: tuple[int, int]) -> None:
    u = RNG.standard_normal(shape)
    left, _, right = np.linalg.svd(u, full_matrices=False)
    found = orthogonal(u, 5)
    values = left.T @ found @ right.T
    assert np.allclose(values, np.diag(np.diag(values)), atol=1e-10)
    assert (np.diag(values) > 0.6).all() and (np.diag(values) < 1.25).all()


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
@pytest.mark.parametrize("nesterov", [True, False])
def test_muon_moves_a_matrix_as_pytorchs_does(shape: tuple[int, int], nesterov: bool, torch: Any) -> None:
    w = RNG.standard_normal(shape)
    flat = w.reshape(-1).copy()
    optimizer = optim.Muon(0.02, nesterov=nesterov)
    optimizer.locate(flat, {"weight": flat.reshape(shape)})
    tensor = torch.tensor(w, requires_grad=True)
    theirs = torch.optim.Muon([tensor], lr=0.02, nesterov=nesterov)
    for k in range(4):
        g = np.random.default_rng(k).standard_normal(shape)
        tensor.grad = torch.tensor(g)
        optimizer.step(flat, g.reshape(-1))
        theirs.step()
        # PyTorch rounds to bfloat16, of 8 bits, on the way to the orthogonal matrix: up to 2e-2 of an update of about 0.02.
        assert np.abs(flat.reshape(shape) - tensor.detach().numpy()).max() < (k + 1) * 0.02 * 2e-2 * 1.5


def test_of_muon_vectors_move_as_adams_and_filters_as_matrices() -> None:
    net = nn.Network(nn.Sequential(nn.Conv2d(2, 5, 3), nn.Flatten(), nn.Linear(20, 3)), (4, 4, 2), seed=1, dtype=np.float64)
    muon, adam = optim.Muon(0.02, weight_decay=0.0, vector_learning_rate=0.003), optim.Adam(0.003)
    muon.locate(net.parameters, net.named_parameters())
    before, g = net.parameters.copy(), RNG.standard_normal(net.parameters.size)
    other = before.copy()
    muon.step(net.parameters, g)
    adam.step(other, g)
    for name, location in muon._locations.items():
        update = location.view(net.parameters) - location.view(before)
        if "bias" in name:
            assert np.allclose(update, location.view(other) - location.view(before), atol=1e-12), name
        else:
            matrix = update.reshape(-1, update.shape[-1])
            values = np.linalg.svd(matrix, compute_uv=False) / 0.02
            assert (values > 0.6).all() and (values < 1.25).all(), name


@pytest.mark.parametrize("make", [lambda: optim.Lion(0.003), lambda: optim.Muon(0.02, vector_learning_rate=0.01)])
@pytest.mark.parametrize("by_hand", [True, False])
def test_they_train(make: Any, by_hand: bool) -> None:
    iris = load("iris")
    net: Any = byhand.FeedForward((4, 16, 3), cost="cross_entropy", output="softmax", activation="tanh", seed=1)
    if not by_hand:
        net = nn.Network(nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3)), (4,), seed=1)
    net.fit(iris.train, epochs=30, optimizer=make(), seed=1)
    assert net.evaluate(iris.train.flat, iris.train.targets())[1] > 0.93


def test_muon_by_hand_says_what_it_needs() -> None:
    with pytest.raises(ModelError, match="muon must be told the shapes of the parameters"):
        optim.Muon().step(np.zeros(3), np.ones(3))


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer", [optim.Lion(0.01), optim.Muon(0.02), optim.AdamW(0.01, weight_decay=0.1).group(optim.vectors, weight_decay=0.0)]
)
def test_a_step_of_theirs_is_explained_and_is_the_step_that_training_takes(optimizer: Any) -> None:
    net = nn.Network(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), (4,), seed=1, dtype=np.float64)
    x, y = RNG.standard_normal((3, 4)), np.eye(3)
    explanation = explain(net, x, y, optimizer=optimizer)
    assert all(weight.proof.agrees for weight in explanation.weights)
    taken = net.twin()
    taken.learn(x, y)
    optimizer.locate(taken.parameters, taken.named_parameters())
    optimizer.step(taken.parameters, taken.gradient)
    assert np.allclose(explanation.step.update, optimizer.update, atol=1e-14)
