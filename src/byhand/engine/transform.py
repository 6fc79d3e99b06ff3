"""Derivatives of functions, of any order: the tape without its tensors. They touch no tensor's `grad`, and free their own tape.

An input may be an array, a number, or a nest of lists, tuples and dicts of them: its gradient has the same form. Options by name
are handed to the function as they are. Given arrays they return arrays. Given tensors, or called within a function whose
derivative is being computed, they return tensors, which can be differentiated again.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

import numpy as np

from byhand.backend import array_module
from byhand.engine import ops
from byhand.engine.nested import leaves_of, rebuilt
from byhand.engine.second import key_of, pulled_back_on_tape
from byhand.engine.tensor import Tensor, Trace, pulled_back, traced, tracing
from byhand.errors import EngineError

Which = int | tuple[int, ...]


def vjp(function: Callable[..., Tensor], *inputs: Any, **options: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    r"""The value of a function of arrays, and its vector-Jacobian product: v \mapsto v^\top J, one array for each input.

    Source: Baydin et al. (2018), section 3.2.

    >>> import numpy as np
    >>> value, pull_back = vjp(lambda x: x * x, np.array([1.0, 2.0]))
    >>> pull_back(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    call = _Traced("vjp", function, inputs, options, tuple(range(len(inputs))))

    def pull_back(v: Any) -> tuple[Any, ...]:
        if np.shape(v.data if isinstance(v, Tensor) else v) != call.out.shape:
            raise EngineError(f"vjp: v must be {call.out.shape}, as the function's value is, got {np.shape(v)}")
        return call.gradients(v)

    return call.value(), pull_back


def value_and_grad(function: Callable[..., Tensor], argnums: Which = 0) -> Callable[..., tuple[Any, Any]]:
    r"""A function that returns C and its gradient, with respect to the first input, or to those that `argnums` counts from 0.

    >>> import numpy as np
    >>> value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
    (5.0, array([2., 4.]))
    """

    def both(*inputs: Any, **options: Any) -> tuple[Any, Any]:
        return _value_and_grad("value_and_grad", function, inputs, options, argnums)

    return both


def grad(function: Callable[..., Tensor], argnums: Which = 0) -> Callable[..., Any]:
    r"""A function that returns \partial C/\partial x of the first input x, or of those that `argnums` counts from 0.

    >>> import numpy as np
    >>> grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
    array([2., 4.])
    >>> float(grad(grad(lambda x: x**3))(2.0))
    12.0
    >>> [float(part) for part in grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)]
    [3.0, 2.0]
    >>> grad(lambda net: (net["w"] * 2 + net["b"]).sum())({"w": np.ones(2), "b": np.zeros(2)})
    {'w': array([2., 2.]), 'b': array([1., 1.])}
    """
    return lambda *inputs, **options: _value_and_grad("grad", function, inputs, options, argnums)[1]


def jvp(function: Callable[..., Tensor], inputs: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    r"""The value of a function, and how it changes where its inputs change by the tangents: the Jacobian times a vector.

    u^\top J is linear in u, so that its own gradient, with respect to u, is J v: two walks back make one forward.

    Source: Townsend (2017), "A new trick for calculating Jacobian vector products".

    >>> import numpy as np
    >>> value, change = jvp(lambda x: x * x, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    >>> change
    array([ 2., 40.])
    """
    if len(inputs) != len(tangents) or any(np.shape(x) != np.shape(v) for x, v in zip(inputs, tangents, strict=False)):
        raise EngineError(
            f"jvp: the inputs are {[np.shape(x) for x in inputs]} but the tangents {[np.shape(v) for v in tangents]}: "
            "give one of each shape, in two tuples"
        )
    plain = not tracing() and not any(isinstance(x, Tensor) for x in (*inputs, *tangents))
    value, pull_back = vjp(function, *(x if isinstance(x, Tensor) else Tensor(x) for x in inputs))

    def along(u: Tensor) -> Tensor:
        return reduce(operator.add, ((part * v).sum() for part, v in zip(pull_back(u), tangents, strict=True)))

    change = grad(along)(np.zeros(value.shape, value.dtype) if plain else Tensor(np.zeros(value.shape, value.dtype)))
    return (value.data if plain else value), change


def hvp(function: Callable[[Any], Tensor], x: Any, v: Any) -> Any:
    r"""The Hessian of C times a vector, H v, without the Hessian: the gradient of (\partial C/\partial x) \cdot v.

    Source: Pearlmutter (1994), "Fast exact multiplication by the Hessian".

    >>> import numpy as np
    >>> hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    shapes, given = ([np.shape(one) for one in leaves_of(tree)] for tree in (x, v))
    if shapes != given:
        told = (one if isinstance(tree, list | tuple | dict) else one[0] for one, tree in ((shapes, x), (given, v)))
        raise EngineError("hvp: x is {} but v is {}: they must agree".format(*told))

    def along(x: Any) -> Tensor:
        slopes = leaves_of(grad(function)(x))
        return reduce(operator.add, ((slope * one).sum() for slope, one in zip(slopes, leaves_of(v), strict=True)))

    return grad(along)(x)


def jacobian(function: Callable[..., Tensor], argnums: int = 0) -> Callable[..., Any]:
    r"""A function that returns all \partial y_i/\partial x_j: the axes of y, then those of x.

    >>> import numpy as np
    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    def rows(*inputs: Any, **options: Any) -> Any:
        if isinstance(argnums, int) and 0 <= argnums < len(inputs) and isinstance(inputs[argnums], list | tuple | dict):
            kind = type(inputs[argnums]).__name__
            raise EngineError(f"jacobian: the input must be one array, got a {kind}: take the derivative by each of its parts")
        call = _Traced("jacobian", function, inputs, options, (argnums,))
        units = np.eye(call.out.size, dtype=call.out.dtype).reshape(call.out.size, *call.out.shape)
        found = [call.gradients(unit)[0] for unit in units]
        shape = (*call.out.shape, *call.trace.leaves[0].shape)
        if not found:
            return Tensor(np.zeros(shape, call.out.dtype)) if call.again else np.zeros(shape, call.out.dtype)
        return ops.stack(*found).reshape(shape) if call.again else np.stack(found).reshape(shape)

    return rows


def hessian(function: Callable[..., Tensor], argnums: int = 0) -> Callable[..., Any]:
    r"""A function that returns all \partial^2 C/\partial x_i \partial x_j: the axes of x twice.

    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacobian(grad(function, argnums), argnums)


def per_sample_grad(function: Callable[..., Tensor]) -> Callable[..., Any]:
    r"""A function of parameters w and a batch that returns \partial C_m/\partial w for each sample m, stacked.

    `function(w, *sample)` is the cost C_m of one sample.

    >>> import numpy as np
    >>> x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 0.0])
    >>> per_sample_grad(lambda w, x, y: (x @ w - y) ** 2)(np.zeros(2), x, y)
    array([[-2., -4.],
           [ 0.,  0.]])
    """

    def each(w: Any, *batch: Any) -> Any:
        lengths = {len(array) for array in batch}
        if len(lengths) != 1:
            raise EngineError(f"per_sample_grad: the batch's arrays must have one length, got {sorted(lengths)}")
        found = [grad(function)(w, *(array[m] for array in batch)) for m in range(lengths.pop())]
        if not found:
            return np.zeros((0, *np.shape(w)))
        return ops.stack(*found) if isinstance(found[0], Tensor) else np.stack(found)

    return each


def _value_and_grad(
    name: str, function: Callable[..., Tensor], inputs: tuple[Any, ...], options: dict[str, Any], argnums: Which
) -> tuple[Any, Any]:
    which = argnums if isinstance(argnums, tuple) else (argnums,)
    call = _Traced(name, function, inputs, options, which)
    if call.out.size != 1:
        raise EngineError(
            f"{name}: the tensor is {call.out.shape}, and only a single number has a gradient by itself: "
            "take its sum or mean first"
        )
    parts = call.gradients(np.ones_like(call.out.data), retain_graph=False)
    return call.value() if call.again else call.out.item(), parts if isinstance(argnums, tuple) else parts[0]


class _Traced:
    """A function's call with some of its inputs as leaves, on the tape even where no_grad is open around all this.

    Attributes:
        out: what the function made of them; trace: its leaves; again: whether its derivatives are to be tensors.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Tensor],
        inputs: tuple[Any, ...],
        options: dict[str, Any],
        which: tuple[int, ...],
    ) -> None:
        for place in which:
            if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(inputs):
                raise EngineError(f"{name}: argnums must be from 0 to {len(inputs) - 1}, got {place!r}")
        self.nests = [inputs[place] for place in which]
        self.again = bool(tracing()) or any(isinstance(one, Tensor) for one in leaves_of(inputs))
        with traced([]) as trace:
            given = [_constant(one) for one in inputs]
            for place in which:
                leaves = [_leaf(one) for one in leaves_of(inputs[place])]
                given[place] = rebuilt(inputs[place], leaves)
                trace.leaves.extend(leaves)
            out: Any = function(*given, **options)
        if type(out) in (int, float):
            out = Tensor(np.float64(out))
        if not isinstance(out, Tensor):
            raise EngineError(
                f"{name}: the function must return a Tensor, got {type(out).__name__}: compute it with the engine's ops"
            )
        self.trace: Trace = trace
        self.out: Tensor = out

    def value(self) -> Any:
        return self.out if self.again else self.out.data

    def gradients(self, v: Any, retain_graph: bool = True) -> tuple[Any, ...]:
        """v^T J for each input that is asked about, in the form that the input has."""
        found = iter(self._of_leaves(v, retain_graph))
        return tuple(rebuilt(nest, found) for nest in self.nests)

    def _of_leaves(self, v: Any, retain_graph: bool) -> Iterable[Any]:
        again = self.again or isinstance(v, Tensor) or bool(tracing())
        if not again:
            xp = array_module(self.out.data)
            found = pulled_back(self.out, xp.asarray(v, dtype=self.out.dtype), self.trace, retain_graph)
            return (
                array[()] if isinstance(one, int | float) else array
                for one, array in zip(leaves_of(self.nests), found, strict=True)
            )
        v = v if isinstance(v, Tensor) else Tensor(v, dtype=self.out.dtype)
        parts = pulled_back_on_tape(self.out, v, self.trace.leaves, self.trace.begun) if self.out.requires_grad else {}
        return tuple(
            parts[key_of(leaf)] if key_of(leaf) in parts else Tensor(np.zeros_like(leaf.data)) for leaf in self.trace.leaves
        )


def _leaf(given: Any) -> Tensor:
    """An input as a leaf: a new one, or one that remembers the tensor that it was."""
    if isinstance(given, Tensor) and given.requires_grad:
        return ops.reshape(given, shape=given.shape)
    return Tensor(float(given) if type(given) is int else given, requires_grad=True)


def _constant(given: Any) -> Any:
    return Tensor(given) if isinstance(given, np.ndarray) or array_module(given) is not np else given
