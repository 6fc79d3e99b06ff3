r"""What only some families of networks can get wrong: a VAE's divergence, and a language model that sees its answer.

A VAE is a network that returns its reconstruction, and mu and log sigma^2 of its code. Its cost is taken apart by least squares,

    C = a R + b D_{KL}, \quad D_{KL} = \tfrac12 \sum (e^{\log\sigma^2} + \mu^2 - 1 - \log\sigma^2)

where R is what the loss function gave: b < 0 rewards the divergence; b far above what R weighs per number lets the
code collapse.
Source: Kingma and Welling (2014), appendix B.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.finding import Finding
from byhand.see.doctor.loop.torch_loop import TorchEvent, TorchLoop

FITS = 1e-3  # how near the two parts add up to the cost
HEAVY = 8.0  # times what it should weigh
COLLAPSED = 0.05  # nats per number of the code
SEEN = 1e-3  # of the largest answer, by which a later word may not move an earlier answer


def families(loop: TorchLoop, events: list[TorchEvent]) -> list[Finding]:
    """Findings about a VAE's cost and a sequence's answers."""
    heard = next(
        (event for event in events if event.inputs is not None), None
    )  # the first call is not heard where no net was named
    return _divergence(events) + ([] if heard is None else _future(loop, heard))


def _divergence(events: list[TorchEvent]) -> list[Finding]:
    heard = [event for event in events if event.divergence is not None and event.loss is not None]
    heard = [event for event in heard if len(event.divergence[0]) == len(heard[0].divergence[0])]  # type: ignore[index]
    if len(heard) < 4:
        return []
    codes: list[tuple[Array, Array]] = [event.divergence for event in heard if event.divergence is not None]
    kl = np.array([_kl(mu, log_variance) for mu, log_variance in codes])
    rebuilt = np.array([float(event.loss.value) for event in heard if event.loss is not None])
    cost = np.array([event.cost for event in heard])
    a, b = np.linalg.lstsq(np.column_stack([rebuilt, kl]), cost, rcond=None)[0]
    off = float(np.abs(a * rebuilt + b * kl - cost).max())
    if not off < FITS * float(np.abs(cost).max()) or a <= 0 or abs(b) * kl.mean() < FITS * abs(cost).mean() * 0.01:
        return []
    m, d = codes[0][0].shape
    shares = {"divergence per sample, in nats": (kl / m).tolist()}
    if b < 0:
        evidence = (
            f"the cost is {a:.3g} times the reconstruction and {b:.3g} times the divergence: it falls as codes leave N(0, 1)"
        )
        fix = "add the divergence, -0.5 * sum(1 + log_variance - mu**2 - exp(log_variance)); it is never negative"
        return [Finding("kl-sign", "the divergence", 0.95, evidence, fix, curves=shares)]
    loss = heard[0].loss
    assert loss is not None
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


def _future(loop: TorchLoop, event: TorchEvent) -> list[Finding]:
    """Answers to earlier words that change with the last one, where each word's answer is the word after it."""
    x: Any = event.inputs
    if not loop.torch.is_tensor(x) or x.ndim != 2 or x.is_floating_point() or x.shape[1] < 3 or event.targets is None:
        return []
    words = x.cpu().numpy()
    if event.targets.size != words.size or not (event.targets.reshape(words.shape)[:, :-1] == words[:, 1:]).all():
        return []
    other = x.clone()
    other[:, -1] = x[:, 0].roll(1)
    changed = (other[:, -1] != x[:, -1]).cpu().numpy()
    try:
        z, moved = loop.answers(x), loop.answers(other)
    except Exception as error:  # somebody else's network
        loop.unseen.append(f"later words: the network raised {type(error).__name__} ({str(error)[:80]})")
        return []
    if z.ndim != 3 or z.shape[:2] != words.shape or not changed.any():
        return []
    far = float(np.abs(z - moved)[changed, :-1].max()) / max(float(np.abs(z).max()), 1e-12)
    if not far > SEEN:
        return []
    evidence = f"answers to earlier words move by {far:.1%} with the last word, and each word's answer is the word after it"
    fix = "a causal mask: a word may only look at itself and what stands before it"
    return [Finding("answer-seen", "attention", 0.93, evidence, fix)]
