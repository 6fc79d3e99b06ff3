"""Weights of somebody else's network as a byhand model: a `.safetensors` that PyTorch saved, with the layers between them named.

The file holds arrays and their names, but not what stands between them, so that is told in a line,

    conv1 relu pool2 conv2 relu pool2 flatten fc1 relu fc2

with the names of the layers as they are in the file, and between them the functions: relu, leaky_relu, silu, gelu, sigmoid, tanh,
softmax, poolK (the largest of K x K), avgpoolK, globalpool, flatten, dropout. `conv1+1` has a padding of 1, `conv1/2` a stride
of 2. Where only full layers are in the file, the line may be left out: relu stands between them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import Tensor, no_grad
from byhand.errors import ByhandError, ModelError
from byhand.modelfile import FORMAT, Model
from byhand.nn import (
    GELU,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    LeakyReLU,
    Linear,
    MaxPool2d,
    Module,
    Network,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Tanh,
)
from byhand.nn.exchange import from_pytorch
from byhand.tensorfile import read_tensors

FUNCTIONS: dict[str, Any] = {
    "relu": ReLU, "leaky_relu": LeakyReLU, "silu": SiLU, "gelu": GELU, "sigmoid": Sigmoid, "tanh": Tanh,
    "globalpool": GlobalAvgPool2d, "flatten": Flatten, "dropout": lambda: Dropout(0.0),
}  # fmt: skip
WORD = re.compile(r"(?P<name>[\w.]+?)(?:\+(?P<padding>\d+))?(?:/(?P<stride>\d+))?$")


def open_foreign(path: Path | str, shape: tuple[int, ...], layers: str = "", class_names: tuple[str, ...] = ()) -> Model:
    """The network of a file that PyTorch saved, for samples of this shape, (28, 28, 1) of images or (n,) of numbers.

    Raises ModelError for a file that is byhand's own or holds other things than layers, a word that is neither a layer nor a
    function, a layer that is left out, and sizes that do not fit together: which, and what would.
    """
    tensors, metadata = read_tensors(Path(path))
    if metadata.get("format") == FORMAT:
        raise ModelError(f"{path} is a byhand model already: give it to any command as it is")
    found = layers_of({name: np.asarray(array, np.float32) for name, array in tensors.items()}, path)
    words = layers.split() or guessed(found, path)
    if words[-1] == "softmax":
        words = words[:-1]  # the cost has its own
    if len(shape) == 3 and found[next(word for word in words if word in found)]["weight"].ndim == 2 and "flatten" not in words:
        words = ["flatten", *words]
    modules, sources = built(words, found, path)
    walk(modules, words, shape)
    state = {f"{position}.{part}": array for position, name in sources.items() for part, array in found[name].items()}
    module = Sequential(*modules)
    from_pytorch(module, state)
    network = Network(module, shape, cost="cross_entropy", initialiser=None)
    names = class_names if len(class_names) == network.n_outputs else tuple(map(str, range(network.n_outputs)))
    return Model(network, names, {"input": list(shape), "range": [0, 1]}, Path(path).stem)


def layers_of(tensors: dict[str, Array], path: Any) -> dict[str, dict[str, Array]]:
    """The layers of a file by their names, in its order: of each its weight, bias and running statistics."""
    found: dict[str, dict[str, Array]] = {}
    for name, array in tensors.items():
        layer, _, part = name.rpartition(".")
        if part == "num_batches_tracked":
            continue
        if part not in ("weight", "bias", "running_mean", "running_var") or not layer:
            raise ModelError(
                f"{path}: tensor {name!r} is no layer's weight or bias: only full, convolution and batch norm layers are read"
            )
        if not np.isfinite(array).all():
            raise ModelError(f"{path}: tensor {name!r} holds NaN or infinite numbers: the training that wrote it had exploded")
        found.setdefault(layer, {})[part] = array
    for layer, parts in found.items():
        if "weight" not in parts or parts["weight"].ndim not in (1, 2, 4):
            raise ModelError(f"{path}: layer {layer!r} has {', '.join(parts)}, but a weight of 1, 2 or 4 axes is wanted")
    if not found:
        raise ModelError(f"{path} holds no tensors: expected what safetensors.torch.save_file(net.state_dict(), path) writes")
    return found


def guessed(found: dict[str, dict[str, Array]], path: Any) -> list[str]:
    """The layers one behind the other with relu between them, where all of them are full ones."""
    if any(parts["weight"].ndim != 2 for parts in found.values()):
        names = " relu ".join(sorted(found, key=_order))
        raise ModelError(
            f'{path} has convolutions: say what stands between the layers, as in --layers "{names}", with pool2 and flatten'
        )
    words: list[str] = []
    for name in sorted(found, key=_order):
        words += [name, "relu"]
    return words[:-1]


def _order(name: str) -> tuple[Any, ...]:
    """Names with their numbers as numbers, so that fc10 comes after fc2, and convolutions before full layers."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part)


def built(words: list[str], found: dict[str, dict[str, Array]], path: Any) -> tuple[list[Module], dict[int, str]]:
    """The modules that the words name, and at which place which layer of the file stands."""
    modules: list[Module] = []
    sources: dict[int, str] = {}
    for word in words:
        match = WORD.match(word)
        pooled = re.fullmatch(r"(avg)?pool(\d)", word)
        if word in FUNCTIONS:
            modules.append(FUNCTIONS[word]())
        elif pooled:
            modules.append((AvgPool2d if pooled[1] else MaxPool2d)(int(pooled[2])))
        elif match and match["name"] in found:
            if match["name"] in sources.values():
                raise ModelError(f"layer {match['name']!r} stands twice in the layers: each has its place once")
            sources[len(modules)] = match["name"]
            modules.append(_layer(found[match["name"]], int(match["padding"] or 0), int(match["stride"] or 1)))
        else:
            raise ModelError(
                f"{word[:40]!r} is neither a layer of {path} ({', '.join(found)}) nor one of "
                f"{', '.join(FUNCTIONS)}, pool2, avgpool2"
            )
    missing = [name for name in found if name not in sources.values()]
    if missing:
        raise ModelError(f"layer {missing[0]!r} of {path} has no place in the layers: name all of {', '.join(found)}")
    return modules, sources


def _layer(parts: dict[str, Array], padding: int, stride: int) -> Module:
    weight = parts["weight"]
    if weight.ndim == 1:
        return BatchNorm2d(len(weight))
    if weight.ndim == 2:
        return Linear(weight.shape[1], weight.shape[0], bias="bias" in parts)
    n_out, n_in, *kernel = weight.shape
    return Conv2d(n_in, n_out, (int(kernel[0]), int(kernel[1])), stride=stride, padding=padding, bias="bias" in parts)


def walk(modules: list[Module], words: list[str], shape: tuple[int, ...]) -> None:
    """Send a sample of this shape through; raises ModelError that says where it does not go on."""
    x = Tensor(np.zeros((1, *shape), np.float32))
    for word, module in zip(words, modules, strict=True):
        module.eval()
        try:
            with no_grad():
                x = module(x)
        except ByhandError as error:
            sizes = " x ".join(map(str, x.shape[1:]))
            reason = f"{word!r} does not take the {sizes} that come to it ({error})"
            raise ModelError(f"{reason}: look at the pools, the paddings and flatten") from error
