"""Two roads to one gradient: Nielsen's network, derived by hand in `feedforward`, and the same built of the engine's ops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import optim
from byhand.activations import ACTIVATIONS
from byhand.backend import generator
from byhand.costs import COSTS
from byhand.engine import Tensor, no_grad, ops
from byhand.feedforward import FeedForward

CLOSE = 1e-10
PAIRS = [(cost.name, output) for cost in COSTS.values() for output in cost.outputs]

BENDS: dict[str, Any] = {
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "relu": ops.relu,
    "leaky_relu": ops.leaky_relu,
    "silu": ops.silu,
    "identity": lambda z: z,
    "softmax": ops.softmax,
}


class Rebuilt:
    """The same weights, in tensors of their own, and the same cost from the engine's ops."""

    def __init__(self, net: FeedForward) -> None:
        self.net = net
        sizes = [*(w.size for w in net.weights), *(b.size for b in net.biases)]
        self.flat = np.empty(sum(sizes))
        self.gradient = np.zeros_like(self.flat)
        self.tensors = []
        start = 0
        for array, size in zip([*net.weights, *net.biases], sizes, strict=True):
            part = slice(start, start + size)
            self.flat[part] = array.ravel()
            tensor = Tensor(self.flat[part].reshape(array.shape), requires_grad=True)
            tensor.grad = self.gradient[part].reshape(array.shape)
            self.tensors.append(tensor)
            start += size
        self.weights, self.biases = self.tensors[: len(net.weights)], self.tensors[len(net.weights) :]

    def cost(self, x: Any, y: Any, rng: np.random.Generator | None = None) -> Tensor:
        a, last = Tensor(x), len(self.weights) - 1
        for layer, (w, b, activation) in enumerate(zip(self.weights, self.biases, self.net.activations, strict=True)):
            z = ops.linear(a, w, b)
            a = BENDS[activation.name](z)
            if self.net.dropout and layer < last:
                assert rng is not None
                a = a * ((rng.random(a.shape, np.float32) >= self.net.dropout) / (1 - self.net.dropout))
        n = y.shape[1]  # the book's costs are sums over the outputs, the engine's means
        if self.net.cost.name == "quadratic":
            cost = ops.mse_loss(a, y) * (n / 2)
        elif self.net.cost.name == "huber":
            cost = ops.huber_loss(a, y) * n
        elif self.net.activations[-1].name == "softmax":
            cost = ops.cross_entropy(z, target=y)
        else:
            cost = ops.bce_with_logits(z, y) * n
        for w in self.weights:
            cost = cost + self.net.l2 / 2 * (w * w).sum() + self.net.l1 * ops.absolute(w).sum()
        return cost

    def learn(self, x: Any, y: Any, rng: np.random.Generator | None = None) -> float:
        self.gradient.fill(0)
        cost = self.cost(x, y, rng)
        cost.backward()
        return cost.item()


def batch(net: FeedForward, m: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, net.sizes[0])), rng.random((m, net.sizes[-1]))


def assert_same_gradients(net: FeedForward, rebuilt: Rebuilt) -> None:
    ours = [*net.weight_gradients, *net.bias_gradients]
    for one, tensor in zip(ours, rebuilt.tensors, strict=True):
        assert np.abs(one - tensor.grad).max() <= CLOSE * max(1.0, float(np.abs(one).max()))
    assert max(np.abs(one).max() for one in ours) > 1e-4


@pytest.mark.parametrize(("cost", "output"), PAIRS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_cost_and_gradient_by_hand_are_those_of_the_tape(hidden: str, cost: str, output: str) -> None:
    net = FeedForward((5, 7, 6, 3), hidden, output=output, cost=cost, l2=0.01, l1=0.003, seed=1, dtype=np.float64)
    rebuilt = Rebuilt(net)
    for m in (1, 8):
        x, y = batch(net, m, m)
        assert net.learn(x, y) == pytest.approx(rebuilt.learn(x, y), rel=CLOSE)
        assert_same_gradients(net, rebuilt)


def test_under_the_same_dropout_mask_they_agree_too() -> None:
    net = FeedForward((5, 9, 8, 3), "tanh", output="softmax", cost="cross_entropy", dropout=0.4, seed=1, dtype=np.float64)
    rebuilt = Rebuilt(net)
    x, y = batch(net, 6, 0)
    net.rng = generator(3, "mask")
    assert net.learn(x, y) == pytest.approx(rebuilt.learn(x, y, generator(3, "mask")), rel=CLOSE)
    assert_same_gradients(net, rebuilt)


OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda: optim.SGD(0.5),
    "momentum": lambda: optim.SGD(0.1, momentum=0.9),
    "adam": lambda: optim.Adam(0.01),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("hidden", "cost", "output"),
    [("sigmoid", "quadratic", "sigmoid"), ("relu", "cross_entropy", "softmax"), ("silu", "cross_entropy", "sigmoid")],
)
def test_twenty_steps_of_training_are_the_same_step_by_step(hidden: str, cost: str, output: str, optimizer: str) -> None:
    net = FeedForward((10, 16, 12, 4), hidden, output=output, cost=cost, l2=1e-4, seed=2, dtype=np.float64)
    rebuilt, by_hand, on_tape = Rebuilt(net), OPTIMIZERS[optimizer](), OPTIMIZERS[optimizer]()
    start = rebuilt.flat.copy()
    costs = []
    for step in range(20):
        x, y = batch(net, 32, step % 5)
        costs.append((net.learn(x, y), rebuilt.learn(x, y)))
        by_hand.step(net.parameters, net.gradient)
        with no_grad():
            on_tape.step(rebuilt.flat, rebuilt.gradient)
        assert costs[-1][0] == pytest.approx(costs[-1][1], rel=CLOSE)
        for ours, tensor in zip([*net.weights, *net.biases], rebuilt.tensors, strict=True):
            assert np.abs(ours - tensor.data).max() <= CLOSE
    assert np.abs(rebuilt.flat - start).mean() > 1e-3
    assert costs[15][0] < costs[0][0]  # the same batch, five times later
