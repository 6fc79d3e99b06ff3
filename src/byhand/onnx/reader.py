"""An ONNX model as a module. Nothing outside of the file is read, and nothing in it is run."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.errors import ModelError
from byhand.onnx.call import LARGEST, OPERATIONS, Call
from byhand.onnx.graph import Node, OnnxGraph, attribute

OLDEST = 7  # operator set
MOST_NODES = 100_000
MOST_CONSTANTS = 1_000_000  # numbers that are no float32 weights


def graph_of(model: Any) -> OnnxGraph:
    """The module of a model, with its weights.

    Raises ModelError for what is not understood: which node, which op, which attribute.
    """
    graph = model.graph
    opset = max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=0)
    if opset < OLDEST:
        raise ModelError(f"the operator set must be {OLDEST} or newer, got {opset}")
    if len(graph.node) > MOST_NODES:
        raise ModelError(f"the graph must have at most {MOST_NODES:,} nodes, got {len(graph.node):,}")
    if graph.sparse_initializer:
        raise ModelError("the graph has sparse weights, which are not read: save it with dense ones")
    arrays = {one.name: _array(one, f"the weight {one.name!r}") for one in graph.initializer}
    nodes: list[Node] = []
    fixed: set[str] = set()
    for k, node in enumerate(graph.node):
        name = node.name or (node.output[0] if node.output else "") or f"{node.op_type}_{k}"
        if node.domain not in ("", "ai.onnx"):
            raise ModelError(f"node {name!r}: the op {node.domain}.{node.op_type} is not read, only those of ONNX itself")
        if node.op_type == "Constant":
            arrays[node.output[0]] = _constant(node, name)
            continue
        outputs = list(node.output)
        while outputs and not outputs[-1]:
            outputs.pop()
        call = Call(node.op_type, name, _attributes(node, name), opset, len(outputs))
        fixed.update(node.input[place] for place in OPERATIONS[call.op].fixed if place < len(node.input))
        nodes.append(Node(call, list(node.input), outputs))
    plain = [name for name, one in arrays.items() if one.dtype == np.float32 and one.size > 1 and np.isfinite(one).all()]
    if sum(one.size for name, one in arrays.items() if name not in plain) > MOST_CONSTANTS:
        raise ModelError(f"the graph must have at most {MOST_CONSTANTS:,} numbers that are no float32 weights")
    weights = {name: arrays.pop(name) for name in plain if name not in fixed}
    if len({attribute(name) for name in weights}) < len(weights):
        raise ModelError("two weights have names that differ by a dot and a line only: rename one of them")
    given = [one.name for one in graph.input if one.name not in arrays and one.name not in weights]
    return OnnxGraph(nodes, given, [one.name for one in graph.output], weights, arrays)


def _array(tensor: Any, what: str) -> Array:
    """The numbers of a tensor that stand in the model itself, and are not too many."""
    from onnx import TensorProto, numpy_helper

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
    return found.copy()  # what is read may not be writable, and weights are trained


def _attributes(node: Any, name: str) -> dict[str, Any]:
    """A node's attributes as plain values and arrays; the node's op and every attribute must be known."""
    from onnx import TensorProto, helper

    op, found = node.op_type, {}
    for one in node.attribute:
        value = helper.get_attribute_value(one)
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        elif isinstance(value, TensorProto):
            value = _array(value, f"node {name!r}: the attribute {one.name}")
        elif one.type in (one.INTS, one.FLOATS):
            value = list(value)
        elif not isinstance(value, int | float):
            raise ModelError(f"node {name!r}: {op} has an attribute {one.name!r} of a kind that is not read")
        found[one.name] = value
    if op not in OPERATIONS:
        raise ModelError(f"node {name!r}: the op {op} is not read: {limits.nearest(op, OPERATIONS)}")
    known = OPERATIONS[op].attributes
    for key in found:
        if key not in known:
            raise ModelError(f"node {name!r}: {op} has an attribute {key!r}, which is not understood, only {sorted(known)}")
    return found


def _constant(node: Any, name: str) -> Array:
    """What a Constant holds, in whichever of its attributes it stands."""
    from onnx import helper

    for one in node.attribute:
        if one.name == "value":
            return _array(one.t, f"node {name!r}: the constant")
        if one.name in ("value_float", "value_floats"):
            return np.array(helper.get_attribute_value(one), np.float32)
        if one.name in ("value_int", "value_ints"):
            return np.array(helper.get_attribute_value(one), np.int64)
    raise ModelError(f"node {name!r}: Constant has no attribute that is read: value, value_float, value_int and their lists")
