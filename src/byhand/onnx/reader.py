"""An ONNX model as a module. Nothing outside of the file is read, and nothing in it is run."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.onnx.call import LARGEST, OPERATIONS
from byhand.onnx.graph import MOST_NODES, OnnxGraph, plain

OLDEST = 7  # operator set
ENDS = {"Softmax": "softmax", "LogSoftmax": "softmax", "Sigmoid": "sigmoid"}  # which the costs have themselves


def graph_of(model: Any, images: str = "") -> OnnxGraph:
    """The module of a model, with its weights; `images`: see `OnnxGraph`.

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
    nodes: list[dict[str, Any]] = []
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
        op = node.op_type
        if op in OPERATIONS:
            fixed.update(node.input[place] for place in OPERATIONS[op].fixed if place < len(node.input))
        nodes.append(
            {
                "op": op,
                "name": name,
                "opset": opset,
                "attributes": _attributes(node, name),
                "inputs": list(node.input),
                "outputs": outputs,
            }
        )
    read = {name for node in nodes for name in node["inputs"]} | {one.name for one in graph.output}
    arrays = {name: array for name, array in arrays.items() if name in read}
    held = {one.name for one in graph.initializer}  # of which a single number may be a bias; a Constant's is a setting
    trained = [
        name
        for name, one in arrays.items()
        if one.dtype == np.float32 and (one.size > 1 or (one.ndim and name in held)) and np.isfinite(one).all()
    ]
    weights = {name: arrays.pop(name) for name in trained if name not in fixed}
    given = [one.name for one in graph.input if one.name not in arrays and one.name not in weights]
    shapes = {name: list(array.shape) for name, array in weights.items()}
    constants = {name: plain(array) for name, array in arrays.items()}
    return OnnxGraph(nodes, given, [one.name for one in graph.output], shapes, constants, images).fill(weights)


def without_end(model: Any) -> str:
    """Take the last softmax or sigmoid off a model's only output, as the cost has its own; which it was, "" for none.

    What makes labels of probabilities behind it, as scikit-learn's classifiers have, goes with it.
    """
    graph = model.graph
    makes = {name: node for node in graph.node for name in node.output if name}
    for output in graph.output:
        name, seen = output.name, 0
        while name in makes and makes[name].op_type in ("Identity", "Cast", "ZipMap") and seen < len(graph.node):
            name, seen = makes[name].input[0], seen + 1
        node = makes.get(name)
        axis = next((one.i for one in node.attribute if one.name == "axis"), -1) if node is not None else 0
        if node is not None and node.op_type in ENDS and (node.op_type == "Sigmoid" or axis in (-1, 1)):
            found = ENDS[node.op_type]
            keep = output.__class__()
            keep.name = node.input[0]
            del graph.output[:]
            graph.output.append(keep)
            kept = _reaching(graph, keep.name)
            del graph.node[:]
            graph.node.extend(kept)
            return found
    return ""


def _reaching(graph: Any, name: str) -> list[Any]:
    """The nodes that an output is computed by, in their order."""
    wanted, kept = {name}, []
    for node in reversed(list(graph.node)):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]


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
    """A node's attributes as plain data."""
    from onnx import TensorProto, helper

    op, found = node.op_type, {}
    for one in node.attribute:
        value = helper.get_attribute_value(one)
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        elif isinstance(value, TensorProto):
            value = plain(_array(value, f"node {name!r}: the attribute {one.name}"))
        elif one.type in (one.INTS, one.FLOATS):
            value = list(value)
        elif not isinstance(value, int | float):
            raise ModelError(f"node {name!r}: {op} has an attribute {one.name!r} of a kind that is not read")
        found[one.name] = value
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
