"""The names of HIPS autograd, for programs that were written for it.

Its `grad` and its like call the input by `argnum`; its `numpy` is NumPy itself here, whose functions a tensor answers. A program
needs two other lines, and runs as it is:

    from byhand.engine.autograd import grad     # from autograd import grad
    import numpy as np                          # import autograd.numpy as np

    >>> import numpy as np
    >>> elementwise_grad(np.tanh)(np.array([0.0, 1.0])).round(3)
    array([1.  , 0.42])

Source: Maclaurin, Duvenaud and Adams (2015), "Autograd: effortless gradients in NumPy".
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from byhand.engine import transform
from byhand.engine.nested import leaves_of, rebuilt
from byhand.engine.tensor import Tensor

Function = Callable[..., Any]
Argnum = int | tuple[int, ...] | list[int]


def _which(argnum: Argnum) -> int | tuple[int, ...]:
    return tuple(argnum) if isinstance(argnum, list) else argnum


def grad(fun: Function, argnum: Argnum = 0) -> Function:
    r"""A function that returns \partial C/\partial x of the input `argnum`, in the form that it has.

    >>> float(grad(lambda x, y: x * y, 1)(2.0, 3.0))
    2.0
    """
    return transform.grad(fun, _which(argnum))


def value_and_grad(fun: Function, argnum: Argnum = 0) -> Function:
    """A function that returns the value and the gradient."""
    return transform.value_and_grad(fun, _which(argnum))


def elementwise_grad(fun: Function, argnum: Argnum = 0) -> Function:
    r"""A function that returns \sum_i \partial y_i/\partial x: where y_i comes from x_i alone, the slope at each number."""

    def slopes(*args: Any, **kwargs: Any) -> Any:
        return transform.grad(lambda *given, **more: _total(fun(*given, **more)), _which(argnum))(*args, **kwargs)

    return slopes


egrad = elementwise_grad


def deriv(fun: Function, argnum: Argnum = 0) -> Function:
    """The derivative of a function of one number."""
    return elementwise_grad(fun, argnum)


def grad_and_aux(fun: Function, argnum: Argnum = 0) -> Function:
    """Of a function that returns (C, more): a function that returns (gradient of C, more)."""

    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        kept: list[Any] = []

        def cost(*given: Any, **more: Any) -> Any:
            value, aux = fun(*given, **more)
            kept.append(aux)
            return value

        found = transform.grad(cost, _which(argnum))(*args, **kwargs)
        plain = [one.data[()] if isinstance(one, Tensor) else one for one in leaves_of(kept[0])]
        return found, rebuilt(kept[0], plain)

    return both


def multigrad_dict(fun: Function) -> Function:
    """A function that takes its inputs by name, and returns the gradient of each by its name."""

    def by_name(**kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = transform.grad(lambda given: fun(**given))(kwargs)
        return found

    return by_name


def jacobian(fun: Function, argnum: int = 0) -> Function:
    r"""A function that returns all \partial y_i/\partial x_j: the axes of y, then those of x."""
    return transform.jacobian(fun, argnum)


def hessian(fun: Function, argnum: int = 0) -> Function:
    r"""A function that returns all second derivatives: of y = f(x), the axes of y, then those of x twice."""
    return transform.jacobian(transform.jacobian(fun, argnum), argnum)


def hessian_tensor_product(fun: Function, argnum: int = 0) -> Function:
    r"""A function of the inputs and v that returns \sum_j (\partial^2 C/\partial x_i \partial x_j)\, v_j."""

    def product(*args: Any, **kwargs: Any) -> Any:
        *inputs, v = args

        def along(*given: Any, **more: Any) -> Any:
            slopes = transform.grad(fun, argnum)(*given, **more)
            return _total([slope * one for slope, one in zip(leaves_of(slopes), leaves_of(v), strict=True)])

        return transform.grad(along, argnum)(*inputs, **kwargs)

    return product


hessian_vector_product = hessian_tensor_product


def tensor_jacobian_product(fun: Function, argnum: int = 0) -> Function:
    r"""A function of the inputs and v that returns \sum_i v_i\, \partial y_i/\partial x."""

    def product(*args: Any, **kwargs: Any) -> Any:
        *inputs, v = args
        return transform.grad(lambda *given, **more: _total(fun(*given, **more) * v), argnum)(*inputs, **kwargs)

    return product


vector_jacobian_product = tensor_jacobian_product


def make_vjp(fun: Function, argnum: int = 0) -> Function:
    """A function that returns (v -> v^T J, the value)."""

    def both(*args: Any, **kwargs: Any) -> tuple[Function, Any]:
        value, pull_back = _of_one(transform.vjp, fun, argnum, args, kwargs)
        return (lambda v: pull_back(v)[0]), value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value

    return both


def make_jvp(fun: Function, argnum: int = 0) -> Function:
    """A function that returns v -> (the value, J v)."""

    def at(*args: Any, **kwargs: Any) -> Function:
        def along(v: Any) -> tuple[Any, Any]:
            found: tuple[Any, Any] = _of_one(lambda one, x: transform.jvp(one, (x,), (v,)), fun, argnum, args, kwargs)
            return found

        return along

    return at


def make_hvp(fun: Function, argnum: int = 0) -> Function:
    """A function that returns (v -> H v, the gradient)."""

    def both(*args: Any, **kwargs: Any) -> tuple[Function, Any]:
        return make_vjp(grad(fun, argnum), argnum)(*args, **kwargs)

    return both


def checkpoint(fun: Function) -> Function:
    """The function itself: in HIPS autograd it is computed again on the way back, which saves memory and changes no number."""
    return fun


def _of_one(derive: Function, fun: Function, argnum: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A derivative by one input, the others held."""
    return derive(lambda x: fun(*args[:argnum], x, *args[argnum + 1 :], **kwargs), args[argnum])


def _total(value: Any) -> Any:
    """The sum of all numbers of an array, or of a nest of arrays."""
    return reduce(operator.add, (one.sum() if isinstance(one, Tensor | np.ndarray) else one for one in leaves_of(value)))
