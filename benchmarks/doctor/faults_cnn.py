"""The seeded faults of convolutional networks, and the networks that have them."""

from __future__ import annotations

from typing import Any

from fault import ANY, DATA, RATE, Fault, fault, of
from loops import Sorted
from spoiled import multiplied, rolled, transposed
from subjects import conv, digits, pooled

from byhand.nn import Conv2d, Flatten, Linear, MaxPool2d, Network, ReLU, Sequential, Softmax


class AlwaysTraining(Network):
    """Nobody calls eval(): dropout and batch statistics stay on."""

    def _weighted(self, x: Any) -> Any:
        from byhand.engine import Tensor, no_grad

        self.module.train()
        with no_grad():
            return self.module(Tensor(x))


class SummedNetwork(Network):
    def learn(self, x: Any, y: Any) -> float:
        cost = super().learn(x, y)
        self.gradient *= len(x)
        return cost


class Overwritten(Network):
    """The gradient of the first convolution is replaced by another's."""

    def learn(self, x: Any, y: Any) -> float:
        cost = super().learn(x, y)
        self.gradient[:72] *= -1
        return cost


def plain() -> Sequential:
    layers: list[Any] = []
    for before, n in ((1, 8), (8, 16)):
        layers += [Conv2d(before, n, 3, padding="same"), ReLU(), MaxPool2d(2)]
    return Sequential(*layers, Flatten(), Linear(16 * 49, 10))


class ZeroNetwork(Network):
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.parameters[...] = 0


CNN: list[Fault] = [
    fault(
        "cnn: softmax twice",
        "softmax-twice",
        "output",
        "softmax",
        of(conv, module=lambda: pooled(Softmax())),
        of(conv, module=pooled),
    ),
    fault(
        "cnn: dropout on in evaluation",
        "random-evaluation|batch-leak",
        "evaluation",
        "eval",
        of(conv, cls=AlwaysTraining, module=lambda: pooled(dropout=0.5)),
        of(conv, module=lambda: pooled(dropout=0.5)),
    ),
    fault(
        "cnn: batch statistics in evaluation",
        "batch-leak",
        "evaluation",
        "running",
        of(conv, cls=AlwaysTraining, module=lambda: pooled(dropout=0.0)),
        of(conv, module=lambda: pooled(dropout=0.0)),
    ),
    fault("cnn: all weights zero", "zero-weights|not-learning", ".*", "draw|weights", of(conv, cls=ZeroNetwork), conv),
    fault("cnn: labels of the next sample", "labels-wrong", DATA, "label", lambda s: conv(s, rolled(digits(1_500))), conv),
    fault("cnn: sorted by class", "not-shuffled", "batch", "shuffle", of(conv, loop=Sorted), conv),
    fault(
        "cnn: gradient summed, SGD",
        "gradient-sum",
        ANY,
        "batch",
        of(conv, cls=SummedNetwork, module=plain, optimizer="sgd", lr=0.1),
        of(conv, module=plain, optimizer="sgd", lr=0.1),
    ),
    fault(
        "cnn: pixels 0 to 255",
        "inputs-not-normalised",
        DATA,
        "255",
        lambda s: conv(s, multiplied(digits(1_500), 255), module=plain, optimizer="sgd", lr=0.1),
        of(conv, module=plain, optimizer="sgd", lr=0.1),
    ),
    fault(
        "cnn: rate too high",
        "rate-too-high|dead-units|non-finite",
        RATE + "|.*",
        "rate",
        of(conv, module=plain, lr=0.5),
        of(conv, module=plain),
    ),
    fault("cnn: rate too low", "rate-too-low", RATE, "rate", of(conv, lr=4e-6), conv),
    fault(
        "cnn: test images transposed",
        "test-data-differ",
        DATA,
        "transposed|same",
        lambda s: conv(s, transposed(digits(1_500))),
        conv,
    ),
]
