"""The seeded faults of convolutional networks, and the networks that have them."""

from __future__ import annotations

from typing import Any

from fault import ANY, DATA, RATE, Fault, fault, of
from loops import Sorted, blank
from spoiled import multiplied, relabelled, rolled, transposed
from subjects import conv, digits, pooled

from byhand.engine import Tensor, ops
from byhand.nn import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, Network, ReLU, Sequential, Softmax


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


class NoSoftmax(Network):
    """Cross-entropy of the weighted inputs, as if they were probabilities already: softmax was forgotten."""

    def _cost(self, z: Any, y: Any) -> Any:
        p = ops.clip(z, low=1e-4, high=1.0)
        return -(ops.log(p) * Tensor(y.astype(self.dtype))).sum() * (1 / len(y))


def straight() -> Sequential:
    """Convolutions with nothing between them."""
    return Sequential(
        Conv2d(1, 8, 3, padding="same"), AvgPool2d(2), Conv2d(8, 16, 3, padding="same"), AvgPool2d(2), Flatten(), Linear(784, 10)
    )


def bent_twin() -> Sequential:
    """The same with ReLUs."""
    return Sequential(
        Conv2d(1, 8, 3, padding="same"),
        ReLU(),
        AvgPool2d(2),
        Conv2d(8, 16, 3, padding="same"),
        ReLU(),
        AvgPool2d(2),
        Flatten(),
        Linear(784, 10),
    )


def network_initialised(factor: float = 1.0, bias: float = 0.0) -> type[Network]:
    """Networks whose first weights are multiplied, and their biases moved, but for the last layer."""

    class Made(Network):
        def __init__(self, *given: Any, **settings: Any) -> None:
            super().__init__(*given, **settings)
            for name, parameter in list(self.module.parameters())[:-2]:
                if name.endswith("weight") and parameter.data.ndim > 1:
                    parameter.data *= factor
                elif name.endswith("bias"):
                    parameter.data += bias

    return Made


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
    fault(
        "cnn: softmax left out",
        "wrong-cost",
        "output|cost",
        "softmax",
        of(conv, cls=NoSoftmax, module=plain),
        of(conv, module=plain),
    ),
    fault(
        "cnn: no nonlinearity",
        "no-nonlinearity",
        "hidden|layers",
        "activation",
        of(conv, module=straight),
        of(conv, module=bent_twin),
    ),
    fault(
        "cnn: weights 30 times too large",
        "init-too-large",
        "weight",
        "initialiser",
        of(conv, module=plain, cls=network_initialised(30.0)),
        of(conv, module=plain),
    ),
    fault(
        "cnn: units dead from the start",
        "dead-units",
        r"\d|relu",
        "bias",
        of(conv, module=plain, cls=network_initialised(1.0, -8.0)),
        of(conv, module=plain),
    ),
    fault(
        "cnn: dropout 0.98",
        "dropout-too-strong",
        "dropout",
        "dropout",
        of(conv, module=lambda: pooled(dropout=0.98)),
        of(conv, module=pooled),
    ),
    fault(
        "cnn: weight decay 20, AdamW",
        "weight-decay-too-strong",
        "weight decay",
        "decay",
        of(conv, optimizer="adamw", weight_decay=20.0),
        conv,
    ),
    fault(
        "cnn: the first convolution's gradient turned round",
        "gradient-wrong",
        "0",
        "sign|gradient",
        of(conv, cls=Overwritten, module=plain, optimizer="sgd", lr=0.05, epochs=6),
        of(conv, module=plain, optimizer="sgd", lr=0.05, epochs=6),
    ),
    fault(
        "cnn: batches of 1,500",
        "batch-too-large|too-few-epochs",
        "batch|epochs",
        "batch|epochs",
        of(conv, batch_size=1_500),
        conv,
    ),
    fault(
        "cnn: running statistics stand still",
        "evaluation-differs",
        "running",
        "running",
        of(conv, module=lambda: pooled(momentum=1e-6)),
        of(conv, module=pooled),
    ),
    fault("cnn: 40 % of labels wrong", "label-noise", DATA, "label", lambda s: conv(s, relabelled(digits(1_500), 0.4)), conv),
    fault(
        "cnn: augmentation that leaves nothing",
        "augmentation-too-strong",
        "augmentation",
        "augmentation",
        of(conv, augment=blank, module=plain),
        of(conv, module=plain),
    ),
]
