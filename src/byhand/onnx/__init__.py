"""ONNX graphs of any shape, computed on the tape, and a backend in ONNX's own sense: `byhand.onnx.backend`.

The files that are imported here fill the table from ONNX's operations to ours (`call`); `reader` makes a module of a model, and
`graph` computes it.

Source: the specification of ONNX, https://onnx.ai/onnx/operators.
"""

from byhand.onnx import layers, losses, numbers, recurrent, shapes  # noqa: F401 - they fill the table
