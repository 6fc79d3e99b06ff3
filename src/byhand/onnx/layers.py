"""ONNX's layers: convolutions, pools, norms. Images come as (N, C, H, W), lines as (N, C, L)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.engine import Tensor, ops
from byhand.onnx.call import Call, constant, floating, operation
from byhand.onnx.shapes import reshaped

WINDOW = ("auto_pad", "dilations", "kernel_shape", "pads", "strides")


def _images(call: Call, x: Tensor) -> int:
    """How many sides a window has."""
    if x.ndim not in (3, 4, 5) or not floating(x):
        raise call.refuse(f"must get lines, images or volumes (N, C, ...) of float32 or float64, got {x.shape} of {x.dtype}")
    return x.ndim - 2


def _pads(call: Call, sides: tuple[int, ...], kernel: list[int], strides: list[int], apart: list[int]) -> list[tuple[int, int]]:
    """What is put before and after each side."""
    n, auto = len(sides), call.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", ""):
        given = call.get("pads", [0] * (2 * n))
        if min(given) < 0:
            raise call.refuse(f"with pads {given} is not read: they must be 0 or more")
        call.sized([side + a + b for side, a, b in zip(sides, given[:n], given[n:], strict=True)])
        return list(zip(given[:n], given[n:], strict=True))
    if auto == "VALID":
        return [(0, 0)] * n
    found = []
    for side, k, s, d in zip(sides, kernel, strides, apart, strict=True):
        more = max(0, (-(-side // s) - 1) * s + (k - 1) * d + 1 - side)
        found.append((more // 2, more - more // 2) if auto == "SAME_UPPER" else (more - more // 2, more // 2))
    return found


def _around(x: Tensor, pads: list[tuple[int, int]], value: float) -> Tensor:
    return ops.pad(x, widths=((0, 0), (0, 0), *pads), value=value) if any(map(any, pads)) else x


@operation("Conv", *WINDOW, "group")
def _conv(call: Call, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    n = _images(call, x)
    strides, apart = call.get("strides", [1] * n), call.get("dilations", [1] * n)
    pads = _pads(call, x.shape[2:], list(w.shape[2:]), strides, apart)
    padding: Any = tuple(before for before, _ in pads)
    if any(before != after for before, after in pads):
        x, padding = _around(x, pads, 0.0), (0,) * n
    return x.conv2d(w, b, groups=call.get("group", 1), stride=tuple(strides), dilation=tuple(apart), padding=padding)


@operation("ConvTranspose", *WINDOW, "group", "output_padding", "output_shape")
def _conv_transpose(call: Call, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    n = _images(call, x)
    strides, apart = call.get("strides", [1] * n), call.get("dilations", [1] * n)
    more, auto = call.get("output_padding", [0] * n), call.get("auto_pad", "NOTSET")
    whole = [
        (side - 1) * s + (k - 1) * d + 1 + extra
        for side, s, k, d, extra in zip(x.shape[2:], strides, w.shape[2:], apart, more, strict=True)
    ]
    call.sized([x.shape[0], w.shape[1] * call.get("group", 1), *whole])
    wanted = call.get("output_shape")
    if wanted is None and auto.startswith("SAME"):
        wanted = [side * s for side, s in zip(x.shape[2:], strides, strict=True)]
    if wanted is None:
        pads = _pads(call, x.shape[2:], list(w.shape[2:]), strides, apart)
    else:
        gone = [all_ - some for all_, some in zip(whole, wanted[-n:], strict=True)]
        halves = [(one // 2, one - one // 2) if auto != "SAME_LOWER" else (one - one // 2, one // 2) for one in gone]
        pads = [half if one >= 0 else (0, one) for half, one in zip(halves, gone, strict=True)]  # what is missing is put behind
    grown = [max(0, -after) + extra for (_, after), extra in zip(pads, more, strict=True)]
    # What is cut off is cut behind the convolution, as the two ends may differ.
    y = x.conv_transpose2d(w, b, groups=call.get("group", 1), stride=tuple(strides), dilation=tuple(apart))
    if any(grown):
        zero = _around(y, [(0, one) for one in grown], 0.0)
        y = zero if b is None else ops.add(zero, _behind(b, y, grown))
    total = [side - before - after for side, (before, after) in zip(whole, pads, strict=True)]
    cut = [slice(before, before + side) for (before, _), side in zip(pads, total, strict=True)]
    return ops.index(y, key=(slice(None), slice(None), *cut))


def _behind(b: Tensor, y: Tensor, grown: list[int]) -> Tensor:
    """The bias where padding made the output larger."""
    sides = [side + one for side, one in zip(y.shape[2:], grown, strict=True)]
    new = np.ones(sides, y.dtype)
    new[tuple(slice(0, side) for side in y.shape[2:])] = 0
    return ops.multiply(reshaped(b, (1, -1, *[1] * len(sides))), constant(new))


def _ceiled(call: Call, x: Tensor, pads: list[tuple[int, int]], kernel: Any, strides: Any, apart: Any) -> list[tuple[int, int]]:
    """With ceil_mode the last window may hang over, if it begins inside: that much more is put behind."""
    if not call.get("ceil_mode", 0):
        return pads
    found = []
    for side, (a, b), k, s, d in zip(x.shape[2:], pads, kernel, strides, apart, strict=True):
        reach = (k - 1) * d + 1
        n = -(-(side + a + b - reach) // s) + 1
        if (n - 1) * s >= side + a:
            n -= 1
        found.append((a, max(b, (n - 1) * s + reach - side - a)))
    return found


@operation("MaxPool", *WINDOW, "ceil_mode", "storage_order")
def _max_pool(call: Call, x: Tensor) -> Any:
    n = _images(call, x)
    kernel = call.get("kernel_shape")
    strides, apart = call.get("strides", [1] * n), call.get("dilations", [1] * n)
    pads = _ceiled(call, x, _pads(call, x.shape[2:], kernel, strides, apart), kernel, strides, apart)
    wide = _around(x, pads, -math.inf)
    settings: dict[str, Any] = {"stride": tuple(strides), "dilation": tuple(apart)}
    if call.outputs == 1:
        return wide.max_pool2d(tuple(kernel), **settings)
    y, where = wide.max_pool2d(tuple(kernel), **settings, return_indices=True)
    places = np.unravel_index(where.data.astype(np.int64), wide.shape[2:])
    inside = [place - before for place, (before, _) in zip(places, pads, strict=True)]
    sides, order = x.shape[2:], range(n) if not call.get("storage_order", 0) else range(n)[::-1]
    flat = np.zeros(y.shape, np.int64)
    for k in order:
        flat = flat * sides[k] + inside[k]
    maps = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *[1] * n) * math.prod(sides)
    return y, Tensor(flat + maps)


@operation("AveragePool", *WINDOW, "ceil_mode", "count_include_pad")
def _average_pool(call: Call, x: Tensor) -> Tensor:
    n = _images(call, x)
    kernel, strides, apart = call.get("kernel_shape"), call.get("strides", [1] * n), call.get("dilations", [1] * n)
    if any(one != 1 for one in apart):
        raise call.refuse(f"with dilations {apart} is not read, only 1")
    told = _pads(call, x.shape[2:], kernel, strides, apart)
    pads = _ceiled(call, x, told, kernel, strides, apart)
    y = _around(x, pads, 0.0).avg_pool2d(tuple(kernel), stride=tuple(strides))
    if not any(map(any, pads)) or (call.get("count_include_pad", 0) and pads == told):
        return y
    # The kernel divides by the whole window; ONNX by what of it counts.
    ones = constant(np.ones((1, 1, *x.shape[2:]), x.dtype))
    if call.get("count_include_pad", 0):
        ones = _around(ones, told, 1.0)
        pads = [(0, after - before) for (_, before), (_, after) in zip(told, pads, strict=True)]
    return ops.divide(y, _around(ones, pads, 0.0).avg_pool2d(tuple(kernel), stride=tuple(strides)))


@operation("GlobalAveragePool")
def _global_average(call: Call, x: Tensor) -> Tensor:
    return ops.mean(x, axis=tuple(range(2, x.ndim)), keepdims=True)


@operation("GlobalMaxPool")
def _global_max(call: Call, x: Tensor) -> Tensor:
    return ops.max(x, axis=tuple(range(2, x.ndim)), keepdims=True)


# ---------------------------------------------------------------- norms


def _along(x: Tensor, one: Tensor) -> Tensor:
    """One number per channel, so that it meets (N, C, ...)."""
    return reshaped(one, (1, -1, *[1] * (x.ndim - 2)))


def _hat(x: Tensor, mean: Tensor, variance: Tensor, eps: float) -> Tensor:
    return ops.divide(ops.subtract(x, mean), ops.sqrt(ops.add(variance, constant(eps, x))))


@operation("BatchNormalization", "epsilon", "momentum", "training_mode", "spatial", fixed=(3, 4))
def _batch_norm(call: Call, x: Tensor, scale: Tensor, b: Tensor, mean: Tensor, variance: Tensor) -> Any:
    eps, momentum, axes = call.get("epsilon", 1e-5), call.get("momentum", 0.9), (0, *range(2, x.ndim))
    if not call.get("spatial", 1):
        raise call.refuse("with spatial 0 is not read")
    if call.get("training_mode", 0):
        old, mean, variance = (mean, variance), ops.mean(x, axis=axes), ops.variance(x, axis=axes)
    hat = _hat(x, _along(x, mean), _along(x, variance), eps)
    y = ops.add(ops.multiply(hat, _along(x, scale)), _along(x, b))
    if not call.get("training_mode", 0):
        return y
    kept = [
        Tensor((a.data * momentum + n.data * (1 - momentum)).astype(a.dtype)) for a, n in zip(old, (mean, variance), strict=True)
    ]
    return (y, *kept)[: call.outputs]


@operation("LayerNormalization", "axis", "epsilon", "stash_type")
def _layer_norm(call: Call, x: Tensor, scale: Tensor, b: Tensor | None = None) -> Any:
    axis, eps = call.get("axis", -1) % x.ndim, call.get("epsilon", 1e-5)
    size = math.prod(x.shape[axis:])
    axes = tuple(range(axis, x.ndim))
    if call.outputs == 1 and scale.size == size and (b is None or b.size == size):
        rows = reshaped(x, (*x.shape[:axis], size))
        rest = [reshaped(one, (size,)) for one in (scale, b) if one is not None]
        return reshaped(ops.layer_norm(rows, *rest, eps=eps), x.shape)
    mean = ops.mean(x, axis=axes, keepdims=True)
    variance = ops.variance(x, axis=axes, keepdims=True)
    y = ops.multiply(_hat(x, mean, variance, eps), scale)
    y = y if b is None else ops.add(y, b)
    inverse = ops.divide(constant(1, x), ops.sqrt(ops.add(variance, constant(eps, x))))
    return (y, mean, inverse)[: call.outputs] if call.outputs > 1 else y


@operation("RMSNormalization", "axis", "epsilon", "stash_type")
def _rms_norm(call: Call, x: Tensor, scale: Tensor) -> Tensor:
    axes = tuple(range(call.get("axis", -1) % x.ndim, x.ndim))
    square = ops.mean(ops.multiply(x, x), axis=axes, keepdims=True)
    root = ops.sqrt(ops.add(square, constant(call.get("epsilon", 1e-5), x)))
    return ops.multiply(ops.divide(x, root), scale)


@operation("InstanceNormalization", "epsilon")
def _instance_norm(call: Call, x: Tensor, scale: Tensor, b: Tensor) -> Tensor:
    axes = tuple(range(2, x.ndim))
    moments = (ops.mean(x, axis=axes, keepdims=True), ops.variance(x, axis=axes, keepdims=True))
    return ops.add(ops.multiply(_hat(x, *moments, call.get("epsilon", 1e-5)), _along(x, scale)), _along(x, b))


@operation("GroupNormalization", "epsilon", "num_groups", "stash_type")
def _group_norm(call: Call, x: Tensor, scale: Tensor, b: Tensor) -> Tensor:
    groups = call.get("num_groups")
    if x.shape[1] % groups:
        raise call.refuse(f"of {x.shape[1]} channels in {groups} groups does not fit")
    rows = reshaped(x, (x.shape[0], groups, -1))
    moments = (ops.mean(rows, axis=-1, keepdims=True), ops.variance(rows, axis=-1, keepdims=True))
    hat = _hat(rows, *moments, call.get("epsilon", 1e-5))
    if scale.shape == (x.shape[1],):
        return ops.add(ops.multiply(reshaped(hat, x.shape), _along(x, scale)), _along(x, b))
    hat = ops.add(ops.multiply(hat, reshaped(scale, (1, -1, 1))), reshaped(b, (1, -1, 1)))  # one for each group, until set 21
    return reshaped(hat, x.shape)


@operation("LpNormalization", "axis", "p")
def _lp_norm(call: Call, x: Tensor) -> Tensor:
    axis = call.get("axis", -1)
    found = ops.absolute(x) if call.get("p", 2) == 1 else ops.multiply(x, x)
    total = ops.sum(found, axis=axis, keepdims=True)
    total = total if call.get("p", 2) == 1 else ops.sqrt(total)
    return ops.divide(x, ops.where(total.data == 0, constant(1, x), total))


@operation("Resize", "coordinate_transformation_mode", "mode", "nearest_mode", "cubic_coeff_a", "exclude_outside",
           "extrapolation_value", fixed=(1, 2))  # fmt: skip
def _resize(
    call: Call, x: Tensor, roi: Tensor | None = None, scales: Tensor | None = None, sizes: Tensor | None = None
) -> Tensor:
    """To more pixels, each the nearest one before it, as upsampling by whole factors does."""
    mode = (call.get("mode", "nearest"), call.get("coordinate_transformation_mode"), call.get("nearest_mode"))
    if mode != ("nearest", "asymmetric", "floor"):
        raise call.refuse(f"by {', '.join(map(str, mode))} is not read, only by nearest, asymmetric, floor")
    _images(call, x)
    if sizes is not None and sizes.size:
        new = [int(one) for one in sizes.data]
        factor = [m / n for m, n in zip(new, x.shape, strict=True)]
    elif scales is not None and scales.size == x.ndim:
        factor = [float(one) for one in scales.data]
        new = [math.floor(n * one) for n, one in zip(x.shape, factor, strict=True)]
    else:
        raise call.refuse("must be told scales or sizes for each side")
    call.sized(new)
    for axis, (m, one) in enumerate(zip(new, factor, strict=True)):
        if m != x.shape[axis]:
            places = np.minimum(np.floor(np.arange(m) / one).astype(int), x.shape[axis] - 1)
            x = ops.index(x, key=(*(slice(None),) * axis, places))
    return x
