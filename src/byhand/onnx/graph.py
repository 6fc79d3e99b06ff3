"""A graph of ONNX as a module: its nodes in the order of the file, its weights as parameters with their names.

`byhand import` makes a `Sequential` of a plain chain of layers (`byhand.import_weights`). This is for all else: branches,
residual additions, shapes that are computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from byhand.backend import Array
from byhand.engine import Tensor
from byhand.engine.tensor import scope
from byhand.errors import ByhandError, ModelError
from byhand.nn.module import Module, Parameter
from byhand.onnx.call import OPERATIONS, TYPES, Call

READ = {np.dtype(name) for name in TYPES.values()}


class Node(NamedTuple):
    """One operation of a graph, with the names of what it reads ("" for nothing) and of what it computes."""

    call: Call
    inputs: Sequence[str]
    outputs: Sequence[str]


class OnnxGraph(Module):
    """The nodes of an ONNX graph, computed one after the other.

    Arguments:
        nodes: in an order in which each finds what it reads. inputs, outputs: names of the graph's own.
        weights: what can be trained, and constants: the other arrays, by name.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        inputs: Sequence[str],
        outputs: Sequence[str],
        weights: Mapping[str, Array],
        constants: Mapping[str, Array],
    ) -> None:
        self.nodes, self.inputs, self.outputs, self.constants = nodes, inputs, outputs, constants
        self.names = {name: attribute(name) for name in weights}
        self.weight = {self.names[name]: Parameter(array) for name, array in weights.items()}

    def forward(self, *given: Any) -> Any:
        """The first output of the graph for a batch."""
        return self.run(*given)[0]

    def run(self, *given: Any) -> list[Tensor]:
        """All outputs of the graph; raises ModelError that names the node, where something cannot be computed."""
        if any(one is None or isinstance(one, list | tuple) for one in given):
            raise ModelError("the graph reads a sequence or an optional value, which is not read, only arrays")
        x = [one if isinstance(one, Tensor) else Tensor(np.asarray(one)) for one in given]
        values: dict[str, Any] = {name: Tensor(array) for name, array in self.constants.items()}
        values |= {name: self.weight[own] for name, own in self.names.items()}
        values |= dict(zip(self.inputs, x, strict=True))
        values[""] = None
        for call, inputs, outputs in self.nodes:
            found = _computed(call, [values[name] for name in inputs])
            values.update((name, one) for name, one in zip(outputs, found, strict=False) if name)
        missing = [name for name in self.outputs if name not in values]
        if missing:
            raise ModelError(f"the output {missing[0]!r} of the graph is not computed by what is read of it")
        return [values[name] for name in self.outputs]


def _computed(call: Call, arrays: list[Tensor | None]) -> tuple[Tensor, ...]:
    """The outputs of a node; whatever goes wrong is told with its name."""
    for one in arrays:
        if one is not None and one.dtype not in READ:
            raise call.refuse(f"gets {one.dtype}, which is not read, only {', '.join(TYPES.values())}")
    try:
        with scope(call.name):
            found = OPERATIONS[call.op].compute(call, *arrays)
    except ModelError:
        raise
    except (ByhandError, ValueError, IndexError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        reason = " ".join(str(error).split())[:200]
        raise call.refuse(f"cannot be computed of {[None if a is None else a.shape for a in arrays]} ({reason})") from error
    return found if isinstance(found, tuple) else (found,)


def attribute(name: str) -> str:
    """The name of a weight in a network: a dot parts modules there.

    >>> attribute("conv1.weight")
    'conv1_weight'
    """
    return name.replace(".", "_")
