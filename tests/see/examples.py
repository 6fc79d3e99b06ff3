"""Networks, optimisers and batches that the tests of `see` share."""

from __future__ import annotations

import numpy as np

from byhand import optim
from byhand.feedforward import FeedForward
from byhand.see.explain import explain
from byhand.see.explanation import Explanation

OPTIMIZERS = {
    "sgd": lambda: optim.SGD(3.0),
    "momentum": lambda: optim.SGD(0.5, momentum=0.9),
    "nesterov": lambda: optim.SGD(0.5, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optim.RMSProp(0.01),
    "adam": lambda: optim.Adam(0.01),
    "adamw": lambda: optim.AdamW(0.01, weight_decay=0.1),
}
NETWORKS = {
    "iris": lambda: FeedForward((4, 5, 3), seed=1),
    "nielsen": lambda: FeedForward((784, 30, 10), seed=1),
    "deep": lambda: FeedForward((6, 5, 4, 5, 3), ["relu", "silu", "tanh", "softmax"], cost="cross_entropy", seed=1),
    "decayed": lambda: FeedForward((64, 9, 3), "relu", output="softmax", cost="cross_entropy", l2=0.01, l1=0.002, seed=2),
    "dropped": lambda: FeedForward((16, 12, 8, 3), "leaky_relu", output="sigmoid", cost="cross_entropy", dropout=0.4, seed=3),
    "softmaxes": lambda: FeedForward((5, 4, 4, 3), "softmax", dropout=0.3, seed=4),
    "one layer": lambda: FeedForward((4, 2), "identity", seed=5),
    "huber": lambda: FeedForward((4, 6, 3), "relu", output="identity", cost="huber", initialiser="he", seed=6),
}


def batch(network: FeedForward, m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.random((m, network.sizes[0])) * (rng.random((m, network.sizes[0])) > 0.3)
    return x, np.eye(network.sizes[-1])[rng.integers(network.sizes[-1], size=m)]


def explained(network: FeedForward, m: int = 10, **settings: object) -> Explanation:
    x, y = batch(network, m)
    return explain(network, x, y, **settings)  # type: ignore[arg-type]
