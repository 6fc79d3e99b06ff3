"""Somebody else's network as a byhand model: a `.safetensors` that PyTorch saved, with the layers between them named, or ONNX.

An ONNX file says all of it itself (`byhand.import_onnx`); one that is no chain of layers becomes a graph (`byhand.onnx.graph`).
A `.safetensors` holds arrays and their names, but not what stands
between them, so that is told in a line,

    conv1 relu pool2 conv2 relu pool2 flatten fc1 relu fc2

with the names of the layers as they are in the file, and between them the functions: relu, leaky_relu, silu, gelu, gelu_tanh,
sigmoid, tanh, softmax, poolK (the largest of K x K), avgpoolK, globalpool, flatten, dropout. `conv1+1` has a padding of 1,
`conv1/2` a stride of 2. A layer with one weight per channel is a batch norm, or it is said what it is: `norm1:layer`,
`norm1:group4` (4 groups), `act:prelu`. Where only full layers are in the file, the line may be left out: relu
stands between them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from byhand import data as datasets
from byhand.backend import Array
from byhand.data.preparation import preparation
from byhand.engine import Tensor, no_grad
from byhand.errors import ByhandError, ModelError
from byhand.import_onnx import NotAChain, open_onnx, read_chain
from byhand.modelfile import FORMAT, Model
from byhand.nn import (
    GELU,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    GroupNorm,
    LayerNorm,
    LeakyReLU,
    Linear,
    MaxPool2d,
    Module,
    Network,
    PReLU,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Tanh,
)
from byhand.nn.exchange import from_pytorch
from byhand.tensorfile import read_tensors

FUNCTIONS: dict[str, Any] = {
    "relu": ReLU, "leaky_relu": LeakyReLU, "silu": SiLU, "gelu": GELU, "gelu_tanh": lambda: GELU("tanh"),
    "sigmoid": Sigmoid, "tanh": Tanh, "globalpool": GlobalAvgPool2d, "flatten": Flatten, "dropout": lambda: Dropout(0.0),
}  # fmt: skip
WORD = re.compile(
    r"(?P<name>[^\s:+/]+)(?::(?P<norm>layer|prelu|group(?P<groups>[0-9]{1,4})))?(?:\+(?P<padding>[0-9]{1,4}))?(?:/(?P<stride>[0-9]{1,4}))?"
)
POOL = re.compile(r"(avg)?pool([1-9])")
AXES = {3: "Conv1d", 5: "Conv3d"}  # layers that byhand does not have, by the axes of their weights


def open_foreign(path: Path | str, shape: tuple[int, ...], layers: str = "", class_names: tuple[str, ...] = ()) -> Model:
    """The network of a file that PyTorch saved, for samples of this shape, (28, 28, 1) of images or (n,) of numbers.

    Raises ModelError for a file that is byhand's own or holds other things than layers, a word that is neither a layer nor a
    function, a layer that is left out, and sizes that do not fit together: which, and what would.
    """
    if Path(path).suffix.lower() == ".onnx":
        if layers:
            raise ModelError(f"{path} says itself what stands between its layers: leave --layers out")
        model = open_onnx(Path(path))
        try:
            tensors, layers = read_chain(model, Path(path))
        except NotAChain:
            return _graph_model(model, path, shape, class_names)
        metadata: dict[str, str] = {}
    else:
        tensors, metadata = read_tensors(Path(path), small_floats=True)
    if metadata.get("format") == FORMAT:
        raise ModelError(f"{path} is a byhand model already: give it to any command as it is")
    found = layers_of(tensors, path)
    words = layers.split() or guessed(found, path)
    ending = words[-1]
    if ending in ("softmax", "sigmoid"):
        words = words[:-1]  # the cost has its own
    matches = parsed(words, found, path)
    first = next(match for match in matches if match is not None)
    if len(shape) == 3 and found[first["name"]]["weight"].ndim == 2 and "flatten" not in words:
        words, matches = ["flatten", *words], [None, *matches]
    modules, sources = built(words, matches, found, shape)
    state = {f"{position}.{part}": array for position, name in sources.items() for part, array in found[name].items()}
    module = Sequential(*modules)
    from_pytorch(module, state)
    return _model(module, shape, ending, path, class_names)


def _graph_model(model: Any, path: Path | str, shape: tuple[int, ...], class_names: tuple[str, ...]) -> Model:
    """A network that is no chain of layers: its graph, computed node by node."""
    from byhand.onnx.reader import graph_of, without_end

    ending = without_end(model)
    given = [one for one in model.graph.input if one.name not in {held.name for held in model.graph.initializer}]
    if len(given) != 1 or len(model.graph.output) != 1:
        what = f"{len(given)} inputs and {len(model.graph.output)} outputs"
        raise ModelError(f"{path} has {what}: a network of one input and one output is read")
    sides = [side.dim_value for side in given[0].type.tensor_type.shape.dim]
    try:
        graph = graph_of(model, _images(sides, shape, path))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    if not graph.weight:
        raise ModelError(f"{path} holds no weights: there is nothing in it to train or to explain")
    return _model(graph, shape, ending, path, class_names)


def _images(sides: list[int], shape: tuple[int, ...], path: Path | str) -> str:
    """How samples of this shape go into a graph that reads arrays of these sides, 0 where a side is not known."""

    def fits(wanted: tuple[int, ...]) -> bool:
        return len(sides) == 1 + len(wanted) and all(side in (0, n) for side, n in zip(sides[1:], wanted, strict=True))

    if len(shape) != 3:
        turned = {"": shape}
    else:
        height, width, channels = shape
        first = (channels, height, width)
        turned = {"channels_first": first, "": shape, "rows": (height * width * channels,)}
    for images, wanted in turned.items():
        if fits(wanted):
            return images
    raise ModelError(
        f"{path} reads arrays of {' x '.join(str(side or '?') for side in sides[1:])}, but the data are "
        f"{' x '.join(map(str, shape))}: name the data that it was trained on, by --data"
    )


def _model(module: Module, shape: tuple[int, ...], ending: str, path: Path | str, class_names: tuple[str, ...]) -> Model:
    """The network of a module, with the cost that goes with its end."""
    one = module_outputs(module, shape) == 1
    if one and ending == "softmax":
        raise ModelError(
            f"{path} has one output, and softmax of one is 1 whatever comes in: leave softmax out, or end in sigmoid"
        )
    network = Network(module, shape, cost="bce" if one or ending == "sigmoid" else "cross_entropy", initialiser=None)
    told = 2 if one else network.n_outputs
    names = ("no", "yes") if one else tuple(map(str, range(told)))
    return Model(network, class_names if len(class_names) == told else names, {"input": list(shape)}, Path(path).stem)


def import_model(path: Path | str, layers: str = "", data: str | None = None) -> Model:
    """The same as a model that knows its data: their shape, scale and classes' names, those of MNIST unless given.

    Raises ModelError where the file tells other classes apart than data that were given have.
    """
    train = datasets.load(data or "mnist").train
    model = open_foreign(path, train.inputs.shape[1:], layers, train.class_names)
    if data and model.class_names != train.class_names:
        raise ModelError(
            f"{path} tells {len(model.class_names)} classes apart, but {data} has {train.n_classes} "
            f"({', '.join(train.class_names)}): choose the data that it was trained on"
        )
    model.preprocessing |= preparation(train) | {"data": data or "mnist"}
    return model


def module_outputs(module: Module, shape: tuple[int, ...]) -> int:
    """How many numbers come out for a sample of this shape."""
    with no_grad():
        return int(module.eval()(Tensor(np.zeros((1, *shape), np.float32))).shape[-1])


def layers_of(tensors: dict[str, Array], path: Any) -> dict[str, dict[str, Array]]:
    """The layers of a file by their names, in its order: of each its weight, bias and running statistics, in float32."""
    found: dict[str, dict[str, Array]] = {}
    for name, array in tensors.items():
        layer, _, part = name.rpartition(".")
        if part == "num_batches_tracked":
            continue
        if part not in ("weight", "bias", "running_mean", "running_var") or not layer:
            raise ModelError(
                f"{path}: tensor {name!r} is no layer's weight or bias: only full, convolution and norm layers are read"
            )
        if array.dtype.kind != "f":
            raise ModelError(
                f"{path}: tensor {name!r} holds {array.dtype}: weights must be floating-point numbers, not quantised"
            )
        if array.size == 0:
            raise ModelError(f"{path}: tensor {name!r} is empty, {array.shape}: a layer has at least one unit and one input")
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused as that
            numbers = array.astype(np.float32)
        if not np.isfinite(numbers).all():
            raise ModelError(f"{path}: tensor {name!r} holds NaN or infinite numbers: the training that wrote it had exploded")
        found.setdefault(layer, {})[part] = numbers
    for layer, parts in found.items():
        axes = parts["weight"].ndim if "weight" in parts else 0
        if axes in AXES:
            raise ModelError(
                f"{path}: layer {layer!r} is a {AXES[axes]} (its weight has {axes} axes), which byhand does not have"
            )
        if axes not in (1, 2, 4):
            raise ModelError(f"{path}: layer {layer!r} must have a weight of 1, 2 or 4 axes, got {', '.join(parts)}")
    if not found:
        raise ModelError(f"{path} holds no tensors: expected what safetensors.torch.save_file(net.state_dict(), path) writes")
    return found


def guessed(found: dict[str, dict[str, Array]], path: Any) -> list[str]:
    """The layers one behind the other with relu between them, where all of them are full ones."""
    if any(parts["weight"].ndim != 2 for parts in found.values()):
        names, images = " relu ".join(sorted(found, key=_order)), any(parts["weight"].ndim == 4 for parts in found.values())
        has, more = ("convolutions", ", with pool2 and flatten") if images else ("more than full layers", "")
        raise ModelError(f'{path} has {has}: say what stands between the layers, for example --layers "{names}"{more}')
    words: list[str] = []
    for name in sorted(found, key=_order):
        words += [name, "relu"]
    return words[:-1]


def _order(name: str) -> tuple[Any, ...]:
    """Names with their numbers as numbers, so that fc10 comes after fc2, and convolutions before full layers."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part)


def parsed(words: list[str], found: dict[str, dict[str, Array]], path: Any) -> list[re.Match[str] | None]:
    """For each word the layer of the file that it names, with what is said of it; None for a function.

    Raises ModelError for a word that is neither, and a layer that is named twice or not at all.
    """
    matches: list[re.Match[str] | None] = []
    named: list[str] = []
    for word in words:
        match = WORD.fullmatch(word)
        if match and match["name"] in found:
            if match["name"] in named:
                raise ModelError(f"layer {match['name']!r} stands twice in the layers: each has its place once")
            named.append(match["name"])
            matches.append(match)
        elif word in FUNCTIONS or POOL.fullmatch(word):
            matches.append(None)
        else:
            raise ModelError(
                f"{word[:40]!r} is neither a layer of {path} ({', '.join(found)}) nor one of "
                f"{', '.join(FUNCTIONS)}, pool2, avgpool2"
            )
    missing = [name for name in found if name not in named]
    if missing:
        raise ModelError(f"layer {missing[0]!r} of {path} has no place in the layers: name all of {', '.join(found)}")
    return matches


def built(
    words: list[str], matches: list[re.Match[str] | None], found: dict[str, dict[str, Array]], shape: tuple[int, ...]
) -> tuple[list[Module], dict[int, str]]:
    """The modules that the words name, and at which place which layer of the file stands.

    A sample of this shape is sent through as they are built, as some of what a layer is does not stand in the file, but in what
    comes to it. Raises ModelError that says where it does not go on.
    """
    modules: list[Module] = []
    sources: dict[int, str] = {}
    x = Tensor(np.zeros((1, *shape), np.float32))
    for place, (word, match) in enumerate(zip(words, matches, strict=True)):
        sizes = " x ".join(map(str, x.shape[1:]))
        if match is not None:
            sources[place] = match["name"]
            module = _layer(word, match, found[match["name"]], x.shape)
        else:
            module = _function(word)
        module.eval()
        try:
            with no_grad():
                x = module(x)
        except ByhandError as error:
            reason = f"{word!r} does not take the {sizes} that come to it ({error})"
            raise ModelError(f"{reason}: look at the pools, the paddings and flatten") from error
        modules.append(module)
    return modules, sources


def _function(word: str) -> Module:
    pool = POOL.fullmatch(word)
    if pool:
        return (AvgPool2d if pool[1] else MaxPool2d)(int(pool[2]))
    return FUNCTIONS[word]()


def _layer(word: str, match: re.Match[str], parts: dict[str, Array], coming: tuple[int, ...]) -> Module:
    weight = parts["weight"]
    padding, stride = int(match["padding"] or 0), int(match["stride"] or 1)
    if weight.ndim != 4 and (padding, stride) != (0, 1):
        raise ModelError(f"{word!r}: only a convolution has a padding and a stride")
    if weight.ndim == 1:
        return _norm(match, parts, coming)
    if match["norm"]:
        raise ModelError(f"{word!r}: a weight of {weight.ndim} axes is no norm: leave out ':{match['norm']}'")
    if weight.ndim == 2:
        return Linear(weight.shape[1], weight.shape[0], bias="bias" in parts)
    n_out, n_in, *kernel = weight.shape
    if padding >= max(kernel):
        raise ModelError(f"{word!r}: the padding must be smaller than the kernel, {kernel[0]} x {kernel[1]}, got {padding}")
    channels = coming[-1] if len(coming) == 4 else n_in
    groups = channels // n_in if channels % n_in == 0 else 1  # in each group, a filter sees n_in of the channels that come
    if n_out % groups:
        groups = 1
    size = (int(kernel[0]), int(kernel[1]))
    return Conv2d(n_in * groups, n_out, size, stride=stride, padding=padding, groups=groups, bias="bias" in parts)


def _norm(match: re.Match[str], parts: dict[str, Array], coming: tuple[int, ...]) -> Module:
    """The norm that the word or the running statistics say; the same tensors could be those of several."""
    name, features = match["name"], len(parts["weight"])
    if match["norm"] is None and ("running_mean" in parts or "running_var" in parts):
        return BatchNorm2d(features) if len(coming) == 4 else BatchNorm1d(features)
    if match["norm"] == "prelu" or (match["norm"] is None and set(parts) == {"weight"} and features == 1):
        return PReLU(features)
    if match["norm"] is None:
        raise ModelError(
            f"layer {name!r} has no running statistics, so it is no batch norm but a PReLU, LayerNorm, GroupNorm, InstanceNorm "
            f"or RMSNorm: say {name}:prelu, {name}:layer or {name}:group4 (of 4 groups); the others are not read"
        )
    if "bias" not in parts or "running_mean" in parts:
        raise ModelError(f"layer {name!r} is no {match['norm']} norm of byhand's: it must have a weight and a bias, and no more")
    if match["groups"] is not None:
        return GroupNorm(int(match["groups"]), features)
    if len(coming) != 2:
        raise ModelError(f"{name}:layer must come after flatten: PyTorch's LayerNorm of an image is over its width, ours is not")
    return LayerNorm(features)
