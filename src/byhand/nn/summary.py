"""A network as a table: what each layer makes of the shape, and how many numbers it learns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.engine import Tensor, no_grad
from byhand.nn.module import Module


def summary(module: Module, input_shape: tuple[int, ...], dtype: Any = np.float32) -> str:
    """Layer by layer: name, kind, output shape (N = 1 left out) and parameters; below, their sum.

    >>> from byhand import nn
    >>> print(summary(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), (4,)))
    name  layer   output  parameters
    0     Linear  5               25
    1     ReLU    5                0
    2     Linear  3               18
    43 parameters
    """
    shapes: dict[int, tuple[int, ...]] = {}
    mode = module.training
    undo = []
    for _, inner in module.modules():
        undo.append(_note_shape(inner, shapes))
    module.eval()
    try:
        with no_grad():
            module(Tensor(np.zeros((1, *input_shape), dtype)))
    finally:
        module.train(mode)
        for restore in undo:
            restore()
    rows = [("name", "layer", "output", "parameters")]
    for name, inner in module.modules():
        own = sum(math.prod(value.shape) for _, value in inner._inside() if isinstance(value, Tensor))
        if name and (own or not any(inner.children())):
            shape = "x".join(map(str, shapes[id(inner)])) if id(inner) in shapes else "not called"
            rows.append((name, type(inner).__name__, shape, f"{own:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False)), row[3].rjust(widths[3])])
        for row in rows
    ]
    return "\n".join([*lines, f"{module.n_parameters:,} parameters"])


def _note_shape(module: Module, shapes: dict[int, tuple[int, ...]]) -> Any:
    """Have this one module write down the shape of what it returns; gives back the function that undoes it."""
    forward = module.forward

    def noting(*inputs: Any, **options: Any) -> Any:
        out = forward(*inputs, **options)
        shapes[id(module)] = tuple(out.shape[1:])
        return out

    object.__setattr__(module, "forward", noting)
    return lambda: object.__delattr__(module, "forward")
