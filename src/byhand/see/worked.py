"""One number of an op, worked out by hand from what the op read: a table, op -> function. A new op adds one function.

A function gets the op as the tape has it, the indices of one number of its output, and the sample that is followed; it gives
the lines of the computation. Nothing in it is taken from the op's own output, so that both can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.numbers import Line, Term, factor, number, setting, signed, total
from byhand.see.section import Grid
from byhand.see.tape import Seen

At = tuple[int, ...]


@dataclass(frozen=True)
class Worked:
    """One number worked out: the lines that lead to it, and what it is.

    network: what the network computed, or None where that is not one number of its arrays.
    """

    lines: tuple[Line, ...]
    value: float
    grids: tuple[tuple[Grid, ...], ...] = ()
    note: str = ""
    network: float | None = None


Working = Callable[[Seen, At, int], Worked]
WORKED: dict[str, Working] = {}


def works(name: str) -> Callable[[Working], Working]:
    """Enter a function into the table."""

    def enter(function: Working) -> Working:
        WORKED[name] = function
        return function

    return enter


def work_out(op: Seen, at: At, sample: int) -> Worked:
    """One number of an op's output; of an op that has no function here, only what it is."""
    computed = float(op.output[at])
    if op.node.op.name in WORKED:
        return replace(WORKED[op.node.op.name](op, at, sample), network=computed)
    return Worked((Line((f"{named(op.symbol, at)} = {number(computed)}",), computed),), computed, network=computed)


def named(symbol: str, at: At) -> str:
    r"""A number of an array, by its indices without the sample's.

    >>> named("z", (0, 13, 14, 5)), named("C", ())
    ('z_{13,14,5}', 'C')
    """
    return f"{symbol}_{{{','.join(map(str, at[1:]))}}}" if len(at) > 1 else f"{symbol}_{{{at[0]}}}" if at else symbol


def largest(values: Array, term: Callable[[int], tuple[str, str]], shown: int = 6) -> list[Term]:
    """Terms of a long sum: only the largest get their symbols and numbers, which the others never need."""
    flat = np.asarray(values, np.float64).reshape(-1)
    first = set(np.argsort(-np.abs(flat), kind="stable")[:shown].tolist()) if flat.size > shown else set(range(flat.size))
    return [Term(*term(at), float(value)) if at in first else Term("", "", float(value)) for at, value in enumerate(flat)]


# ---------------------------------------------------------------- sums of products: what a weight is multiplied with


@dataclass(frozen=True)
class Product:
    """One product of such a sum: the weight's indices, the input's without the sample's, and both numbers.

    inside: whether the input is there, or one of the zeros around an image.
    """

    entry: At
    place: At
    inside: bool
    w: float
    x: float

    @property
    def value(self) -> float:
        return self.w * self.x + 0.0  # no -0


def products(op: Seen, at: At) -> list[Product]:
    """All products in one output of a convolution or a linear layer."""
    if op.node.op.name == "linear":
        a, w = op.node.saved
        return [Product((at[-1], k), (k,), True, float(w[at[-1], k]), float(a[(*at[:-1], k)])) for k in range(w.shape[1])]
    x, w, (stride, padding, dilation, groups) = op.node.saved
    n, i, j, o = at
    kh, kw, c_in, c_out = w.shape
    first = o // (c_out // groups) * c_in  # of the channels that this output's group reads
    found = []
    for u, v, c in np.ndindex(kh, kw, c_in):
        row, column = i * stride[0] + u * dilation[0] - padding[0], j * stride[1] + v * dilation[1] - padding[1]
        inside = 0 <= row < x.shape[1] and 0 <= column < x.shape[2]
        found.append(
            Product(
                (u, v, c, o),
                (row, column, first + c),
                inside,
                float(w[u, v, c, o]),
                float(x[n, row, column, first + c]) if inside else 0.0,
            )
        )
    return found


def bias(op: Seen, at: At) -> tuple[list[Term], float]:
    """The bias of an output as the last term of its sum, and its value; none and 0 where there is none."""
    found = next((given for given in op.inputs if given.symbol == "b"), None)
    if found is None:
        return [], 0.0
    value = float(found.values[at[-1]])
    return [Term(f"b_{{{at[-1]}}}", factor(value), value)], value


@works("linear")
@works("conv2d")
def sum_of_products(op: Seen, at: At, sample: int) -> Worked:
    """z = b + sum of w x."""
    every = products(op, at)
    last, b = bias(op, at)
    x = op.inputs[0].symbol

    def term(at: int) -> tuple[str, str]:
        one = every[at]
        return (
            f"w_{{{','.join(map(str, one.entry))}}}\\, {x}_{{{','.join(map(str, one.place))}}}",
            rf"{factor(one.w)} \cdot {factor(one.x)}",
        )

    value = math.fsum(one.value for one in every) + b
    terms = largest(np.array([one.value for one in every]), term)
    return Worked(tuple(total(named(op.symbol, at), terms, value, last=last)), value)


# ---------------------------------------------------------------- windows and means


def window(op: Seen, at: At) -> tuple[Array, At]:
    """What a pooling window sees, (kh, kw), with NaN outside of the image; and the place of its upper left corner."""
    x = op.inputs[0].values
    kernel, stride, padding = op.node.saved[-1]
    n, i, j, c = at
    top, left = i * stride[0] - padding[0], j * stride[1] - padding[1]
    seen = np.full(kernel, np.nan)
    for u, v in np.ndindex(*kernel):
        if 0 <= top + u < x.shape[1] and 0 <= left + v < x.shape[2]:
            seen[u, v] = x[n, top + u, left + v, c]
    return seen, (top, left)


@works("max_pool2d")
def largest_of_window(op: Seen, at: At, sample: int) -> Worked:
    """y = max, and which input won."""
    seen, (top, left) = window(op, at)
    won = divmod(int(np.nanargmax(seen)), seen.shape[1])
    value = float(seen[won])
    inside = [number(one) for one in seen.reshape(-1) if not math.isnan(one)]
    shown = ", ".join(inside) if len(inside) <= 9 else rf"{', '.join(inside[:6])}, \ldots"
    u, v = won
    ties = int((seen == value).sum()) - 1
    note = f"The input at row {top + u}, column {left + v} won" + (
        f", the first of {ties + 1} that are equal." if ties else ". It alone gets the error on the way back."
    )
    lines = (
        Line((rf"{named(op.symbol, at)} = \max({shown})",)),
        Line((f"= {named('x', (0, top + u, left + v, at[3]))} = {number(value)}",), value),
    )
    return Worked(lines, value, ((Grid("x", seen, "the window", won),),), note)


@works("avg_pool2d")
def mean_of_window(op: Seen, at: At, sample: int) -> Worked:
    """y = the mean of the window, zeros around the image included."""
    seen, _ = window(op, at)
    values = np.nan_to_num(seen).reshape(-1)
    value = math.fsum(values) / values.size
    terms = largest(values, lambda k: (f"x_{{{','.join(map(str, divmod(k, seen.shape[1])))}}}", factor(values[k])))
    front = rf"\frac{{1}}{{{values.size}}}"
    lines = total(named(op.symbol, at), terms, value, before=(front, front))
    return Worked(tuple(lines), value, ((Grid("x", seen, "the window"),),))


@works("global_avg_pool")
@works("mean")
@works("sum")
def reduced(op: Seen, at: At, sample: int) -> Worked:
    """A sum over some axes, or a mean."""
    a, symbol = op.inputs[0].values, op.inputs[0].symbol
    axis = op.node.options.get("axis") if op.node.op.name != "global_avg_pool" else (1, 2)
    axes = set(range(a.ndim)) if axis is None else {one % a.ndim for one in (axis if isinstance(axis, tuple) else (axis,))}
    kept = iter(at if not op.node.options.get("keepdims") else [k for i, k in enumerate(at) if i not in axes])
    index: tuple[Any, ...] = tuple(slice(None) if i in axes else next(kept) for i in range(a.ndim))
    values = a[index]
    count = values.size

    def term(k: int) -> tuple[str, str]:
        inner = iter(np.unravel_index(k, values.shape))
        place = tuple(int(next(inner)) if i in axes else int(index[i]) for i in range(a.ndim))
        return named(symbol, place) if 0 not in axes else f"{symbol}_{{{','.join(map(str, place))}}}", factor(values.flat[k])

    added = math.fsum(values.reshape(-1))
    value = added if op.node.op.name == "sum" else added / count
    front = "" if op.node.op.name == "sum" else rf"\frac{{1}}{{{count}}}"
    return Worked(tuple(total(named(op.symbol, at), largest(values, term), value, before=(front, front))), value)


# ---------------------------------------------------------------- normalisation


@works("batch_norm")
def normalised_over_the_batch(op: Seen, at: At, sample: int) -> Worked:
    """y = f(gamma x_hat + beta) with the mean and the variance of the whole batch's channel."""
    x = op.inputs[0].values
    if not op.node.options.get("training", True):
        mean, variance = op.node.options["running_mean"][at[-1]], op.node.options["running_var"][at[-1]]
        return _normalised(op, at, float(mean), float(variance), (), 1e-5)
    return _of_its_own(op, at, x[..., at[-1]], f"channel {at[-1]} of all samples and places", 1e-5)


@works("group_norm")
def normalised_over_a_group(op: Seen, at: At, sample: int) -> Worked:
    """The same with the mean and the variance of one sample's group of channels."""
    x, groups = op.inputs[0].values, op.node.options["groups"]
    n = x.shape[-1] // groups
    first = at[-1] // n * n
    return _of_its_own(op, at, x[at[0], ..., first : first + n], f"the channels {first} to {first + n - 1} of this sample", 1e-5)


@works("layer_norm")
def normalised_over_a_row(op: Seen, at: At, sample: int) -> Worked:
    """The same with the mean and the variance of one row."""
    return _of_its_own(op, at, op.inputs[0].values[at[:-1]], "this row", 1e-5)


def _of_its_own(op: Seen, at: At, values: Array, which: str, eps: float) -> Worked:
    values = np.asarray(values, np.float64).reshape(-1)
    m, added = values.size, math.fsum(values)
    mean = added / m
    squares = math.fsum((values - mean) ** 2)
    variance = squares / m
    lines = (
        Line((rf"\mu = \frac{{1}}{{m}} \sum x = \frac{{{number(added)}}}{{{m}}}", f"= {number(mean)}"), mean),
        Line(
            (rf"\sigma^2 = \frac{{1}}{{m}} \sum (x - \mu)^2 = \frac{{{number(squares)}}}{{{m}}}", f"= {number(variance)}"),
            variance,
        ),
    )
    found = _normalised(op, at, mean, variance, lines, eps)
    return Worked(found.lines, found.value, note=f"The mean and the variance are of {which}: {m:,} numbers.")


def _normalised(op: Seen, at: At, mean: float, variance: float, lines: tuple[Line, ...], eps: float) -> Worked:
    eps, x = op.node.options.get("eps", eps), float(op.inputs[0].values[at])
    scale = {given.symbol: float(given.values[at[-1]]) for given in op.inputs[1:]}
    gamma, beta = scale.get(r"\gamma", 1.0), scale.get(r"\beta", 0.0)
    hat = (x - mean) / math.sqrt(variance + eps)
    shifted = gamma * hat + beta
    activation = op.node.options.get("activation")
    value = max(0.0, shifted) if activation == "relu" else shifted / (1 + math.exp(-shifted)) if activation else shifted
    above = f"{number(x)} {signed(-mean)}"
    name = named(r"\hat x", at)
    lines += (Line((rf"{name} = \frac{{{above}}}{{\sqrt{{{number(variance)} + {number(eps)}}}}}", f"= {number(hat)}"), hat),)
    sum_ = rf"{factor(gamma)} \cdot {factor(hat)} {signed(beta)}"
    if activation == "relu":
        lines += (Line((rf"{named(op.symbol, at)} = \max(0,\; {sum_})",)), Line((rf"= \max(0,\; {number(shifted)})",)))
    elif activation:
        lines += (
            Line((rf"u = {sum_}", f"= {number(shifted)}"), shifted),
            Line((rf"{named(op.symbol, at)} = u\,\sigma(u) = \frac{{{number(shifted)}}}{{1 + e^{{{number(-shifted)}}}}}",)),
        )
    else:
        lines += (Line((rf"{named(op.symbol, at)} = {sum_}",)),)
    return Worked((*lines, Line((f"= {number(value)}",), value)), value)


# ---------------------------------------------------------------- one number in, one number out


def _sigmoid(z: float) -> float:
    return 0.5 * (1 + math.tanh(0.5 * z))


def _each(name: str, formula: Callable[[float, dict[str, Any]], str], function: Callable[[float, dict[str, Any]], float]) -> None:
    """Enter an op that computes each number from one number: the formula with its number in it, and the function."""

    @works(name)
    def each(op: Seen, at: At, sample: int) -> Worked:
        z, options = float(op.inputs[0].values[at]), op.node.options
        value = function(z, options)
        left = f"{named(op.symbol, at)} = {formula(z, options)}"
        return Worked((Line((left,)), Line((f"= {number(value)}",), value)), value)


_each("relu", lambda z, _: rf"\max(0,\; {number(z)})", lambda z, _: max(0.0, z))
_each(
    "leaky_relu",
    lambda z, given: rf"\max({setting(given.get('slope', 0.01))} \cdot {factor(z)},\; {number(z)})",
    lambda z, given: z if z > 0 else given.get("slope", 0.01) * z,
)
_each("sigmoid", lambda z, _: rf"\frac{{1}}{{1 + e^{{{number(-z)}}}}}", lambda z, _: _sigmoid(z))
_each("tanh", lambda z, _: rf"\tanh({number(z)})", lambda z, _: math.tanh(z))
_each("silu", lambda z, _: rf"\frac{{{number(z)}}}{{1 + e^{{{number(-z)}}}}}", lambda z, _: z * _sigmoid(z))
_each("softplus", lambda z, _: rf"\ln(1 + e^{{{number(z)}}})", lambda z, _: max(z, 0) + math.log1p(math.exp(-abs(z))))
_each(
    "gelu",
    lambda z, _: (
        rf"\frac{{1}}{{2}} \cdot {factor(z)} \cdot "
        rf"\left(1 + \tanh(\sqrt{{2/\pi}}\,({number(z)} + 0.044715 \cdot {factor(z)}^3))\right)"
    ),
    lambda z, _: 0.5 * z * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
)
_each("exp", lambda z, _: f"e^{{{number(z)}}}", lambda z, _: math.exp(z))
_each("log", lambda z, _: rf"\ln {factor(z)}", lambda z, _: math.log(z))
_each("sqrt", lambda z, _: rf"\sqrt{{{number(z)}}}", lambda z, _: math.sqrt(z))
_each("negative", lambda z, _: f"-{factor(z)}", lambda z, _: -z)


@works("dropout")
def dropped(op: Seen, at: At, sample: int) -> Worked:
    """c = a k / (1 - r)."""
    a = float(op.inputs[0].values[at])
    if op.node.saved is None:
        return Worked((Line((f"{named(op.symbol, at)} = {number(a)}",), a),), a)
    kept, rate = op.node.saved
    k = int(kept[at])
    value = a * k / (1 - rate)
    lines = (
        Line((rf"{named(op.symbol, at)} = \frac{{{factor(a)} \cdot {k}}}{{1 - {setting(rate)}}}",)),
        Line((f"= {number(value)}",), value),
    )
    return Worked(lines, value, note=f"{int((kept == 0).sum()):,} of the {kept.size:,} numbers are left out in this step.")


def _pair(name: str, sign: str, function: Callable[[float, float], float]) -> None:
    """Enter an op of two arrays that computes each number from one number of each."""

    @works(name)
    def pair(op: Seen, at: At, sample: int) -> Worked:
        a, b = (
            float(np.broadcast_to(getattr(given, "data", given) if hasattr(given, "shape") else given, op.output.shape)[at])
            for given in op.node.inputs
        )
        value = function(a, b)
        return Worked(
            (Line((f"{named(op.symbol, at)} = {factor(a)} {sign} {factor(b)}",)), Line((f"= {number(value)}",), value)), value
        )


_pair("add", "+", lambda a, b: a + b)
_pair("subtract", "-", lambda a, b: a - b)
_pair("multiply", r"\cdot", lambda a, b: a * b)
_pair("divide", "/", lambda a, b: a / b)


# ---------------------------------------------------------------- probabilities and costs


def probabilities(row: Array) -> Array:
    """Softmax of one row, by its definition; shifted by the largest, which changes nothing in the quotient."""
    e = np.exp(np.asarray(row, np.float64) - float(np.max(row)))
    return e / math.fsum(e)


def _softmax_lines(row: Array, k: int, left: str, symbol: str) -> tuple[Line, Line]:
    shift = float(row.max()) if row.max() > 50 else 0.0  # e^z overflows above 709
    e = np.exp(np.asarray(row, np.float64) - shift)
    shown = number(row[k]) if not shift else f"{number(row[k])} - {number(shift)}"
    below = f"{symbol}_j" if not shift else f"{symbol}_j - {number(shift)}"
    p = float(e[k] / math.fsum(e))
    return (
        Line((rf"{left} = \frac{{e^{{{shown}}}}}{{\sum_j e^{{{below}}}}} = \frac{{{number(e[k])}}}{{{number(math.fsum(e))}}}",)),
        Line((f"= {number(p)}",), p),
    )


@works("softmax")
def probability(op: Seen, at: At, sample: int) -> Worked:
    """p = e^a / sum of e^a."""
    axis = op.node.options.get("axis", -1) % op.output.ndim
    index: tuple[Any, ...] = tuple(slice(None) if i == axis else k for i, k in enumerate(at))
    row = op.inputs[0].values[index]
    lines = _softmax_lines(row, at[axis], named(op.symbol, at), op.inputs[0].symbol)
    return Worked(lines, float(probabilities(row)[at[axis]]))


@works("cross_entropy")
def cross_entropy(op: Seen, at: At, sample: int) -> Worked:
    """The probability of the class that was asked for, the sample's cost, and the mean of all samples' costs."""
    z, q = op.inputs[0].values, op.node.saved[1]
    m = len(z)
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), np.float64)
    each = -(q * log_p).sum(axis=1)
    asked = int(q[sample].argmax())
    lines = list(_softmax_lines(z[sample], asked, f"p_{{{asked}}}", "z"))
    parts = [
        Term(
            rf"(-q_{{{k}}} \ln p_{{{k}}})",
            rf"(-{number(q[sample, k])} \cdot \ln {factor(np.exp(log_p[sample, k]))})",
            float(-q[sample, k] * log_p[sample, k]),
        )
        for k in range(z.shape[1])
        if q[sample, k]
    ]
    value = math.fsum(each) / m
    left = f"C_{{{sample}}}" if m > 1 else "C"
    lines += total(left, parts, each[sample])
    if m > 1:
        front = rf"\frac{{1}}{{{m}}}"
        lines += total("C", largest(each, lambda i: (f"C_{{{i}}}", factor(each[i]))), value, before=(front, front))
    smoothing = op.node.options.get("label_smoothing", 0.0)
    note = f"Class {asked} was asked for; label smoothing leaves it q = {q[sample, asked]:.4g}." if smoothing else ""
    return Worked(tuple(lines), value, note=note)


@works("mse_loss")
def squared_error(op: Seen, at: At, sample: int) -> Worked:
    """C = the mean of (a - y)^2."""
    a, y = (np.asarray(given.values, np.float64) for given in op.inputs[:2])
    squares = (a - y) ** 2
    front = rf"\frac{{1}}{{{squares.size}}}"

    def term(k: int) -> tuple[str, str]:
        place = ",".join(str(int(one)) for one in np.unravel_index(k, a.shape))
        return f"(a_{{{place}}} - y_{{{place}}})^2", f"({number(a.flat[k])} - {factor(y.flat[k])})^2"

    value = math.fsum(squares.reshape(-1)) / squares.size
    return Worked(tuple(total("C", largest(squares, term), value, before=(front, front))), value)


@works("bce_with_logits")
def binary_cross_entropy(op: Seen, at: At, sample: int) -> Worked:
    """C = the mean of max(z, 0) - z y + ln(1 + e^-|z|)."""
    z, y = (np.asarray(given.values, np.float64) for given in op.inputs[:2])
    each = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
    front = rf"\frac{{1}}{{{each.size}}}"

    def term(k: int) -> tuple[str, str]:
        place = ",".join(str(int(one)) for one in np.unravel_index(k, z.shape))
        one, wanted = float(z.flat[k]), float(y.flat[k])
        numbers = rf"(\max({number(one)}, 0) - {factor(one)} \cdot {factor(wanted)} + \ln(1 + e^{{{number(-abs(one))}}}))"
        return rf"(\max(z_{{{place}}}, 0) - z_{{{place}}}\, y_{{{place}}} + \ln(1 + e^{{-|z_{{{place}}}|}}))", numbers

    value = math.fsum(each.reshape(-1)) / each.size
    return Worked(tuple(total("C", largest(each, term), value, before=(front, front))), value)
