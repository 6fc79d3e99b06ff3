"""Whole networks against PyTorch's autograd: outputs, gradients, and 20 steps of training, on real MNIST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import optim
from byhand.data.dataset import Dataset
from byhand.feedforward import FeedForward

pytestmark = pytest.mark.torch

STEPS = 20
DTYPES = {"float32": 1e-6, "float64": 1e-10}


@pytest.fixture(scope="module")
def mnist() -> Dataset:
    return byhand.data.load("mnist").train.take(np.arange(640))


@dataclass
class Pair:
    """One network twice, with the same parameters."""

    ours: FeedForward
    theirs: Any
    loss: Any
    optimizer: optim.Optimizer
    reference: Any


def _same(torch: Any, net: FeedForward, output: Any, hidden: Any) -> Any:
    parts: list[Any] = []
    for i, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=getattr(torch, str(net.dtype)))
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(w))
            linear.bias.copy_(torch.tensor(b))
        parts += [linear, hidden() if i < len(net.weights) - 1 else output()]
    return torch.nn.Sequential(*parts)


def nielsen(torch: Any, dtype: str) -> Pair:
    net = FeedForward((784, 30, 10), seed=1, dtype=dtype)
    theirs = _same(torch, net, torch.nn.Sigmoid, torch.nn.Sigmoid)

    def loss(out: Any, y: Any) -> Any:
        return ((out - y) ** 2).sum(dim=1).mean() / 2

    return Pair(net, theirs, loss, optim.SGD(3.0), torch.optim.SGD(theirs.parameters(), lr=3.0))


def modern(torch: Any, dtype: str) -> Pair:
    net = FeedForward(
        (784, 100, 50, 10), "relu", output="softmax", cost="cross_entropy", initialiser="he", l2=1e-3, seed=1, dtype=dtype
    )
    theirs = _same(torch, net, torch.nn.Identity, torch.nn.ReLU)

    def loss(out: Any, y: Any) -> Any:
        decay = sum((p**2).sum() for p in theirs.parameters() if p.ndim == 2)
        return torch.nn.functional.cross_entropy(out, y) + 0.5 * 1e-3 * decay

    return Pair(net, theirs, loss, optim.Adam(1e-3), torch.optim.Adam(theirs.parameters(), lr=1e-3))


MAKERS = {"nielsen": nielsen, "modern": modern}


def _flat(torch: Any, module: Any, gradients: bool = False) -> Any:
    """In the order of byhand's vector: all weights, column by column, then all biases."""
    found = [p.grad if gradients else p.detach() for p in module.parameters()]
    found = [p for p in found if p.ndim == 2] + [p for p in found if p.ndim == 1]
    return torch.cat([p.T.reshape(-1) if p.ndim == 2 else p for p in found]).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", MAKERS)
def test_outputs_cost_and_gradient_are_those_of_pytorch(kind: str, dtype: str, torch: Any, mnist: Dataset) -> None:
    pair, close = MAKERS[kind](torch, dtype), DTYPES[dtype]
    x, y = mnist.flat[:128].astype(dtype), mnist.targets(dtype)[:128]
    out = pair.theirs(torch.tensor(x))
    loss = pair.loss(out, torch.tensor(y))
    loss.backward()
    expected = out if kind == "nielsen" else torch.softmax(out, dim=1)
    assert np.abs(pair.ours.forward(x) - expected.detach().numpy()).max() < close
    assert pair.ours.learn(x, y) == pytest.approx(float(loss.detach()), rel=close)
    assert np.abs(pair.ours.gradient - _flat(torch, pair.theirs, gradients=True)).max() < close
    assert np.abs(pair.ours.gradient).max() > 1e-3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", MAKERS)
def test_twenty_steps_of_training_are_those_of_pytorch(kind: str, dtype: str, torch: Any, mnist: Dataset) -> None:
    pair, close = MAKERS[kind](torch, dtype), DTYPES[dtype]
    start = pair.ours.parameters.copy()
    costs, expected = [], []
    for step in byhand.steps(pair.ours, mnist, batch_size=32, optimizer=pair.optimizer, seed=1):
        pair.reference.zero_grad()
        x, y = (torch.tensor(array[step.indices].astype(dtype)) for array in (mnist.flat, mnist.targets()))
        loss = pair.loss(pair.theirs(x), y)
        loss.backward()
        pair.reference.step()
        costs.append(step.cost)
        expected.append(float(loss.detach()))
    assert len(costs) == STEPS
    assert costs == pytest.approx(expected, rel=close)
    assert np.abs(pair.ours.parameters - _flat(torch, pair.theirs)).max() < close
    assert np.abs(pair.ours.parameters - start).max() > 1e-2
    assert costs[-1] < 0.9 * costs[0]


@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu", "leaky_relu", "silu", "identity"])
@pytest.mark.parametrize(("cost", "output"), [("cross_entropy", "sigmoid"), ("cross_entropy", "softmax"), ("quadratic", "tanh")])
def test_every_activation_has_pytorchs_gradient(hidden: str, cost: str, output: str, torch: Any) -> None:
    rng = np.random.default_rng(1)
    net = FeedForward((7, 6, 5, 4), hidden, output=output, cost=cost, l1=0.01, seed=1, dtype=np.float64)
    x, y = rng.standard_normal((9, 7)), np.eye(4)[rng.integers(4, size=9)]
    layer = {
        "sigmoid": torch.nn.Sigmoid,
        "tanh": torch.nn.Tanh,
        "relu": torch.nn.ReLU,
        "leaky_relu": torch.nn.LeakyReLU,
        "silu": torch.nn.SiLU,
        "identity": torch.nn.Identity,
    }
    theirs = _same(torch, net, torch.nn.Tanh if output == "tanh" else torch.nn.Identity, layer[hidden])
    out, targets = theirs(torch.tensor(x)), torch.tensor(y)
    f = torch.nn.functional
    loss = {
        "sigmoid": lambda: f.binary_cross_entropy_with_logits(out, targets, reduction="none").sum(dim=1).mean(),
        "softmax": lambda: f.cross_entropy(out, targets),
        "tanh": lambda: ((out - targets) ** 2).sum(dim=1).mean() / 2,
    }[output]() + 0.01 * sum(p.abs().sum() for p in theirs.parameters() if p.ndim == 2)
    loss.backward()
    assert net.learn(x, y) == pytest.approx(float(loss.detach()), rel=1e-13)
    assert np.abs(net.gradient - _flat(torch, theirs, gradients=True)).max() < 1e-14
    assert np.abs(net.gradient).max() > 1e-3
