"""byhand as a backend in ONNX's own sense, so that whoever compares backends can compare this one.

>>> import onnx
>>> from byhand.onnx.backend import run_node
>>> float(run_node(onnx.helper.make_node("Relu", ["x"], ["y"]), [np.float32([-2, 3])])[0].sum())
3.0
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import IR_VERSION, defs, helper
from onnx.backend.base import Backend, BackendRep

from byhand.engine import no_grad
from byhand.onnx.graph import OnnxGraph
from byhand.onnx.reader import graph_of


class Prepared(BackendRep):
    """A model, ready to be run."""

    def __init__(self, module: OnnxGraph) -> None:
        self.module = module

    def run(self, inputs: Any, **options: Any) -> tuple[Any, ...]:
        """The outputs for inputs in the order of the graph."""
        with no_grad(), np.errstate(all="ignore"):
            return tuple(one.data for one in self.module.run(*inputs))


class ByhandBackend(Backend):
    """Graphs whose operations byhand has, on the processor."""

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **options: Any) -> Prepared:
        return Prepared(graph_of(model))

    @classmethod
    def run_model(cls, model: Any, inputs: Any, device: str = "CPU", **options: Any) -> tuple[Any, ...]:
        return cls.prepare(model, device).run(inputs)

    @classmethod
    def run_node(cls, node: Any, inputs: Any, device: str = "CPU", outputs_info: Any = None, **options: Any) -> tuple[Any, ...]:
        named = zip((name for name in node.input if name), inputs, strict=True)
        described = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.asarray(one).dtype), np.shape(one))
            for name, one in named
        ]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        opset = options.get("opset_version", defs.onnx_opset_version())
        graph = helper.make_graph([node], "node", described, outputs)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)
        return cls.run_model(model, inputs, device)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"


prepare, run_model, run_node = ByhandBackend.prepare, ByhandBackend.run_model, ByhandBackend.run_node
supports_device = ByhandBackend.supports_device
