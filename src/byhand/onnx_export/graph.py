"""A graph of ONNX that grows node by node."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array


class Graph:
    """Nodes in the order in which they are computed, and the arrays that they read.

    Attributes:
        nodes: of the `onnx` package. constants: arrays by name; parameters keep the names that they have in the network.
    """

    def __init__(self, helper: Any) -> None:
        self.helper = helper
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self._made = 0

    def name(self, kind: str) -> str:
        """A name that is not there yet."""
        self._made += 1
        return f"{kind.lower()}_{self._made}"

    def constant(self, array: Any, name: str = "") -> str:
        """The name under which an array stands in the file."""
        array = np.ascontiguousarray(array) if np.ndim(array) else np.asarray(array)
        if name in self.constants and not np.array_equal(self.constants[name], array):
            name = ""
        name = name or self.name("constant")
        self.constants[name] = array
        return name

    def whole(self, *numbers: int) -> str:
        """A list of whole numbers, as ONNX wants shapes and axes."""
        return self.constant(np.array(numbers, np.int64))

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output; its name."""
        out = self.name(kind)
        self.nodes.append(self.helper.make_node(kind, list(inputs), [out], name=out, **attributes))
        return out

    def dense(self, x: str, w: Array, b: Array, names: tuple[str, str] = ("", "")) -> str:
        """z = x w^T + b, of rows."""
        return self.add("Gemm", x, self.constant(w, names[0]), self.constant(b, names[1]), transB=1)
