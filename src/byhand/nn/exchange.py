"""Weights to and from PyTorch: the same names, and the axes in its order.

PyTorch keeps a convolution's weights as (C_out, C_in, kh, kw), and byhand as (kh, kw, C_in, C_out), which is the matrix that
a row of an (N, H, W, C) image is multiplied with. Everything else is laid out alike. Images must be turned as well:
`x.permute(0, 2, 3, 1)` makes PyTorch's (N, C, H, W) ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.files import write_atomically
from byhand.nn.module import Module
from byhand.tensorfile import read_tensors

COUNTER = "num_batches_tracked"  # PyTorch's batch norm keeps it beside the running statistics, and nothing here needs it


def to_pytorch(module: Module) -> dict[str, Array]:
    """The state as PyTorch's `load_state_dict` wants it: name -> array."""
    axes = _axes(module)
    state = {
        name: np.ascontiguousarray(array.transpose(axes[name]) if name in axes else array)
        for name, array in module.state().items()
    }
    return state | {name: state[same] for name, same in module.other_names().items()}  # PyTorch names shared ones in each place


def from_pytorch(module: Module, arrays: dict[str, Array]) -> Module:
    """Copy a PyTorch `state_dict` (as NumPy arrays) into the module of the same build.

    Raises ModelError for a missing, a foreign or a misshapen one, and copies none then.
    """
    axes = _axes(module)
    others = module.other_names()
    turned = {}
    for given, array in arrays.items():
        name = others.get(given, given)
        if name != given and name in arrays and not np.array_equal(array, arrays[name], equal_nan=True):
            raise ModelError(f"{given!r} and {name!r} are one tensor in this network, but two different ones came")
        if name.rpartition(".")[2] == COUNTER:
            continue
        if name in axes and np.ndim(array) != len(axes[name]):
            raise ModelError(f"{name!r} must have {len(axes[name])} axes, as PyTorch's has, got {np.shape(array)}")
        turned[name] = np.asarray(array).transpose(np.argsort(axes[name])) if name in axes else np.asarray(array)
    module.load_state(turned)
    return module


def load_pytorch(module: Module, path: Path | str) -> Module:
    """`from_pytorch` from a `.safetensors` file, as `safetensors.torch.save_file(net.state_dict(), path)` writes it."""
    return from_pytorch(module, read_tensors(Path(path), small_floats=True)[0])


def save_pytorch(module: Module, path: Path | str) -> None:
    """`to_pytorch` into a `.safetensors` file, for `net.load_state_dict(safetensors.torch.load_file(path))`."""
    write_atomically(Path(path), save(to_pytorch(module), {"format": "pt"}))


def _axes(module: Module) -> dict[str, tuple[int, ...]]:
    """Of each parameter that PyTorch lays out in another order: which of our axes each of its axes is."""
    return {
        f"{prefix}.{name}" if prefix else name: axes
        for prefix, inner in module.modules()
        for name, axes in inner.pytorch_axes.items()
    }
