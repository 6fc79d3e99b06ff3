"""Networks as ONNX files, for whatever runs those: `byhand export MODEL -o model.onnx`.

A network is run once, on the tape, and each op on the tape becomes a few nodes of ONNX (`translations`), so a network of your own
modules is exported like ours. It is run on two batches of different sizes: what differs between them depends on the batch's size,
and is written so that the file takes any. Networks by hand, which have no tape, say their layers themselves (`networks`).

Source: the specification of ONNX, https://onnx.ai/onnx, operator set 18.
"""

from byhand.onnx_export.export import export

__all__ = ["export"]
