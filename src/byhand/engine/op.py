"""An op: forward, gradient, equation and source in one place, and the call that puts it on the tape."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from byhand import equation
from byhand.backend import array_module
from byhand.engine.tensor import Node, Tensor, WatchedNode, computed, kept, recording, watched
from byhand.errors import EngineError

DOUBLE = np.dtype(np.float64)


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
        parameters = list(inspect.signature(self.forward).parameters.values())[1:]
        self.places = tuple(given.name for given in parameters if given.kind is given.POSITIONAL_OR_KEYWORD)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *inputs: Any, **options: Any) -> Tensor:
        if options:
            inputs, options = self._sorted(inputs, options)
        arrays, wanted = [], []
        for given in inputs:
            if isinstance(given, Tensor):
                arrays.append(given.data)
                wanted.append(given.requires_grad)
            else:  # NumPy's scalars become plain numbers: a float64 one would lift a float32 array to its type
                arrays.append(given.item() if isinstance(given, np.generic) else given)
                wanted.append(False)
        first = arrays[0] if hasattr(arrays[0], "dtype") else arrays[-1]
        xp = np if type(first) is np.ndarray else array_module(first)
        value, saved = self.forward(xp, *arrays, **options)
        recorded = True in wanted and recording()
        if recorded and value.dtype is DOUBLE:
            self._check_types(arrays, wanted)
        out = computed(value, inputs, recorded)
        if watched() is not None:
            out.node = WatchedNode(self, inputs, wanted, saved, options, out)
        elif recorded:
            out.node = Node(self, kept(inputs), wanted, saved, options, out)
        return out

    def _check_types(self, arrays: list[Any], wanted: list[bool]) -> None:
        """One float64 array in a float32 network would lift all that follows: twice the time, and nothing said."""
        if any(want and array.dtype != DOUBLE for array, want in zip(arrays, wanted, strict=True)):
            types = " and ".join(str(array.dtype) for array in arrays if hasattr(array, "dtype"))
            raise EngineError(
                f"{self.name}: the inputs are {types}, but they must have one type: Tensor(x, dtype=np.float32) makes one of it"
            )

    def _sorted(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Inputs given by name go to their place; of an option (a target, a condition) only the numbers are taken."""
        for name, option in options.items():
            if name not in self.places and isinstance(option, Tensor):
                if option.requires_grad:
                    raise EngineError(f"{self.name}: {name} is a tensor whose gradient is wanted, but it has none: detach() it")
                options = {**options, name: option.data}
        for name in self.places[len(inputs) :]:
            if name in options:
                inputs = (*inputs, options[name])
                options = {kept: option for kept, option in options.items() if kept != name}
        return inputs, options

    def documented(self) -> equation.Documented:
        """Equation, gradient, shapes, source and code, from the definition itself."""
        return equation.read(self.definition)


def op(definition: type) -> Op:
    """Make a class with `forward` and `gradient` an op."""
    return Op(definition)
