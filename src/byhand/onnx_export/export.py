"""A model of byhand's as an ONNX file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.files import write_atomically
from byhand.modelfile import Model
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.encoder_decoder import EncoderDecoder
from byhand.models.gan import GAN
from byhand.models.layer_stack import Stack
from byhand.models.unet import waves
from byhand.nn import Network
from byhand.onnx_export.graph import Graph
from byhand.onnx_export.tape import write_function
from byhand.onnx_export.translations import silu

OPSET, IR = 18, 9
ACTIVATIONS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softmax": "Softmax", "identity": "Identity"}


@dataclass
class Written:
    """What stands in a file: its inputs and outputs, (name, type, sides) each; a side of None is the batch."""

    inputs: list[tuple[str, Any, tuple[int | None, ...]]] = field(default_factory=list)
    outputs: list[tuple[str, tuple[int | None, ...]]] = field(default_factory=list)


def export(model: Model, path: Path) -> Written:
    """Write a model to an ONNX file, which holds its network as it is in evaluation; what it reads and gives.

    Raises ModelError where the `onnx` package is missing, or the network has an op that cannot be written yet.
    """
    try:
        import onnx
        from onnx import helper, numpy_helper
    except ImportError:
        raise ModelError("ONNX files need the onnx package: pip install 'byhand[onnx]'") from None
    graph, written = Graph(helper), Written()
    network = model.network
    if isinstance(network, FeedForward):
        _feedforward(graph, written, network)
    elif isinstance(network, EncoderDecoder):
        _coder(graph, written, network)
    elif isinstance(network, DiffusionNetwork):
        _diffusion(graph, written, network)
    elif isinstance(network, GAN):
        _gan(graph, written, network)
    elif isinstance(network, Network):
        _network(graph, written, network)
    else:
        raise ModelError(f"a {type(network).__name__} cannot be written as ONNX: it can be a FeedForward or a network of modules")
    element = {np.dtype(one): helper.np_dtype_to_tensor_dtype(np.dtype(one)) for one in ("float32", "float64", "int64")}

    def described(name: str, dtype: Any, sides: tuple[int | None, ...]) -> Any:
        return helper.make_tensor_value_info(name, element[np.dtype(dtype)], ["N" if side is None else side for side in sides])

    made = helper.make_graph(
        graph.nodes,
        model.recipe or "byhand",
        [described(*one) for one in written.inputs],
        [described(name, network.dtype, sides) for name, sides in written.outputs],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in graph.constants.items()],
    )
    whole = helper.make_model(
        made, producer_name="byhand", producer_version=version("byhand"), opset_imports=[helper.make_opsetid("", OPSET)]
    )
    whole.ir_version = IR
    helper.set_model_props(whole, _properties(model))
    onnx.checker.check_model(whole, full_check=True)
    write_atomically(path, whole.SerializeToString())
    return written


def _properties(model: Model) -> dict[str, str]:
    """What else one must know to use the model, as text."""
    return {
        "classes": json.dumps(list(model.class_names), ensure_ascii=False),
        "preprocessing": json.dumps(model.preprocessing),
        "metrics": json.dumps(model.metrics),
    }


# ---------------------------------------------------------------- networks by hand


def _activated(graph: Graph, z: str, activation: str) -> str:
    if activation == "silu":
        return silu(graph, z)
    if activation not in ACTIVATIONS:
        raise ModelError(f"the activation {activation} cannot be written as ONNX: choose from {', '.join(ACTIVATIONS)}, silu")
    more = {"axis": -1} if activation == "softmax" else {}
    return graph.add(ACTIVATIONS[activation], z, **more)


def _layers(graph: Graph, x: str, network: FeedForward | Stack, prefix: str = "") -> str:
    for k, (w, b, activation) in enumerate(zip(network.weights, network.biases, network.activations, strict=True), 1):
        x = _activated(graph, graph.dense(x, w, b.reshape(-1), (f"{prefix}{k}.weight", f"{prefix}{k}.bias")), activation.name)
    return x


def _out(graph: Graph, written: Written, computed: str, name: str, *sides: int | None) -> None:
    graph.nodes.append(graph.helper.make_node("Identity", [computed], [name], name=f"{name}_out"))
    written.outputs.append((name, sides))


def _feedforward(graph: Graph, written: Written, network: FeedForward) -> None:
    written.inputs.append(("x", network.dtype, (None, network.sizes[0])))
    _out(graph, written, _layers(graph, "x", network), "outputs", None, network.sizes[-1])


def _coder(graph: Graph, written: Written, network: Any) -> None:
    """Images to the (mean of the) code, and the code back to images."""
    written.inputs.append(("x", network.dtype, (None, network.n)))
    if network.classes:
        written.inputs.append(("classes", network.dtype, (None, network.classes)))

    def with_class(name: str) -> str:
        return graph.add("Concat", name, "classes", axis=1) if network.classes else name

    both = _layers(graph, with_class("x"), network.encoder, "encoder.")
    code = graph.add("Slice", both, graph.whole(0), graph.whole(network.latent), graph.whole(1))
    _out(graph, written, code, "code", None, network.latent)
    _out(graph, written, _layers(graph, with_class(code), network.decoder, "decoder."), "reconstruction", None, network.n)


# ---------------------------------------------------------------- networks of modules


def _parameters(module: Any) -> dict[str, Any]:
    return {name: parameter.data for name, parameter in module.parameters()}


def _drawn(dtype: Any, *shape: int) -> Any:
    return np.random.default_rng(shape[0]).standard_normal(shape).astype(dtype)


def _labels(m: int, most: int) -> Any:
    return (np.arange(m) + m) % max(most, 1)


def _network(graph: Graph, written: Written, network: Network) -> None:
    network.module.eval()
    text = network.module.reads_indices
    dtype = np.dtype(np.int64) if text else network.dtype
    name = "characters" if text else "x"
    sides = network.input_shape

    def inputs(m: int) -> Mapping[str, Any]:
        if not text:
            return {name: _drawn(dtype, m, *sides)}
        return {name: np.random.default_rng(m).integers(0, network.n_outputs, (m, *sides))}

    written.inputs.append((name, dtype, (None, *sides)))
    z = write_function(graph, network.module, inputs, _parameters(network.module))
    if network.cost in ("cross_entropy", "bce"):
        z = graph.add("Softmax", z, axis=-1) if network.cost == "cross_entropy" else graph.add("Sigmoid", z)
    _out(graph, written, z, "outputs", None, *network.output_shape)


def _gan(graph: Graph, written: Written, network: Any) -> None:
    """The generator's running mean: from the numbers that it draws, and a class, to a sample in the data's units."""

    def inputs(m: int) -> Mapping[str, Any]:
        drawn = {"z": _drawn(network.dtype, m, network.latent)}
        return drawn | ({"labels": _labels(m, network.classes)} if network.classes else {})

    written.inputs.append(("z", network.dtype, (None, network.latent)))
    if network.classes:
        written.inputs.append(("labels", np.dtype(np.int64), (None,)))
    network.averaged.eval()
    x = write_function(graph, lambda z, labels=None: network.averaged(z, labels), inputs, _parameters(network.averaged))
    if network.scale is not None:
        mean, deviation = (graph.constant(np.asarray(one, network.dtype)) for one in network.scale)
        x = graph.add("Add", mean, graph.add("Mul", deviation, x))
    _out(graph, written, x, "sample", None, *network.input_shape)


def _diffusion(graph: Graph, written: Written, network: Any) -> None:
    """What the averaged network says of x_t (as it sees it, scaled) at a time, and of a class; the last label is "any"."""
    table: dict[int, str] = {}

    def inputs(m: int) -> Mapping[str, Any]:
        return {
            "x": _drawn(network.dtype, m, *network.input_shape),
            "t": np.random.default_rng(m).permutation(np.arange(2, network.diffusion.steps + 1))[:m],
            "labels": _labels(m, network.classes),
        }

    def computed(array: Any, given: Mapping[str, Any]) -> str | None:
        """The waves of the time, as a table: one row for each time."""
        size = array.shape[-1] if np.ndim(array) == 2 else 0
        if size < 4 or size % 2 or not np.array_equal(array, waves(given["t"], size).astype(array.dtype)):
            return None
        if size not in table:
            rows = waves(np.arange(network.diffusion.steps + 1), size).astype(array.dtype)
            table[size] = graph.add("Gather", graph.constant(rows, f"waves_{size}"), "t", axis=0)
        return table[size]

    whole = np.dtype(np.int64)
    written.inputs += [("x", network.dtype, (None, *network.input_shape)), ("t", whole, (None,)), ("labels", whole, (None,))]
    network.averaged.eval()
    out = write_function(graph, network.averaged, inputs, _parameters(network.averaged), computed)
    _out(graph, written, out, "prediction", None, *network.input_shape)
