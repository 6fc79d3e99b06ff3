"""NumPy's own functions, called with tensors: `np.exp(x)`, `np.dot(a, b)`, `np.concatenate([a, b])` are put on the tape.

NumPy asks its arguments, before it computes, whether one of them computes the function itself (NEP 13 and NEP 18). A tensor does:
by the ops and methods of the engine, looked up here by the name of NumPy's function. What has no derivative (comparisons, counts,
places) gives arrays. A function that is not here computes with the tensors' numbers where no gradient is wanted; where one is,
it is refused, so that no gradient gets lost in silence.

    >>> import numpy as np
    >>> from byhand.engine import grad
    >>> grad(lambda x: np.sum(np.exp(x) * np.tanh(x)))(np.array([0.0, 1.0])).round(3)
    array([1.   , 3.212])

Source: NumPy Enhancement Proposals 13 and 18, https://numpy.org/neps.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from itertools import pairwise
from string import ascii_letters
from typing import Any

import numpy as np

from byhand.engine import ops
from byhand.engine.op import holds_tensors, joined
from byhand.engine.tensor import Tensor, differentiating, recording
from byhand.errors import EngineError

Function = Callable[..., Any]


def as_tensor(x: Any) -> Tensor:
    """A tensor of whatever NumPy would take for an array; a list of tensors is stacked."""
    found = joined(x) if isinstance(x, list | tuple) else x
    return found if isinstance(found, Tensor) else Tensor(np.asarray(found))


# ---------------------------------------------------------------- number by number

LN_2, LN_10 = math.log(2), math.log(10)

# From NumPy's ufunc to what computes it; each takes the ufunc's own inputs.
NUMBER_BY_NUMBER: dict[str, Function] = {
    "add": ops.add,
    "subtract": ops.subtract,
    "multiply": ops.multiply,
    "divide": ops.divide,
    "negative": ops.negative,
    "positive": lambda x: x,
    "power": ops.power,
    "float_power": ops.power,
    "remainder": ops.remainder,
    "fmod": lambda a, b: as_tensor(a).fmod(b),
    "floor_divide": ops.floor_divide,
    "matmul": ops.matmul,
    "absolute": ops.absolute,
    "fabs": ops.absolute,
    "sign": ops.sign,
    "exp": ops.exp,
    "exp2": lambda x: x.exp2(),
    "expm1": ops.expm1,
    "log": ops.log,
    "log2": lambda x: ops.log(x) / LN_2,
    "log10": lambda x: ops.log(x) / LN_10,
    "log1p": ops.log1p,
    "sqrt": ops.sqrt,
    "cbrt": lambda x: ops.sign(x) * ops.absolute(x) ** (1 / 3),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "sin": ops.sin,
    "cos": ops.cos,
    "tan": ops.tan,
    "arcsin": ops.asin,
    "arccos": ops.acos,
    "arctan": ops.atan,
    "arctan2": ops.atan2,
    "sinh": ops.sinh,
    "cosh": ops.cosh,
    "tanh": ops.tanh,
    "arcsinh": ops.asinh,
    "arccosh": ops.acosh,
    "arctanh": ops.atanh,
    "hypot": lambda a, b: as_tensor(a).hypot(b),
    "maximum": ops.maximum,
    "minimum": ops.minimum,
    "fmax": ops.maximum,
    "fmin": ops.minimum,
    "logaddexp": ops.logaddexp,
    "logaddexp2": lambda a, b: ops.logaddexp(as_tensor(a) * LN_2, as_tensor(b) * LN_2) / LN_2,
    "deg2rad": lambda x: x * (math.pi / 180),
    "radians": lambda x: x * (math.pi / 180),
    "rad2deg": lambda x: x * (180 / math.pi),
    "degrees": lambda x: x * (180 / math.pi),
    "floor": ops.floor,
    "ceil": ops.ceil,
    "trunc": ops.trunc,
    "rint": ops.round,
    "copysign": lambda a, b: as_tensor(a).copysign(b),
    "conjugate": lambda x: x,
}
REDUCED: dict[str, Function] = {"add": ops.sum, "multiply": ops.prod, "maximum": ops.max, "minimum": ops.min}
# What nothing goes back through: it gives arrays of True and False, or of whole numbers.
WITHOUT_DERIVATIVE = {
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "signbit", "spacing",
    "logical_and", "logical_or", "logical_not", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "invert",
    "left_shift", "right_shift",
}  # fmt: skip


def ufunc(function: np.ufunc, method: str, *inputs: Any, out: tuple[Any, ...] = (), **options: Any) -> Any:
    """What a tensor answers where one of NumPy's functions of single numbers is called with it."""
    name = function.__name__
    if out and out[0] is not inputs[0]:
        raise EngineError(f"np.{name}: nothing can be written into `out` on the tape: leave it out, and take what is returned")
    if method == "__call__" and name in WITHOUT_DERIVATIVE:
        return function(*map(_numbers, inputs), **options)
    if method == "__call__" and name in NUMBER_BY_NUMBER:
        if {key: value for key, value in options.items() if value is not None and not (key == "where" and value is True)}:
            raise EngineError(f"np.{name}: of a tensor it takes no {', '.join(options)}: use np.where for a part of the numbers")
        return NUMBER_BY_NUMBER[name](*(one if isinstance(one, Tensor | int | float) else as_tensor(one) for one in inputs))
    if method == "reduce" and name in REDUCED:
        return REDUCED[name](inputs[0], axis=options.get("axis", 0), keepdims=bool(options.get("keepdims", False)))
    called = f"np.{name}" if method == "__call__" else f"np.{name}.{method}"
    return _by_the_numbers(called, getattr(function, method), inputs, options)


# ---------------------------------------------------------------- along axes


def _along(op: Function) -> Function:
    def reduced(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **options: Any) -> Tensor:
        _no_options(op.__name__, out=out, **options)
        found: Tensor = op(as_tensor(a), axis=axis, keepdims=bool(keepdims) and keepdims is not np._NoValue)
        return found if dtype is None else found.astype(dtype)

    return reduced


def _extreme(op: Function) -> Function:
    def reduced(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **options: Any) -> Tensor:
        _no_options(op.__name__, out=out, **options)
        found: Tensor = op(as_tensor(a), axis=axis, keepdims=bool(keepdims) and keepdims is not np._NoValue)
        return found

    return reduced


def _spread(op: Function) -> Function:
    def reduced(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = False, **options: Any
    ) -> Tensor:
        _no_options(op.__name__, out=out, dtype=dtype, **options)
        kept = bool(keepdims) and keepdims is not np._NoValue
        found: Tensor = op(as_tensor(a), axis=axis, keepdims=kept, correction=ddof)
        return found

    return reduced


def _cumulative(op: Function) -> Function:
    def so_far(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
        _no_options(op.__name__, out=out, dtype=dtype)
        found: Tensor = op(as_tensor(a).ravel(), axis=0) if axis is None else op(as_tensor(a), axis=axis)
        return found

    return so_far


def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    a = as_tensor(a)
    w = Tensor(np.ones(a.shape, a.dtype)) if weights is None else as_tensor(weights)
    if w.shape != a.shape:
        w = ops.broadcast(w.reshape([-1 if k == axis % a.ndim else 1 for k in range(a.ndim)]), shape=a.shape)
    kept = bool(keepdims) and keepdims is not np._NoValue
    total = ops.sum(w, axis=axis, keepdims=kept)
    mean = ops.sum(a * w, axis=axis, keepdims=kept) / total
    return (mean, total) if returned else mean


def _ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Tensor:
    _no_options("ptp", out=out)
    return _extreme(ops.max)(a, axis, keepdims=keepdims) - _extreme(ops.min)(a, axis, keepdims=keepdims)


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Tensor:
    _no_options("diff", prepend=prepend, append=append)
    a = as_tensor(a)
    for _ in range(n):
        front = (slice(None),) * (axis % a.ndim)
        a = a[(*front, slice(1, None))] - a[(*front, slice(None, -1))]
    return a


def _gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    _no_options("gradient", edge_order=None if edge_order == 1 else edge_order)
    f = as_tensor(f)
    axes = range(f.ndim) if axis is None else [axis % f.ndim] if isinstance(axis, int) else [one % f.ndim for one in axis]
    steps = list(spacing) * (len(axes) if len(spacing) == 1 else 1) or [1.0] * len(axes)
    found = []
    for along, h in zip(axes, steps, strict=True):
        front = (slice(None),) * along
        first, last = (
            f[(*front, slice(1, 2))] - f[(*front, slice(0, 1))],
            f[(*front, slice(-1, None))] - f[(*front, slice(-2, -1))],
        )
        inner = (f[(*front, slice(2, None))] - f[(*front, slice(None, -2))]) / 2
        found.append(ops.concat(first, inner, last, axis=along) / h)
    return found[0] if len(found) == 1 else found


# ---------------------------------------------------------------- products


def _dot(a: Any, b: Any, out: Any = None) -> Tensor:
    _no_options("dot", out=out)
    a, b = as_tensor(a), as_tensor(b)
    return a * b if a.ndim == 0 or b.ndim == 0 else _tensordot(a, b, ([-1], [-2 if b.ndim > 1 else 0]))


def _inner(a: Any, b: Any) -> Tensor:
    a, b = as_tensor(a), as_tensor(b)
    return a * b if a.ndim == 0 or b.ndim == 0 else _tensordot(a, b, ([-1], [-1]))


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    a, b = as_tensor(a), as_tensor(b)
    if isinstance(axes, int):
        left, right = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        left, right = ([one] if isinstance(one, int) else list(one) for one in axes)
    left, right = [one % a.ndim for one in left], [one % b.ndim for one in right]
    rest_a, rest_b = [k for k in range(a.ndim) if k not in left], [k for k in range(b.ndim) if k not in right]
    n = math.prod(a.shape[k] for k in left)
    rows = ops.transpose(a, axes=(*rest_a, *left)).reshape(-1 if n else math.prod(a.shape[k] for k in rest_a), n)
    columns = ops.transpose(b, axes=(*right, *rest_b)).reshape(n, -1 if n else math.prod(b.shape[k] for k in rest_b))
    return ops.matmul(rows, columns).reshape(*(a.shape[k] for k in rest_a), *(b.shape[k] for k in rest_b))


def _einsum(equation: Any, *arrays: Any, out: Any = None, optimize: Any = False, **options: Any) -> Tensor:
    _no_options("einsum", out=out, **options)
    if not isinstance(equation, str):  # np.einsum(a, [0, 1], b, [1, 2], [0, 2])
        given = [equation, *arrays]
        wanted = given.pop() if len(given) % 2 else None
        letters = ["".join("..." if one is Ellipsis else ascii_letters[one] for one in axes) for axes in given[1::2]]
        equation = ",".join(letters)
        if wanted is not None:
            equation += "->" + "".join("..." if one is Ellipsis else ascii_letters[one] for one in wanted)
        arrays = tuple(given[::2])
    return ops.einsum(*map(as_tensor, arrays), equation=equation.replace(" ", ""))


def _kron(a: Any, b: Any) -> Tensor:
    a, b = as_tensor(a), as_tensor(b)
    n = max(a.ndim, b.ndim)
    sides_a, sides_b = (1,) * (n - a.ndim) + a.shape, (1,) * (n - b.ndim) + b.shape
    spread = a.reshape([m for side in sides_a for m in (side, 1)]) * b.reshape([m for side in sides_b for m in (1, side)])
    return spread.reshape([i * j for i, j in zip(sides_a, sides_b, strict=True)])


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Tensor:
    a, b = (as_tensor(one).movedim(axis if axis is not None else own, -1) for one, own in ((a, axisa), (b, axisb)))
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise EngineError(f"np.cross: both must have three numbers along their axis, got {a.shape} and {b.shape}")
    ahead, behind = [1, 2, 0], [2, 0, 1]
    product = a[..., ahead] * b[..., behind] - a[..., behind] * b[..., ahead]
    return product.movedim(-1, axis if axis is not None else axisc)


def _matrix_power(a: Any, n: int) -> Tensor:
    a = as_tensor(a)
    if n < 0:
        a, n = ops.inv(a), -n
    found = None
    while n:
        if n % 2:
            found = a if found is None else ops.matmul(found, a)
        a, n = ops.matmul(a, a), n // 2
    return Tensor(np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape).copy()) if found is None else found


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    x = as_tensor(x)
    if axis is None and ord is None:
        return ops.norm(x, p=2, axis=None, keepdims=keepdims)
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if len(axes) == 1:
        return ops.norm(x, p=2 if ord is None else ord, axis=axes, keepdims=keepdims)
    size = ops.absolute(x)
    if ord in (None, "fro"):
        return ops.norm(x, p=2, axis=axes, keepdims=keepdims)
    if ord in (1, np.inf) and len(axes) == 2:
        first, second = axes if ord == 1 else axes[::-1]
        found = ops.max(ops.sum(size, axis=first, keepdims=True), axis=second, keepdims=True)
        return found if keepdims else found.squeeze(axes)
    raise EngineError(f"np.linalg.norm: of matrices on the tape, ord must be None, 'fro', 1 or inf, got {ord!r}")


def _slogdet(a: Any) -> Any:
    sign, log = as_tensor(a).slogdet()
    return np.linalg.slogdet(np.eye(1)).__class__(sign, log)


# ---------------------------------------------------------------- shapes, parts, order


def _reshape(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Tensor:
    shape = newshape if shape is None else shape
    sides = [shape] if isinstance(shape, int | np.integer) else list(shape)
    if order == "F":
        return as_tensor(a).transpose().reshape(sides[::-1]).transpose()
    return as_tensor(a).reshape(sides)


def _ravel(a: Any, order: str = "C") -> Tensor:
    return as_tensor(a).transpose().ravel() if order == "F" else as_tensor(a).ravel()


def _transpose(a: Any, axes: Any = None) -> Tensor:
    return ops.transpose(as_tensor(a), axes=None if axes is None else tuple(axes))


def _moveaxis(a: Any, source: Any, destination: Any) -> Tensor:
    a = as_tensor(a)
    one, other = (
        [operator.index(at) % a.ndim for at in ([where] if isinstance(where, int) else where)] for where in (source, destination)
    )
    order = [k for k in range(a.ndim) if k not in one]
    for to, at in sorted(zip(other, one, strict=True)):
        order.insert(to, at)
    return ops.transpose(a, axes=tuple(order))


def _rollaxis(a: Any, axis: int, start: int = 0) -> Tensor:
    a = as_tensor(a)
    order = list(range(a.ndim))
    axis, start = axis % a.ndim, start + a.ndim if start < 0 else start
    order.remove(axis)
    order.insert(start - (axis < start), axis)
    return ops.transpose(a, axes=tuple(order))


def _expand_dims(a: Any, axis: Any) -> Tensor:
    a = as_tensor(a)
    axes = [axis] if isinstance(axis, int) else list(axis)
    n = a.ndim + len(axes)
    new, sides = {one % n for one in axes}, iter(a.shape)
    return a.reshape([1 if k in new else next(sides) for k in range(n)])


def _at_least(n: int) -> Function:
    where: dict[int, dict[int, Sequence[int]]] = {1: {0: (1,)}, 2: {0: (1, 1), 1: (1, -1)}, 3: {0: (1, 1, 1), 1: (1, -1, 1)}}

    def widened(*arrays: Any) -> Any:
        found = []
        for one in map(as_tensor, arrays):
            sides = (*one.shape, 1) if n == 3 and one.ndim == 2 else where[n].get(one.ndim)
            found.append(one if sides is None else one.reshape(sides))
        return found[0] if len(found) == 1 else found

    return widened


def _concatenate(arrays: Any, axis: int | None = 0, out: Any = None, **options: Any) -> Tensor:
    _no_options("concatenate", out=out, dtype=options.get("dtype"))
    parts = [as_tensor(one) for one in arrays]
    return ops.concat(*(one.ravel() for one in parts), axis=0) if axis is None else ops.concat(*parts, axis=axis)


def _stack(arrays: Any, axis: int = 0, out: Any = None, **options: Any) -> Tensor:
    _no_options("stack", out=out, dtype=options.get("dtype"))
    return ops.stack(*map(as_tensor, arrays), axis=axis)


def _side_by_side(n: int, axis: int) -> Function:
    def joined(arrays: Any, **options: Any) -> Tensor:
        parts = [_at_least(n)(one) for one in arrays]
        return ops.concat(*parts, axis=0 if parts[0].ndim == 1 else axis)

    return joined


def _column_stack(arrays: Any) -> Tensor:
    parts = [as_tensor(one) for one in arrays]
    return ops.concat(*(one.reshape(-1, 1) if one.ndim < 2 else one for one in parts), axis=1)


def _append(array: Any, values: Any, axis: int | None = None) -> Tensor:
    return _concatenate([array, values], axis)


def _split(a: Any, sections: Any, axis: int = 0) -> list[Tensor]:
    a = as_tensor(a)
    places = np.array_split(np.arange(a.shape[axis]), sections, axis=0)  # where the borders lie is NumPy's to say
    front = (slice(None),) * (axis % a.ndim)
    return [a[(*front, slice(int(part[0]), int(part[-1]) + 1) if len(part) else slice(0, 0))] for part in places]


def _even_split(a: Any, sections: Any, axis: int = 0) -> list[Tensor]:
    a = as_tensor(a)
    if isinstance(sections, int) and a.shape[axis] % sections:
        raise EngineError(f"np.split: {a.shape[axis]} rows do not part into {sections} equal parts: use np.array_split")
    return _split(a, sections, axis)


def _flip(a: Any, axis: Any = None) -> Tensor:
    return ops.flip(as_tensor(a), axis=axis)


def _rot90(a: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    found = as_tensor(a)
    for _ in range(k % 4):
        found = ops.flip(found, axis=axes[1]).swapaxes(*axes)
    return found


def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Tensor:
    a = as_tensor(a).ravel() if axis is None else as_tensor(a)
    axis = 0 if axis is None else axis
    places = np.repeat(np.arange(a.shape[axis]), _numbers(repeats))
    return a[(*(slice(None),) * (axis % a.ndim), places)]


def _take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Tensor:
    _no_options("take", out=out, mode=None if mode == "raise" else mode)
    places = np.asarray(_numbers(indices))
    return as_tensor(a).ravel()[places] if axis is None else as_tensor(a)[(*(slice(None),) * (axis % np.ndim(a)), places)]


def _sort(a: Any, axis: int | None = -1, **options: Any) -> Tensor:
    a = as_tensor(a)
    found: Tensor = a.ravel().sort()[0] if axis is None else a.sort(axis)[0]
    return found


def _pad(array: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Tensor:
    array = as_tensor(array)
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2))
    value = options.pop("constant_values", 0)
    _no_options("pad", **options)
    names = {"edge": "replicate", "wrap": "circular"}
    pairs = tuple((int(before), int(after)) for before, after in widths)
    return ops.pad(array, widths=pairs, mode=names.get(mode, mode), value=float(value))


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    condition = _numbers(condition)
    return np.where(condition) if x is None else ops.where(condition, as_tensor(x), as_tensor(y))


def _clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None) -> Tensor:
    _no_options("clip", out=out)
    return as_tensor(a).clip(a_min if min is None else min, a_max if max is None else max)


def _select(conditions: Any, choices: Any, default: Any = 0) -> Tensor:
    found = as_tensor(default)
    for condition, choice in zip(reversed(list(conditions)), reversed(list(choices)), strict=True):
        found = ops.where(_numbers(condition), as_tensor(choice), found)
    return found


def _sinc(x: Any) -> Tensor:
    x = as_tensor(x)
    at_0 = x.data == 0
    angle = math.pi * ops.where(at_0, Tensor(np.ones_like(x.data)), x)
    # Near 0 it is 1 - (pi x)^2 / 6, whose derivatives at 0 are those of the function.
    return ops.where(at_0, 1 - (math.pi * x) ** 2 / 6, ops.sin(angle) / angle)


def _round(a: Any, decimals: int = 0, out: Any = None) -> Tensor:
    _no_options("round", out=out)
    return ops.round(as_tensor(a), decimals=decimals)


def _broadcast_arrays(*arrays: Any, subok: bool = False) -> tuple[Tensor, ...]:
    parts = [as_tensor(one) for one in arrays]
    shape = np.broadcast_shapes(*(one.shape for one in parts))
    return tuple(ops.broadcast(one, shape=shape) for one in parts)


def _triangle(op: Function) -> Function:
    return lambda m, k=0: op(as_tensor(m), diagonal=k)


def _trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    y = as_tensor(y)
    steps = dx if x is None else _diff(x, axis=-1)
    front = (slice(None),) * (axis % y.ndim)
    return ops.sum((y[(*front, slice(1, None))] + y[(*front, slice(None, -1))]) / 2 * steps, axis=axis)


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    u, s, vh = as_tensor(a).svd()
    if compute_uv and full_matrices and u.shape[-2] != vh.shape[-1]:
        raise EngineError("np.linalg.svd: on the tape it is reduced: give full_matrices=False")
    kind: Any = type(np.linalg.svd(np.eye(1)))
    return kind(u, s, vh) if compute_uv else s


def _qr(a: Any, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "r"):
        raise EngineError(f"np.linalg.qr: on the tape, mode must be 'reduced' or 'r', got {mode!r}")
    q, r = as_tensor(a).qr()
    kind: Any = type(np.linalg.qr(np.eye(1)))
    return kind(q, r) if mode == "reduced" else r


def _multi_dot(arrays: Any, *, out: Any = None) -> Tensor:
    _no_options("linalg.multi_dot", out=out)
    found = as_tensor(arrays[0])
    for _, other in pairwise(arrays):
        found = ops.matmul(found, as_tensor(other))
    return found


# By NumPy's name; `linalg.` in front where they are there.
FUNCTIONS: dict[str, Function] = {
    "sum": _along(ops.sum),
    "mean": _along(ops.mean),
    "prod": _along(ops.prod),
    "max": _extreme(ops.max),
    "amax": _extreme(ops.max),
    "min": _extreme(ops.min),
    "amin": _extreme(ops.min),
    "ptp": _ptp,
    "std": _spread(ops.std),
    "var": _spread(ops.variance),
    "average": _average,
    "cumsum": _cumulative(ops.cumsum),
    "cumprod": _cumulative(ops.cumprod),
    "diff": _diff,
    "gradient": _gradient,
    "trapezoid": _trapezoid,
    "dot": _dot,
    "vdot": lambda a, b: _dot(_ravel(a), _ravel(b)),
    "inner": _inner,
    "outer": lambda a, b, out=None: _ravel(a).reshape(-1, 1) * _ravel(b),
    "tensordot": _tensordot,
    "einsum": _einsum,
    "kron": _kron,
    "cross": _cross,
    "trace": lambda a, offset=0, axis1=0, axis2=1: ops.sum(as_tensor(a).diagonal(offset, axis1, axis2), axis=-1),
    "linalg.norm": _norm,
    "linalg.inv": lambda a: ops.inv(as_tensor(a)),
    "linalg.solve": lambda a, b: ops.solve(as_tensor(a), as_tensor(b)),
    "linalg.det": lambda a: ops.det(as_tensor(a)),
    "linalg.slogdet": _slogdet,
    "linalg.cholesky": lambda a: ops.cholesky(as_tensor(a)),
    "linalg.eigh": lambda a, UPLO="L": as_tensor(a).eigh(),
    "linalg.pinv": lambda a: as_tensor(a).pinv(),
    "linalg.svd": _svd,
    "linalg.qr": _qr,
    "linalg.matrix_power": _matrix_power,
    "linalg.multi_dot": _multi_dot,
    "reshape": _reshape,
    "ravel": _ravel,
    "transpose": _transpose,
    "permute_dims": _transpose,
    "matrix_transpose": lambda a: as_tensor(a).swapaxes(-1, -2),
    "swapaxes": lambda a, axis1, axis2: as_tensor(a).swapaxes(axis1, axis2),
    "moveaxis": _moveaxis,
    "rollaxis": _rollaxis,
    "squeeze": lambda a, axis=None: as_tensor(a).squeeze(axis),
    "expand_dims": _expand_dims,
    "atleast_1d": _at_least(1),
    "atleast_2d": _at_least(2),
    "atleast_3d": _at_least(3),
    "broadcast_to": lambda array, shape, subok=False: ops.broadcast(
        as_tensor(array), shape=(shape,) if isinstance(shape, int) else tuple(shape)
    ),
    "broadcast_arrays": _broadcast_arrays,
    "concatenate": _concatenate,
    "concat": _concatenate,
    "stack": _stack,
    "vstack": _side_by_side(2, 0),
    "row_stack": _side_by_side(2, 0),
    "hstack": _side_by_side(1, 1),
    "dstack": _side_by_side(3, 2),
    "column_stack": _column_stack,
    "append": _append,
    "split": _even_split,
    "array_split": _split,
    "vsplit": lambda a, sections: _even_split(a, sections, 0),
    "hsplit": lambda a, sections: _even_split(a, sections, 0 if np.ndim(a) == 1 else 1),
    "dsplit": lambda a, sections: _even_split(a, sections, 2),
    "tile": lambda a, reps: as_tensor(a).tile(*([reps] if isinstance(reps, int) else reps)),
    "repeat": _repeat,
    "roll": lambda a, shift, axis=None: ops.roll(as_tensor(a), shifts=shift, axis=axis),
    "flip": _flip,
    "flipud": lambda m: _flip(m, 0),
    "fliplr": lambda m: _flip(m, 1),
    "rot90": _rot90,
    "take": _take,
    "take_along_axis": lambda arr, indices, axis=-1: as_tensor(arr).gather(
        indices=np.asarray(_numbers(indices)), axis=-1 if axis is None else axis
    ),
    "sort": _sort,
    "pad": _pad,
    "where": _where,
    "clip": _clip,
    "select": _select,
    "diag": lambda v, k=0: ops.diag(as_tensor(v), diagonal=k),
    "diagonal": lambda a, offset=0, axis1=0, axis2=1: as_tensor(a).diagonal(offset, axis1, axis2),
    "tril": _triangle(ops.tril),
    "triu": _triangle(ops.triu),
    "sinc": _sinc,
    "real": as_tensor,
    "round": _round,
    "around": _round,
    "nan_to_num": lambda x, copy=True, nan=0.0, posinf=None, neginf=None: as_tensor(x).nan_to_num(nan, posinf, neginf),
    "copy": lambda a, order="K", subok=False: as_tensor(a).clone(),
}
# What asks about numbers or shapes, and nothing goes back through.
ABOUT_NUMBERS = {
    "shape", "ndim", "size", "argmax", "argmin", "argsort", "all", "any", "allclose", "isclose", "array_equal",
    "array_equiv", "count_nonzero", "nonzero", "flatnonzero", "argwhere", "isreal", "iscomplex", "isrealobj",
    "iscomplexobj", "isscalar", "unique", "searchsorted", "histogram", "bincount", "digitize", "zeros_like",
    "ones_like", "full_like", "empty_like", "result_type", "can_cast", "min_scalar_type", "common_type",
    "shares_memory", "may_share_memory", "array2string", "array_repr", "array_str", "isin", "save", "savez",
    "savez_compressed", "savetxt", "nanargmax", "nanargmin", "isposinf", "isneginf", "lexsort",
}  # fmt: skip


def function(called: Function, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What a tensor answers where another of NumPy's functions is called with it."""
    name = called.__name__
    where = getattr(called, "__module__", "")
    full = f"linalg.{name}" if where.endswith("linalg") else name
    if full in FUNCTIONS:
        return FUNCTIONS[full](*given, **options)
    if name in ABOUT_NUMBERS:
        return called(*map(_numbers, given), **{key: _numbers(value) for key, value in options.items()})
    return _by_the_numbers(f"np.{full}", called, given, options)


def _by_the_numbers(name: str, called: Function, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Computed with the numbers alone; raises EngineError where a gradient would get lost."""
    if (recording() and _wants_a_gradient((*given, *options.values()))) or differentiating():
        raise EngineError(
            f"{name} has no derivative here: compose it of functions that have one, or take the numbers alone, as x.detach()"
        )
    return called(*map(_numbers, given), **{key: _numbers(value) for key, value in options.items()})


def _wants_a_gradient(given: Any) -> bool:
    if isinstance(given, list | tuple):
        return any(_wants_a_gradient(one) for one in given)
    return isinstance(given, Tensor) and given.requires_grad


def _numbers(given: Any) -> Any:
    """The arrays of tensors, those in lists included."""
    if isinstance(given, list | tuple):
        return type(given)(_numbers(one) for one in given) if holds_tensors(given) else given
    return given.data if isinstance(given, Tensor) else given


def _no_options(name: str, **options: Any) -> None:
    for option, value in options.items():
        if value is not None and value is not np._NoValue and not (option == "where" and value is True):
            raise EngineError(f"np.{name}: of a tensor it takes no {option}=: leave it out")
