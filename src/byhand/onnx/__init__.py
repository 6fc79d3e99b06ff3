"""ONNX graphs of any shape, read into modules of ours, and a backend in ONNX's own sense: `byhand.onnx.backend`.

The table from ONNX's operations to ours is filled by `numbers`, `shapes` and `layers`; `graph` computes, `reader` reads files.

Source: the specification of ONNX, https://onnx.ai/onnx/operators.
"""
