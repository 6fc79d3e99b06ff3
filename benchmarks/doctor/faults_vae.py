"""The seeded faults of variational autoencoders, and the networks that have them."""

from __future__ import annotations

from typing import Any

import numpy as np
from fault import DATA, RATE, Fault, fault, of
from spoiled import multiplied, shifted
from subjects import digits, vae

from byhand.models.elbo import divergence
from byhand.models.vae import VAE, code_errors


class Bent(VAE):
    """`VAE.learn` with the weights of its two parts, and its draw, in the open."""

    rec_weight, kl_weight, draw, forgotten = 1.0, 1.0, "right", False

    def learn(self, x: Any, y: Any = None, eps: Any = None) -> float:
        x, m = self._rows(x), len(x)
        mu, s = self._encode(x, y)
        eps = self.rng.standard_normal(mu.shape, self.dtype) if eps is None else eps
        spread = {"variance": np.exp(2 * s), "none": 0 * s, "half": np.exp(0.5 * s)}.get(self.draw, np.exp(s))
        z = eps if self.draw == "prior" else mu + eps * spread
        self.decoder.forward(z)
        kl = divergence(mu, s)
        dz = (
            self.rec_weight
            * self.decoder.backward(self.rec_weight * self._reconstruction_error(x)).input_error()
            / self.rec_weight
        )
        dz = 0 * dz if self.draw == "prior" else dz
        d_mu, _ = code_errors(dz, mu, s, eps, self.kl_weight)
        slope = {"variance": 2 * np.exp(2 * s), "none": 0 * s, "half": 0.5 * np.exp(0.5 * s)}.get(self.draw, np.exp(s))
        d_s = dz * eps * slope + self.kl_weight * (np.exp(2 * s) - 1)
        if self.forgotten:
            d_mu, d_s = d_mu - self.kl_weight * mu, dz * eps * slope
        self.encoder.backward(np.concatenate([d_mu, d_s], axis=1))
        self.codes = {"mu": mu, "log_sigma": s, "eps": eps, "z": z, "kl": kl}
        return float((self.rec_weight * self._reconstruction_cost(x) + self.kl_weight * kl.sum(axis=1)).sum(dtype=np.float64)) / m


def bent(**settings: Any) -> type[Bent]:
    return type("Bent", (Bent,), settings)


VAES: list[Fault] = [
    fault("vae: divergence with the wrong sign", "kl-sign", "cost", "add", of(vae, cls=bent(kl_weight=-1.0)), vae),
    fault("vae: reconstruction a mean over the pixels", "kl-weight", "cost", "sum", of(vae, cls=bent(rec_weight=1 / 784)), vae),
    fault("vae: divergence left out", "kl-weight", "cost|beta", "beta|sum", of(vae, cls=bent(kl_weight=0.0)), vae),
    fault("vae: beta 50", "kl-weight", "beta|cost", "beta", of(vae, beta=50.0), vae),
    fault("vae: variance for standard deviation", "code-not-drawn", "code", "deviation", of(vae, cls=bent(draw="variance")), vae),
    fault("vae: the code is not drawn", "code-not-drawn", "code", "eps", of(vae, cls=bent(draw="none")), vae),
    fault("vae: rate too low", "rate-too-low", RATE, "rate", of(vae, lr=3e-6), vae),
    fault(
        "vae: pixels 0 to 255",
        "inputs-not-normalised|targets-do-not-fit",
        DATA,
        "255",
        lambda s: vae(s, multiplied(digits(), 255)),
        vae,
    ),
    fault("vae: log variance read as log deviation", "code-not-drawn", "code", "deviation", of(vae, cls=bent(draw="half")), vae),
    fault(
        "vae: the code drawn from the prior", "code-not-drawn|latent-unused", "code", "mu", of(vae, cls=bent(draw="prior")), vae
    ),
    fault(
        "vae: the divergence's gradient forgotten",
        "gradient-wrong",
        "encoder",
        "gradient",
        of(vae, cls=bent(forgotten=True)),
        vae,
    ),
    fault("vae: warm-up longer than the training", "kl-weight", "warm|beta|cost", "warm|beta", of(vae, warm_up=100_000), vae),
    fault(
        "vae: pixels -1 to 1",
        "targets-do-not-fit",
        DATA + "|output",
        "0, 1|[0, 1]",
        lambda s: vae(s, shifted(digits(), -1.0, 2.0)),
        vae,
    ),
    fault("vae: rate too high", "rate-too-high|dead-units|non-finite", RATE + "|coder", "rate", of(vae, lr=0.3), vae),
    fault("vae: one epoch", "too-few-epochs", "epochs", "epochs", of(vae, epochs=1), vae),
]
