"""A function of tensors, run on two batches, as a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from byhand.engine import Node, Tensor, no_grad, watch
from byhand.errors import ModelError
from byhand.onnx_export.graph import Graph
from byhand.onnx_export.translations import Call, translate

# What is asked of the network: the inputs of a batch of m samples, by their names in the file.
Inputs = Callable[[int], Mapping[str, Any]]


def write_function(
    graph: Graph,
    function: Callable[..., Tensor],
    inputs: Inputs,
    parameters: Mapping[str, Any],
    computed: Callable[[Any, Mapping[str, Any]], str | None] = lambda array, given: None,
) -> str:
    """Write what a function computes of its inputs; the name of its output.

    Arguments:
        parameters: arrays by the names that they get in the file.
        computed: the name of an array that was computed outside of the tape from the inputs, written into the graph there.

    Raises ModelError for what ONNX cannot say, or for an array that depends on the batch and comes from nowhere.
    """
    runs = []
    for m in (2, 3):
        given = inputs(m)
        with no_grad(), watch() as tape:
            out = function(*(Tensor(one) if one.dtype.kind == "f" else one for one in given.values()))
        runs.append((given, tape, out))
    (given, tape, out), (_, tape_again, _) = runs
    if [node.op.name for node in tape] != [node.op.name for node in tape_again]:
        raise ModelError("the network computes otherwise for batches of other sizes, which ONNX cannot say")
    kept = {id(array): name for name, array in parameters.items()}
    made: dict[int, str] = {}

    def name_of(array: Any, other: Any) -> str:
        if array is None:
            return ""
        if id(array) in made:
            return made[id(array)]
        if id(array) in kept:
            return graph.constant(array, kept[id(array)])
        name = _known(array, given) or computed(array, given) or _one_number(graph, array, other, given)
        if name is None and (np.shape(array) != np.shape(other) or not np.array_equal(array, other)):
            raise ModelError(
                f"an array {np.shape(array)} depends on the batch and was computed outside of the tape: use the engine's ops"
            )
        return name or graph.constant(array)

    for node, again in zip(tape, tape_again, strict=True):
        arrays = list(_arrays(node))
        read = [name_of(array, other) for array, other in zip(arrays, _arrays(again), strict=True)]
        options = {key: value for key, value in node.options.items() if key != "indices" or node.op.name != "embedding"}
        call = Call(node.op.name, read, arrays, options, node.output.shape, again.output.shape)
        made[id(node.output)] = translate(graph, call)
    return made[id(out.data)]


def _arrays(node: Node) -> Iterator[Any]:
    """What an op reads: its inputs, and the indices of an embedding."""
    for one in node.inputs:
        # A plain number takes the type of what stands beside it, which ONNX must be told.
        yield one.data if isinstance(one, Tensor) else np.asarray(one, node.output.dtype) if isinstance(one, int | float) else one
    if node.op.name == "embedding":
        yield np.asarray(node.options["indices"])


def _one_number(graph: Graph, array: Any, other: Any, given: Mapping[str, Any]) -> str | None:
    """The same number for each sample of a batch, as where a memory begins with zeros."""
    if np.ndim(array) == 0 or array.shape[0] == other.shape[0] or array.shape[1:] != other.shape[1:]:
        return None
    if not array.size or (array != array.flat[0]).any():
        return None
    samples = graph.add("Shape", next(iter(given)), start=0, end=1)
    shape = graph.add("Concat", samples, graph.whole(*array.shape[1:]), axis=0)
    return graph.add("Expand", graph.constant(array[:1]), shape)


def _known(array: Any, given: Mapping[str, Any]) -> str | None:
    """The input of the network that this array is."""
    for name, value in given.items():
        if array is value or (np.shape(array) == value.shape and np.array_equal(array, value)):
            return name
    return None
