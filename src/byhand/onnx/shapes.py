"""ONNX's operations that move numbers and change none: shapes, parts, places."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from byhand.engine import Tensor, ops
from byhand.onnx.call import Call, floating, operation, typed


def reshaped(x: Tensor, shape: Any) -> Tensor:
    shape = tuple(int(side) for side in shape)
    return ops.reshape(x, shape=shape) if floating(x) else Tensor(x.data.reshape(shape))


def _part(x: Tensor, key: Any) -> Tensor:
    return ops.index(x, key=key) if floating(x) else Tensor(np.asarray(x.data[key]))


@operation("Reshape", "allowzero", "shape")
def _reshape(call: Call, x: Tensor, shape: Tensor | None = None) -> Tensor:
    sides = call.wholes("shape", shape) or []
    if not call.get("allowzero", 0):
        if any(side == 0 and k >= x.ndim for k, side in enumerate(sides)):
            raise call.refuse(f"of {x.shape} to {sides} has a 0 where there is no side")
        sides = [x.shape[k] if side == 0 else side for k, side in enumerate(sides)]
    known = math.prod(side for side in sides if side != -1)
    if sides.count(-1) > 1 or min(sides, default=0) < -1 or (x.size != known if -1 not in sides else x.size % max(known, 1)):
        raise call.refuse(f"of {x.shape} to {sides} does not fit")
    return reshaped(x, sides)


@operation("Flatten", "axis")
def _flatten(call: Call, x: Tensor) -> Tensor:
    axis = call.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return reshaped(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


@operation("Transpose", "perm")
def _transpose(call: Call, x: Tensor) -> Tensor:
    perm = tuple(call.get("perm", range(x.ndim)[::-1]))
    return ops.transpose(x, axes=perm) if floating(x) else Tensor(x.data.transpose(perm))


@operation("Squeeze", "axes")
def _squeeze(call: Call, x: Tensor, axes: Tensor | None = None) -> Tensor:
    found = call.wholes("axes", axes)
    gone = {one % x.ndim for one in found} if found is not None else {k for k, side in enumerate(x.shape) if side == 1}
    if any(x.shape[k] != 1 for k in gone):
        raise call.refuse(f"of {x.shape} along {sorted(gone)}: only sides of 1 can go")
    return reshaped(x, [side for k, side in enumerate(x.shape) if k not in gone])


@operation("Unsqueeze", "axes")
def _unsqueeze(call: Call, x: Tensor, axes: Tensor | None = None) -> Tensor:
    found = call.wholes("axes", axes) or []
    new = {one % (x.ndim + len(found)) for one in found}
    rest = iter(x.shape)
    return reshaped(x, [1 if k in new else next(rest) for k in range(x.ndim + len(found))])


@operation("Concat", "axis")
def _concat(call: Call, *given: Tensor) -> Tensor:
    axis = call.get("axis", 1)
    if floating(given[0]):
        return ops.concat(*given, axis=axis) if len(given) > 1 else given[0]
    return Tensor(np.concatenate([one.data for one in given], axis))


@operation("Split", "axis", "num_outputs", "split")
def _split(call: Call, x: Tensor, split: Tensor | None = None) -> Any:
    axis, sizes = call.get("axis", 0) % x.ndim, call.wholes("split", split)
    if sizes is None:
        n, side = call.outputs, x.shape[axis]
        each = -(-side // n)
        sizes = [max(0, min(each, side - k * each)) for k in range(n)]
    if sum(sizes) != x.shape[axis]:
        raise call.refuse(f"into {sizes} does not fit a side of {x.shape[axis]}")
    ends = np.cumsum([0, *sizes])
    key = (slice(None),) * axis
    parts = pairwise(ends)
    return tuple(_part(x, (*key, slice(int(start), int(stop)))) for start, stop in parts)


@operation("Slice", "starts", "ends", "axes")
def _slice(
    call: Call,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    begins, stops = call.wholes("starts", starts) or [], call.wholes("ends", ends) or []
    along = call.wholes("axes", axes) or list(range(len(begins)))
    step = call.wholes("steps", steps) or [1] * len(begins)
    key = [slice(None)] * x.ndim
    for start, stop, axis, one in zip(begins, stops, along, step, strict=True):
        side = x.shape[axis]
        low, high = (0, side) if one > 0 else (-1, side - 1)
        first, last = (number + side if number < 0 else number for number in (start, stop))
        first, last = min(max(first, low, 0), high), min(max(last, low), side if one > 0 else high)
        key[axis] = slice(first, None if last < 0 else last, one)
    return _part(x, tuple(key))


@operation("Gather", "axis")
def _gather(call: Call, x: Tensor, indices: Tensor) -> Tensor:
    axis = call.get("axis", 0) % x.ndim
    places = np.asarray(indices.data, np.int64)
    side = x.shape[axis]
    if places.size and not (-side <= places.min() and places.max() < side):
        raise call.refuse(f"of places up to {int(np.abs(places).max())} does not fit a side of {side}")
    if places.ndim == 0:
        return _part(x, (*(slice(None),) * axis, int(places)))
    return _part(x, (*(slice(None),) * axis, places % max(side, 1)))


@operation("GatherElements", "axis")
def _gather_elements(call: Call, x: Tensor, indices: Tensor) -> Tensor:
    axis = call.get("axis", 0) % x.ndim
    places = indices.data.astype(np.int64)
    places = np.where(places < 0, places + x.shape[axis], places)
    sides = tuple(slice(None) if k == axis else slice(0, n) for k, n in enumerate(places.shape))
    x = _part(x, sides)
    return ops.gather(x, indices=places, axis=axis) if floating(x) else Tensor(np.take_along_axis(x.data, places, axis))


@operation("GatherND", "batch_dims")
def _gather_nd(call: Call, x: Tensor, indices: Tensor) -> Tensor:
    batch, places = call.get("batch_dims", 0), indices.data.astype(np.int64)
    grids = np.indices(places.shape[:-1], sparse=True)[:batch]
    return _part(x, (*grids, *np.moveaxis(places, -1, 0)))


@operation("Expand")
def _expand(call: Call, x: Tensor, shape: Tensor) -> Tensor:
    sides = call.sized(np.broadcast_shapes(x.shape, tuple(int(one) for one in shape.data)))
    return ops.broadcast(x, shape=sides) if floating(x) else Tensor(np.broadcast_to(x.data, sides).copy())


@operation("Tile")
def _tile(call: Call, x: Tensor, repeats: Tensor) -> Tensor:
    times = tuple(int(one) for one in repeats.data)
    call.sized([side * n for side, n in zip(x.shape, times, strict=True)])
    return ops.tile(x, times=times) if floating(x) else Tensor(np.tile(x.data, times))


@operation("Pad", "mode", "pads", "value")
def _pad(call: Call, x: Tensor, pads: Tensor | None = None, value: Tensor | None = None, axes: Tensor | None = None) -> Tensor:
    sides = call.wholes("pads", pads) or []
    along = call.wholes("axes", axes) or list(range(x.ndim))
    widths = [(0, 0)] * x.ndim
    half = len(sides) // 2
    for axis, before, after in zip(along, sides[:half], sides[half:], strict=True):
        widths[axis] = (before, after)
    cut = tuple(slice(max(0, -b), n - max(0, -a)) for n, (b, a) in zip(x.shape, widths, strict=True))
    x = _part(x, cut) if min(sides, default=0) < 0 else x
    widths = [(max(0, b), max(0, a)) for b, a in widths]
    call.sized([n + b + a for n, (b, a) in zip(x.shape, widths, strict=True)])
    modes = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}
    mode = call.get("mode", "constant")
    if mode not in modes:
        raise call.refuse(f"with mode {mode!r} is not read, only {', '.join(modes)}")
    fill = call.get("value", 0.0) if value is None else value.data.item()
    if not floating(x):
        more = {"constant_values": fill} if mode == "constant" else {}
        padded: Any = np.pad
        return Tensor(padded(x.data, widths, mode=modes[mode], **more))
    names = {"edge": "replicate", "wrap": "circular"}
    return ops.pad(x, widths=tuple(widths), mode=names.get(mode, mode), value=float(fill))


@operation("Shape", "start", "end")
def _shape(call: Call, x: Tensor) -> Tensor:
    return Tensor(np.array(x.shape[call.get("start", 0) : call.get("end")], np.int64))


@operation("Size")
def _size(call: Call, x: Tensor) -> Tensor:
    return Tensor(np.array(x.size, np.int64))


@operation("ConstantOfShape", "value")
def _constant_of_shape(call: Call, shape: Tensor) -> Tensor:
    sides = call.sized([int(one) for one in shape.data])
    value = call.get("value")
    return Tensor(np.zeros(sides, np.float32) if value is None else np.full(sides, np.asarray(value).item(), value.dtype))


@operation("Range")
def _range(call: Call, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    first, last, step = (one.data.item() for one in (start, limit, delta))
    if step == 0:
        raise call.refuse("with a step of 0 has no end")
    call.sized([max(0, math.ceil((last - first) / step))])
    return Tensor(np.arange(first, last, step, dtype=start.dtype))


@operation("OneHot", "axis")
def _one_hot(call: Call, indices: Tensor, depth: Tensor, values: Tensor) -> Tensor:
    n, axis = int(np.reshape(depth.data, -1)[0]), call.get("axis", -1)
    call.sized([*indices.shape, n])
    hit = np.mod(indices.data, n)[..., None] == np.arange(n)
    hit &= ((indices.data >= -n) & (indices.data < n))[..., None]
    off, on = values.data
    return Tensor(np.moveaxis(np.where(hit, on, off), -1, axis).astype(values.dtype))


@operation("EyeLike", "dtype", "k")
def _eye_like(call: Call, x: Tensor) -> Tensor:
    dtype = typed(call, call.get("dtype")) if call.get("dtype") else x.dtype
    eye: Any = np.eye
    return Tensor(eye(*x.shape, k=call.get("k", 0), dtype=dtype))


@operation("NonZero")
def _non_zero(call: Call, x: Tensor) -> Tensor:
    return Tensor(np.array(np.nonzero(x.data), np.int64))


@operation("ScatterElements", "axis", "reduction")
def _scatter_elements(call: Call, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    axis, kind = call.get("axis", 0), call.get("reduction", "none")
    places = list(np.indices(indices.shape))
    places[axis] = np.where(indices.data < 0, indices.data + x.shape[axis], indices.data)
    return _scattered(call, x, tuple(places), updates, kind)


operation("Scatter", "axis")(_scatter_elements)


@operation("ScatterND", "reduction")
def _scatter_nd(call: Call, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    return _scattered(call, x, tuple(np.moveaxis(indices.data, -1, 0)), updates, call.get("reduction", "none"))


def _scattered(call: Call, x: Tensor, places: Any, updates: Tensor, kind: str) -> Tensor:
    if x.requires_grad or updates.requires_grad:
        raise call.refuse("of numbers that are trained is not read")
    how = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
    found = x.data.copy()
    if kind == "none":
        found[places] = updates.data
    elif kind in how:
        how[kind].at(found, places, updates.data)
    else:
        raise call.refuse(f"with reduction {kind!r} is not read, only none, {', '.join(how)}")
    return Tensor(found)


@operation("Compress", "axis")
def _compress(call: Call, x: Tensor, condition: Tensor) -> Tensor:
    axis = call.get("axis")
    x = reshaped(x, (-1,)) if axis is None else x
    places = np.flatnonzero(condition.data)
    return _part(x, (*(slice(None),) * ((axis or 0) % x.ndim), places))


@operation("DepthToSpace", "blocksize", "mode")
def _depth_to_space(call: Call, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    b = call.get("blocksize")
    if call.get("mode", "DCR") == "DCR":
        parts = ops.transpose(reshaped(x, (n, b, b, c // b**2, h, w)), axes=(0, 3, 4, 1, 5, 2))
    else:
        parts = ops.transpose(reshaped(x, (n, c // b**2, b, b, h, w)), axes=(0, 1, 4, 2, 5, 3))
    return reshaped(parts, (n, c // b**2, h * b, w * b))


@operation("SpaceToDepth", "blocksize", "mode")
def _space_to_depth(call: Call, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    b = call.get("blocksize")
    if call.get("mode", "DCR") != "DCR":
        raise call.refuse("with a mode other than DCR is not read")
    parts = ops.transpose(reshaped(x, (n, c, h // b, b, w // b, b)), axes=(0, 3, 5, 1, 2, 4))
    return reshaped(parts, (n, c * b * b, h // b, w // b))
