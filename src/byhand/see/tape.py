"""The ops of a step of a network of modules, in the order in which they were computed, with the names of what they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import Node, Tensor, no_grad, ops
from byhand.engine.call import Call, call_of, output_symbol, symbol_of
from byhand.errors import ModelError
from byhand.see.step import parameter_views
from byhand.see.step_array import StepArrays
from byhand.see.tape_numbers import describe_tape
from byhand.terms import At, per_sample

COSTS = {"cross_entropy", "bce_with_logits", "mse_loss"}
MOVES = {"reshape", "transpose", "index", "broadcast"}  # ops that compute nothing: each number comes from one place


@dataclass(frozen=True)
class Operand:
    """One input of an op: its symbol in the op's equation, its numbers, where it comes from, and its gradient or None.

    slot: which input it is. origin: "0.weight" for a parameter, "0" for what the module 0 computed, "the input" for data.
    """

    symbol: str
    values: Array
    origin: str
    parameter: bool
    gradient: Any
    slot: int


@dataclass(frozen=True)
class ModuleOp:
    """One op of the step, with all that it read and computed.

    name: the module that it belongs to, or the op's own name outside of all; kind: that module's class; symbol: of the output.
    """

    node: Node
    name: str
    kind: str
    symbol: str
    inputs: tuple[Operand, ...]

    @property
    def output(self) -> Array:
        return self.node.output

    @property
    def delta(self) -> Array:
        return self.node.delta

    @cached_property
    def call(self) -> Call:
        """The same as its terms need it."""
        return call_of(self.node)

    @property
    def title(self) -> str:
        return f"{self.name}, {self.kind}: {self.node.op.name}" if self.kind else self.name

    @property
    def draws_maps(self) -> bool:
        """Whether the output is images (N, H, W, C), of which each channel is a map, and not heads of attention."""
        return self.output.ndim == 4 and self.node.op.name not in {*MOVES, "attention", "matmul"}


class Tape:
    """What a network of modules lets you see of a step: see `byhand.see.step.Record`.

    network: that learned; its parameters are those that the ops read. nodes: the last is the cost.
    """

    local_symbols = True

    def __init__(self, network: Any, nodes: Sequence[Node]) -> None:
        self.network, self.nodes = network, nodes

    def parameters(self, vector: Array) -> dict[str, Array]:
        return parameter_views(self.network, vector)

    @cached_property
    def own(self) -> dict[int, str]:
        """The names of the network's parameters, by the identity of their tensors."""
        return {id(parameter): name for name, parameter in self.network.module.parameters()}

    @cached_property
    def ops(self) -> tuple[ModuleOp, ...]:
        """Every op in the order in which it was computed, with the names of the modules and parameters that it belongs to.

        Raises ModelError for an op whose docstring has no mathematics.
        """
        kinds = {name: type(module).__name__ for name, module in self.network.module.modules()}
        names: dict[int, str] = {}
        found = []
        for node in self.nodes:
            name = names[id(node)] = node.scope or node.op.name
            gradients = node.gradients if node.gradients is not None else (None,) * len(node.inputs)
            operands = []
            for slot, (given, gradient) in enumerate(zip(node.inputs, gradients, strict=True)):
                values = values_of(given)
                if values is None:
                    continue  # no bias, or a plain number
                before = given.node if isinstance(given, Tensor) else None
                origin = self.own.get(id(given)) or (names.get(id(before), "") if before is not None else "the input")
                operands.append(Operand(symbol_of(node.op, slot), values, origin, id(given) in self.own, gradient, slot))
            try:
                symbol = output_symbol(node.op)
            except ModelError as error:
                raise ModelError(f"{node.scope or 'this network'} cannot be explained: {error}") from error
            found.append(ModuleOp(node, name, kinds.get(node.scope, "") if node.scope else "", symbol, tuple(operands)))
        return tuple(found)

    @property
    def answers(self) -> Array:
        """What went into the cost, as the probabilities that it stands for; of a cost of the network's own the cost itself."""
        cost = self.nodes[-1]
        if cost.op.name not in COSTS:
            return np.reshape(cost.output, (1, -1))
        z = cost.inputs[0].data
        with no_grad():
            if self.network.cost == "cross_entropy":
                return ops.softmax(Tensor(z), axis=-1).data
            return ops.sigmoid(Tensor(z)).data if self.network.cost == "bce" else z

    def contributions(self, name: str, at: At, m: int) -> Array:
        """What each sample gave to the gradient of a parameter’s number, (m,), after the step: the parameters have moved on.

        Raises ModelError where it is read by an op whose terms read the parameters again.
        """
        given = np.zeros(m)
        for node in self.nodes:
            for slot, operand in enumerate(node.inputs):
                if self.own.get(id(operand)) != name:
                    continue
                if node.op.said("gradient_terms") is None or node.options.get("activation") is not None:
                    reader = node.op.name.replace("_", " ")
                    raise ModelError(f"{name} is read by a {reader}, whose pushes are known of one step only")
                call = call_of(node)
                if call.delta is not None and node.wanted[slot]:  # of a GAN's players one waits
                    given += per_sample(call.gradient_terms(slot, at), m)
        return given

    def describe(self, arrays: StepArrays) -> None:
        describe_tape(self.ops, self.parameters, arrays)


def values_of(given: Any) -> Array | None:
    """The numbers that an op read as an array; None for a plain number, or nothing."""
    values = given.data if isinstance(given, Tensor) else given
    return values if hasattr(values, "shape") else None
