"""Taking one real training step while watching: the same `learn` and the same update as in any training, on copies.

    step = take_step(network, x, y, SGD(0.1))

It does so for any network that a training takes. What a network lets you see of the step is said by one function for each kind,
registered with `record_of`; for every other network the tape is looked at, where its ops are byhand's.
"""

from __future__ import annotations

import copy
from functools import singledispatch
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import Node, no_grad, watch
from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.models.autoencoder import Autoencoder
from byhand.models.iwae import IWAE
from byhand.models.vae import VAE
from byhand.neural_network import Turn
from byhand.optim import Adam, Optimizer, clip
from byhand.see.coder_record import AutoencoderNumbers, CoderRecord, VAENumbers
from byhand.see.feedforward_record import FeedForwardRecord
from byhand.see.importance_record import ImportanceRecord
from byhand.see.opaque_record import OpaqueRecord
from byhand.see.step import Record, TrainingStep
from byhand.see.tape import Tape


@singledispatch
def record_of(network: Any, tape: list[Node]) -> Record:
    """What a network lets you see of the pass that it has just made; tape: of its ops, empty for a network by hand.

    `record_of.register(MyNetwork, function)` says it for a network of your own; see `byhand.see.step.Record`.
    """
    return Tape(network, tape) if tape else OpaqueRecord(network)


@record_of.register
def _(network: FeedForward, tape: list[Node]) -> Record:
    return FeedForwardRecord(network, network.trace())


@record_of.register
def _(network: Autoencoder, tape: list[Node]) -> Record:
    return CoderRecord(network, network.trace(), AutoencoderNumbers)


@record_of.register
def _(network: IWAE, tape: list[Node]) -> Record:
    return ImportanceRecord(network, network.trace())


@record_of.register
def _(network: VAE, tape: list[Node]) -> Record:
    return CoderRecord(network, network.trace(), VAENumbers)


def take_step(
    network: Any,
    x: Array,
    y: Array,
    optimizer: Optimizer,
    *,
    clip_length: float | None = None,
    dtype: Any = np.float64,
    rng: np.random.Generator | None = None,
) -> TrainingStep:
    """Take one step on copies of the network and the optimiser.

    Arguments:
        x, y: the batch, as the network's `learn` takes it. clip_length: the largest length of the gradient, or None.
        dtype: in which it is computed. rng: of dropout, copied and not drawn from; the network's own unless given.

    Raises ModelError where the batch does not fit, and where the step's numbers are not finite.
    """
    net, after = (network.twin(dtype) for _ in range(2))  # a second one, since a first step may change how `learn` weighs
    x, y = (np.asarray(each, dtype) if np.asarray(each).dtype.kind == "f" else each for each in (x, y))
    x, y = net.as_batch(x, y)
    chance = network.chance(y, len(x))
    rng = copy.deepcopy(network.rng if rng is None else rng)
    net.rng, after.rng = copy.deepcopy(rng), copy.deepcopy(rng)
    optimizer = optimizer_twin(optimizer, net.parameters)
    optimizer.locate(net.parameters, getattr(net, "named_parameters", dict)())
    before = {slot: vector.copy() for slot, vector in optimizer.state.items()}
    with np.errstate(over="ignore", invalid="ignore"), watch() as tape:  # said below, in words
        cost = net.learn(x, y, *chance)
    if not (np.isfinite(cost) and np.isfinite(net.gradient).all()):
        raise ModelError(
            f"this step cannot be explained: {net.first_non_finite() or 'the cost'} is not finite, so its numbers say nothing"
        )
    gradient, theta = net.gradient.copy(), net.parameters.copy()
    used, theta_after = gradient.copy(), theta.copy()
    length = float(np.linalg.norm(gradient))
    if clip_length is not None:
        clip(used, clip_length)
    after.parameters[...] = theta
    with np.errstate(over="ignore", invalid="ignore"):
        moved(optimizer, theta_after, used, *net.turn())
        after.parameters[...] = theta_after
        with no_grad(), watch() as tape_after:
            cost_after = after.learn(x, y, *chance)
    return TrainingStep(
        network=network.twin(dtype),
        optimizer=optimizer,
        x=x,
        y=y,
        chance=chance,
        rng=rng,
        cost=cost,
        cost_after=cost_after,
        theta=theta,
        theta_after=theta_after,
        gradient=gradient,
        used=used,
        length=length,
        clip=clip_length,
        before=before,
        after={slot: vector.copy() for slot, vector in optimizer.state.items()},
        update=optimizer.update.copy(),
        record=record_of(net, tape),
        answers_after=record_of(after, tape_after).answers,
    )


def moved(optimizer: Optimizer, parameters: Array, gradient: Array, *turn: Turn) -> None:
    """The optimiser's step, in place; ours as the textbook writes it.

    Adam's own may take a compiled way to the same bits, whose source says less. Somebody's own step is taken as it is.
    """
    if type(optimizer).step in (Optimizer.step, Adam.step):
        Optimizer.step(optimizer, parameters, gradient, *turn)
    else:
        optimizer.step(parameters, gradient, *turn)


def optimizer_twin(optimizer: Optimizer, parameters: Array) -> Optimizer:
    """The same optimiser in the parameters' float type, at the same step, sharing nothing with the first."""
    twin = copy.deepcopy(optimizer)
    if twin.update.shape == parameters.shape:
        twin.state = {slot: vector.astype(parameters.dtype) for slot, vector in twin.state.items()}
        twin.update = twin.update.astype(parameters.dtype)
    twin.prepare(parameters)
    return twin
