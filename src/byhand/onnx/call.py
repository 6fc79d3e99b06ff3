"""One node of an ONNX graph while it is computed, and the table of operations that the files beside this one fill.

An operation is a function of a `Call` and of its inputs, tensors or None, and gives a tensor, or a tuple where a node has several
outputs. Attributes that it does not name are refused by name when the graph is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.engine import Tensor
from byhand.errors import ModelError
from byhand.limits import told

TYPES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 11: "float64",
         12: "uint32", 13: "uint64"}  # fmt: skip
LARGEST = 200_000_000  # numbers of one array: a file of a few bytes may ask for any shape


@dataclass(frozen=True)
class Operation:
    """How a node is computed, the attributes that are understood, and the inputs that stay as they are in training."""

    compute: Callable[..., Any]
    attributes: frozenset[str]
    fixed: tuple[int, ...] = ()


OPERATIONS: dict[str, Operation] = {}


def operation(name: str, *attributes: str, fixed: tuple[int, ...] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function in the table."""

    def entered(compute: Callable[..., Any]) -> Callable[..., Any]:
        OPERATIONS[name] = Operation(compute, frozenset(attributes), fixed)
        return compute

    return entered


@dataclass(frozen=True)
class Call:
    """A node.

    Attributes:
        op: its type. name: for messages. attributes: plain values by name. opset: the version that it was written for.
        outputs: how many outputs are asked for; how many inputs there are is known to the operation.
    """

    op: str
    name: str
    attributes: dict[str, Any]
    opset: int
    outputs: int = 1

    def get(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def refuse(self, what: str) -> ModelError:
        return ModelError(f"node {self.name!r}: {self.op} {what}")

    def wholes(self, name: str, given: Tensor | None) -> list[int] | None:
        """A list of whole numbers: an input in newer operator sets, an attribute in older ones; None where neither is there."""
        if given is not None:
            return [int(one) for one in np.reshape(given.data, -1)]
        found = self.get(name)
        return None if found is None else [int(one) for one in (found if isinstance(found, Sequence) else [found])]

    def sized(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A shape that is not beyond all measure."""
        size = 1
        for side in shape:
            size *= int(side)
        if size > LARGEST or any(side < 0 for side in shape):
            raise self.refuse(f"must make an array of at most {LARGEST:,} numbers, got the shape {told(tuple(shape))}")
        return tuple(int(side) for side in shape)


def floating(x: Any) -> bool:
    return bool(x.dtype.kind == "f")


def constant(array: Any, like: Tensor | None = None) -> Tensor:
    """A tensor of numbers that no gradient reaches."""
    return Tensor(np.asarray(array, None if like is None else like.dtype))


def typed(call: Call, number: Any) -> str:
    """NumPy's name for a type that ONNX numbers."""
    if number not in TYPES:
        raise call.refuse(f"to ONNX's type {number} is not read, only to {', '.join(TYPES.values())}")
    return TYPES[number]
