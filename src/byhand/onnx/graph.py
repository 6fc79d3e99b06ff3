"""A graph of ONNX as a module: its nodes in the order of the file, its weights as parameters with their names.

`byhand import` makes a `Sequential` of a plain chain of layers (`byhand.import_weights`). This is for all else: branches,
residual additions, shapes that are computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import limits
from byhand.engine import Tensor
from byhand.engine.tensor import scope
from byhand.errors import ByhandError, ModelError
from byhand.nn.module import Module, Parameter
from byhand.onnx import layers, losses, numbers, recurrent, shapes  # noqa: F401 - they fill the table
from byhand.onnx.call import LARGEST, OPERATIONS, TYPES, Call

MOST_NODES = 100_000
KNOWN_ATTRIBUTES = (int, float, str, list, dict)


class OnnxGraph(Module):
    """The nodes of an ONNX graph, computed one after the other.

    Arguments:
        nodes: of each op, name, inputs, outputs, attributes. inputs, outputs: names of the graph's own.
        weights: the shape of each parameter by its name. buffers: the same of what is not trained. constants: other arrays,
            [type, shape, numbers]. opset: the version of the operator set.

    Raises ModelError that names the node, its op and its attribute, where something is not understood.
    """

    settings = ("nodes", "inputs", "outputs", "weights", "kept", "constants", "opset")

    def __init__(
        self,
        nodes: Any,
        inputs: Any,
        outputs: Any,
        weights: Any,
        kept: Any,
        constants: Any,
        opset: int,
    ) -> None:
        self.nodes, self.inputs, self.outputs, self.opset = nodes, inputs, outputs, limits.whole("opset", opset)
        self.weights, self.kept, self.constants = weights, kept, constants
        self._calls = [self._call(node) for node in nodes]
        self.weight = {attribute(name): Parameter(_zeros(shape)) for name, shape in weights}
        self._buffers = {name: f"buffer_{k}" for k, (name, _) in enumerate(kept)}
        for name, shape in kept:
            setattr(self, self._buffers[name], _zeros(shape))
        self.buffers = tuple(self._buffers.values())
        self._constants = {name: _array(*given) for name, *given in constants}

    def _call(self, node: Any) -> Call:
        """A node, checked."""
        op, name, attributes = node["op"], node["name"], node["attributes"]
        if op not in OPERATIONS:
            raise ModelError(f"node {name!r}: the op {op} is not read: {limits.nearest(op, OPERATIONS)}")
        known = OPERATIONS[op].attributes
        for one in attributes:
            if one not in known:
                raise ModelError(f"node {name!r}: {op} has an attribute {one!r}, which is not understood, only {sorted(known)}")
        plain = {key: _array(*value["array"]) if isinstance(value, dict) else value for key, value in attributes.items()}
        return Call(op, name, plain, self.opset, len(node["outputs"]))

    def forward(self, *given: Any) -> Any:
        """The first output of the graph for a batch."""
        return self.run(*given)[0]

    def run(self, *given: Any) -> list[Tensor]:
        """All outputs of the graph."""
        if any(one is None or isinstance(one, list | tuple) for one in given):
            raise ModelError("the graph reads a sequence or an optional value, which is not read, only arrays")
        x = [one if isinstance(one, Tensor) else Tensor(np.asarray(one)) for one in given]
        values: dict[str, Any] = {name: Tensor(array) for name, array in self._constants.items()}
        values |= {name: self.weight[attribute(name)] for name, _ in self.weights}
        values |= {name: Tensor(getattr(self, kept)) for name, kept in self._buffers.items()}
        values |= dict(zip(self.inputs, x, strict=True))
        values[""] = None
        for node, call in zip(self.nodes, self._calls, strict=True):
            arrays = [values[name] for name in node["inputs"]]
            for one in arrays:
                if one is not None and one.dtype not in READ:
                    raise call.refuse(f"gets {one.dtype}, which is not read, only {', '.join(TYPES.values())}")
            try:
                with scope(node["name"]):
                    out = OPERATIONS[call.op].compute(call, *arrays)
            except ModelError:
                raise
            except (ByhandError, ValueError, IndexError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
                reason = " ".join(str(error).split())[:200]
                raise call.refuse(
                    f"cannot be computed of {[None if a is None else a.shape for a in arrays]} ({reason})"
                ) from error
            for name, one in zip(node["outputs"], out if isinstance(out, tuple) else (out,), strict=False):
                if name:
                    values[name] = one
        missing = [name for name in self.outputs if name not in values]
        if missing:
            raise ModelError(f"the output {missing[0]!r} of the graph is not computed by what is read of it")
        return [values[name] for name in self.outputs]


READ = {np.dtype(name) for name in TYPES.values()}


def attribute(name: str) -> str:
    """The name of a weight in a network: a dot parts modules there.

    >>> attribute("conv1.weight")
    'conv1_weight'
    """
    return name.replace(".", "_")


def _zeros(shape: Any) -> Any:
    size = 1
    for side in shape:
        size *= side
    if size > min(LARGEST, limits.largest_array()):
        raise ModelError(f"a weight {tuple(shape)} is larger than what the file holds")
    return np.zeros(tuple(shape), np.float32)


def _array(dtype: str, shape: Any, numbers_: Any) -> Any:
    return np.array(numbers_, np.dtype(dtype)).reshape(tuple(shape))
