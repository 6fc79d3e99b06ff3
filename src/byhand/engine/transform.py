"""Gradients of functions: the tape without its tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from byhand.backend import array_module
from byhand.engine.tensor import Tensor, recorded
from byhand.errors import EngineError


def vjp(function: Callable[..., Tensor], *inputs: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    r"""The value of a function of arrays, and its vector-Jacobian product: v \mapsto v^\top J, one array for each input.

    Source: Baydin et al. (2018), section 3.2.

    >>> import numpy as np
    >>> value, pull_back = vjp(lambda x: x * x, np.array([1.0, 2.0]))
    >>> pull_back(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    leaves, out = _traced("vjp", function, inputs)

    def pull_back(v: Any) -> tuple[Any, ...]:
        for leaf in leaves:
            leaf.grad = None
        if out.requires_grad:
            out.backward(v, retain_graph=True)
        return _gradients(leaves)

    return out.data, pull_back


def value_and_grad(function: Callable[..., Tensor]) -> Callable[..., tuple[float, tuple[Any, ...]]]:
    r"""A function that returns C and \partial C/\partial x for each of its inputs x.

    >>> import numpy as np
    >>> value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
    (5.0, (array([2., 4.]),))
    """

    def both(*inputs: Any) -> tuple[float, tuple[Any, ...]]:
        leaves, out = _traced("value_and_grad", function, inputs)
        if out.requires_grad:
            out.backward()
        return out.item(), _gradients(leaves)

    return both


def grad(function: Callable[..., Tensor]) -> Callable[..., tuple[Any, ...]]:
    r"""A function that returns \partial C/\partial x for each of its inputs x.

    >>> import numpy as np
    >>> grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
    (array([2., 4.]),)
    """
    return lambda *inputs: value_and_grad(function)(*inputs)[1]


def _traced(name: str, function: Callable[..., Tensor], inputs: tuple[Any, ...]) -> tuple[list[Tensor], Tensor]:
    """The inputs as leaves, and what the function makes of them, on the tape even where no_grad is open around all this."""
    leaves = [Tensor(given, requires_grad=True) for given in inputs]
    with recorded():
        out = function(*leaves)
    if not isinstance(out, Tensor):
        raise EngineError(
            f"{name}: the function returned {type(out).__name__}, but a Tensor is wanted: compute it with the engine's ops"
        )
    return leaves, out


def _gradients(leaves: list[Tensor]) -> tuple[Any, ...]:
    return tuple(array_module(leaf.data).zeros_like(leaf.data) if leaf.grad is None else leaf.grad for leaf in leaves)
