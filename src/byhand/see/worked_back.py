"""One gradient of an op, worked out by hand from the error that came back to it: a table as in `worked`, op -> function.

A function gets the op, the indices of one number of its output, and the sample that is followed. `delta` is dC/d(output).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.numbers import Line, factor, number, setting, signed, total
from byhand.see.tape import Seen
from byhand.see.weight import Entry
from byhand.see.worked import At, Worked, largest, named, probabilities, window

Backing = Callable[[Seen, At, int], Worked | None]  # None where this op's settings are not worked out
WORKED_BACK: dict[str, Backing] = {}


def works(name: str) -> Callable[[Backing], Backing]:
    """Enter a function into the table."""

    def enter(function: Backing) -> Backing:
        WORKED_BACK[name] = function
        return function

    return enter


def work_back(op: Seen, at: At, sample: int) -> Worked | None:
    """One gradient of an op; None of an op that has no function here, or where nobody wants its gradient."""
    function = WORKED_BACK.get(op.node.op.name)
    return function(op, at, sample) if function is not None and any(g.gradient is not None for g in op.inputs) else None


def slope(symbol: str) -> str:
    r"""dC/d(something), as LaTeX."""
    return rf"\frac{{\partial C}}{{\partial {symbol}}}"


# ---------------------------------------------------------------- the weights of a convolution or a linear layer


def strongest_entry(op: Seen, at: At) -> Entry:
    """Of the weights that make this output's channel, the one with the largest gradient."""
    (given,) = [one for one in op.inputs if one.symbol == "w"]
    channel = given.gradient[at[-1]] if op.node.op.name == "linear" else given.gradient[..., at[-1]]
    best = tuple(int(k) for k in np.unravel_index(np.abs(channel).argmax(), channel.shape))
    return Entry(given.origin, (at[-1], *best) if op.node.op.name == "linear" else (*best, at[-1]))


def met(op: Seen, entry: Entry) -> tuple[Array, Array]:
    """What one weight met in this step: its input, and the error of its output, at every sample and place: two equal shapes."""
    if op.node.op.name == "linear":
        o, k = entry.place
        return op.node.saved[0][..., k], op.delta[..., o]
    x, w, (stride, padding, dilation, groups) = op.node.saved
    u, v, c, o = entry.place
    channel = o // (w.shape[3] // groups) * w.shape[2] + c
    image = np.pad(x[..., channel], ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    rows, columns = op.delta.shape[1:3]
    top, left = u * dilation[0], v * dilation[1]
    seen = image[:, top : top + stride[0] * (rows - 1) + 1 : stride[0], left : left + stride[1] * (columns - 1) + 1 : stride[1]]
    return seen, op.delta[..., o]


def input_place(op: Seen, entry: Entry, place: At) -> At:
    """Where the input stands that a weight multiplies for the output at a place (n, i, j); outside of the image it may be < 0."""
    if op.node.op.name == "linear":
        return (*place, entry.place[1])
    _, w, (stride, padding, dilation, groups) = op.node.saved
    u, v, c, o = entry.place
    return (
        place[0],
        place[1] * stride[0] + u * dilation[0] - padding[0],
        place[2] * stride[1] + v * dilation[1] - padding[1],
        o // (w.shape[3] // groups) * w.shape[2] + c,
    )


def weight_gradient(op: Seen, entry: Entry) -> Worked:
    """dC/dw = the sum of x delta over all samples and places, the largest first."""
    x, delta = met(op, entry)
    each = (np.asarray(x, np.float64) * delta).reshape(-1)
    symbol = op.inputs[0].symbol
    one_sample = len(x) == 1

    def term(k: int) -> tuple[str, str]:
        place = tuple(int(i) for i in np.unravel_index(k, x.shape))
        there, here = input_place(op, entry, place), (*place, entry.place[0] if op.node.op.name == "linear" else entry.place[3])
        names = [",".join(map(str, at[one_sample:])) for at in (there, here)]
        return rf"{symbol}_{{{names[0]}}}\, \delta_{{{names[1]}}}", rf"{factor(x[place])} \cdot {factor(delta[place])}"

    value = math.fsum(each)
    (given,) = [one for one in op.inputs if one.symbol == "w"]
    lines = total(slope(entry.latex), largest(each, term), value)
    nothing = int((each == 0).sum())
    note = (
        f"A sum of {each.size:,} products, one a sample" + (" and place" if x.ndim > 1 else "") + f"; {nothing:,} of them are 0."
    )
    return Worked(tuple(lines), value, note=note, network=float(given.gradient[entry.place]))


@works("linear")
@works("conv2d")
def strongest_weight(op: Seen, at: At, sample: int) -> Worked:
    """The gradient of the strongest weight of the followed channel."""
    return weight_gradient(op, strongest_entry(op, at))


# ---------------------------------------------------------------- what goes back to the input


def _back(op: Seen, at: At, lines: list[Line], value: float, note: str = "", network: float | None = None) -> Worked:
    gradient = op.inputs[0].gradient
    if network is None and gradient is not None and gradient.shape == op.output.shape:
        network = float(gradient[at])
    return Worked((*lines, Line((f"= {number(value)}",), value)), value, note=note, network=network)


def _each(name: str, formula: str, function: Callable[[float, float, Any], float]) -> None:
    """Enter an op of one number: dC/dz = delta f'(z), with f' of z, of the output and of the options."""

    @works(name)
    def each(op: Seen, at: At, sample: int) -> Worked:
        z, a, delta = float(op.inputs[0].values[at]), float(op.output[at]), float(op.delta[at])
        rate = function(z, a, op.node)
        error = named(r"\delta", at)
        left = rf"{slope(named(op.inputs[0].symbol, at))} = {error} {formula}"
        return _back(op, at, [Line((left,)), Line((rf"= {factor(delta)} \cdot {factor(rate)}",))], delta * rate)


def _sigmoid(z: float) -> float:
    return 0.5 * (1 + math.tanh(0.5 * z))


def _gelu_slope(z: float) -> float:
    """Of z/2 (1 + t) with t = tanh(sqrt(2/pi) (z + 0.044715 z^3))."""
    t, rate = math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)), math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z * z)
    return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * rate


_each("relu", r"\cdot [z > 0]", lambda z, _, __: float(z > 0))
_each("leaky_relu", r"\cdot ([z > 0] + s\,[z \le 0])", lambda z, _, node: 1.0 if z > 0 else node.options.get("slope", 0.01))
_each("sigmoid", r"\cdot a (1 - a)", lambda z, a, _: a * (1 - a))
_each("tanh", r"\cdot (1 - a^2)", lambda z, a, _: 1 - a * a)
_each("silu", r"\cdot \sigma(z) (1 + z (1 - \sigma(z)))", lambda z, _, __: _sigmoid(z) * (1 + z * (1 - _sigmoid(z))))
_each("gelu", r"\cdot (\tfrac{1}{2}(1 + t) + \tfrac{z}{2}(1 - t^2)\,t')", lambda z, _, __: _gelu_slope(z))
_each("exp", r"\cdot c", lambda _, c, __: c)


@works("dropout")
def through_the_mask(op: Seen, at: At, sample: int) -> Worked:
    """dC/da = delta k / (1 - r)."""
    delta = float(op.delta[at])
    kept, rate = op.node.saved if op.node.saved is not None else (np.ones(op.output.shape), 0.0)
    k = int(kept[at])
    left = slope(named(op.inputs[0].symbol, at))
    line = Line((rf"{left} = \frac{{{factor(delta)} \cdot {k}}}{{1 - {setting(rate)}}}",))
    return _back(op, at, [line], delta * k / (1 - rate))


@works("batch_norm")
def through_the_normalisation(op: Seen, at: At, sample: int) -> Worked | None:
    """dC/dx = gamma / sigma (e - mean(e) - x_hat mean(e x_hat)), in training."""
    x, gamma, beta, _, _, activation, training = op.node.saved
    if not training or activation == "silu":
        return None
    c = at[-1]
    values, delta = np.asarray(x[..., c], np.float64), np.asarray(op.delta[..., c], np.float64)
    m, g = values.size, 1.0 if gamma is None else float(gamma[c])
    mean = math.fsum(values.reshape(-1)) / m
    sigma = math.sqrt(math.fsum(((values - mean) ** 2).reshape(-1)) / m + op.node.options.get("eps", 1e-5))
    hat = (values - mean) / sigma
    e = delta * (g * hat + (0.0 if beta is None else float(beta[c])) > 0) if activation == "relu" else delta
    mean_e, mean_both = math.fsum(e.reshape(-1)) / m, math.fsum((e * hat).reshape(-1)) / m
    here = at[:-1]
    one, hat_here = float(e[here]), float(hat[here])
    value = g / sigma * (one - mean_e - hat_here * mean_both)
    lines = [
        Line((rf"\bar e = \frac{{1}}{{m}} \sum e = {number(mean_e)}",), mean_e),
        Line((rf"\overline{{e \hat x}} = \frac{{1}}{{m}} \sum e \hat x = {number(mean_both)}",), mean_both),
        Line((rf"{slope(named('x', at))} = \frac{{{number(g)}}}{{{number(sigma)}}}",
              rf"\cdot \left({number(one)} {signed(-mean_e)} - {factor(hat_here)} \cdot {factor(mean_both)}\right)")),
    ]  # fmt: skip
    cut = " e is delta where the ReLU let it through, else 0." if activation == "relu" else ""
    return _back(op, at, lines, value, note=f"The means are over m = {m:,} numbers of channel {c}.{cut}")


@works("max_pool2d")
def back_to_the_winner(op: Seen, at: At, sample: int) -> Worked | None:
    """All of the error goes to the input that won."""
    kernel, stride, _ = op.node.saved[-1]
    seen, (top, left) = window(op, at)
    u, v = divmod(int(np.nanargmax(seen)), seen.shape[1])
    place = (at[0], top + u, left + v, at[3])
    delta = float(op.delta[at])
    apart = all(s >= k for s, k in zip(stride, kernel, strict=True))
    sign, error = "=" if apart else r"\mathrel{+}=", named(r"\delta", at)
    lines = [Line((rf"{slope(named('x', place))} {sign} {error}",))]
    gradient = op.inputs[0].gradient
    network = float(gradient[place]) if apart and gradient is not None else None
    lines.append(Line((f"= {number(delta)}",), delta))
    return Worked(tuple(lines), delta, note="The others of its window get nothing from here.", network=network)


@works("avg_pool2d")
def shared_by_the_window(op: Seen, at: At, sample: int) -> Worked | None:
    """Each input of a window gets the same part of the error."""
    kernel, stride, padding = op.node.saved[-1]
    place = (at[0], *(max(0, at[k + 1] * stride[k] - padding[k]) for k in (0, 1)), at[3])
    delta, n = float(op.delta[at]), kernel[0] * kernel[1]
    apart = all(s >= k for s, k in zip(stride, kernel, strict=True))
    sign = "=" if apart else r"\mathrel{+}="
    lines = [Line((rf"{slope(named('x', place))} {sign} \frac{{{number(delta)}}}{{{n}}}",))]
    gradient = op.inputs[0].gradient
    network = float(gradient[place]) if apart and gradient is not None else None
    lines.append(Line((f"= {number(delta / n)}",), delta / n))
    return Worked(tuple(lines), delta / n, note="Each input of the window gets the same.", network=network)


@works("global_avg_pool")
@works("mean")
@works("sum")
def shared_out(op: Seen, at: At, sample: int) -> Worked:
    """Each of the numbers that were added up gets the same part."""
    given, n = op.inputs[0], op.inputs[0].values.size // max(1, op.output.size)
    delta = float(op.delta[at])
    whole = op.node.op.name == "sum"
    value = delta if whole else delta / n
    line = Line(
        (f"{slope(given.symbol)} = {number(delta)}" if whole else rf"{slope(given.symbol)} = \frac{{{number(delta)}}}{{{n}}}",)
    )
    axis = op.node.options.get("axis") if op.node.op.name != "global_avg_pool" else (1, 2)
    network = None
    if given.gradient is not None:
        axes = set(range(given.values.ndim)) if axis is None else {
            one % given.values.ndim for one in (axis if isinstance(axis, tuple) else (axis,))
        }  # fmt: skip
        left = iter(at if not op.node.options.get("keepdims") else [k for i, k in enumerate(at) if i not in axes])
        network = float(given.gradient[tuple(0 if i in axes else next(left) for i in range(given.values.ndim))])
    return _back(op, at, [line], value, network=network)


@works("cross_entropy")
def answer_minus_target(op: Seen, at: At, sample: int) -> Worked:
    """dC/dz = (p sum(q) - q) / m, for the class that was asked for."""
    z, q = op.inputs[0].values, op.node.saved[1]
    k, m = int(q[sample].argmax()), len(z)
    p, delta = float(probabilities(z[sample])[k]), float(op.delta)
    whole, wanted = math.fsum(q[sample]), float(q[sample, k])
    value = (p * whole - wanted) / m * delta
    times = "" if math.isclose(whole, 1) else rf" \cdot {number(whole)}"
    where = f"{sample},{k}" if m > 1 else str(k)
    left = slope(f"z_{{{where}}}")
    lines = [
        Line((rf"{left} = \frac{{1}}{{m}} (p_{{{where}}}{times} - q_{{{where}}})",)),
        Line((rf"= \frac{{1}}{{{m}}} \cdot ({number(p)}{times} - {number(wanted)})",)),
    ]
    gradient = op.inputs[0].gradient
    return _back(op, at, lines, value, network=None if gradient is None else float(gradient[sample, k]))


def _strongest(op: Seen) -> At:
    """The place of the largest gradient of what a cost read."""
    gradient = op.inputs[0].gradient
    return tuple(int(k) for k in np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape))


@works("mse_loss")
def twice_the_difference(op: Seen, at: At, sample: int) -> Worked | None:
    """dC/da = 2 (a - y) / n, of the number that is furthest off."""
    given = op.inputs[0]
    if given.gradient is None:
        return None
    place, n = _strongest(op), given.values.size
    a, y, delta = float(given.values[place]), float(op.inputs[1].values[place]), float(op.delta)
    value = 2 * (a - y) / n * delta
    where = ",".join(map(str, place))
    lines = [
        Line((rf"{slope(f'a_{{{where}}}')} = \frac{{2}}{{n}} (a_{{{where}}} - y_{{{where}}})",)),
        Line((rf"= \frac{{2}}{{{n}}} \cdot ({number(a)} {signed(-y)})",)),
    ]
    return _back(op, at, lines, value, note="Of the number that is furthest off.", network=float(given.gradient[place]))


@works("bce_with_logits")
def probability_minus_target(op: Seen, at: At, sample: int) -> Worked | None:
    """dC/dz = (sigma(z) - y) / n, of the number that is furthest off."""
    given = op.inputs[0]
    if given.gradient is None:
        return None
    place, n = _strongest(op), given.values.size
    z, y, delta = float(given.values[place]), float(op.inputs[1].values[place]), float(op.delta)
    value = (_sigmoid(z) - y) / n * delta
    where = ",".join(map(str, place))
    lines = [
        Line((rf"{slope(f'z_{{{where}}}')} = \frac{{1}}{{n}} (\sigma(z_{{{where}}}) - y_{{{where}}})",)),
        Line((rf"= \frac{{1}}{{{n}}} \cdot ({number(_sigmoid(z))} {signed(-y)})",)),
    ]
    return _back(op, at, lines, value, note="Of the number that is furthest off.", network=float(given.gradient[place]))
