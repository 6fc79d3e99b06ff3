"""Running one real training step of a network of modules while watching, and keeping all of it.

The same `learn` and `optimizer.step` as any training, on copies; the tape says in which order what was computed of what.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import Node, Tensor, no_grad, ops, watch
from byhand.errors import ModelError
from byhand.kernels.threads import one_blas_thread
from byhand.models import denoiser
from byhand.models.denoiser import DiffusionNetwork, Drawn
from byhand.nn import Network
from byhand.optim import Optimizer, clip

GREEK = {"gamma", "beta", "mu", "sigma", "alpha"}


@dataclass(frozen=True)
class Given:
    """One input of an op: its symbol in the op's equation, its numbers, where it comes from, and its gradient or None.

    origin: "0.weight" for a parameter, "0" for what the module 0 computed, "the input" or "the targets" for data.
    """

    symbol: str
    values: Array
    origin: str
    parameter: bool
    gradient: Any


@dataclass(frozen=True)
class Seen:
    """One op of the step, with all that it read and computed.

    name: the module that it belongs to, or the op's own name outside of all; kind: that module's class; symbol: of the output.
    """

    node: Node
    name: str
    kind: str
    symbol: str
    inputs: tuple[Given, ...]

    @property
    def output(self) -> Array:
        return self.node.output

    @property
    def delta(self) -> Array:
        return self.node.delta

    @property
    def title(self) -> str:
        return f"{self.name}, {self.kind}: {self.node.op.name}" if self.kind else self.name


@dataclass(frozen=True)
class Taped:
    """What one step of a network of modules read, computed and changed.

    Attributes:
        network: as it stood before the step; x: (m, ...) and y: the batch.
        ops: every op in the order in which it was computed; the last is the cost.
        entries: name of each parameter -> where it stands in the flat vectors.
        theta, theta_after: all parameters in one vector, before and after the step.
        gradient: as `learn` left it; used: as the optimiser got it, clipped or not; length: of the gradient.
        answers, answers_after: what came out in training mode, with the same dropout: probabilities where the cost wants them.
        before, after: the optimiser's state vectors around the step; update: what it added to the parameters.
        rng: dropout's generator as it stood before the step.
    """

    network: Network
    optimizer: Optimizer
    x: Array
    y: Array
    ops: tuple[Seen, ...]
    entries: dict[str, slice]
    theta: Array
    theta_after: Array
    gradient: Array
    used: Array
    length: float
    clip: float | None
    cost: float
    cost_after: float
    answers: Array
    answers_after: Array
    before: dict[str, Array]
    after: dict[str, Array]
    update: Array
    rng: np.random.Generator

    @property
    def m(self) -> int:
        return len(self.x)

    def parameter(self, name: str, vector: Array) -> Array:
        """One parameter's part of a flat vector, in its own shape."""
        shapes = {own: parameter.shape for own, parameter in self.network.module.parameters()}
        return vector[self.entries[name]].reshape(shapes[name])


def take(
    network: Network,
    x: Array,
    y: Array,
    optimizer: Optimizer,
    clip_length: float | None,
    dtype: Any,
    rng: np.random.Generator,
    drawn: Drawn | None = None,
) -> Taped:
    """Take one step on copies of the network and the optimiser; rng: of dropout, copied and not drawn from.

    drawn: of a diffusion network, the times, the noise and the labels of the batch.

    Raises ModelError where the step's numbers are not finite, and EngineError or ModelError where the batch does not fit.
    """
    net, was = copied(network, dtype), copied(network, dtype)
    x = np.asarray(x, net.dtype) if np.asarray(x).dtype.kind == "f" else np.asarray(x)
    x = x.reshape(len(x), *net.input_shape) if x.ndim and x.size == len(x) * net.n_inputs else x
    y = np.asarray(y, net.dtype) if np.asarray(y).dtype.kind == "f" else np.asarray(y)
    if len(x) != len(y):
        raise ModelError(f"there are {len(x)} samples but {len(y)} targets: give one each")
    optimizer = copied_optimizer(optimizer, net.parameters)
    before = {slot: vector.copy() for slot, vector in optimizer.state.items()}

    net.rng = copy.deepcopy(rng)
    with np.errstate(over="ignore", invalid="ignore"), watch() as tape:  # said below, in words
        cost = net.learn(x, y) if drawn is None else _learn(net, x, y, drawn)
    if not (np.isfinite(cost) and np.isfinite(net.gradient).all()):
        raise ModelError(
            f"this step cannot be explained: {net.first_non_finite() or 'the cost'} is not finite, so its numbers say nothing"
        )
    found = _named(net, tape)  # while the network's parameters are those that the tape names
    gradient, theta = net.gradient.copy(), net.parameters.copy()
    length = float(np.linalg.norm(gradient))
    if clip_length is not None:
        clip(net.gradient, clip_length)
    with np.errstate(over="ignore", invalid="ignore"):
        # The textbook's step by name: Adam's own may take a compiled way to the same bits, whose source says less.
        Optimizer.step(optimizer, net.parameters, net.gradient)
    net.rng = copy.deepcopy(rng)
    with no_grad(), watch() as again:
        cost_after = net.loss(Tensor(x), y, *([] if drawn is None else [drawn])).item()
    theta_after, net.parameters[...] = net.parameters.copy(), theta  # the tape's arrays are views of these
    return Taped(
        network=was,
        optimizer=optimizer,
        x=x,
        y=y,
        ops=found,
        entries=_entries(net),
        theta=theta,
        theta_after=theta_after,
        gradient=gradient,
        used=net.gradient.copy(),
        length=length,
        clip=clip_length,
        cost=cost,
        cost_after=cost_after,
        answers=_answers(net, tape[-1]),
        answers_after=_answers(net, again[-1]),
        before=before,
        after={slot: vector.copy() for slot, vector in optimizer.state.items()},
        update=optimizer.update.copy(),
        rng=copy.deepcopy(rng),
    )


def _learn(net: Network, x: Array, y: Array, drawn: Drawn) -> float:
    """As `DiffusionNetwork.learn`, with what was drawn."""
    net.module.train()
    net.gradient.fill(0)
    with one_blas_thread():
        cost = net.loss(Tensor(x), y, drawn)  # type: ignore[call-arg]
        cost.backward()
    return cost.item()


def copied(network: Network, dtype: Any) -> Network:
    """The same network in this float type, sharing nothing with the first."""
    if isinstance(network, DiffusionNetwork):
        twin = denoiser.from_architecture(network.architecture(), dtype)
        twin.parameters[...] = network.parameters
        for name, array in network.buffers.items():
            twin.buffers[name][...] = array
        return twin
    return Network(
        copy.deepcopy(network.module),
        network.input_shape,
        cost=network.cost,
        label_smoothing=network.label_smoothing,
        initialiser=None,
        dtype=dtype,
    )


def copied_optimizer(optimizer: Optimizer, parameters: Array) -> Optimizer:
    """The same optimiser in the parameters' float type, at the same step."""
    twin = copy.deepcopy(optimizer)
    if twin.update.shape == parameters.shape:
        twin.state = {slot: vector.astype(parameters.dtype) for slot, vector in twin.state.items()}
        twin.update = twin.update.astype(parameters.dtype)
    twin.prepare(parameters)
    return twin


def _entries(network: Network) -> dict[str, slice]:
    found, start = {}, 0
    for name, parameter in network.module.parameters():
        found[name] = slice(start, start + parameter.size)
        start += parameter.size
    return found


def _answers(network: Network, cost: Node) -> Array:
    """What went into the cost, as the probabilities that it stands for."""
    z = cost.inputs[0].data
    with no_grad():
        if network.cost == "cross_entropy":
            return ops.softmax(Tensor(z), axis=-1).data
        return ops.sigmoid(Tensor(z)).data if network.cost == "bce" else z


def _named(network: Network, tape: Sequence[Node]) -> tuple[Seen, ...]:
    """The tape's ops, with the names of the modules and parameters that they belong to."""
    parameters = {id(parameter): name for name, parameter in network.module.parameters()}
    kinds = {name: type(module).__name__ for name, module in network.module.modules()}
    names: dict[int, str] = {}
    found = []
    for node in tape:
        name = names[id(node)] = node.scope or node.op.name
        gradients = node.gradients if node.gradients is not None else (None,) * len(node.inputs)
        given = []
        for number, (value, gradient) in enumerate(zip(node.inputs, gradients, strict=True)):
            values = value.data if isinstance(value, Tensor) else value
            if not hasattr(values, "shape"):
                continue  # no bias, or a plain number
            places = node.op.places
            symbol = places[number] if number < len(places) else f"a_{{{number + 1}}}"
            before = value.node if isinstance(value, Tensor) else None
            origin = parameters.get(id(value)) or (names.get(id(before), "") if before is not None else "the input")
            given.append(Given(latex(symbol), values, origin, id(value) in parameters, gradient))
        found.append(Seen(node, name, kinds.get(node.scope, "") if node.scope else "", _output(node), tuple(given)))
    return tuple(found)


def latex(symbol: str) -> str:
    """A name in the code as the symbol of the equations."""
    return f"\\{symbol}" if symbol in GREEK else r"\ln \sigma" if symbol == "log_sigma" else symbol


def _output(node: Node) -> str:
    """The symbol of what an op computes, as its docstring's `Shapes:` has it.

    Raises ModelError for an op whose docstring has no mathematics.
    """
    try:
        shapes = node.op.documented().shapes
    except ModelError as error:
        raise ModelError(f"{node.scope or 'this network'} cannot be explained: {error}") from error
    found = re.search(r"->\s*(\w+)\s*:", shapes)
    return latex(found[1]) if found else "y"
