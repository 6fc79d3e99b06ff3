"""Running one real training step, and keeping all of it: the same `learn` and `optimizer.step` as any training.

Everything is keyed by Nielsen's layer l: the input is layer 1, weights stand in the layers 2..L.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.activations import Activation
from byhand.backend import Array
from byhand.costs import Cost
from byhand.errors import ModelError
from byhand.feedforward import FeedForward, Trace, from_architecture
from byhand.optim import Optimizer, clip
from byhand.see.weight import Weight


@dataclass(frozen=True)
class Observed:
    """What one step read, computed and changed.

    Attributes:
        sizes: units a layer; L = len(sizes) is the number of the last one.
        y: (m, n_L) targets.
        w, b: parameters before the step; w_after, b_after: after it.
        z, delta: (m, n_l) for l = 2..L.
        a: (m, n_l) for l = 1..L, as the next layer read it (dropout included); full: before dropout.
        kept: (m, n_l) of a hidden layer with dropout: 0, or 1/(1-p).
        gradient: the flat gradient as `learn` left it; used: as the optimiser got it, clipped or not.
        cost: of the batch with its weight decay; decay: that part alone; cost_after: the same batch after the step.
        before, after: the optimiser's state vectors around the step; update: what it added to the parameters.
        rng: dropout's generator as it stood before the step.
    """

    network: FeedForward
    optimizer: Optimizer
    trace: Trace
    sizes: tuple[int, ...]
    activations: dict[int, Activation]
    cost_function: Cost
    y: Array
    w: dict[int, Array]
    b: dict[int, Array]
    w_after: dict[int, Array]
    b_after: dict[int, Array]
    z: dict[int, Array]
    a: dict[int, Array]
    full: dict[int, Array]
    delta: dict[int, Array]
    kept: dict[int, Array]
    w_gradient: dict[int, Array]
    b_gradient: dict[int, Array]
    gradient: Array
    used: Array
    length: float
    clip: float | None
    cost: float
    decay: float
    cost_after: float
    output_after: Array
    before: dict[str, Array]
    after: dict[str, Array]
    update: Array
    rng: np.random.Generator

    @property
    def last(self) -> int:
        return len(self.sizes)

    @property
    def m(self) -> int:
        return len(self.y)

    def flat_index(self, weight: Weight) -> int:
        """Where the weight stands in the flat vectors: all weights first, matrix by matrix, column by column."""
        ahead = sum(self.w[layer].size for layer in range(2, weight.layer))
        return ahead + weight.k * self.sizes[weight.layer - 1] + weight.j


def observe(
    network: FeedForward,
    x: Array,
    y: Array,
    optimizer: Optimizer,
    clip_length: float | None,
    dtype: Any,
    rng: np.random.Generator,
) -> Observed:
    """Take one step on copies of the network and the optimiser. x: (m, ...), y: (m, n_L);
    rng: of dropout; it is copied, not drawn from.

    Raises ModelError where targets do not fit the inputs or the network, or the step's numbers are not finite.
    """
    net = copied(network, dtype)
    optimizer = copied_optimizer(optimizer, net)
    x, y = np.asarray(x, net.dtype), np.asarray(y, net.dtype)
    if y.shape != (len(x), net.sizes[-1]):
        raise ModelError(
            f"the targets are {y.shape}, but {len(x)} samples and {net.sizes[-1]} outputs want {(len(x), net.sizes[-1])}"
        )
    old = net.parameters.copy()
    before = {slot: vector.copy() for slot, vector in optimizer.state.items()}

    net.rng = copy.deepcopy(rng)
    with np.errstate(over="ignore", invalid="ignore"):  # said below, in words
        cost = net.learn(x, y)
    if not (np.isfinite(cost) and np.isfinite(net.gradient).all()):
        raise ModelError(
            f"this step cannot be explained: {net.first_non_finite() or 'the cost'} is not finite, so its numbers say nothing"
        )
    trace, gradient = net.trace(), net.gradient.copy()
    length = float(np.linalg.norm(gradient))
    if clip_length is not None:
        clip(net.gradient, clip_length)
    # The textbook's step by name: Adam's own may take a compiled way to the same bits, whose source says less.
    Optimizer.step(optimizer, net.parameters, net.gradient)

    layers = range(2, len(net.sizes) + 1)
    buffers = net._buffers_for(len(x))
    was = copied(net, dtype)
    was.parameters[...] = old
    full = {1: trace.a[0], **{layer: buffers.a[layer - 2].copy() for layer in layers}}
    kept = {layer: buffers.kept[layer - 2].copy() for layer in layers[:-1]} if net.dropout else {}
    data_cost = net.cost.value(trace.z[-1], trace.a[-1], y, net.activations[-1])

    again = copied(net, dtype)
    again.rng = copy.deepcopy(rng)
    cost_after = again.learn(x, y)
    return Observed(
        network=was,
        optimizer=optimizer,
        trace=trace,
        sizes=net.sizes,
        activations=dict(zip(layers, net.activations, strict=True)),
        cost_function=net.cost,
        y=trace.y,
        w=dict(zip(layers, was.weights, strict=True)),
        b=dict(zip(layers, was.biases, strict=True)),
        w_after=dict(zip(layers, net.weights, strict=True)),
        b_after=dict(zip(layers, net.biases, strict=True)),
        z=dict(zip(layers, trace.z, strict=True)),
        a=dict(enumerate(trace.a, start=1)),
        full=full,
        delta=dict(zip(layers, trace.delta, strict=True)),
        kept=kept,
        w_gradient=dict(zip(layers, trace.weight_gradients, strict=True)),
        b_gradient=dict(zip(layers, trace.bias_gradients, strict=True)),
        gradient=gradient,
        used=net.gradient.copy(),
        length=length,
        clip=clip_length,
        cost=cost,
        decay=cost - data_cost,
        cost_after=cost_after,
        output_after=net.forward(x),
        before=before,
        after={slot: vector.copy() for slot, vector in optimizer.state.items()},
        update=optimizer.update.copy(),
        rng=copy.deepcopy(rng),
    )


def copied(network: FeedForward, dtype: Any) -> FeedForward:
    """The same network in this float type, sharing nothing with the first."""
    twin = from_architecture(network.architecture(), dtype)
    twin.parameters[...] = network.parameters
    return twin


def copied_optimizer(optimizer: Optimizer, network: FeedForward) -> Optimizer:
    """The same optimiser in the network's float type, at the same step, sharing nothing with the first."""
    twin = copy.deepcopy(optimizer)
    if twin.update.shape == network.parameters.shape:
        twin.state = {slot: vector.astype(network.dtype) for slot, vector in twin.state.items()}
        twin.update = twin.update.astype(network.dtype)
    twin.prepare(network.parameters)
    return twin
