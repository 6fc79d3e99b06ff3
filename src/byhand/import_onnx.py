"""An ONNX file: opened and checked; and, where its layers stand one behind the other, as `byhand.import_weights` builds them.

What is read: Gemm, MatMul and Add, Conv, BatchNormalization, the activations, pools of squares, Flatten, and what changes nothing
in use (Dropout, Identity, Cast). Nothing outside of the file is read, and nothing in it is run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.safe_reading import reading

LARGEST = 2_000_000_000  # bytes, which is all that the format allows
EPSILON = 1e-5  # of byhand's batch norm
FUNCTIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax", "GlobalAveragePool": "globalpool"}
NOTHING = {"Dropout", "Identity", "Cast"}
LABELS = {"ArgMax", "ArrayFeatureExtractor", "Cast", "Identity", "Reshape", "ZipMap"}  # what makes labels of probabilities
FLOATS = (1, 11)  # ONNX's numbers for float32 and float64
TO_CHANNELS_FIRST, TO_CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


class NotAChain(ModelError):
    """The network is no plain chain of layers that are known here."""


@dataclass
class _Chain:
    """What was read so far.

    current: the name of what the last layer gave. tensors, words: for `byhand.import_weights`. constants: arrays by name.
    sides: of what is known of shapes by name. channels_last: how images lie now; waiting: the sides (H, W, C) of images that were
    made rows in that order, until the layer comes that reads them.
    """

    path: Path
    current: str
    constants: dict[str, Array]
    sides: dict[str, tuple[int, ...]]
    tensors: dict[str, Array] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    channels_last: bool = False
    waiting: tuple[int, ...] = ()

    def refuse(self, what: str) -> ModelError:
        return NotAChain(f"{self.path}: {what}: only full layers, convolutions, norms and pools one behind the other are read")

    def constant(self, node: Any, place: int) -> Array:
        name = node.input[place] if place < len(node.input) else ""
        if name not in self.constants:
            raise self.refuse(f"{node.op_type} {node.name or node.output[0]!r} needs a weight that stands in the file")
        return self.constants[name]


def open_onnx(path: Path) -> Any:
    """The model of a file, with the shapes that can be inferred; raises ModelError for a damaged one, or weights elsewhere."""
    try:
        import onnx
        from onnx import shape_inference
    except ImportError:
        raise ModelError("ONNX files need the onnx package: pip install 'byhand[onnx]'") from None
    with reading(path, "cannot be read as an ONNX file", ModelError, "export it again"):
        if path.stat().st_size > LARGEST:
            raise ModelError(f"{path} holds more than {LARGEST:,} bytes, and an ONNX file cannot: export it again")
        model = onnx.ModelProto.FromString(path.read_bytes())
        if not model.HasField("graph") or not model.graph.node:
            raise ModelError(f"{path} holds no network: export it again")
        held = [one.t for node in model.graph.node for one in node.attribute]
        if any(one.data_location == onnx.TensorProto.EXTERNAL for one in [*model.graph.initializer, *held]):
            raise ModelError(f"{path} keeps its weights in other files: save it with all in one")
        onnx.checker.check_model(model)
        return shape_inference.infer_shapes(model)


def read_chain(model: Any, path: Path) -> tuple[dict[str, Array], str]:
    """The layers of a model, as PyTorch would name and lay them out, and the line that says what stands between them.

    Raises NotAChain for a network that branches or an op that is not read here.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    inputs = [one.name for one in graph.input if one.name not in constants]
    if len(inputs) != 1:
        raise NotAChain(f"{path} reads {', '.join(inputs) or 'nothing'}: a network of one input is read")
    known = [*graph.input, *graph.value_info, *graph.output]
    sides = {one.name: tuple(side.dim_value for side in one.type.tensor_type.shape.dim) for one in known}
    chain = _Chain(path, inputs[0], constants, sides)
    for node in graph.node:
        settings = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        if not any(name and name not in constants for name in node.input):
            _fold(chain, node, settings, numpy_helper)
        elif chain.words[-1:] != ["softmax"]:
            _read(chain, node, settings)
        elif node.op_type not in LABELS:  # as scikit-learn's classifiers have them behind it
            raise chain.refuse(f"{node.op_type} behind a Softmax is not read")
    if not chain.tensors:
        raise chain.refuse("it has no layer")
    return chain.tensors, " ".join(chain.words)


def _fold(chain: _Chain, node: Any, settings: dict[str, Any], helper: Any) -> None:
    """What is computed of constants alone."""
    if node.op_type == "Constant" and "value" in settings:
        chain.constants[node.output[0]] = helper.to_array(settings["value"])
    elif node.op_type == "Identity":
        chain.constants[node.output[0]] = chain.constant(node, 0)
    elif node.op_type == "Transpose":
        chain.constants[node.output[0]] = chain.constant(node, 0).transpose(settings.get("perm"))
    else:
        raise chain.refuse(f"{node.op_type} of numbers that stand in the file is not read")


def _read(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    """The next layer."""
    if chain.current not in node.input or sum(name not in chain.constants for name in node.input if name) > 1:
        raise chain.refuse(f"the network branches at {node.op_type} {node.name or node.output[0]!r}")
    if node.op_type in FUNCTIONS:
        if node.op_type == "GlobalAveragePool":
            _image(chain, node)
        rank = len(chain.sides.get(chain.current, ())) or 2
        if node.op_type == "Softmax" and settings.get("axis", -1) not in (-1, rank - 1):
            raise chain.refuse(f"Softmax along axis {settings['axis']} is not read, only along the classes")
        chain.words.append(FUNCTIONS[node.op_type])
    elif node.op_type in LAYERS:
        LAYERS[node.op_type](chain, node, settings)
    elif node.op_type not in NOTHING or settings.get("to", FLOATS[0]) not in FLOATS:
        raise chain.refuse(f"the op {node.op_type} is not read")
    chain.current = node.output[0]


def _named(chain: _Chain, kind: str, **parts: Any) -> str:
    """Keep the tensors of a layer; its name."""
    name = f"{kind}{sum(word.startswith(kind) for word in chain.words) + 1}"
    for part, array in parts.items():
        if array is not None:
            chain.tensors[f"{name}.{part}"] = np.asarray(array)
    return name


def _full(chain: _Chain, weight: Array, bias: Array | None) -> None:
    if chain.waiting:
        height, width, channels = chain.waiting
        weight = weight.reshape(-1, height, width, channels).transpose(0, 3, 1, 2).reshape(len(weight), -1)
        chain.waiting = ()
    chain.words.append(_named(chain, "fc", weight=weight, bias=None if bias is None else bias.reshape(-1)))


def _gemm(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    if settings.get("transA") or settings.get("alpha", 1.0) != 1 or settings.get("beta", 1.0) != 1:
        raise chain.refuse("Gemm with alpha, beta or transA is not read")
    weight = chain.constant(node, 1)
    bias = chain.constant(node, 2) if len(node.input) > 2 and node.input[2] else None
    _full(chain, weight if settings.get("transB") else weight.T, bias)


def _matmul(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    _full(chain, chain.constant(node, 1).T, None)


def _add(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    """The bias of the product in front of it."""
    bias = chain.constant(node, 1 if node.input[0] == chain.current else 0)
    name = chain.words[-1] if chain.words else ""
    if not name.startswith("fc") or f"{name}.bias" in chain.tensors or bias.size != len(chain.tensors[f"{name}.weight"]):
        raise chain.refuse("Add is read as the bias of a MatMul only")
    chain.tensors[f"{name}.bias"] = bias.reshape(-1)


def _square(chain: _Chain, node: Any, settings: dict[str, Any], what: str, default: list[int]) -> int:
    found = list(settings.get(what, default))
    if len(set(found)) > 1:
        raise chain.refuse(f"{node.op_type} with {what} {found} is not read")
    return int(found[0])


def _image(chain: _Chain, node: Any) -> None:
    if chain.channels_last:
        raise chain.refuse(f"{node.op_type} of images whose channels come last is not read")


def _conv(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    _image(chain, node)
    if settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise chain.refuse(f"Conv with auto_pad {settings['auto_pad'].decode()} is not read")
    if _square(chain, node, settings, "dilations", [1, 1]) != 1:
        raise chain.refuse("Conv with dilations is not read")
    padding = _square(chain, node, settings, "pads", [0, 0, 0, 0])
    stride = _square(chain, node, settings, "strides", [1, 1])
    bias = chain.constant(node, 2) if len(node.input) > 2 and node.input[2] else None
    chain.words.append(f"{_named(chain, 'conv', weight=chain.constant(node, 1), bias=bias)}+{padding}/{stride}")


def _pool(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    _image(chain, node)
    size = _square(chain, node, settings, "kernel_shape", [0])
    odd = any(settings.get("pads", [])) or settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")
    odd = odd or settings.get("ceil_mode") or _square(chain, node, settings, "dilations", [1, 1]) != 1
    if odd or _square(chain, node, settings, "strides", [1, 1]) != size:
        raise chain.refuse(f"{node.op_type} with padding, or steps other than its size, is not read")
    chain.words.append(f"{'pool' if node.op_type == 'MaxPool' else 'avgpool'}{size}")


def _batch_norm(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    _image(chain, node)
    if settings.get("training_mode"):
        raise chain.refuse("BatchNormalization in training is not read")
    weight, bias, mean, variance = (chain.constant(node, place) for place in range(1, 5))
    variance = variance + np.float32(settings.get("epsilon", EPSILON) - EPSILON)
    chain.words.append(_named(chain, "norm", weight=weight, bias=bias, running_mean=mean, running_var=variance))


def _leaky_relu(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    if abs(settings.get("alpha", 0.01) - 0.01) > 1e-6:
        raise chain.refuse(f"LeakyRelu with alpha {settings['alpha']:g} is not read, only 0.01")
    chain.words.append("leaky_relu")


def _gelu(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    chain.words.append("gelu_tanh" if settings.get("approximate", b"none") == b"tanh" else "gelu")


def _flatten(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    """Images as rows, one a sample; rows stay as they are."""
    sides = chain.sides.get(chain.current, ())
    rows = [0, -1]
    if node.op_type == "Reshape":
        rows = [int(one) for one in chain.constant(node, 1)]
    elif node.op_type == "Squeeze" and chain.words[-1:] != ["globalpool"]:
        raise chain.refuse("Squeeze is read behind a GlobalAveragePool only")
    kept = len(rows) == 2 and len(sides) in (2, 4) and (rows[0] == 0 or rows[0] == sides[0] != 0)
    whole = len(rows) == 2 and 0 < rows[1] == int(np.prod(sides[1:], dtype=np.int64))
    if settings.get("axis", 1) != 1 or not (kept or whole):
        raise chain.refuse(f"{node.op_type} of {sides} to {rows} is not read, only to one row a sample")
    if len(sides) == 4 and chain.words[-1:] != ["globalpool"]:
        chain.words.append("flatten")
        if chain.channels_last and sides[3] > 1:
            chain.waiting = sides[1:]
    chain.channels_last = False


def _transpose(chain: _Chain, node: Any, settings: dict[str, Any]) -> None:
    """Images whose channels come last are what byhand has; the networks of most others have them first."""
    perm = list(settings.get("perm", []))
    if perm == TO_CHANNELS_FIRST and (chain.channels_last or not chain.words):
        chain.channels_last = False
    elif perm == TO_CHANNELS_LAST and not chain.channels_last:
        chain.channels_last = True
    else:
        raise chain.refuse(f"Transpose by {perm} is not read")


LAYERS: dict[str, Callable[[_Chain, Any, dict[str, Any]], None]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Add": _add,
    "Conv": _conv,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "BatchNormalization": _batch_norm,
    "LeakyRelu": _leaky_relu,
    "Gelu": _gelu,
    "Flatten": _flatten,
    "Reshape": _flatten,
    "Squeeze": _flatten,
    "Transpose": _transpose,
}
