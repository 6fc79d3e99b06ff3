r"""What a VAE's cost can get wrong: the sign and the weight of its divergence.

A VAE is a network that returns its reconstruction, and mu and log sigma^2 of its code. Its cost is taken apart by least squares,

    C = a R + b D_{KL}, \quad D_{KL} = \tfrac12 \sum (e^{\log\sigma^2} + \mu^2 - 1 - \log\sigma^2)

where R is what the loss function gave: b < 0 rewards the divergence; b far above what R weighs per number lets the
code collapse.
Source: Kingma and Welling (2014), appendix B.
"""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.finding import Finding
from byhand.see.doctor.loop.torch_loop import TorchEvent

FITS = 1e-3  # how near the two parts add up to the cost
HEAVY = 8.0  # times what it should weigh
COLLAPSED = 0.05  # nats per number of the code


def divergence(events: list[TorchEvent]) -> list[Finding]:
    """Findings about a VAE's cost."""
    heard = [(event.cost, event.loss, event.divergence) for event in events if event.loss and event.divergence]
    heard = [one for one in heard if len(one[2][0]) == len(heard[0][2][0])]  # as many samples as in the first
    if len(heard) < 4:
        return []
    kl = np.array([_kl(mu, log_variance) for _, _, (mu, log_variance) in heard])
    rebuilt = np.array([float(loss.value) for _, loss, _ in heard])
    cost = np.array([one for one, _, _ in heard])
    a, b = np.linalg.lstsq(np.column_stack([rebuilt, kl]), cost, rcond=None)[0]
    off = float(np.abs(a * rebuilt + b * kl - cost).max())
    if not off < FITS * float(np.abs(cost).max()) or a <= 0 or abs(b) * kl.mean() < FITS * abs(cost).mean() * 0.01:
        return []
    _, loss, (mu, _) = heard[0]
    m, d = mu.shape
    shares = {"divergence per sample, in nats": (kl / m).tolist()}
    if b < 0:
        evidence = (
            f"the cost is {a:.3g} times the reconstruction and {b:.3g} times the divergence: it falls as codes leave N(0, 1)"
        )
        fix = "add the divergence, -0.5 * sum(1 + log_variance - mu**2 - exp(log_variance)); it is never negative"
        return [Finding("kl-sign", "the divergence", 0.95, evidence, fix, curves=shares)]
    numbers = loss.prediction.value.numel()
    each = a / numbers if loss.keywords.get("reduction", "mean") == "mean" else a
    if b / each < HEAVY or kl[-1] / m / d > COLLAPSED:
        return []
    evidence = (
        f"a nat of divergence weighs {b / each:.3g} times the reconstruction of one number; {kl[-1] / m:.2g} nats are "
        f"left for a code of {d}: it says nothing of the sample"
    )
    fix = "sum the reconstruction over the numbers of a sample as the divergence is over the code, then the mean over samples"
    return [Finding("kl-weight", "the divergence", 0.85, evidence, fix, curves=shares)]


def _kl(mu: Array, log_variance: Array) -> float:
    return float(0.5 * (np.exp(np.minimum(log_variance, 80.0)) + mu**2 - 1 - log_variance).sum())
