"""The seeded faults of autoencoders, and the networks that have them."""

from __future__ import annotations

from typing import Any

from broken_feedforward import down, times
from fault import DATA, RATE, Fault, fault, of
from loops import Sorted
from spoiled import multiplied, shifted
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


def coder_initialised(how: Any) -> type[Autoencoder]:
    """Autoencoders whose weights are made otherwise than drawn."""

    class Made(Autoencoder):
        def __init__(self, *given: Any, **settings: Any) -> None:
            super().__init__(*given, **settings)
            for stack in (self.encoder, self.decoder):
                for w, b in zip(stack.weights[:-1], stack.biases[:-1], strict=True):
                    how(w, b)

    return Made


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
    fault("ae: one number for a code", "too-few-units", "code|hidden", "code|units|latent", of(coder, latent=1), coder),
    fault(
        "ae: pixels -1 to 1",
        "targets-do-not-fit",
        DATA + "|output",
        "0, 1|[0, 1]",
        lambda s: coder(s, shifted(digits(), -1.0, 2.0)),
        coder,
    ),
    fault(
        "ae: weights 20 times too large",
        "init-too-large",
        "coder",
        "initialiser",
        of(coder, cls=coder_initialised(times(20))),
        coder,
    ),
    fault("ae: no nonlinearity", "no-nonlinearity", "coder|hidden|layers", "activation", of(coder, activation="identity"), coder),
    fault("ae: noise of 20 on the code", "dropout-too-strong", "code|noise", "noise", of(coder, noise=20.0), coder),
    fault("ae: sorted by class", "not-shuffled", "batch", "shuffle", of(coder, loop=Sorted, epochs=5), of(coder, epochs=5)),
    fault("ae: units dead from the start", "dead-units", "coder", "bias", of(coder, cls=coder_initialised(down)), coder),
    fault("ae: one epoch", "too-few-epochs", "epochs", "epochs", of(coder, epochs=1), coder),
]
