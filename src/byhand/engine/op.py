"""An op: forward, gradient, equation and source in one place, and the call that puts it on the tape."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from byhand import equation
from byhand.backend import array_module
from byhand.engine import tensor as tape
from byhand.engine.tensor import Node, Tensor


class Op:
    """What the decorator `op` makes of a class with the two functions

        forward(xp, *arrays, **options) -> value, saved
        gradient(xp, saved, delta) -> one array for each array that came in, or None where there is none
        gradient(xp, saved, delta, wanted) -> the same, where it pays to leave out what nobody asked for

    `xp` is the arrays' module (NumPy or CuPy), `saved` whatever the gradient will need, `delta` = dC/d(value), and `wanted`
    says of each input whether its gradient is wanted. Called with tensors, arrays and numbers, an op returns a `Tensor`.
    """

    def __init__(self, definition: type) -> None:
        functools.update_wrapper(self, definition)
        self.name = definition.__name__
        self.definition = definition
        self.forward: Callable[..., tuple[Any, Any]] = definition.__dict__["forward"]
        self.gradient: Callable[..., Any] = definition.__dict__["gradient"]
        self.selective = len(inspect.signature(self.gradient).parameters) == 4

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *inputs: Any, **options: Any) -> Tensor:
        # NumPy's scalars become plain numbers: a float64 one would lift a float32 array to its type.
        arrays = [
            given.data if isinstance(given, Tensor) else given.item() if isinstance(given, np.generic) else given
            for given in inputs
        ]
        first = arrays[0] if hasattr(arrays[0], "dtype") else arrays[-1]
        value, saved = self.forward(array_module(first), *arrays, **options)
        out = Tensor(value)
        wanted = tuple(isinstance(given, Tensor) and given.requires_grad for given in inputs)
        recorded = any(wanted) and tape.recording()
        if recorded or tape.watching():
            out.requires_grad = recorded
            out.node = Node(self, inputs, wanted, saved, options, out)
        return out

    def documented(self) -> equation.Documented:
        """Equation, gradient, shapes, source and code, from the definition itself."""
        return equation.read(self.definition)


def op(definition: type) -> Op:
    """Make a class with `forward` and `gradient` an op."""
    return Op(definition)
