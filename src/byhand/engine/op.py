"""An op: forward, gradient, equation and source in one place, and the call that puts it on the tape."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from byhand import engine, equation
from byhand.backend import array_module
from byhand.engine.in_place import marking, marks
from byhand.engine.tensor import Node, Tensor, WatchedNode, computed, kept, recording, watched
from byhand.errors import EngineError

Saved: TypeAlias = tuple[Any, ...]  # what an op's forward pass keeps for its gradient
DOUBLE = np.dtype(np.float64)
LISTS = (list, tuple)
OTHER_NAMES = {"dim": "axis", "dims": "axis", "keepdim": "keepdims"}  # PyTorch's names of options


class Op:
    """What the decorator `op` makes of a class with the two functions

        forward(xp, *arrays, **options) -> value, saved
        gradient(xp, saved, delta) -> one array for each array that came in, or None where there is none
        gradient(xp, saved, delta, wanted) -> the same, where it pays to leave out what nobody asked for

    It may also say how a number of it is worked out, for explanations; what it does not say follows (`byhand.engine.call`):

        formula(z, **options) -> LaTeX with the number in it, value     where each number comes from one number
        slope: LaTeX of f'(z)                                           where it has a formula
        terms(call, at) -> sums                                         what a number of the output is the sum of
        gradient_terms(call, slot, at) -> sums                          the same for what goes back to a number of an input
        aside(call, at), gradient_aside(call, slot, at) -> Aside        what leads to them and is no term

    and, where `gradient` does not run on tensors as it is, how to differentiate it again (`byhand.engine.second`):

        composition(xp, *inputs, **options) -> the same as forward's value, composed of other ops
        tape_gradient(xp, saved, delta, wanted) -> the same as gradient's, written with ops

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
        self.composed = "composition" in definition.__dict__  # of its inputs, whose numbers must be kept for that
        parameters = list(inspect.signature(self.forward).parameters.values())[1:]
        self.places = tuple(given.name for given in parameters if given.kind is given.POSITIONAL_OR_KEYWORD)
        self.takes_many = any(given.kind is given.VAR_POSITIONAL for given in parameters)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *inputs: Any, **options: Any) -> Tensor:
        if options:
            inputs, options = self._sorted(inputs, options)
        arrays, wanted, lists = [], [], False
        for given in inputs:
            if isinstance(given, Tensor):
                arrays.append(given.data)
                wanted.append(given.requires_grad)
            else:  # NumPy's scalars become plain numbers: a float64 one would lift a float32 array to its type
                arrays.append(given.item() if isinstance(given, np.generic) else given)
                wanted.append(False)
                lists = lists or isinstance(given, LISTS)
        first = arrays[0] if arrays else None
        if type(first) is np.ndarray and not lists:  # as nearly always, and an op on one number costs what stands here
            xp: Any = np
        else:
            if lists and (self.takes_many or any(isinstance(one, LISTS) and holds_tensors(one) for one in inputs)):
                return self(*self._one_by_one(inputs), **options)
            first = first if hasattr(first, "dtype") else arrays[-1] if arrays else None
            if lists or not hasattr(first, "dtype"):
                arrays = self._as_arrays(arrays)
                inputs = tuple(given if isinstance(given, Tensor) else array for given, array in zip(inputs, arrays, strict=True))
                first = arrays[0] if arrays else None
            xp = array_module(first)
        try:
            value, saved = self.forward(xp, *arrays, **options)
        except TypeError:
            self._check_call(arrays, options)
            raise
        recorded = True in wanted and recording()
        if recorded and value.dtype is DOUBLE:
            self._check_types(arrays, wanted)
        out = computed(value, inputs, recorded)
        known = marks(saved, arrays, options, value) if recorded and marking() else ()
        if watched() is not None:
            out.node = WatchedNode(self, inputs, wanted, saved, options, known, out)
        elif recorded:
            out.node = Node(self, inputs if self.composed else kept(inputs), wanted, saved, options, known, out)
        return out

    def _as_arrays(self, given: list[Any]) -> list[Any]:
        """Lists as arrays, of the type of what stands beside them; numbers too, where they stand alone."""
        known = next((one.dtype for one in given if hasattr(one, "dtype")), None)
        found = []
        for one in given:
            if isinstance(one, list | tuple):
                try:
                    array = np.asarray(one)
                except ValueError:
                    raise EngineError(
                        f"{self.name}: a list must have rows of one length to be an array, got {one!r:.60}"
                    ) from None
                found.append(array if known is None or known.kind != "f" else array.astype(known))
            else:
                found.append(np.asarray(one) if known is None and isinstance(one, int | float) else one)
        return found

    def _one_by_one(self, inputs: tuple[Any, ...]) -> list[Any]:
        """A list of tensors as one tensor; where an op takes any number of arrays, and gets one list, as those arrays."""
        if self.takes_many and len(inputs) == 1:
            return [joined(one) if isinstance(one, list | tuple) else one for one in inputs[0]]
        return [joined(one) if isinstance(one, list | tuple) else one for one in inputs]

    def _check_call(self, arrays: list[Any], options: dict[str, Any]) -> None:
        """Raise EngineError where the op was called with too many inputs, too few, names that it does not know, or no numbers."""
        for given in arrays:
            if isinstance(given, str | bytes | dict | set) or getattr(given, "dtype", DOUBLE).kind not in "biufc":
                raise EngineError(f"{self.name}: each input must hold numbers, got {given!r:.60}")
        signature = inspect.signature(self.forward)
        try:
            signature.bind(np, *arrays, **options)
        except TypeError as error:
            shown = [
                parameter.name
                if parameter.default is parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY
                else f"{parameter.name}={'...' if parameter.default is parameter.empty else repr(parameter.default)}"
                for parameter in list(signature.parameters.values())[1:]
            ]
            wrong = f"{len(arrays)} inputs do not fit" if "positional" in str(error) else str(error)
            raise EngineError(f"{self.name}: {wrong}: write {self.name}({', '.join(shown)})") from None

    def _check_types(self, arrays: list[Any], wanted: list[bool]) -> None:
        """One float64 array in a float32 network would lift all that follows: twice the time, and nothing said."""
        if len(arrays) > 1 and any(want and array.dtype != DOUBLE for array, want in zip(arrays, wanted, strict=True)):
            types = " and ".join(str(array.dtype) for array in arrays if hasattr(array, "dtype"))
            raise EngineError(
                f"{self.name}: the inputs must have one type, got {types}: Tensor(x, dtype=np.float32) makes one of it"
            )

    def _sorted(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Inputs given by name go to their place; of an option (a target, a condition) only the numbers are taken."""
        if "dim" in options or "dims" in options or "keepdim" in options:
            options = {OTHER_NAMES.get(name, name): option for name, option in options.items()}
        for name, option in options.items():
            if name not in self.places and isinstance(option, Tensor):
                if option.requires_grad:
                    raise EngineError(f"{self.name}: {name} is a tensor that needs a gradient and can have none: detach() it")
                options = {**options, name: option.data}
        for name in self.places[len(inputs) :]:
            if name in options:
                inputs = (*inputs, options[name])
                options = {kept: option for kept, option in options.items() if kept != name}
        return inputs, options

    def said(self, name: str) -> Any:
        """What the definition says beside its mathematics (`formula`, `terms`, ...: see below); None where it says nothing."""
        return self.definition.__dict__.get(name)

    def documented(self) -> equation.Documented:
        """Equation, gradient, shapes, source and code, from the definition itself."""
        return equation.read(self.definition)


def holds_tensors(parts: Any) -> bool:
    """Whether a tensor is among these, or in a list among them."""
    return any(isinstance(part, Tensor) or (isinstance(part, list | tuple) and holds_tensors(part)) for part in parts)


def joined(parts: Any) -> Any:
    """A list of numbers, arrays and tensors, which may be lists of them, as one array or tensor along a new first axis."""
    if not holds_tensors(parts):
        try:
            return np.asarray(parts)
        except ValueError:
            raise EngineError(f"a list must have rows of one length to be an array, got {parts!r:.60}") from None
    return engine.ops.stack(*(joined(part) if isinstance(part, list | tuple) else part for part in parts))


def op(definition: type) -> Op:
    """Make a class with `forward` and `gradient` an op."""
    return Op(definition)
