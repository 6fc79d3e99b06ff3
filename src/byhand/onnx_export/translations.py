"""What each op of the engine is in ONNX: a few of its nodes.

Images are (N, H, W, C) here and (N, C, H, W) there, so that axes are exchanged in front of what sees images, and back behind it;
whoever runs the file takes most of these pairs out again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.errors import ModelError
from byhand.onnx_export.graph import Graph

CHANNELS_FIRST, CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


@dataclass
class Call:
    """One op on the tape, run on two batches.

    names: of the inputs in the graph. values: their arrays. options: of the op. out, out_again: the output's shapes.
    """

    op: str
    names: list[str]
    values: list[Any]
    options: dict[str, Any]
    out: tuple[int, ...]
    out_again: tuple[int, ...]


def translate(graph: Graph, call: Call) -> str:
    """Write an op into the graph; the name of its output.

    Raises ModelError for an op that has no translation.
    """
    if call.op in NUMBER_BY_NUMBER:
        return graph.add(NUMBER_BY_NUMBER[call.op], *call.names)
    if call.op not in TRANSLATIONS:
        known = ", ".join(sorted({*TRANSLATIONS, *NUMBER_BY_NUMBER}))
        raise ModelError(f"the op {call.op} cannot be written as ONNX yet: build the network of {known}")
    return TRANSLATIONS[call.op](graph, call)


# Ops that ONNX has, with the same inputs in the same order.
NUMBER_BY_NUMBER = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "negative": "Neg", "power": "Pow", "exp": "Exp",
    "log": "Log", "sqrt": "Sqrt", "absolute": "Abs", "sign": "Sign", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin",
    "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "asinh": "Asinh", "acosh": "Acosh",
    "atanh": "Atanh", "erf": "Erf", "floor": "Floor", "ceil": "Ceil", "sigmoid": "Sigmoid", "relu": "Relu", "maximum": "Max",
    "minimum": "Min", "matmul": "MatMul", "det": "Det",
}  # fmt: skip


def number(graph: Graph, call: Call, value: float) -> str:
    """A plain number of the type that the op computes with."""
    return graph.constant(np.asarray(value, next(one.dtype for one in call.values if hasattr(one, "dtype"))))


def pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if np.ndim(value) == 0 else (int(value[0]), int(value[1]))


# ---------------------------------------------------------------- activations


def silu(graph: Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _silu(graph: Graph, call: Call) -> str:
    return silu(graph, call.names[0])


def _gelu(graph: Graph, call: Call) -> str:
    x = call.names[0]
    if call.options.get("approximate", "none") == "none":
        inner = graph.add("Erf", graph.add("Mul", x, number(graph, call, math.sqrt(0.5))))
    else:
        cube = graph.add("Mul", graph.add("Mul", x, x), x)
        bent = graph.add("Add", x, graph.add("Mul", cube, number(graph, call, 0.044715)))
        inner = graph.add("Tanh", graph.add("Mul", bent, number(graph, call, math.sqrt(2 / math.pi))))
    half = graph.add("Mul", x, number(graph, call, 0.5))
    return graph.add("Mul", half, graph.add("Add", inner, number(graph, call, 1.0)))


def _leaky_relu(graph: Graph, call: Call) -> str:
    return graph.add("LeakyRelu", call.names[0], alpha=float(call.options.get("slope", 0.01)))


def _elu(graph: Graph, call: Call) -> str:
    return graph.add("Elu", call.names[0], alpha=float(call.options.get("alpha", 1.0)))


def _softplus(graph: Graph, call: Call) -> str:
    return graph.add("Softplus", call.names[0])


def _softmax(graph: Graph, call: Call) -> str:
    kind = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}[call.op]
    return graph.add(kind, call.names[0], axis=int(call.options.get("axis", -1)))


def activated(graph: Graph, x: str, activation: str | None) -> str:
    """The activation that a normalisation applies behind itself."""
    if activation is None:
        return x
    return silu(graph, x) if activation == "silu" else graph.add({"relu": "Relu"}[activation], x)


# ---------------------------------------------------------------- sums


def _reduced(kind: str) -> Callable[[Graph, Call], str]:
    def translated(graph: Graph, call: Call) -> str:
        axis = call.options.get("axis")
        axes = range(np.ndim(call.values[0])) if axis is None else (axis,) if np.ndim(axis) == 0 else tuple(axis)
        return graph.add(kind, call.names[0], graph.whole(*axes), keepdims=int(bool(call.options.get("keepdims", False))))

    return translated


# ---------------------------------------------------------------- layers


def _linear(graph: Graph, call: Call) -> str:
    x, w, *b = [name for name in call.names if name]
    if np.ndim(call.values[0]) == 2:
        return graph.add("Gemm", x, w, *b, transB=1)
    z = graph.add("MatMul", x, graph.add("Transpose", w, perm=[1, 0]))
    return graph.add("Add", z, *b) if b else z


def _embedding(graph: Graph, call: Call) -> str:
    return graph.add("Gather", call.names[0], call.names[1], axis=0)


def _conv2d(graph: Graph, call: Call) -> str:
    (kh, kw), options = call.values[1].shape[:2], call.options
    (p, q) = pair(options.get("padding", 0))
    z = graph.add(
        "Conv",
        graph.add("Transpose", call.names[0], perm=CHANNELS_FIRST),
        graph.add("Transpose", call.names[1], perm=[3, 2, 0, 1]),
        *call.names[2:],
        kernel_shape=[kh, kw],
        strides=pair(options.get("stride", 1)),
        pads=[p, q, p, q],
        dilations=pair(options.get("dilation", 1)),
        group=int(options.get("groups", 1)),
    )
    return graph.add("Transpose", z, perm=CHANNELS_LAST)


def _conv_transpose2d(graph: Graph, call: Call) -> str:
    (kh, kw), options = call.values[1].shape[:2], call.options
    if int(options.get("groups", 1)) != 1:
        raise ModelError("conv_transpose2d: in groups it cannot be written as ONNX yet")
    (p, q) = pair(options.get("padding", 0))
    z = graph.add(
        "ConvTranspose",
        graph.add("Transpose", call.names[0], perm=CHANNELS_FIRST),
        graph.add("Transpose", call.names[1], perm=[3, 2, 0, 1]),
        *call.names[2:],
        kernel_shape=[kh, kw],
        strides=pair(options.get("stride", 1)),
        pads=[p, q, p, q],
        dilations=pair(options.get("dilation", 1)),
        output_padding=pair(options.get("output_padding", 0)),
    )
    return graph.add("Transpose", z, perm=CHANNELS_LAST)


def _pooled(kind: str) -> Callable[[Graph, Call], str]:
    def translated(graph: Graph, call: Call) -> str:
        options = call.options
        kernel = pair(options["kernel"])
        stride = kernel if options.get("stride") is None else pair(options["stride"])
        (p, q) = pair(options.get("padding", 0))
        more: dict[str, Any] = {"ceil_mode": int(bool(options.get("ceil_mode", False)))}
        if kind == "MaxPool":
            more["dilations"] = pair(options.get("dilation", 1))
        else:
            if options.get("divisor_override") is not None:
                raise ModelError("avg_pool2d: a divisor of one's own cannot be written as ONNX")
            more["count_include_pad"] = int(bool(options.get("count_include_pad", True)))
        x = graph.add("Transpose", call.names[0], perm=CHANNELS_FIRST)
        y = graph.add(kind, x, kernel_shape=kernel, strides=stride, pads=[p, q, p, q], **more)
        return graph.add("Transpose", y, perm=CHANNELS_LAST)

    return translated


def _global_avg_pool(graph: Graph, call: Call) -> str:
    return graph.add("ReduceMean", call.names[0], graph.whole(1, 2), keepdims=0)


def _upsample_nearest(graph: Graph, call: Call) -> str:
    scale = call.options.get("scale")
    if call.options.get("size") is not None:
        raise ModelError("upsample_nearest: to a size it cannot be written as ONNX yet: give a scale")
    s, t = pair(2 if scale is None else scale)
    scales = graph.constant(np.array([1, 1, s, t], np.float32))
    x = graph.add("Transpose", call.names[0], perm=CHANNELS_FIRST)
    y = graph.add("Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    return graph.add("Transpose", y, perm=CHANNELS_LAST)


def _attention(graph: Graph, call: Call) -> str:
    q, k, v = call.names[:3]
    if call.options.get("mask") is not None:
        raise ModelError("attention: a mask cannot be written as ONNX yet, but causal=True can")
    n, d = call.values[1].shape[-2], call.values[0].shape[-1]
    alpha = call.options.get("scale")
    axes = list(range(call.values[1].ndim))
    a = graph.add("MatMul", q, graph.add("Transpose", k, perm=[*axes[:-2], axes[-1], axes[-2]]))
    a = graph.add("Mul", a, number(graph, call, 1 / math.sqrt(d) if alpha is None else alpha))
    if call.options.get("causal"):
        rows = call.values[0].shape[-2]
        later = np.triu(np.full((rows, n), -np.inf, call.values[0].dtype), 1 + n - rows)
        a = graph.add("Add", a, graph.constant(later))
    return graph.add("MatMul", graph.add("Softmax", a, axis=-1), v)


# ---------------------------------------------------------------- normalisation


def _shifted(graph: Graph, hat: str, rest: list[str]) -> str:
    for kind, name in zip(("Mul", "Add"), rest, strict=False):
        hat = graph.add(kind, hat, name) if name else hat
    return hat


def _standardised(graph: Graph, call: Call, x: str, axes: tuple[int, ...], eps: float) -> str:
    """(x - mean) / sqrt(variance + eps) along axes."""
    away = graph.add("Sub", x, graph.add("ReduceMean", x, graph.whole(*axes), keepdims=1))
    variance = graph.add("ReduceMean", graph.add("Mul", away, away), graph.whole(*axes), keepdims=1)
    return graph.add("Div", away, graph.add("Sqrt", graph.add("Add", variance, number(graph, call, eps))))


def _batch_norm(graph: Graph, call: Call) -> str:
    options, dtype = call.options, call.values[0].dtype
    if options.get("training", True):
        raise ModelError("batch_norm: it must be in evaluation to be exported: call eval() first")
    rstd = 1 / np.sqrt(np.asarray(options["running_var"], np.float64) + options.get("eps", 1e-5))
    hat = graph.add("Sub", call.names[0], graph.constant(np.asarray(options["running_mean"], dtype)))
    hat = graph.add("Mul", hat, graph.constant(rstd.astype(dtype)))
    return activated(graph, _shifted(graph, hat, call.names[1:]), options.get("activation"))


def _layer_norm(graph: Graph, call: Call) -> str:
    hat = _standardised(graph, call, call.names[0], (-1,), call.options.get("eps", 1e-5))
    return _shifted(graph, hat, call.names[1:])


def _rms_norm(graph: Graph, call: Call) -> str:
    x, eps = call.names[0], call.options.get("eps")
    eps = float(np.finfo(call.values[0].dtype).eps) if eps is None else eps
    square = graph.add("ReduceMean", graph.add("Mul", x, x), graph.whole(-1), keepdims=1)
    hat = graph.add("Div", x, graph.add("Sqrt", graph.add("Add", square, number(graph, call, eps))))
    return _shifted(graph, hat, call.names[1:])


def _group_norm(graph: Graph, call: Call) -> str:
    groups, sides = call.options["groups"], call.values[0].shape[1:]
    rows = math.prod(sides[:-1])
    parts = graph.add("Reshape", call.names[0], graph.whole(0, rows, groups, sides[-1] // groups))
    hat = _standardised(graph, call, parts, (1, 3), call.options.get("eps", 1e-5))
    hat = graph.add("Reshape", hat, graph.whole(0, *sides))
    return activated(graph, _shifted(graph, hat, call.names[1:]), call.options.get("activation"))


# ---------------------------------------------------------------- shapes


def any_batch(call: Call) -> list[int]:
    """The output's shape, with -1 for the side that grows with the batch."""
    grows = [k for k, (one, other) in enumerate(zip(call.out, call.out_again, strict=True)) if one != other]
    if len(grows) > 1:
        raise ModelError(f"{call.op}: two sides of {call.out} grow with the batch, which ONNX cannot say")
    return [-1 if k in grows else side for k, side in enumerate(call.out)]


def _reshape(graph: Graph, call: Call) -> str:
    return graph.add("Reshape", call.names[0], graph.whole(*any_batch(call)))


def _transpose(graph: Graph, call: Call) -> str:
    axes = call.options.get("axes")
    n = np.ndim(call.values[0])
    return graph.add("Transpose", call.names[0], perm=[k % n for k in axes] if axes is not None else list(range(n))[::-1])


def _broadcast(graph: Graph, call: Call) -> str:
    shape = any_batch(call)
    if -1 in shape and np.shape(call.values[0])[-len(shape) :] and call.values[0].shape[0] == 1:
        raise ModelError("broadcast: over the batch it cannot be written as ONNX yet")
    return graph.add("Expand", call.names[0], graph.whole(*(1 if side == -1 else side for side in shape)))


def _concat(graph: Graph, call: Call) -> str:
    return graph.add("Concat", *call.names, axis=int(call.options.get("axis", -1)))


def _stack(graph: Graph, call: Call) -> str:
    axis = int(call.options.get("axis", 0))
    return graph.add("Concat", *(graph.add("Unsqueeze", name, graph.whole(axis)) for name in call.names), axis=axis)


def _index(graph: Graph, call: Call) -> str:
    key, x = call.options["key"], call.names[0]
    parts = list(key) if isinstance(key, tuple) else [key]
    n = np.ndim(call.values[0])
    if Ellipsis in [part for part in parts if not hasattr(part, "shape")]:
        at = next(k for k, part in enumerate(parts) if part is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (n - sum(part is not None for part in parts) + 1)
    axis = 0
    gone: list[int] = []
    new: list[int] = []
    for place, part in enumerate(parts):
        if part is None:
            new.append(place - len(gone))
            continue
        if isinstance(part, slice):
            if part != slice(None):
                start, stop, step = part.indices(call.values[0].shape[axis])
                if axis == 0 and part.stop is None:
                    stop = 2**31
                bounds = (graph.whole(one) for one in (start, stop if stop >= 0 else -(2**31), axis, step))
                x = graph.add("Slice", x, *bounds)
        elif isinstance(part, int | np.integer):
            bounds = (graph.whole(one) for one in (int(part), int(part) + 1 if part != -1 else 2**31, axis, 1))
            x = graph.add("Slice", x, *bounds)
            gone.append(axis)
        elif np.ndim(part) == 1 and part.dtype.kind in "iu" and sum(np.ndim(one) > 0 for one in parts if one is not None) == 1:
            x = graph.add("Gather", x, graph.constant(part.astype(np.int64)), axis=axis)
        else:
            raise ModelError("index: by several arrays, or by True and False, it cannot be written as ONNX yet")
        axis += 1
    x = graph.add("Squeeze", x, graph.whole(*gone)) if gone else x
    return graph.add("Unsqueeze", x, graph.whole(*new)) if new else x


def _pad(graph: Graph, call: Call) -> str:
    modes = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    widths = call.options["widths"]
    pads = graph.whole(*(one[0] for one in widths), *(one[1] for one in widths))
    value = number(graph, call, call.options.get("value", 0.0))
    return graph.add("Pad", call.names[0], pads, value, mode=modes[call.options.get("mode", "constant")])


def _same(graph: Graph, call: Call) -> str:
    return graph.add("Identity", call.names[0])


def _dropout(graph: Graph, call: Call) -> str:
    if call.options.get("training", True) and call.options.get("rate", 0):
        raise ModelError("dropout: it must be in evaluation to be exported: call eval() first")
    return _same(graph, call)


def _clip(graph: Graph, call: Call) -> str:
    low, high = call.options.get("low"), call.options.get("high")
    return graph.add("Clip", call.names[0], *("" if one is None else number(graph, call, one) for one in (low, high)))


TRANSLATIONS: dict[str, Callable[[Graph, Call], str]] = {
    "silu": _silu,
    "gelu": _gelu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "softplus": _softplus,
    "softmax": _softmax,
    "log_softmax": _softmax,
    "sum": _reduced("ReduceSum"),
    "mean": _reduced("ReduceMean"),
    "max": _reduced("ReduceMax"),
    "min": _reduced("ReduceMin"),
    "prod": _reduced("ReduceProd"),
    "logsumexp": _reduced("ReduceLogSumExp"),
    "linear": _linear,
    "embedding": _embedding,
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "max_pool2d": _pooled("MaxPool"),
    "avg_pool2d": _pooled("AveragePool"),
    "global_avg_pool": _global_avg_pool,
    "upsample_nearest": _upsample_nearest,
    "attention": _attention,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast": _broadcast,
    "concat": _concat,
    "stack": _stack,
    "index": _index,
    "pad": _pad,
    "dropout": _dropout,
    "clip": _clip,
}
