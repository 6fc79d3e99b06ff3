"""What one number of an op's output is the sum of: a table as in `worked`, op -> function; the factors say where they come from.

A function gets the op and the indices of one number of its output. `worked` writes such a number out; here every factor is a
number that one can go on asking of. What is worked out in neither is said to be so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import Tensor
from byhand.see.made import At, Factor, Sum, one
from byhand.see.numbers import setting
from byhand.see.step_numbers import Numbered
from byhand.see.tape import Seen
from byhand.see.worked import WORKED, probabilities, products, window, work_out
from byhand.see.worked_sequence import MOVES, looked_at, looks, origins


@dataclass(frozen=True)
class Wired:
    """An op of the tape with the arrays that it read (None where a plain number or nothing stands), made, and got back."""

    seen: Seen
    operands: tuple[Numbered | None, ...]
    output: Numbered
    delta: Numbered | None

    @property
    def name(self) -> str:
        return self.seen.node.op.name

    @property
    def options(self) -> dict[str, Any]:
        return self.seen.node.options

    def operand(self, slot: int) -> Numbered:
        found = self.operands[slot]
        assert found is not None
        return found

    @property
    def error(self) -> Numbered:
        assert self.delta is not None
        return self.delta

    def named(self, symbol: str) -> Numbered | None:
        """The operand that the op's equation calls so; None where there is none."""
        places = self.seen.node.op.places
        slot = places.index(symbol) if symbol in places else -1
        return self.operands[slot] if 0 <= slot < len(self.operands) else None


Making = Callable[[Wired, At], list[Sum]]
MADE: dict[str, Making] = {}


def makes(*names: str) -> Callable[[Making], Making]:
    """Enter a function into the table."""

    def enter(function: Making) -> Making:
        MADE.update(dict.fromkeys(names, function))
        return function

    return enter


def constant(value: float, shown: str = "") -> Factor:
    return Factor(shown or (setting(value) if value >= 0 else f"({setting(value)})"), value)


def part(n: int) -> Factor:
    """1/n."""
    return Factor(rf"\frac{{1}}{{{n}}}", 1 / n)


# ---------------------------------------------------------------- sums of products


@makes("linear", "conv2d")
def sum_of_products(op: Wired, at: At) -> list[Sum]:
    """z = sum of w x, plus b; the zeros around an image are left out."""
    x, w, b = op.operand(0), op.operand(1), op.named("b")
    inside = [each for each in products(op.seen, at) if each.inside]
    lead = at[:1] if op.name == "conv2d" else at[:-1]
    found = [
        Sum(
            np.array([each.value for each in inside]),
            lambda k: (w.factor(inside[k].entry), x.factor((*lead, *inside[k].place))),
        )
    ]
    return [*found, one(b.factor(at[-1:]))] if b is not None else found


# ---------------------------------------------------------------- windows, means, sums


@makes("max_pool2d")
def winner(op: Wired, at: At) -> list[Sum]:
    return [one(op.operand(0).factor(won(op.seen, at)))]


def won(seen: Seen, at: At) -> At:
    """Where the input stands that won a window."""
    found, (top, left) = window(seen, at)
    u, v = divmod(int(np.nanargmax(found)), found.shape[1])
    return (at[0], top + u, left + v, at[3])


@makes("avg_pool2d")
def mean_of_window(op: Wired, at: At) -> list[Sum]:
    found, (top, left) = window(op.seen, at)
    share, x = part(found.size), op.operand(0)
    inside = np.argwhere(~np.isnan(found))
    values = np.array([found[u, v] for u, v in inside]) / found.size
    return [Sum(values, lambda k: (share, x.factor((at[0], top + int(inside[k][0]), left + int(inside[k][1]), at[3]))))]


def reduced_axes(op: Wired) -> tuple[int, ...]:
    """The axes that a sum or a mean runs over."""
    ndim = op.operand(0).values.ndim
    axis = (1, 2) if op.name == "global_avg_pool" else op.options.get("axis")
    if axis is None:
        return tuple(range(ndim))
    return tuple(sorted(k % ndim for k in (axis if isinstance(axis, tuple | list) else (axis,))))


@makes("global_avg_pool", "mean", "sum")
def reduced(op: Wired, at: At) -> list[Sum]:
    a, axes = op.operand(0), reduced_axes(op)
    kept = iter([k for i, k in enumerate(at) if i not in axes] if op.options.get("keepdims") else at)
    index: tuple[Any, ...] = tuple(slice(None) if i in axes else next(kept) for i in range(a.values.ndim))
    values = a.values[index]
    share = () if op.name == "sum" else (part(values.size),)

    def factors(k: int) -> tuple[Factor, ...]:
        inner = iter(np.unravel_index(k, values.shape))
        return (*share, a.factor(tuple(int(next(inner)) if i in axes else int(index[i]) for i in range(a.values.ndim))))

    return [Sum(values if op.name == "sum" else values / values.size, factors)]


# ---------------------------------------------------------------- normalisation


@dataclass(frozen=True)
class Normalised:
    """The numbers that share a mean with one of them: x and its error (the same shape), and that one's place in them.

    gamma, beta: of the same shape or plain; hat: x_hat; u: what the activation f gets; slope: f'(u).
    """

    x: Array
    delta: Array | None
    place: At
    gamma: Any
    mean: float
    sigma: float
    hat: Array
    u: Array
    slope: Array


def normalised(op: Wired, at: At) -> Normalised:
    """Of batch, group or layer norm."""
    x, delta = op.operand(0).values, None if op.delta is None else op.delta.values
    gamma, beta = (None if found is None else found.values for found in (op.named("gamma"), op.named("beta")))
    if op.name == "batch_norm":
        index: tuple[Any, ...] = (..., at[-1])
        channels: Any = at[-1]
        place = at[:-1]
    elif op.name == "group_norm":
        n = x.shape[-1] // op.options["groups"]
        first = at[-1] // n * n
        index, place, channels = (at[0], ..., slice(first, first + n)), (*at[1:-1], at[-1] - first), slice(first, first + n)
    else:
        index, place, channels = at[:-1], at[-1:], slice(None)
    values = np.asarray(x[index], np.float64)
    if op.name == "batch_norm" and not op.options.get("training", True):
        mean, variance = float(op.options["running_mean"][at[-1]]), float(op.options["running_var"][at[-1]])
    else:
        mean, variance = float(values.mean()), float(values.var())
    sigma = math.sqrt(variance + op.options.get("eps", 1e-5))
    hat = (values - mean) / sigma
    scale: Any = 1.0 if gamma is None else np.asarray(gamma[channels], np.float64)
    u = scale * hat + (0.0 if beta is None else beta[channels])
    return Normalised(values, None if delta is None else delta[index], place, scale, mean, sigma, hat, u, activation_slope(op, u))


def activation_slope(op: Wired, u: Array) -> Array:
    """f'(u) of the activation that follows a normalisation; 1 where none does."""
    kind = op.options.get("activation")
    if kind is None:
        return np.ones_like(u)
    if kind == "relu":
        return (u > 0).astype(u.dtype)
    s = 0.5 * (1 + np.tanh(0.5 * u))
    return s * (1 + u * (1 - s))


@makes("batch_norm", "group_norm", "layer_norm")
def shifted_and_scaled(op: Wired, at: At) -> list[Sum]:
    """y = f(gamma x_hat + beta); f(u) is u times what it lets through: [u > 0] of a ReLU, sigma(u) of a SiLU."""
    found = normalised(op, at)
    x, gamma, beta = op.operand(0).factor(at), op.named("gamma"), op.named("beta")
    here = float(found.u[found.place])
    kind = op.options.get("activation")
    gate: tuple[Factor, ...] = ()
    if kind is not None:
        through = float(here > 0) if kind == "relu" else 0.5 * (1 + math.tanh(0.5 * here))
        gate = (Factor("[u > 0]" if kind == "relu" else r"\sigma(u)", through),)
    scale = () if gamma is None else (gamma.factor(at[-1:]),)
    hat = (Factor(rf"({x.symbol} - \mu)", x.value - found.mean, x.ref), Factor(r"\frac{1}{\sigma}", 1 / found.sigma))
    return [one(*scale, *hat, *gate), *([one(beta.factor(at[-1:]), *gate)] if beta is not None else [])]


def note_of_norm(op: Wired, at: At) -> str:
    found = normalised(op, at)
    return f"The mean is {found.mean:.4g} and the deviation {found.sigma:.4g}, of {found.x.size:,} numbers."


# ---------------------------------------------------------------- one number in, one number out

EACH = (
    "relu", "leaky_relu", "sigmoid", "tanh", "silu", "softplus", "gelu", "exp", "log", "sqrt", "negative", "absolute", "sin",
    "cos", "clip", "power",
)  # fmt: skip


@makes(*EACH)
def function_of_one(op: Wired, at: At) -> list[Sum]:
    """f(z), by hand where `worked` has it, else by the op itself."""
    z = op.operand(0).factor(at)
    value = work_out(op.seen, at, 0).value if op.name in WORKED else alone(op, at)[0]
    return [one(Factor(rf"\operatorname{{{op.name.replace('_', ' ')}}}({z.symbol})", value, z.ref))]


def alone(op: Wired, at: At) -> tuple[float, float]:
    """f(z) and f'(z) of an op of single numbers, computed by itself on one."""
    z = np.asarray(op.operand(0).values[at], np.float64).reshape(1)
    value, saved = op.seen.node.op.forward(np, z, **op.options)
    found = op.seen.node.op.gradient
    slope = found(np, saved, np.ones(1), [True]) if op.seen.node.op.selective else found(np, saved, np.ones(1))
    slope = slope[0] if isinstance(slope, tuple) else slope
    return float(np.reshape(value, -1)[0]), float(np.reshape(slope, -1)[0])


@makes("dropout")
def dropped(op: Wired, at: At) -> list[Sum]:
    return [one(op.operand(0).factor(at), kept_of(op, at))]


def kept_of(op: Wired, at: At) -> Factor:
    """What dropout multiplied a number with: 0, or 1/(1 - r); 1 where it is off."""
    if op.seen.node.saved is None:
        return constant(1.0)
    kept, rate = op.seen.node.saved
    return Factor(r"\frac{k}{1 - r}", float(kept[at]) / (1 - rate))


# ---------------------------------------------------------------- two arrays


def broadcast_place(at: At, shape: At) -> At:
    """Where a number stands in an array of this shape that was broadcast.

    >>> broadcast_place((3, 14, 14, 5), (8, 1, 1, 16))
    (3, 0, 0, 5)
    """
    return tuple(0 if n == 1 else k for k, n in zip(at[len(at) - len(shape) :], shape, strict=True))


def side_of(op: Wired, slot: int, at: At) -> Factor:
    """The number of one side that goes into an output, of an array or a plain number."""
    found = op.operands[slot]
    if found is not None:
        return found.factor(broadcast_place(at, found.values.shape))
    given = op.seen.node.inputs[slot]
    return constant(float(given.data if isinstance(given, Tensor) else given))


@makes("add", "subtract", "multiply", "divide")
def of_two(op: Wired, at: At) -> list[Sum]:
    a, b = side_of(op, 0, at), side_of(op, 1, at)
    if op.name == "multiply":
        return [one(a, b)]
    if op.name == "divide":
        return [one(a, Factor(rf"\frac{{1}}{{{b.symbol}}}", 1 / b.value, b.ref))]
    return [one(a), one(b) if op.name == "add" else one(constant(-1.0), b)]


# ---------------------------------------------------------------- probabilities and costs


@makes("softmax")
def probability(op: Wired, at: At) -> list[Sum]:
    axis = op.options.get("axis", -1) % len(at)
    a = op.operand(0)
    row = a.values[tuple(slice(None) if i == axis else k for i, k in enumerate(at))]
    shift = float(row.max())  # e^a overflows above 709
    whole = math.fsum(np.exp(np.asarray(row, np.float64) - shift))
    z = a.factor(at)
    above = Factor(f"e^{{{z.symbol} - {setting(round(shift, 6))}}}", math.exp(z.value - shift), z.ref)
    return [one(above, Factor(r"\frac{1}{\sum e}", 1 / whole))]


@makes("cross_entropy")
def cross_entropy(op: Wired, at: At) -> list[Sum]:
    z, (_, q) = op.operand(0), op.seen.node.saved
    m, k = z.values.shape
    log_p = np.log(np.array([probabilities(row) for row in z.values]))

    def factors(flat: int) -> tuple[Factor, ...]:
        i, j = divmod(flat, k)
        number = z.factor((i, j))
        return (
            Factor(rf"\frac{{-1}}{{{m}}}", -1 / m),
            Factor(f"q_{{{i},{j}}}", float(q[i, j])),
            Factor(rf"\ln p_{{{i},{j}}}", float(log_p[i, j]), number.ref),
        )

    return [Sum(-q * log_p / m, factors, True)]


@makes("mse_loss")
def squared_error(op: Wired, at: At) -> list[Sum]:
    a, y = op.operand(0), op.operand(1)
    off = np.asarray(a.values - y.values, np.float64)

    def factors(flat: int) -> tuple[Factor, ...]:
        place = unravelled(flat, off.shape)
        number = a.factor(place)
        apart = Factor(rf"({number.symbol} - {y.factor(place).symbol})", float(off[place]), number.ref)
        return (part(off.size), apart, apart)

    return [Sum(off * off / off.size, factors, True)]


@makes("bce_with_logits")
def binary_cross_entropy(op: Wired, at: At) -> list[Sum]:
    z, y = op.operand(0), op.operand(1)
    each = np.logaddexp(0, np.asarray(z.values, np.float64)) - z.values * y.values

    def factors(flat: int) -> tuple[Factor, ...]:
        place = unravelled(flat, each.shape)
        number = z.factor(place)
        symbol = rf"\left(\ln(1 + e^{{{number.symbol}}}) - {number.symbol}\, {y.factor(place).symbol}\right)"
        return (part(each.size), Factor(symbol, float(each[place]), number.ref))

    return [Sum(each / each.size, factors, True)]


def unravelled(flat: int, shape: At) -> At:
    return tuple(int(k) for k in np.unravel_index(flat, shape))


# ---------------------------------------------------------------- numbers that are moved, looked up, or gathered


@makes(*MOVES, "upsample_nearest")
def moved(op: Wired, at: At) -> list[Sum]:
    a = op.operand(0)
    return [one(a.factor(unravelled(int(origins(op.seen)[at]), a.values.shape)))]


@makes("concat")
def joined(op: Wired, at: At) -> list[Sum]:
    slot, place = part_of(op, at)
    return [one(op.operand(slot).factor(place))]


def part_of(op: Wired, at: At) -> tuple[int, At]:
    """Of what was joined: which array a number comes from, and where it stands there."""
    axis = op.options.get("axis", -1) % len(at)
    left = at[axis]
    for slot in range(len(op.operands)):
        n = op.operand(slot).values.shape[axis]
        if left < n:
            return slot, (*at[:axis], left, *at[axis + 1 :])
        left -= n
    raise AssertionError("the place was checked against the output's shape")


@makes("embedding")
def looked_up(op: Wired, at: At) -> list[Sum]:
    row = int(op.seen.node.saved[0][at[:-1]])
    return [one(op.operand(0).factor((row, at[-1])))]


@makes("attention")
def gathered_by_looking(op: Wired, at: At) -> list[Sum]:
    """y = sum of p v."""
    p, (_, _, v, _), value = looked_at(op.seen, at), looks(op.seen, at), op.operand(2)
    lead = broadcast_place(at[:-2], value.values.shape[:-2]) if len(at) > 2 else ()
    i, c = at[-2:]
    return [
        Sum(p * v[:, c], lambda j: (Factor(f"p_{{{i},{j}}}", float(p[j])), value.factor((*lead, j, c)))),
    ]
