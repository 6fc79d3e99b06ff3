"""The seeded faults of autoencoders, and the networks that have them."""

from __future__ import annotations

from typing import Any

from fault import DATA, RATE, Fault, fault, of
from spoiled import multiplied
from subjects import coder, digits

from byhand.models.autoencoder import Autoencoder


class DetachedEncoder(Autoencoder):
    """The error is not passed on to the encoder."""

    def learn(self, x: Any, y: Any = None, eps: Any = None) -> float:
        cost = super().learn(x, y, eps)
        self.gradient[: self.encoder.count(self.encoder.sizes)] = 0
        return cost


class CrossedEncoder(Autoencoder):
    """The error of the code with the wrong sign."""

    def learn(self, x: Any, y: Any = None, eps: Any = None) -> float:
        cost = super().learn(x, y, eps)
        self.gradient[: self.encoder.count(self.encoder.sizes)] *= -1
        return cost


class ZeroCoder(Autoencoder):
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.parameters[...] = 0


AUTOENCODER: list[Fault] = [
    fault(
        "ae: the encoder's gradient missing",
        "gradient-missing|gradient-wrong|parameters-frozen",
        "encoder",
        "gradient",
        of(coder, cls=DetachedEncoder),
        coder,
    ),
    fault(
        "ae: the code's error with the wrong sign",
        "gradient-wrong",
        "encoder",
        "sign|gradient",
        of(coder, cls=CrossedEncoder),
        coder,
    ),
    fault("ae: all weights zero", "zero-weights|symmetric-units", "coder", "draw", of(coder, cls=ZeroCoder), coder),
    fault(
        "ae: pixels 0 to 255",
        "inputs-not-normalised|targets-do-not-fit",
        DATA,
        "255",
        lambda s: coder(s, multiplied(digits(), 255)),
        coder,
    ),
    fault("ae: rate too low", "rate-too-low", RATE, "rate", of(coder, lr=3e-6), coder),
    fault(
        "ae: rate too high", "rate-too-high|dead-units|saturation|non-finite", RATE + "|coder", "rate", of(coder, lr=0.3), coder
    ),
    fault("ae: one epoch", "too-few-epochs", "epochs", "epochs", of(coder, epochs=1), coder),
]
