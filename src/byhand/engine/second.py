r"""The walk back along the tape whose own steps go on the tape, so that a gradient can be differentiated again.

The rule is that of `byhand.engine.tensor`; only that dC/d(output) and dC/d(input) are tensors here. An op gives the gradient as a
tensor in one of three ways:

- by its `gradient`, run on tensors, where what it saved are its inputs, its output and whole numbers;
- by its `tape_gradient(xp, saved, delta, wanted)`, the same written with ops, where `gradient` calls a compiled kernel;
- by its `composition(xp, *inputs, **options)`: the op as a composition of other ops, through which the walk goes instead.

What an op saved comes to the first two as tensors that remember where they are from: inputs and output, known by their memory. A
number that an op saved and that is neither has lost its past, so such an op says that it has no second derivative.

Source: Baydin et al. (2018), section 3.2; Pearlmutter (1994), "Fast exact multiplication by the Hessian".
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from byhand.backend import array_module
from byhand.engine import on_tape, ops
from byhand.engine.in_place import owner
from byhand.engine.tensor import FREED, Node, Source, Tensor, begin, on_record
from byhand.errors import EngineError


def pulled_back_on_tape(out: Tensor, gradient: Tensor, leaves: list[Tensor] | None, begun: int) -> dict[Any, Tensor]:
    """dC/d(leaf) as tensors, by the leaf's node or, where it has none, its id; of all leaves there are, where none are given.

    begun: nodes with smaller numbers do not depend on the leaves.
    """
    ends = None if leaves is None else {key_of(leaf) for leaf in leaves}
    found: dict[Any, Tensor] = {}
    if out.node is None:
        return {id(out): gradient} if ends is None or id(out) in ends else {}
    deltas: dict[Node, Tensor] = {out.node: gradient}
    heap = [(-out.node.number, out.node)]
    with on_record():
        while heap:
            node = heapq.heappop(heap)[1]
            delta = deltas.pop(node)
            if ends is not None and node in ends:
                found[node] = delta
                continue
            if ends is None and node.keeper is not None and (keeper := node.keeper()) is not None:
                found[id(keeper)] = delta
            for given, wanted, part in zip(node.inputs, node.wanted, _gradients(node, delta), strict=True):
                if not wanted:
                    continue
                if part.shape != given.shape:
                    raise EngineError(f"{node.op.name}: its gradient is {part.shape} for an input of {given.shape}")
                before = given.node
                if before is None:
                    if ends is None or id(given) in ends:
                        found[id(given)] = found[id(given)] + part if id(given) in found else part
                elif before.number > begun:
                    if before in deltas:
                        deltas[before] = deltas[before] + part
                    else:
                        deltas[before] = part
                        heapq.heappush(heap, (-before.number, before))
    return found


def key_of(leaf: Tensor) -> Any:
    """What a leaf is found by."""
    return id(leaf) if leaf.node is None else leaf.node


def accumulate_on_tape(out: Tensor, gradient: Tensor) -> None:
    """`backward(create_graph=True)`: each leaf's `grad` is a tensor, or becomes one, that can be differentiated."""
    leaves = _leaves(out)
    for key, part in pulled_back_on_tape(out, gradient, None, 0).items():
        leaf = leaves[key]
        leaf.grad = part if leaf.grad is None else part + leaf.grad


def _leaves(out: Tensor) -> dict[int, Tensor]:
    """All tensors that a gradient is left in: leaves, and those that asked for it."""
    found: dict[int, Tensor] = {id(out): out} if out.node is None else {}
    waiting, seen = [] if out.node is None else [out.node], set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.keeper is not None and (keeper := node.keeper()) is not None:
            found[id(keeper)] = keeper
        for given, wanted in zip(node.inputs, node.wanted, strict=False):
            if wanted and given.node is None:
                found[id(given)] = given
            elif wanted:
                waiting.append(given.node)
    return found


# ---------------------------------------------------------------- one op


def _gradients(node: Node, delta: Tensor) -> tuple[Any, ...]:
    """dC/d(input) of one op, on the tape."""
    op = node.op
    if node.saved is FREED:
        raise EngineError(
            f"backward: the tape was walked already, and what {op.name} had saved is freed: "
            "compute the tensor anew, or give the first backward create_graph=True"
        )
    node.check_unchanged()
    composition = op.said("composition")
    if composition is not None:
        return _through(node, composition, delta)
    by_ops = op.said("tape_gradient")
    saved = _with_a_past(node, node.saved, delta.shape, by_ops is None)
    try:
        if by_ops is not None:
            some = by_ops(on_tape, saved, delta, node.wanted)
        elif op.selective:
            some = op.gradient(on_tape, saved, delta, node.wanted)
        else:
            some = op.gradient(on_tape, saved, delta)
    except (TypeError, AttributeError) as error:
        raise _no_second(op, f"its gradient does not run on tensors ({error})") from error
    found = some if isinstance(some, tuple) else (some,)
    if any(want and not isinstance(one, Tensor) for want, one in zip(node.wanted, found, strict=True)):
        raise _no_second(op, "its gradient leaves the tape")
    return found


def _no_second(op: Any, why: str) -> EngineError:
    return EngineError(
        f"{op.name} has no second derivative: {why}; give the op a `composition` of other ops, or a `tape_gradient`"
    )


def _through(node: Node, composition: Any, delta: Tensor) -> tuple[Any, ...]:
    """Through the same function, composed of other ops."""
    begun = begin()
    inner = [
        ops.reshape(given, shape=given.shape) if wanted else given.data if isinstance(given, Tensor) else given
        for given, wanted in zip(node.inputs, node.wanted, strict=True)
    ]
    leaves = [one for one, wanted in zip(inner, node.wanted, strict=True) if wanted]
    out = composition(on_tape, *inner, **node.options)
    found = pulled_back_on_tape(out, delta, leaves, begun)
    return tuple(
        (found[key_of(one)] if key_of(one) in found else on_tape.zeros_like(one)) if wanted else None
        for one, wanted in zip(inner, node.wanted, strict=True)
    )


def _with_a_past(node: Node, saved: Any, shape: tuple[int, ...], strict: bool) -> Any:
    """What an op saved, with tensors in the place of inputs and output."""
    if isinstance(saved, tuple):
        return tuple(_with_a_past(node, one, shape, strict) for one in saved)
    if isinstance(saved, list):
        return [_with_a_past(node, one, shape, strict) for one in saved]
    if isinstance(saved, np.floating):  # of NumPy's functions of a single number
        return _linked(np.asarray(saved), node) if shape == () else saved
    if not isinstance(saved, np.ndarray) and array_module(saved) is np:
        return saved
    for given in node.inputs:
        if isinstance(given, Tensor) and given.data is saved:
            return given
        if isinstance(given, Source) and given.array == id(saved):
            return _linked(saved, given.node)
        if given is saved:
            return saved
    if id(owner(saved)) == node.owner and saved.shape == shape:
        return _linked(saved, node)
    if strict and saved.dtype.kind == "f":
        raise _no_second(node.op, "its gradient needs numbers that it computed on the way, whose past is not known")
    return saved


def _linked(array: Any, node: Node | None) -> Tensor:
    """A tensor of these numbers that this node computed."""
    found = Tensor(array)
    found.node, found.requires_grad = node, True
    return found
