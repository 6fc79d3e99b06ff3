"""ONNX's operations on numbers one by one, their sums along axes, and products of matrices."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from byhand.engine import Tensor, ops
from byhand.onnx.call import Call, constant, floating, operation, typed

# ---------------------------------------------------------------- one input

UNARY: dict[str, Any] = {
    "Relu": ops.relu, "Sigmoid": ops.sigmoid, "Tanh": ops.tanh, "Exp": ops.exp, "Log": ops.log, "Sqrt": ops.sqrt,
    "Abs": ops.absolute, "Neg": ops.negative, "Sin": ops.sin, "Cos": ops.cos, "Tan": ops.tan, "Asin": ops.asin,
    "Acos": ops.acos, "Atan": ops.atan, "Sinh": ops.sinh, "Cosh": ops.cosh, "Asinh": ops.asinh, "Acosh": ops.acosh,
    "Atanh": ops.atanh, "Erf": ops.erf, "Floor": ops.floor, "Ceil": ops.ceil, "Round": ops.round, "Sign": ops.sign,
    "Softplus": ops.softplus, "Mish": ops.mish, "HardSwish": ops.hardswish,
}  # fmt: skip
WHOLE: dict[str, Any] = {"Abs": np.abs, "Neg": np.negative, "Sign": np.sign, "Relu": lambda x: np.maximum(x, 0)}


def _unary(name: str) -> Callable[[Call, Tensor], Tensor]:
    def computed(call: Call, x: Tensor) -> Tensor:
        if floating(x):
            return UNARY[name](x)
        if name not in WHOLE:
            raise call.refuse(f"must get float32 or float64, got {x.dtype}")
        return Tensor(np.asarray(WHOLE[name](x.data), x.dtype))

    return computed


for _name in UNARY:
    operation(_name)(_unary(_name))


@operation("Identity")
def _identity(call: Call, x: Tensor) -> Tensor:
    return x


@operation("Reciprocal")
def _reciprocal(call: Call, x: Tensor) -> Tensor:
    return ops.divide(constant(1, x), x)


@operation("Softsign")
def _softsign(call: Call, x: Tensor) -> Tensor:
    return x.softsign()


@operation("LeakyRelu", "alpha")
def _leaky_relu(call: Call, x: Tensor) -> Tensor:
    return ops.leaky_relu(x, slope=float(call.get("alpha", 0.01)))


@operation("Elu", "alpha")
def _elu(call: Call, x: Tensor) -> Tensor:
    return ops.elu(x, alpha=float(call.get("alpha", 1.0)))


@operation("Celu", "alpha")
def _celu(call: Call, x: Tensor) -> Tensor:
    return x.celu(call.get("alpha", 1.0))


@operation("Selu", "alpha", "gamma")
def _selu(call: Call, x: Tensor) -> Tensor:
    return x.selu(call.get("alpha", 1.67326319217681884765625), call.get("gamma", 1.05070102214813232421875))


@operation("HardSigmoid", "alpha", "beta")
def _hard_sigmoid(call: Call, x: Tensor) -> Tensor:
    return x.hardsigmoid(call.get("alpha", 0.2), call.get("beta", 0.5))


@operation("ThresholdedRelu", "alpha")
def _thresholded(call: Call, x: Tensor) -> Tensor:
    return ops.where(x.data > call.get("alpha", 1.0), x, constant(0, x))


@operation("Shrink", "bias", "lambd")
def _shrink(call: Call, x: Tensor) -> Tensor:
    if not floating(x):
        raise call.refuse(f"must get float32 or float64, got {x.dtype}")
    bias, lambd = call.get("bias", 0.0), call.get("lambd", 0.5)
    inner = ops.where(x.data < -lambd, ops.add(x, constant(bias, x)), constant(0, x))
    return ops.where(x.data > lambd, ops.subtract(x, constant(bias, x)), inner)


@operation("Swish", "alpha")
def _swish(call: Call, x: Tensor) -> Tensor:
    return ops.multiply(x, ops.sigmoid(ops.multiply(x, constant(call.get("alpha", 1.0), x))))


@operation("Gelu", "approximate")
def _gelu(call: Call, x: Tensor) -> Tensor:
    return ops.gelu(x, approximate=call.get("approximate", "none"))


@operation("PRelu")
def _prelu(call: Call, x: Tensor, slope: Tensor) -> Tensor:
    return ops.where(x.data > 0, x, ops.multiply(slope, x))


@operation("Clip", "min", "max")
def _clip(call: Call, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    low, high = (one if one is None else one.data.item() for one in (low, high))
    low, high = call.get("min", low), call.get("max", high)
    if floating(x):
        if low is not None and high is not None and low <= high:
            return ops.clip(x, low=float(low), high=float(high))
        x = x if low is None else ops.maximum(x, constant(low, x))
        return x if high is None else ops.minimum(x, constant(high, x))
    found = x.data if low is None else np.maximum(x.data, low)
    return Tensor((found if high is None else np.minimum(found, high)).astype(x.dtype))


@operation("Dropout", "ratio", "seed")
def _dropout(call: Call, x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None) -> Any:
    if training is not None and bool(training.data) and (ratio is None or float(ratio.data) > 0):
        raise call.refuse("in training is not read, only in evaluation")
    return (x, Tensor(np.ones(x.shape, bool))) if call.outputs > 1 else x


def _cast_to(x: Tensor, dtype: Any) -> Tensor:
    if x.dtype == dtype:
        return x
    if floating(x) and np.dtype(dtype).kind == "f":
        return ops.cast(x, dtype=np.dtype(dtype))
    return Tensor(x.data.astype(dtype))


@operation("Cast", "to", "saturate", "round_mode")
def _cast(call: Call, x: Tensor) -> Tensor:
    return _cast_to(x, typed(call, call.get("to")))


@operation("CastLike", "saturate", "round_mode")
def _cast_like(call: Call, x: Tensor, like: Tensor) -> Tensor:
    return _cast_to(x, like.dtype)


@operation("IsNaN")
def _is_nan(call: Call, x: Tensor) -> Tensor:
    return Tensor(np.isnan(x.data))


@operation("IsInf", "detect_negative", "detect_positive")
def _is_inf(call: Call, x: Tensor) -> Tensor:
    found = np.isposinf(x.data) if call.get("detect_positive", 1) else np.zeros(x.shape, bool)
    return Tensor(found | np.isneginf(x.data) if call.get("detect_negative", 1) else found)


@operation("Not")
def _not(call: Call, x: Tensor) -> Tensor:
    return Tensor(~x.data)


# ---------------------------------------------------------------- two inputs and more

COMPARED: dict[str, Callable[..., Any]] = {
    "Equal": np.equal, "Greater": np.greater, "Less": np.less, "GreaterOrEqual": np.greater_equal, "LessOrEqual": np.less_equal,
    "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor, "BitwiseAnd": np.bitwise_and,
    "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor,
}  # fmt: skip


def _compared(name: str) -> Callable[[Call, Tensor, Tensor], Tensor]:
    return lambda call, a, b: Tensor(np.asarray(COMPARED[name](a.data, b.data)))


for _name in COMPARED:
    operation(_name)(_compared(_name))


def _divided(a: Any, b: Any) -> Any:
    """Towards zero, as ONNX divides whole numbers."""
    found = np.floor_divide(a, b)
    return found + ((found < 0) & (found * b != a))


BINARY: dict[str, tuple[Any, Callable[..., Any]]] = {
    "Add": (ops.add, np.add),
    "Sub": (ops.subtract, np.subtract),
    "Mul": (ops.multiply, np.multiply),
    "Div": (ops.divide, _divided),
}


def _binary(name: str) -> Callable[[Call, Tensor, Tensor], Tensor]:
    engine, whole = BINARY[name]

    def computed(call: Call, a: Tensor, b: Tensor) -> Tensor:
        if floating(a):
            return engine(a, b)
        if name == "Div" and not np.all(b.data):
            raise call.refuse("of whole numbers by 0 has no answer")
        return Tensor(np.asarray(whole(a.data, b.data), a.dtype))

    return computed


for _name in BINARY:
    operation(_name)(_binary(_name))


@operation("Pow")
def _pow(call: Call, a: Tensor, b: Tensor) -> Tensor:
    if floating(a):
        if b.size == 1 and not b.requires_grad and b.ndim <= a.ndim:
            return ops.power(a, float(b.data.item()))
        return ops.power(a, b if b.dtype == a.dtype else constant(b.data, a))
    return Tensor(np.asarray(np.power(a.data.astype(np.float64) if floating(b) else a.data, b.data)).astype(a.dtype))


@operation("Mod", "fmod")
def _mod(call: Call, a: Tensor, b: Tensor) -> Tensor:
    if call.get("fmod", 0):
        return Tensor(np.asarray(np.fmod(a.data, b.data)))
    return ops.remainder(a, b) if floating(a) else Tensor(np.asarray(np.mod(a.data, b.data)))


def _many(engine: Any, whole: Any) -> Callable[..., Tensor]:
    def computed(call: Call, *given: Tensor) -> Tensor:
        if floating(given[0]):
            return functools.reduce(engine, given)
        return Tensor(functools.reduce(whole, [one.data for one in given]))

    return computed


operation("Sum")(_many(ops.add, np.add))
operation("Max")(_many(ops.maximum, np.maximum))
operation("Min")(_many(ops.minimum, np.minimum))


@operation("Mean")
def _mean(call: Call, *given: Tensor) -> Tensor:
    return ops.divide(functools.reduce(ops.add, given), constant(len(given), given[0]))


@operation("Where")
def _where(call: Call, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    if floating(a):
        return ops.where(condition.data, a, b)
    return Tensor(np.where(condition.data, a.data, b.data))


# ---------------------------------------------------------------- sums along axes


def _l2(x: Tensor, **options: Any) -> Tensor:
    return ops.sqrt(ops.sum(ops.multiply(x, x), **options))


REDUCED: dict[str, Callable[..., Tensor]] = {
    "ReduceSum": ops.sum,
    "ReduceMean": ops.mean,
    "ReduceMax": ops.max,
    "ReduceMin": ops.min,
    "ReduceProd": ops.prod,
    "ReduceLogSumExp": ops.logsumexp,
    "ReduceL1": lambda x, **options: ops.sum(ops.absolute(x), **options),
    "ReduceL2": _l2,
    "ReduceSumSquare": lambda x, **options: ops.sum(ops.multiply(x, x), **options),
    "ReduceLogSum": lambda x, **options: ops.log(ops.sum(x, **options)),
}
REDUCED_WHOLE: dict[str, Any] = {"ReduceSum": np.sum, "ReduceMax": np.max, "ReduceMin": np.min, "ReduceProd": np.prod}


def _reduced(name: str) -> Callable[..., Tensor]:
    def computed(call: Call, x: Tensor, axes: Tensor | None = None) -> Tensor:
        found = call.wholes("axes", axes)
        if not found and call.get("noop_with_empty_axes", 0):
            if name in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceLogSumExp"):
                return x
            found = None
            return REDUCED[name](ops.reshape(x, shape=(*x.shape, 1)), axis=-1)
        axis = tuple(one % max(x.ndim, 1) for one in found) if found else tuple(range(x.ndim))
        keep = bool(call.get("keepdims", 1))
        if floating(x) and all(x.shape):
            return REDUCED[name](x, axis=axis, keepdims=keep)
        if name not in REDUCED_WHOLE and floating(x):
            filled: Any = np.log if "Log" in name else np.asarray
            with np.errstate(divide="ignore"):
                return Tensor(np.asarray(filled(np.sum(x.data, axis=axis, keepdims=keep)), x.dtype))
        if name not in REDUCED_WHOLE:
            raise call.refuse(f"must get float32 or float64, got {x.dtype}")
        initial = {}
        if not all(x.shape) and name in ("ReduceMax", "ReduceMin") and floating(x):
            initial = {"initial": -np.inf if name == "ReduceMax" else np.inf}
        return Tensor(np.asarray(REDUCED_WHOLE[name](x.data, axis=axis, keepdims=keep, **initial), x.dtype))

    return computed


for _name in REDUCED:
    operation(_name, "axes", "keepdims", "noop_with_empty_axes")(_reduced(_name))


def _place(largest: bool) -> Callable[[Call, Tensor], Tensor]:
    def computed(call: Call, x: Tensor) -> Tensor:
        axis = call.get("axis", 0)
        array = x.data
        find = np.argmax if largest else np.argmin
        if call.get("select_last_index", 0):
            found = array.shape[axis] - 1 - find(np.flip(array, axis), axis=axis)
        else:
            found = find(array, axis=axis)
        return Tensor(np.asarray(np.expand_dims(found, axis) if call.get("keepdims", 1) else found, np.int64))

    return computed


operation("ArgMax", "axis", "keepdims", "select_last_index")(_place(True))
operation("ArgMin", "axis", "keepdims", "select_last_index")(_place(False))


@operation("TopK", "axis", "largest", "sorted", "k")
def _topk(call: Call, x: Tensor, k: Tensor | None = None) -> Any:
    axis, n = call.get("axis", -1), (call.wholes("k", k) or [1])[0]
    order = np.argsort(-x.data if call.get("largest", 1) and x.dtype.kind != "u" else x.data, axis=axis, kind="stable")
    if call.get("largest", 1) and x.dtype.kind == "u":
        order = np.flip(x.shape[axis] - 1 - np.argsort(np.flip(x.data, axis), axis=axis, kind="stable"), axis)
    if not 0 <= n <= x.shape[axis]:
        raise call.refuse(f"must be asked for at most {x.shape[axis]} numbers, got k = {n}")
    order = np.take(order, np.arange(n), axis=axis)
    values = ops.gather(x, indices=order, axis=axis) if floating(x) else Tensor(np.take_along_axis(x.data, order, axis))
    return values, Tensor(order.astype(np.int64))


@operation("CumSum", "exclusive", "reverse")
def _cumsum(call: Call, x: Tensor, axis: Tensor) -> Tensor:
    at = int(axis.data.item())
    flip: Any = (lambda one: ops.flip(one, axis=at)) if call.get("reverse", 0) else (lambda one: one)
    turned = flip(x) if floating(x) else Tensor(np.flip(x.data, at) if call.get("reverse", 0) else x.data)
    found = ops.cumsum(turned, axis=at) if floating(x) else Tensor(np.cumsum(turned.data, axis=at, dtype=x.dtype))
    if call.get("exclusive", 0):
        found = ops.subtract(found, turned) if floating(x) else Tensor(found.data - turned.data)
    return flip(found) if floating(x) else Tensor(np.flip(found.data, at) if call.get("reverse", 0) else found.data)


# ---------------------------------------------------------------- softmax


def _softmax(engine: Any) -> Callable[[Call, Tensor], Tensor]:
    def computed(call: Call, x: Tensor) -> Tensor:
        if call.opset >= 13:
            return engine(x, axis=call.get("axis", -1))
        axis = call.get("axis", 1) % max(x.ndim, 1)  # then: of all axes from this one on together
        rows = ops.reshape(x, shape=(math.prod(x.shape[:axis]), -1))
        return ops.reshape(engine(rows, axis=-1), shape=x.shape)

    return computed


operation("Softmax", "axis")(_softmax(ops.softmax))
operation("LogSoftmax", "axis")(_softmax(ops.log_softmax))


@operation("Hardmax", "axis")
def _hardmax(call: Call, x: Tensor) -> Tensor:
    if call.opset < 13:
        raise call.refuse("of an operator set before 13 is not read")
    axis = call.get("axis", -1)
    found = np.zeros(x.shape, x.dtype)
    np.put_along_axis(found, np.argmax(x.data, axis=axis, keepdims=True), 1, axis)
    return Tensor(found)


# ---------------------------------------------------------------- matrices


@operation("MatMul")
def _matmul(call: Call, a: Tensor, b: Tensor) -> Tensor:
    return ops.matmul(a, b) if floating(a) else Tensor(np.asarray(np.matmul(a.data, b.data)))


@operation("Gemm", "alpha", "beta", "transA", "transB")
def _gemm(call: Call, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    if not floating(a):
        raise call.refuse(f"must get float32 or float64, got {a.dtype}")
    alpha, beta = float(call.get("alpha", 1.0)), float(call.get("beta", 1.0))
    a = ops.transpose(a, axes=(1, 0)) if call.get("transA", 0) else a
    w = b if call.get("transB", 0) else ops.transpose(b, axes=(1, 0))
    if alpha == beta == 1 and c is not None and c.shape == (w.shape[0],):
        return ops.linear(a, w, c)
    z = ops.linear(a, w)
    z = z if alpha == 1 else ops.multiply(z, constant(alpha, z))
    if c is None:
        return z
    return ops.add(z, c if beta == 1 else ops.multiply(c, constant(beta, c)))


@operation("Einsum", "equation")
def _einsum(call: Call, *given: Tensor) -> Tensor:
    return ops.einsum(*given, equation=call.get("equation").replace(" ", ""))


@operation("Det")
def _det(call: Call, x: Tensor) -> Tensor:
    return ops.det(x)


@operation("Trilu", "upper")
def _trilu(call: Call, x: Tensor, k: Tensor | None = None) -> Tensor:
    diagonal = 0 if k is None else int(k.data.item())
    if floating(x):
        return (ops.triu if call.get("upper", 1) else ops.tril)(x, diagonal=diagonal)
    return Tensor((np.triu if call.get("upper", 1) else np.tril)(x.data, diagonal))


@operation("CumProd", "exclusive", "reverse")
def _cumprod(call: Call, x: Tensor, axis: Tensor) -> Tensor:
    at = int(axis.data.item())
    if not floating(x):
        raise call.refuse(f"must get float32 or float64, got {x.dtype}")
    turned = ops.flip(x, axis=at) if call.get("reverse", 0) else x
    if call.get("exclusive", 0):  # the product of those before it: 1 in front, the last one left out
        one = constant(np.ones([1 if k == at % x.ndim else side for k, side in enumerate(x.shape)]), x)
        kept = ops.index(turned, key=(*(slice(None),) * (at % x.ndim), slice(0, x.shape[at] - 1)))
        turned = ops.concat(one, kept, axis=at)
    found = ops.cumprod(turned, axis=at)
    return ops.flip(found, axis=at) if call.get("reverse", 0) else found


@operation("BitwiseNot")
def _bitwise_not(call: Call, x: Tensor) -> Tensor:
    return Tensor(np.invert(x.data))


@operation("BitShift", "direction")
def _bit_shift(call: Call, a: Tensor, b: Tensor) -> Tensor:
    shift: Any = np.left_shift if call.get("direction") == "LEFT" else np.right_shift
    return Tensor(np.asarray(shift(a.data, b.data), a.dtype))
