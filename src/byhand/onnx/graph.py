"""A graph of ONNX as a module: its nodes in the order of the file, its weights as parameters with their names.

`byhand import` makes a `Sequential` of a plain chain of layers (`byhand.import_weights`). This is for all else: branches,
residual additions, shapes that are computed. A model file holds the graph as plain data, and checks it like any other file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.engine import Tensor
from byhand.engine.tensor import scope
from byhand.errors import ByhandError, ModelError
from byhand.nn.module import Module, Parameter
from byhand.onnx.call import LARGEST, OPERATIONS, TYPES, Call

READ = {np.dtype(name) for name in TYPES.values()}
MOST_NODES = 100_000
MOST_CONSTANTS = 1_000_000  # numbers that are not trained
IMAGES = ("", "channels_first", "rows")
PARTS = {"op", "name", "opset", "attributes", "inputs", "outputs"}


class Node(NamedTuple):
    """One operation of a graph, with the names of what it reads ("" for nothing) and of what it computes."""

    call: Call
    inputs: Sequence[str]
    outputs: Sequence[str]


class OnnxGraph(Module):
    """The nodes of an ONNX graph, computed one after the other.

    Arguments, all of them plain data as a model file holds them:
        nodes: dicts of op, name, opset, attributes, inputs and outputs, in an order in which each finds what it reads.
        inputs, outputs: names of the graph's own.
        weights: the shapes of what can be trained, by name; they begin as zeros. constants: the other arrays, by name, as
            `plain` gives them.
        images: how byhand's (N, H, W, C) go in: "" as they are, "channels_first" as (N, C, H, W), or "rows" of these.

    Raises ModelError for a node that is not understood: which, and what of it.
    """

    def __init__(
        self,
        nodes: Sequence[Mapping[str, Any]],
        inputs: Sequence[str],
        outputs: Sequence[str],
        weights: Mapping[str, Sequence[int]],
        constants: Mapping[str, Mapping[str, Any]],
        images: str = "",
    ) -> None:
        if len(nodes) > MOST_NODES:
            raise ModelError(f"the graph must have at most {MOST_NODES:,} nodes, got {len(nodes):,}")
        self.nodes = [_node(given) for given in nodes]
        self.inputs, self.outputs = _texts("inputs", inputs), _texts("outputs", outputs)
        self.constants = {name: arrayed(given, f"the constant {name!r}") for name, given in constants.items()}
        if sum(array.size for array in self.constants.values()) > MOST_CONSTANTS:
            raise ModelError(f"the graph must have at most {MOST_CONSTANTS:,} numbers that are no weights")
        self.images = limits.one_of("images", images, IMAGES)
        self.names = {name: attribute(name) for name in weights}
        if len(set(self.names.values())) < len(self.names):
            raise ModelError("two weights have names that differ by a dot and a line only: rename one of them")
        self.weight = {
            self.names[name]: Parameter(np.zeros(_shape(f"the weight {name!r}", shape), np.float32))
            for name, shape in weights.items()
        }

    def fill(self, weights: Mapping[str, Array]) -> OnnxGraph:
        """Give the weights their numbers, by their names in the graph."""
        for name, array in weights.items():
            self.weight[self.names[name]].data[...] = array
        return self

    @property
    def reads_indices(self) -> bool:
        """Whether what goes in are whole numbers: where the first thing done to it is to look rows of a table up."""
        first = next((node for node in self.nodes if self.inputs and self.inputs[0] in node.inputs), None)
        return first is not None and first.call.op == "Gather" and list(first.inputs).index(self.inputs[0]) == 1

    def forward(self, *given: Any) -> Any:
        """The first output of the graph for a batch."""
        return self.run(*given)[0]

    def run(self, *given: Any) -> list[Tensor]:
        """All outputs of the graph; raises ModelError that names the node, where something cannot be computed."""
        if any(one is None or isinstance(one, list | tuple) for one in given):
            raise ModelError("the graph reads a sequence or an optional value, which is not read, only arrays")
        x = [self._turned(one if isinstance(one, Tensor) else Tensor(np.asarray(one))) for one in given]
        double = any(parameter.dtype == np.float64 for parameter in self.weight.values())  # as a twin that checks gradients is
        values: dict[str, Any] = {
            name: Tensor(array.astype(np.float64) if double and array.dtype == np.float32 else array)
            for name, array in self.constants.items()
        }
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

    def _turned(self, x: Tensor) -> Tensor:
        """Images as the graph reads them."""
        if self.images and x.ndim == 4:
            x = x.transpose(0, 3, 1, 2)
        return x.reshape(len(x), -1) if self.images == "rows" else x


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


def plain(array: Array) -> dict[str, Any]:
    """An array as a model file holds it among its words: type, shape and numbers."""
    return {"type": str(array.dtype), "shape": list(array.shape), "numbers": array.reshape(-1).tolist()}


def arrayed(given: Any, what: str) -> Array:
    """The array of what `plain` gave; raises ModelError for anything else."""
    try:
        dtype, shape, numbers = given["type"], _shape(what, given["shape"]), given["numbers"]
        if dtype not in TYPES.values() or not isinstance(numbers, list):
            raise ValueError(f"type {limits.told(dtype)}")
        return np.array(numbers, dtype).reshape(shape)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"{what} must have type, shape and numbers that fit together, got {limits.told(given)}") from error


def _shape(what: str, given: Any) -> tuple[int, ...]:
    found = tuple(limits.whole(f"{what}: a side", side, least=0, most=LARGEST) for side in given)
    size = 1
    for side in found:
        size *= side
    if size > LARGEST:
        raise ModelError(f"{what} must have at most {LARGEST:,} numbers, got the shape {limits.told(found)}")
    return found


def _texts(what: str, given: Any) -> list[str]:
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise ModelError(f"{what} must be names, got {limits.told(given)}")
    return list(given)


def _node(given: Any) -> Node:
    """A node of plain data: its op and every attribute must be known."""
    if not isinstance(given, Mapping) or set(given) != PARTS:
        raise ModelError(f"a node must have {', '.join(sorted(PARTS))}, got {limits.told(given)}")
    name, op = (limits.text(f"a node's {part}", given[part]) for part in ("name", "op"))
    inputs, outputs = (_texts(f"node {name!r}: {part}", given[part]) for part in ("inputs", "outputs"))
    if op not in OPERATIONS:
        raise ModelError(f"node {name!r}: the op {op[:60]} is not read: {limits.nearest(op, OPERATIONS)}")
    if not isinstance(given["attributes"], Mapping):
        raise ModelError(f"node {name!r}: attributes must be settings by name, got {limits.told(given['attributes'])}")
    known, attributes = OPERATIONS[op].attributes, {}
    for key, value in given["attributes"].items():
        if key not in known:
            raise ModelError(f"node {name!r}: {op} has an attribute {key!r}, which is not understood, only {sorted(known)}")
        attributes[key] = arrayed(value, f"node {name!r}: the attribute {key}") if isinstance(value, Mapping) else value
    opset = limits.whole(f"node {name!r}: opset", given["opset"])
    return Node(Call(op, name, attributes, opset, len(outputs)), inputs, outputs)
