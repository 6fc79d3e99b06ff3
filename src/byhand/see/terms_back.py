"""What one number of a gradient is the sum of: a table, op -> function, of what an op hands back to one number that it read.

A function gets the op, which of its inputs, and the indices of one number of that. `delta` is the error of the op's output, and
every term has a number of it. The parameters' sums have their first axis by samples: that is who pushed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.made import At, Factor, Sum, one
from byhand.see.terms import (
    EACH,
    Wired,
    activation_slope,
    alone,
    broadcast_place,
    constant,
    kept_of,
    normalised,
    part,
    reduced_axes,
    unravelled,
    won,
)
from byhand.see.weight import Entry
from byhand.see.worked import probabilities
from byhand.see.worked_back import input_place, met
from byhand.see.worked_sequence import MOVES, looked_at, looks, origins

Backing = Callable[[Wired, int, At], list[Sum]]
MADE_BACK: dict[str, Backing] = {}


def makes(*names: str) -> Callable[[Backing], Backing]:
    """Enter a function into the table."""

    def enter(function: Backing) -> Backing:
        MADE_BACK.update(dict.fromkeys(names, function))
        return function

    return enter


# ---------------------------------------------------------------- sums of products


def of_bias(op: Wired, at: At) -> list[Sum]:
    """dC/db = sum of delta over samples and places."""
    delta = op.error
    values = delta.values[..., at[0]]
    return [Sum(values, lambda k: (delta.factor((*unravelled(k, values.shape), at[0])),), True)]


def of_weight(op: Wired, at: At) -> list[Sum]:
    """dC/dw = sum of x delta over samples and places."""
    entry, x, delta = Entry("", at), op.operand(0), op.error
    seen, error = met(op.seen, entry)
    channel = at[0] if op.name == "linear" else at[3]

    def factors(k: int) -> tuple[Factor, ...]:
        place = unravelled(k, seen.shape)
        there = input_place(op.seen, entry, place)
        inside = all(0 <= index < n for index, n in zip(there, x.values.shape, strict=True))
        return (delta.factor((*place, channel)), x.factor(there) if inside else constant(0.0))

    return [Sum(np.asarray(seen, np.float64) * error, factors, True)]


@makes("linear")
def through_the_weights(op: Wired, slot: int, at: At) -> list[Sum]:
    if slot:
        return of_weight(op, at) if slot == 1 else of_bias(op, at)
    w, delta, row = op.operand(1), op.error, at[:-1]
    return [Sum(delta.values[row] * w.values[:, at[-1]], lambda o: (w.factor((o, at[-1])), delta.factor((*row, o))))]


@makes("conv2d")
def through_the_filters(op: Wired, slot: int, at: At) -> list[Sum]:
    """dC/dx: all outputs whose filter lay over this pixel, each with the weight that was on it."""
    if slot:
        return of_weight(op, at) if slot == 1 else of_bias(op, at)
    _, w, (stride, padding, dilation, groups) = op.seen.node.saved
    delta, weights = op.error, op.operand(1)
    n, row, column, channel = at
    kh, kw, c_in, c_out = w.shape
    group = channel // c_in
    first, many = group * (c_out // groups), c_out // groups
    values: list[Array] = []
    places: list[tuple[int, int, int, int]] = []
    for u, v in np.ndindex(kh, kw):
        i, left_i = divmod(row + padding[0] - u * dilation[0], stride[0])
        j, left_j = divmod(column + padding[1] - v * dilation[1], stride[1])
        if left_i or left_j or not (0 <= i < delta.values.shape[1] and 0 <= j < delta.values.shape[2]):
            continue
        values.append(w[u, v, channel - group * c_in, first : first + many] * delta.values[n, i, j, first : first + many])
        places.append((u, v, i, j))

    def factors(k: int) -> tuple[Factor, ...]:
        which, o = divmod(k, many)
        u, v, i, j = places[which]
        return weights.factor((u, v, channel - group * c_in, first + o)), delta.factor((n, i, j, first + o))

    return [Sum(np.array(values).reshape(-1), factors)]


# ---------------------------------------------------------------- windows, means, sums


def _windows(op: Wired, at: At) -> list[At]:
    """The outputs of a pooling whose windows hold this pixel."""
    kernel, stride, padding = op.seen.node.saved[-1]
    ranges = [
        range(
            max(0, -(-(at[k + 1] + padding[k] - kernel[k] + 1) // stride[k])),
            min(n - 1, (at[k + 1] + padding[k]) // stride[k]) + 1,
        )
        for k, n in enumerate(op.error.values.shape[1:3])
    ]
    return [(at[0], i, j, at[3]) for i in ranges[0] for j in ranges[1]]


@makes("max_pool2d")
def to_the_winner(op: Wired, slot: int, at: At) -> list[Sum]:
    """The errors of the windows that this pixel won; none, and 0, where it won none."""
    return [one(op.error.factor(place)) for place in _windows(op, at) if won(op.seen, place) == at] or [one(constant(0.0))]


@makes("avg_pool2d")
def shared_by_windows(op: Wired, slot: int, at: At) -> list[Sum]:
    share = part(math.prod(op.seen.node.saved[-1][0]))
    return [one(share, op.error.factor(place)) for place in _windows(op, at)] or [one(constant(0.0))]


@makes("global_avg_pool", "mean", "sum")
def shared_out(op: Wired, slot: int, at: At) -> list[Sum]:
    axes = reduced_axes(op)
    keep = op.options.get("keepdims")
    place = tuple(0 if i in axes else k for i, k in enumerate(at) if keep or i not in axes)
    count = math.prod(op.operand(0).values.shape[i] for i in axes)
    return [one(*(() if op.name == "sum" else (part(count),)), op.error.factor(place))]


# ---------------------------------------------------------------- normalisation


@makes("batch_norm", "group_norm", "layer_norm")
def through_the_normalisation(op: Wired, slot: int, at: At) -> list[Sum]:
    r"""dC/dx = (e - mean(e) - x_hat mean(e x_hat)) / sigma, e = gamma f'(u) delta; the means over what shares one with x."""
    if slot:
        return _of_scale_or_shift(op, slot, at)
    found = normalised(op, at)
    assert found.delta is not None
    e = found.delta * found.gamma * found.slope
    here, delta = found.place, op.error.factor(at)
    below = Factor(r"\frac{1}{\sigma}", 1 / found.sigma)
    scale = np.broadcast_to(found.gamma * found.slope, e.shape)[here]
    first = one(Factor(r"\gamma f'(u)", float(scale)), below, delta)
    if op.name == "batch_norm" and not op.options.get("training", True):
        return [first]
    hat = Factor(indexed_hat(at), float(found.hat[here]), op.operand(0).factor(at).ref)
    return [
        first,
        one(constant(-1.0), below, Factor(r"\bar e", float(e.mean()))),
        one(constant(-1.0), below, hat, Factor(r"\overline{e \hat x}", float((e * found.hat).mean()))),
    ]


def indexed_hat(at: At) -> str:
    return rf"\hat x_{{{','.join(map(str, at))}}}"


def _of_scale_or_shift(op: Wired, slot: int, at: At) -> list[Sum]:
    """dC/d gamma = sum of f' delta x_hat, and dC/d beta = sum of f' delta, over all samples and places of the channel."""
    delta, c = op.error, at[0]
    hat, slope = channel(op, c)
    errors = delta.values[..., c]
    scale = op.seen.node.op.places[slot] == "gamma"

    def factors(k: int) -> tuple[Factor, ...]:
        place = unravelled(k, errors.shape)
        gate = () if op.options.get("activation") is None else (Factor("f'(u)", float(slope[place])),)
        more = (Factor(indexed_hat((*place, c)), float(hat[place]), op.operand(0).factor((*place, c)).ref),) if scale else ()
        return (delta.factor((*place, c)), *gate, *more)

    return [Sum(errors * slope * (hat if scale else 1.0), factors, True)]


def channel(op: Wired, c: int) -> tuple[Array, Array]:
    """x_hat and f'(u) of one channel, at all samples and places."""
    x = op.operand(0).values
    eps = op.options.get("eps", 1e-5)
    values = np.asarray(x[..., c], np.float64)
    if op.name == "batch_norm":
        found = normalised(op, (*(0,) * (x.ndim - 1), c))
        mean: Any = found.mean
        sigma: Any = found.sigma
    elif op.name == "group_norm":
        n = x.shape[-1] // op.options["groups"]
        some = np.asarray(x[..., c // n * n : c // n * n + n], np.float64)
        axes = tuple(range(1, x.ndim))
        mean = some.mean(axis=axes).reshape(-1, *(1,) * (values.ndim - 1))
        sigma = np.sqrt(some.var(axis=axes) + eps).reshape(mean.shape)
    else:
        mean, sigma = x.mean(axis=-1, dtype=np.float64), np.sqrt(x.var(axis=-1, dtype=np.float64) + eps)
    hat = (values - mean) / sigma
    gamma, beta = (op.named(name) for name in ("gamma", "beta"))
    u = hat * (1.0 if gamma is None else float(gamma.values[c])) + (0.0 if beta is None else float(beta.values[c]))
    return hat, activation_slope(op, u)


# ---------------------------------------------------------------- one number in, one number out


@makes(*EACH)
def times_the_slope(op: Wired, slot: int, at: At) -> list[Sum]:
    z = op.operand(0).factor(at)
    return [one(op.error.factor(at), Factor(f"f'({z.symbol})", alone(op, at)[1], z.ref))]


@makes("dropout")
def through_the_mask(op: Wired, slot: int, at: At) -> list[Sum]:
    return [one(op.error.factor(at), kept_of(op, at))]


# ---------------------------------------------------------------- two arrays


@makes("add", "subtract", "multiply", "divide")
def to_both(op: Wired, slot: int, at: At) -> list[Sum]:
    """The errors of all outputs that this number went into: one, or, where it was broadcast, many."""
    delta, mine = op.error, op.operand(slot)
    shape = delta.values.shape
    lead = len(shape) - len(at)
    index: tuple[Any, ...] = tuple(
        slice(None) if i < lead or (mine.values.shape[i - lead] == 1 and n > 1) else at[i - lead] for i, n in enumerate(shape)
    )
    errors = delta.values[index]
    other: Any = None
    if op.name in {"multiply", "divide"}:
        found = op.operands[1 - slot]
        given = op.seen.node.inputs[1 - slot]
        other = np.broadcast_to(found.values if found is not None else np.asarray(getattr(given, "data", given)), shape)

    def place(k: int) -> At:
        inner = iter(np.unravel_index(k, errors.shape)) if errors.shape else iter(())
        return tuple(int(next(inner)) if isinstance(i, slice) else int(i) for i in index)

    def slope(values: Array) -> Array:
        if op.name == "multiply":
            return values
        return 1 / values if slot == 0 else -mine.values[at] / values**2

    if op.name == "divide" and slot == 1:  # a / b by b, which stands in it itself

        def by_the_divisor(k: int) -> tuple[Factor, ...]:
            top = op.operands[0]
            a = float(other[place(k)])
            ref = top.factor(broadcast_place(place(k), top.values.shape)).ref if top is not None else None
            b = float(mine.values[at])
            return delta.factor(place(k)), Factor("(-a)", -a, ref), Factor(r"\frac{1}{b^2}", 1 / b**2, mine.factor(at).ref)

        return [Sum(errors * -other[index] / float(mine.values[at]) ** 2, by_the_divisor, True)]

    def factors(k: int) -> tuple[Factor, ...]:
        here = delta.factor(place(k))
        if op.name == "add" or (op.name == "subtract" and slot == 0):
            return (here,)
        if op.name == "subtract":
            return constant(-1.0), here
        found = op.operands[1 - slot]
        value = float(other[place(k)])
        there = found.factor(broadcast_place(place(k), found.values.shape)) if found is not None else constant(value)
        if op.name == "divide":
            there = Factor(rf"\frac{{1}}{{{there.symbol}}}", 1 / there.value, there.ref)
        return here, there

    values = errors if op.name == "add" or (op.name == "subtract" and slot == 0) else -errors
    if op.name in {"multiply", "divide"}:
        values = errors * slope(other[index])
    return [Sum(values, factors, bool(index) and isinstance(index[0], slice))]


# ---------------------------------------------------------------- probabilities and costs


@makes("softmax")
def through_the_softmax(op: Wired, slot: int, at: At) -> list[Sum]:
    """dC/da_i = sum over k of delta_k p_k ([k = i] - p_i)."""
    axis = op.options.get("axis", -1) % len(at)
    index: tuple[Any, ...] = tuple(slice(None) if i == axis else k for i, k in enumerate(at))
    p, delta = op.output.values[index], op.error
    slopes = p * ((np.arange(len(p)) == at[axis]) - p[at[axis]])

    def factors(k: int) -> tuple[Factor, ...]:
        place = (*at[:axis], k, *at[axis + 1 :])
        symbol = rf"\frac{{\partial p_{{{k}}}}}{{\partial a_{{{at[axis]}}}}}"
        return delta.factor(place), Factor(symbol, float(slopes[k]), op.output.factor(place).ref)

    return [Sum(delta.values[index] * slopes, factors)]


@makes("cross_entropy")
def answer_minus_target(op: Wired, slot: int, at: At) -> list[Sum]:
    z, (_, q) = op.operand(0), op.seen.node.saved
    i, k = at
    share, whole = part(len(z.values)), math.fsum(q[i])
    times = () if math.isclose(whole, 1) else (Factor(r"\sum q", whole),)
    p = Factor(f"p_{{{i},{k}}}", float(probabilities(z.values[i])[k]), z.factor(at).ref)
    return [one(share, *times, p, *_seed(op)), one(constant(-1.0), share, Factor(f"q_{{{i},{k}}}", float(q[at])), *_seed(op))]


def _seed(op: Wired) -> tuple[Factor, ...]:
    """dC/dC = 1 needs no mention; the error of a cost that is only a part does."""
    value = float(op.error.values)
    return () if value == 1 else (op.error.factor(()),)


@makes("mse_loss")
def twice_the_difference(op: Wired, slot: int, at: At) -> list[Sum]:
    a, y = op.operand(0), op.operand(1)
    n = a.values.size
    up, down = Factor(rf"\frac{{2}}{{{n}}}", 2 / n), Factor(rf"\frac{{-2}}{{{n}}}", -2 / n)
    signs = (up, down) if slot == 0 else (down, up)
    return [one(signs[0], a.factor(at), *_seed(op)), one(signs[1], y.factor(at), *_seed(op))]


@makes("bce_with_logits")
def probability_minus_target(op: Wired, slot: int, at: At) -> list[Sum]:
    z, y, share = op.operand(0), op.operand(1), part(op.operand(0).values.size)
    number = z.factor(at)
    if slot:
        return [one(constant(-1.0), share, number, *_seed(op))]
    answer = Factor(rf"\sigma({number.symbol})", 0.5 * (1 + math.tanh(0.5 * number.value)), number.ref)
    return [one(share, answer, *_seed(op)), one(constant(-1.0), share, y.factor(at), *_seed(op))]


# ---------------------------------------------------------------- numbers that are moved, looked up, or gathered


@makes(*MOVES, "upsample_nearest")
def moved_back(op: Wired, slot: int, at: At) -> list[Sum]:
    """The errors of all places that this number was moved or copied to."""
    places, delta = origins(op.seen), op.error
    flat = int(np.ravel_multi_index(at, op.operand(0).values.shape)) if at else 0
    readers = np.argwhere(places == flat)
    values = delta.values[tuple(readers.T)]
    return [Sum(values, lambda k: (delta.factor(tuple(int(i) for i in readers[k])),))] if len(readers) else [one(constant(0.0))]


@makes("concat")
def parted_again(op: Wired, slot: int, at: At) -> list[Sum]:
    axis = op.options.get("axis", -1) % len(at)
    before = sum(op.operand(k).values.shape[axis] for k in range(slot))
    return [one(op.error.factor((*at[:axis], at[axis] + before, *at[axis + 1 :])))]


@makes("embedding")
def back_to_the_table(op: Wired, slot: int, at: At) -> list[Sum]:
    """The errors of all places that looked this row up."""
    indices, delta = op.seen.node.saved[0], op.error
    row, column = at
    errors = np.where(indices == row, delta.values[..., column], 0.0)
    return [Sum(errors, lambda k: (delta.factor((*unravelled(k, errors.shape), column)),), True)]


@makes("attention")
def through_the_looking(op: Wired, slot: int, at: At) -> list[Sum]:
    """Back to v by p, and to q and k by the slopes of the scores: ds = p (dp - sum of p dp), dp = delta v."""
    operand, delta = op.operand(slot), op.error
    if operand.values.shape[:-2] != delta.values.shape[:-2]:
        raise NotImplementedError
    head = at[:-2]
    errors = np.asarray(delta.values[head], np.float64)
    i, c = at[-2:]
    p = np.array([looked_at(op.seen, (*head, row, 0)) for row in range(len(errors))])
    q_rows = np.asarray(op.operand(0).values[head] if op.operand(0).values.ndim > 2 else op.operand(0).values, np.float64)
    _, k, v, scale = looks(op.seen, (*head, 0, 0))
    if slot == 2:
        return [Sum(p[:, i] * errors[:, c], lambda t: (Factor(f"p_{{{t},{i}}}", float(p[t, i])), delta.factor((*head, t, c))))]
    dp = errors @ v.T
    ds = p * (dp - (p * dp).sum(axis=1, keepdims=True))
    other = op.operand(1 - slot)
    slopes, rows = (ds[i], k) if slot == 0 else (ds[:, i], q_rows)

    def factors(j: int) -> tuple[Factor, ...]:
        where = f"{i},{j}" if slot == 0 else f"{j},{i}"
        place = (*(head if other.values.ndim > 2 else ()), j, c)
        return (
            Factor(rf"\frac{{\partial C}}{{\partial s_{{{where}}}}}", float(slopes[j])),
            other.factor(place),
            Factor(r"\frac{1}{\sqrt{d}}", scale),
        )

    return [Sum(slopes * rows[:, c] * scale, factors)]
