"""Running one real training step of a VAE or an autoencoder, and keeping all of it: the same `learn` and `optimizer.step` as any.

It is taken on copies in float64, with the eps that the training would have drawn.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.models import autoencoder, vae
from byhand.models.autoencoder import Autoencoder
from byhand.models.vae import VAE
from byhand.optim import Optimizer
from byhand.optim import clip as clip_gradient
from byhand.see.tape import copied_optimizer


@dataclass(frozen=True)
class CodesStep:
    """What one step of an encoder and a decoder computed and changed; the names are those of `byhand.see.tape.Taped`.

    Attributes:
        y: (m, K) classes of a conditional network, else None. eps: (m, d), which an autoencoder without noise does not read.
        found: what `trace` gave. back: (m, n), what came back from the decoder; back_after: after the step.
    """

    network: VAE | Autoencoder
    optimizer: Optimizer
    x: Array
    y: Array | None
    eps: Array
    found: dict[str, Any]
    cost: float
    cost_after: float
    back: Array
    back_after: Array
    theta: Array
    theta_after: Array
    gradient: Array
    used: Array
    length: float
    clip: float | None
    before: dict[str, Array]
    after: dict[str, Array]
    update: Array

    @property
    def m(self) -> int:
        return len(self.x)

    @property
    def beta(self) -> float:
        """The weight of the divergence in this step; 0 of an autoencoder, which has none."""
        net = self.network
        if not isinstance(net, VAE):
            return 0.0
        return net.beta * (min(1.0, float(net.buffers["steps"][0]) / net.warm_up) if net.warm_up else 1.0)


def take_codes(network: VAE | Autoencoder, x: Array, y: Array, optimizer: Optimizer, clip: float | None) -> CodesStep:
    """Take one step on copies of the network and the optimiser. x: (m, ...), y: (m, K), read where the network is conditional.

    Raises ModelError for a batch that does not fit and numbers that are not finite.
    """
    net = copied_codes(network)
    x = np.asarray(x, np.float64).reshape(len(x), -1)
    target = np.asarray(y, np.float64) if net.classes else None
    eps = copy.deepcopy(network.rng).standard_normal((len(x), net.latent), network.dtype).astype(np.float64)
    optimizer = copied_optimizer(optimizer, net.parameters)
    before = {slot: vector.copy() for slot, vector in optimizer.state.items()}
    with np.errstate(over="ignore", invalid="ignore"):  # said below, in words
        cost = net.learn(x, target, eps)
    if not (np.isfinite(cost) and np.isfinite(net.gradient).all()):
        raise ModelError(
            f"this step cannot be explained: {net.first_non_finite() or 'the cost'} is not finite, so its numbers say nothing"
        )
    found, back = net.trace(), net.decoder.a[-1].copy()
    gradient, theta = net.gradient.copy(), net.parameters.copy()
    length = float(np.linalg.norm(gradient))
    used = gradient.copy()
    if clip is not None:
        clip_gradient(used, clip)
    after = net.parameters.copy()
    Optimizer.step(optimizer, after, used)
    net.parameters[...] = after
    if "steps" in net.buffers:
        net.buffers["steps"] -= 1  # the same weight of the divergence as before
    cost_after = net.learn(x, target, eps)
    return CodesStep(
        network=copied_codes(network),
        optimizer=optimizer,
        x=x,
        y=target,
        eps=eps,
        found=found,
        cost=cost,
        cost_after=cost_after,
        back=back,
        back_after=net.decoder.a[-1].copy(),
        theta=theta,
        theta_after=after,
        gradient=gradient,
        used=used,
        length=length,
        clip=clip,
        before=before,
        after={slot: vector.copy() for slot, vector in optimizer.state.items()},
        update=optimizer.update.copy(),
    )


def copied_codes(network: VAE | Autoencoder) -> VAE | Autoencoder:
    """The same network in float64, sharing nothing with the first."""
    make = vae.from_architecture if isinstance(network, VAE) else autoencoder.from_architecture
    twin = make(network.architecture(), np.float64)
    twin.parameters[...] = network.parameters
    for name, array in network.buffers.items():
        twin.buffers[name][...] = array
    return twin
