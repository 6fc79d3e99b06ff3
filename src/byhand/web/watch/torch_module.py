"""A PyTorch module that is watched: its parameters, gradients and activations as NumPy arrays, heard by hooks.

PyTorch is never imported here: whoever hands in one of its modules has done so.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ByhandError
from byhand.web.watch.array_statistics import MOST

FIRST = ("Conv", "BatchNorm", "GroupNorm", "InstanceNorm", "Pool", "Upsample", "PixelShuffle")  # whose channels stand on axis 1


def is_module(thing: Any) -> bool:
    """Whether it is a PyTorch module."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


class TorchModule:
    """What a `Watcher` asks of a module; nothing is copied before it asks.

    Raises ByhandError in one line for a module without parameters, or an optimiser that holds none of them.
    """

    def __init__(self, net: Any, optimizer: Any = None) -> None:
        self.net, self.optimizer = net, optimizer
        if not any(True for _ in net.parameters()):
            raise ByhandError(f"watch: {type(net).__name__} has no parameters: hand over the module that is trained")
        if optimizer is not None:
            groups = getattr(optimizer, "param_groups", None)
            if not isinstance(groups, list):
                raise ByhandError(f"watch: the optimizer must be PyTorch's, got {type(optimizer).__name__}")
            held = {id(p) for group in groups for p in group["params"]}
            if not held & {id(p) for p in net.parameters()}:
                raise ByhandError("watch: this optimizer holds no parameter of the module: make it of net.parameters()")
        self._heard: dict[str, tuple[Any, bool]] = {}  # of each part its last answer, and whether its channels stand first
        self._first: set[int] = set()  # answers of this pass whose channels stand first
        leaves = [(name, part) for name, part in net.named_modules() if not any(True for _ in part.children())]
        self._hooks = [part.register_forward_hook(self._hook(name)) for name, part in leaves]
        self._hooks.append(net.register_forward_pre_hook(lambda *_: self._first.clear()))
        largest = sorted(net.named_parameters(), key=lambda pair: -pair[1].numel())[:MOST]
        self._names = {name for name, _ in largest}

    def _hook(self, name: str) -> Any:
        def heard(part: Any, inputs: tuple[Any, ...], output: Any) -> None:
            value = output[0] if isinstance(output, tuple) and output else output
            if not hasattr(value, "detach") or not value.requires_grad or value.ndim < 2:  # an evaluation is not the training
                return
            passed_on = bool(inputs) and id(inputs[0]) in self._first and not any(True for _ in part.parameters())
            first = value.ndim > 2 and (passed_on or any(kind in type(part).__name__ for kind in FIRST))
            if first:
                self._first.add(id(value))
            if name in self._heard or len(self._heard) < MOST:
                self._heard[name] = (value.detach(), first)

        return heard

    def parameters(self) -> dict[str, Array]:
        """By name, as they are now."""
        return {name: _array(p) for name, p in self._chosen()}

    def _chosen(self) -> list[tuple[str, Any]]:
        """The largest, where there are more than a page has room for."""
        return [(name, p) for name, p in self.net.named_parameters() if name in self._names]

    @property
    def has_gradients(self) -> bool:
        """Whether backward was called since the gradients were taken away."""
        return any(p.grad is not None and not p.grad.is_sparse for _, p in self._chosen())

    @property
    def has_activations(self) -> bool:
        """Whether the module was called in training."""
        return bool(self._heard)

    def gradients(self) -> dict[str, Array]:
        """By name, of those that have one."""
        return {name: _array(p.grad) for name, p in self._chosen() if p.grad is not None and not p.grad.is_sparse}

    def activations(self) -> dict[str, Array]:
        """Of each part that has no parts, what it answered last in training: (m, ..., units)."""
        found = {}
        for name, (value, first) in self._heard.items():
            array = _array(value)
            found[name or type(self.net).__name__] = np.moveaxis(array, 1, -1) if first else array
        return found

    def rate(self) -> float | None:
        """The learning rate of the optimiser's first group, where one was handed over."""
        return None if self.optimizer is None else float(self.optimizer.param_groups[0]["lr"])

    def close(self) -> None:
        """Take the hooks off again."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._heard.clear()


def _array(tensor: Any) -> Array:
    """As NumPy has it: it knows no bfloat16."""
    value = tensor.detach().cpu()
    return np.asarray((value.float() if value.is_floating_point() and value.dtype.itemsize < 4 else value).numpy())
