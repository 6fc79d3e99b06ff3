"""A training step, explained: every equation with its numbers, its shapes and its source, and then the proof.

One real step is taken on copies, with the same `learn` and the same optimiser as any training, and all that it computed is laid
out in the order in which it was computed: forward, cost, backward, update. Each kind of network gives its own account, see
`byhand.see.accounts`; what comes out is one kind of data, which the page, the terminal, JSON and notebooks read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from byhand.backend import Array, generator
from byhand.errors import ModelError
from byhand.optim import Optimizer
from byhand.see import (  # each registers its account
    explain_any_network,
    explain_autoencoder,
    explain_diffusion,
    explain_feedforward,
    explain_network,
)
from byhand.see.accounts import Request, account_of
from byhand.see.explanation import Explanation
from byhand.see.notebook import html_of
from byhand.see.unit_address import UnitAddress
from byhand.see.weight import Weight

__all__ = ["explain", "explain_any_network", "explain_autoencoder", "explain_diffusion", "explain_feedforward", "explain_network"]


def explain(
    network: Any,
    x: Array,
    y: Array,
    *,
    optimizer: Optimizer | None = None,
    indices: Sequence[int] | None = None,
    weights: Sequence[Weight | str] = (),
    at: Sequence[UnitAddress | str] = (),
    classes: Sequence[str] = (),
    clip: float | None = None,
    dtype: Any = np.float64,
    seed: int | None = None,
) -> Explanation:
    """Take one training step on this batch and lay it out. The network and the optimiser that are given stay as they are.

    Arguments:
        network: as it stands before the step: of fully connected layers, of modules, an autoencoder, a VAE, or for diffusion.
        x, y: the batch, (m, ...) inputs and the targets, as the network's `learn` takes them.
        optimizer: SGD unless another is given, with a rate of 3.0, Nielsen's, or 0.01 where the network is an autoencoder or for
            diffusion; its state is taken along.
        indices: (m,) of the samples in their data set, to name them by; 0..m-1 unless given.
        weights: of a feed-forward network, to prove and to follow, as `Weight` or "layer:j,k"; the input is layer 1, units count
            from 0. Where none are given, the weight with the largest gradient in each layer, and further large ones up to three.
        at: what to follow in other networks: outputs of modules, as `UnitAddress` or "SCOPE:N,I,J,O"; of an autoencoder "J,P", a
            number of the code and a pixel; of diffusion "I,J,C", a number of the sample. The strongest unless given.
        classes: names of the outputs, to label samples with; their numbers unless given.
        clip: the largest length of the gradient, or None.
        dtype: that the step of layers and modules is taken in; all others and every proof are in float64.
        seed: of dropout; None goes on with the network's own generator, from where it stands, as its training would.

    Raises ModelError for what is to be followed and is not there, a batch that does not fit the network, an op without an
    equation, a network of which nobody gives an account, and numbers that are not finite.

    >>> from byhand import FeedForward, nn
    >>> explanation = explain(FeedForward((4, 5, 3), seed=1), np.ones((1, 4)), np.eye(3)[:1], weights=["3:0,2"])
    >>> [section.title for section in explanation.sections][:2]
    ['Layer 2: weighted input', 'Layer 2: activation (sigmoid)']
    >>> explanation.weights[0].proof.agrees
    True
    >>> net = nn.Network(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), (4,), seed=1)
    >>> [section.title for section in explain(net, np.ones((1, 4)), np.eye(3)[:1], at=["2:0,1"]).stage("forward")]
    ['0, Linear: linear', '1, ReLU: relu', '2, Linear: linear']
    """
    account = account_of(network)
    account.check(weights, at, "this")
    numbers = tuple(range(len(x)) if indices is None else (int(index) for index in indices))
    if len(numbers) != len(x):
        raise ModelError(f"{len(numbers)} indices for {len(x)} samples: give one index a sample, or none")
    rng = network.rng if seed is None else generator(seed, "dropout")
    request = Request(x, y, optimizer, numbers, weights, at, classes, clip, dtype, rng)
    return replace(account.explain(network, request), notebook=html_of)
