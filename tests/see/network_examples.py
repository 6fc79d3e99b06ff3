"""Networks of modules that the tests of `explain` share: each in one line, small enough to be taken apart."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from byhand import nn
from byhand.models.transformer import Transformer
from byhand.optim import AdamW
from byhand.see.explain import explain
from byhand.see.explanation import Explanation

Layers = Callable[[], list[Any]]

# name: (layers, shape of the input, settings of the network)
NETWORKS: dict[str, tuple[Layers, tuple[int, ...], dict[str, Any]]] = {
    "cnn": (
        lambda: [
            nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4, activation="relu"), nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6, activation="relu"), nn.GlobalAvgPool2d(),
            nn.Dropout(0.2), nn.Linear(6, 3),
        ],
        (8, 8, 1), {"label_smoothing": 0.1},
    ),
    "strided": (
        lambda: [nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.SiLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)],
        (8, 8, 2), {},
    ),
    "dilated": (
        lambda: [nn.Conv2d(1, 4, 3, dilation=2, padding=2), nn.LeakyReLU(), nn.MaxPool2d(3, stride=2, padding=1),
                 nn.Flatten(), nn.Linear(64, 3)],
        (8, 8, 1), {},
    ),
    "grouped": (
        lambda: [nn.Conv2d(4, 6, (3, 1), groups=2), nn.GroupNorm(2, 6), nn.Tanh(), nn.Flatten(), nn.Linear(72, 3)],
        (4, 6, 4), {},
    ),
    "up and down": (
        lambda: [nn.Conv2d(1, 4, 4, stride=2, padding=1), nn.GELU(), nn.ConvTranspose2d(4, 2, 4, stride=2, padding=1),
                 nn.Upsample(scale_factor=2), nn.Conv2d(2, 1, 1)],
        (6, 6, 1), {"cost": "bce"},
    ),
    "rows": (
        lambda: [
            nn.Linear(5, 6), nn.LayerNorm(6), nn.Softplus(), nn.Residual(nn.Sequential(nn.Linear(6, 6), nn.Sigmoid())),
            nn.Softmax(), nn.Linear(6, 4),
        ],
        (5,), {"cost": "mse"},
    ),
    "no weights that are followed": (lambda: [nn.Flatten(), nn.LayerNorm(12)], (3, 4), {"cost": "mse"}),
}  # fmt: skip
NAMES = [*NETWORKS, "transformer"]


def network(name: str) -> nn.Network:
    if name == "transformer":
        module = Transformer(7, length=6, width=8, depth=1, heads=2, dropout=0.1)
        return nn.Network(module, (6,), seed=1)
    layers, shape, settings = NETWORKS[name]
    return nn.Network(nn.Sequential(*layers()), shape, seed=1, **settings)


def batch(net: nn.Network, m: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    if net.module.reads_indices:
        x = rng.integers(net.n_outputs, size=(m, *net.input_shape))
        return x, rng.integers(net.n_outputs, size=x.shape)
    x = rng.random((m, *net.input_shape)) * (rng.random((m, *net.input_shape)) > 0.2)
    if net.cost == "cross_entropy":
        return x, np.eye(net.n_outputs)[rng.integers(net.n_outputs, size=m)]
    return x, rng.random((m, *net.output_shape))


@cache
def explained(name: str, m: int = 3) -> Explanation:
    """Of a network with two steps of its optimiser behind it, so that momentum and means are not 0."""
    net = network(name)
    x, y = batch(net, m)
    optimizer = AdamW(0.01)
    for _ in range(2):
        net.learn(x.astype(net.dtype) if x.dtype.kind == "f" else x, y.astype(net.dtype) if y.dtype.kind == "f" else y)
        optimizer.step(net.parameters, net.gradient)
    return explain(net, x, y, optimizer=optimizer, clip=0.5, indices=range(10, 10 + m))
