"""An ONNX model as a module. Nothing outside of the file is read, and nothing in it is run."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.errors import ModelError
from byhand.onnx.call import LARGEST, OPERATIONS
from byhand.onnx.graph import MOST_NODES, OnnxGraph, attribute

OLDEST = 7  # operator set
MOST_CONSTANTS = 1_000_000  # numbers that are no weights: they stand in the model file's metadata


def graph_of(model: Any) -> tuple[OnnxGraph, dict[str, Any]]:
    """The module of a model, with its weights, and the same weights by name.

    Raises ModelError for what is not understood: which node, which op, which attribute.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    opset = max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=0)
    if opset < OLDEST:
        raise ModelError(f"the operator set must be {OLDEST} or newer, got {opset}")
    if len(graph.node) > MOST_NODES:
        raise ModelError(f"the graph must have at most {MOST_NODES:,} nodes, got {len(graph.node):,}")
    if graph.sparse_initializer:
        raise ModelError("the graph has sparse weights, which are not read: save it with dense ones")

    def array(tensor: Any, what: str) -> Any:
        if tensor.data_location == TensorProto.EXTERNAL:
            raise ModelError(f"{what} stands in another file: save it with all in one")
        size = 1
        for side in tensor.dims:
            size *= side
        if size > LARGEST:
            raise ModelError(f"{what} must have at most {LARGEST:,} numbers, got the shape {tuple(tensor.dims)}")
        found = numpy_helper.to_array(tensor)
        if found.dtype.kind not in "biuf" or found.dtype == np.float16:
            raise ModelError(f"{what} holds {found.dtype}, which is not read, only float32, float64, whole numbers and bool")
        return found

    arrays = {one.name: array(one, f"the weight {one.name!r}") for one in graph.initializer}
    nodes: list[dict[str, Any]] = []
    fixed: set[str] = set()
    for k, node in enumerate(graph.node):
        name = node.name or (node.output[0] if node.output else "") or f"{node.op_type}_{k}"
        if node.domain not in ("", "ai.onnx"):
            raise ModelError(f"node {name!r}: the op {node.domain}.{node.op_type} is not read, only those of ONNX itself")
        if node.op_type == "Constant":
            arrays[node.output[0]] = _constant(node, name, array, helper)
            continue
        attributes = {}
        for one in node.attribute:
            value = helper.get_attribute_value(one)
            if isinstance(value, bytes):
                value = value.decode(errors="replace")
            elif isinstance(value, TensorProto):
                value = {"array": _described(array(value, f"node {name!r}: the attribute {one.name}"))}
            elif one.type in (one.INTS, one.FLOATS):
                value = list(value)
            elif not isinstance(value, int | float):
                raise ModelError(f"node {name!r}: {node.op_type} has an attribute {one.name!r} of a kind that is not read")
            attributes[one.name] = value
        inputs, outputs = list(node.input), list(node.output)
        while outputs and not outputs[-1]:
            outputs.pop()
        if node.op_type in OPERATIONS:
            fixed.update(inputs[place] for place in OPERATIONS[node.op_type].fixed if place < len(inputs))
        nodes.append({"op": node.op_type, "name": name, "inputs": inputs, "outputs": outputs, "attributes": attributes})
    given = [one.name for one in graph.input if one.name not in arrays]
    weights: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    constants: dict[str, Any] = {}
    for name, one in arrays.items():
        plain = one.dtype.kind == "f" and one.size > 1 and np.isfinite(one).all() and one.dtype == np.float32
        (constants if not plain else kept if name in fixed else weights)[name] = one
    if sum(one.size for one in constants.values()) > MOST_CONSTANTS:
        raise ModelError(f"the graph must have at most {MOST_CONSTANTS:,} numbers that are no float32 weights")
    names = [attribute(name) for name in weights]
    if len(set(names)) < len(names):
        raise ModelError("two weights have names that differ by a dot and a line only: rename one of them")
    module = OnnxGraph(
        nodes,
        given,
        [one.name for one in graph.output],
        [[name, list(one.shape)] for name, one in weights.items()],
        [[name, list(one.shape)] for name, one in kept.items()],
        [[name, *_described(one)] for name, one in constants.items()],
        opset,
    )
    for name, one in weights.items():
        module.weight[attribute(name)].data[...] = one
    for (_, place), one in zip(module._buffers.items(), kept.values(), strict=True):
        getattr(module, place)[...] = one
    return module, weights


def _described(array: Any) -> list[Any]:
    return [str(array.dtype), list(array.shape), array.reshape(-1).tolist()]


def _constant(node: Any, name: str, array: Any, helper: Any) -> Any:
    """What a Constant holds, in whichever of its attributes it stands."""
    for one in node.attribute:
        if one.name == "value":
            return array(one.t, f"node {name!r}: the constant")
        if one.name in ("value_float", "value_floats"):
            return np.array(helper.get_attribute_value(one), np.float32)
        if one.name in ("value_int", "value_ints"):
            return np.array(helper.get_attribute_value(one), np.int64)
    raise ModelError(f"node {name!r}: Constant has no attribute that is read: value, value_float, value_int and their lists")
