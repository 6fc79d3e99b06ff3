"""Numbers of ops of sequences, worked out by hand: looked up, moved, or gathered by attention; forward, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.numbers import Line, Term, factor, number, signed, total
from byhand.see.tape import Seen
from byhand.see.worked import At, Worked, largest, named, works
from byhand.see.worked_back import slope
from byhand.see.worked_back import works as works_back

MOVES = ("reshape", "transpose", "index", "broadcast")  # ops that compute nothing: each number comes from one place
DELTA = r"\delta"


# ---------------------------------------------------------------- numbers that are moved


def origins(op: Seen) -> Array:
    """Of each number of an op's output, where it stood in the flat input: the op itself, done to the input's places."""
    a = op.inputs[0].values
    places = op.node.op.forward(np, np.arange(a.size, dtype=np.float64).reshape(a.shape), **op.node.options)[0]
    return np.asarray(places)


def _place(flat: int, shape: tuple[int, ...]) -> At:
    return tuple(int(k) for k in np.unravel_index(flat, shape))


def _indexed(symbol: str, at: At) -> str:
    """With all of its indices, as the sample's may have become one among others."""
    return f"{symbol}_{{{','.join(map(str, at))}}}" if at else symbol


def moved(op: Seen, at: At, sample: int) -> Worked:
    """c = a, from the place that it stood at."""
    a = op.inputs[0]
    place = _place(int(origins(op)[at]), a.values.shape)
    value = float(a.values[place])
    lines = (Line((f"{_indexed(op.symbol, at)} = {_indexed(a.symbol, place)}",)), Line((f"= {number(value)}",), value))
    return Worked(lines, value, note="All indices are written out, the sample's too: numbers only change their places.")


def moved_back(op: Seen, at: At, sample: int) -> Worked | None:
    """The error goes back to that place; where a number was read more than once, the errors add up."""
    a, places = op.inputs[0], origins(op)
    if a.gradient is None:
        return None
    place = _place(int(places[at]), a.values.shape)
    delta = np.asarray(op.delta)
    readers = [tuple(int(k) for k in one) for one in np.argwhere(places == places[at])]
    each = [float(delta[one]) for one in readers]
    left, value = slope(_indexed(a.symbol, place)), math.fsum(each)
    if len(each) == 1:
        lines = [Line((rf"{left} = {_indexed(DELTA, at)}",)), Line((f"= {number(value)}",), value)]
    else:
        lines = total(left, [Term(_indexed(DELTA, one), factor(d), d) for one, d in zip(readers, each, strict=True)], value)
    return Worked(tuple(lines), value, network=float(a.gradient[place]))


for _name in (*MOVES, "upsample_nearest"):
    works(_name)(moved)
    works_back(_name)(moved_back)


@works("embedding")
def looked_up(op: Seen, at: At, sample: int) -> Worked:
    """e = the row of the table that the index names."""
    indices, w = op.node.saved[0], op.inputs[0].values
    row = int(indices[at[:-1]])
    value = float(w[row, at[-1]])
    lines = (
        Line((f"{_indexed('i', at[:-1])} = {row}",)),
        Line((rf"{_indexed(op.symbol, at)} = w_{{{row},{at[-1]}}}",)),
        Line((f"= {number(value)}",), value),
    )
    return Worked(lines, value, note=f"Row {row} of the table, as the index says.")


@works_back("embedding")
def back_to_the_table(op: Seen, at: At, sample: int) -> Worked:
    """dC/dw of a number of the table: the errors of all places that looked it up."""
    indices = op.node.saved[0]
    row, column = int(indices[at[:-1]]), at[-1]
    readers = [tuple(int(k) for k in one) for one in np.argwhere(indices == row)]
    each = np.array([float(op.delta[(*one, column)]) for one in readers])
    value = math.fsum(each)
    terms = largest(each, lambda k: (_indexed(DELTA, (*readers[k], column)), factor(each[k])))
    gradient = op.inputs[0].gradient
    return Worked(
        tuple(total(slope(f"w_{{{row},{column}}}"), terms, value)),
        value,
        note=f"Row {row} of the table was looked up at {len(readers):,} places of the batch.",
        network=None if gradient is None else float(gradient[row, column]),
    )


# ---------------------------------------------------------------- attention


def looks(op: Seen, at: At) -> tuple[Array, Array, Array, float]:
    """Of one output of attention: q of its place (d,), k (S, d), v (S, e), each of its head; and 1/sqrt(d)."""
    q, k, v = (np.asarray(one.values, np.float64) for one in op.inputs[:3])
    front = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    q, k, v = (np.broadcast_to(one, (*front, *one.shape[-2:]))[at[:-2]] for one in (q, k, v))
    return q[at[-2]], k, v, 1 / math.sqrt(q.shape[-1])


def looked_at(op: Seen, at: At) -> Array:
    """p (S,): how much the output's place looks at each place, by the definition."""
    q, k, _, scale = looks(op, at)
    scores = (k @ q) * scale
    mask = op.node.options.get("mask")
    if mask is not None:
        mask = np.asarray(getattr(mask, "data", mask))
        row: Any = np.broadcast_to(mask, (*op.output.shape[:-1], len(k)))[at[:-1]]
        scores = np.where(row, scores, -np.inf) if mask.dtype == bool else scores + row
    if op.node.options.get("causal"):
        scores = np.where(np.arange(len(k)) <= at[-2], scores, -np.inf)
    e = np.exp(scores - scores.max())
    p: Array = e / math.fsum(e)
    return p


@works("attention")
def gathered(op: Seen, at: At, sample: int) -> Worked:
    """y = p v, with p of the place that it looks at most worked out from q and k."""
    q, k, v, scale = looks(op, at)
    p, column, i = looked_at(op, at), at[-1], at[-2]
    best = int(p.argmax())
    score = math.fsum(q * k[best])
    front = rf"\frac{{1}}{{\sqrt{{{len(q)}}}}}"
    products = q * k[best]
    lines = total(
        rf"\frac{{q_{{{i}}} k_{{{best}}}^\top}}{{\sqrt{{d}}}}",
        largest(products, lambda c: (rf"q_{{{i},{c}}}\, k_{{{best},{c}}}", rf"{factor(q[c])} \cdot {factor(k[best, c])}")),
        score * scale,
        before=(front, front),
    )
    lines.append(Line((rf"p_{{{i},{best}}} = {number(p[best])}",), float(p[best])))
    each = p * v[:, column]
    value = math.fsum(each)
    terms = largest(each, lambda j: (rf"p_{{{i},{j}}}\, v_{{{j},{column}}}", rf"{number(p[j])} \cdot {factor(v[j, column])}"))
    lines += total(named(op.symbol, at), terms, value)
    later = " It may not look at what comes later." if op.node.options.get("causal") else ""
    return Worked(
        tuple(lines), value, note=f"Place {i} looks most at place {best}; q, k and v are of its head, {_head(at)}.{later}"
    )


def _head(at: Sequence[int]) -> str:
    return str(at[-3]) if len(at) > 2 else "the only one"


@works_back("attention")
def back_to_what_was_looked_at(op: Seen, at: At, sample: int) -> Worked | None:
    """dC/dv of the place that was looked at most: the errors of all that looked there."""
    v = op.inputs[2]
    if v.gradient is None or v.gradient.shape[:-2] != op.output.shape[:-2]:
        return None
    best, column = int(looked_at(op, at).argmax()), at[-1]
    rows = op.output.shape[-2]
    p = np.array([looked_at(op, (*at[:-2], i, column))[best] for i in range(rows)])
    delta = np.asarray(op.delta[at[:-2]][:, column], np.float64)
    each = p * delta
    value = math.fsum(each)
    terms = largest(each, lambda i: (rf"p_{{{i},{best}}}\, \delta_{{{i},{column}}}", rf"{number(p[i])} \cdot {factor(delta[i])}"))
    return Worked(
        tuple(total(slope(f"v_{{{best},{column}}}"), terms, value)),
        value,
        note=f"Of place {best}, at which place {at[-2]} looks most.",
        network=float(v.gradient[(*at[:-2], best, column)]),
    )


# ---------------------------------------------------------------- around it


@works_back("add")
def both_get_it(op: Seen, at: At, sample: int) -> Worked | None:
    """A sum hands its error on to both."""
    given = next((one for one in op.inputs if one.gradient is not None and one.gradient.shape == op.output.shape), None)
    if given is None:
        return None
    value = float(op.delta[at])
    lines = (Line((rf"{slope(named(given.symbol, at))} = {named(DELTA, at)}",)), Line((f"= {number(value)}",), value))
    return Worked(
        lines, value, note="Both of the numbers that were added get the whole error.", network=float(given.gradient[at])
    )


@works_back("layer_norm")
def through_the_row(op: Seen, at: At, sample: int) -> Worked | None:
    """dC/da = 1 / sigma (e - mean(e) - a_hat mean(e a_hat)) with e = gamma delta, over one row."""
    x = op.inputs[0]
    if x.gradient is None:
        return None
    row, delta = np.asarray(x.values[at[:-1]], np.float64), np.asarray(op.delta[at[:-1]], np.float64)
    gamma = next((np.asarray(one.values, np.float64) for one in op.inputs[1:] if one.symbol == r"\gamma"), np.ones(row.size))
    mean = math.fsum(row) / row.size
    sigma = math.sqrt(math.fsum((row - mean) ** 2) / row.size + op.node.options.get("eps", 1e-5))
    hat, e = (row - mean) / sigma, delta * gamma
    mean_e, both = math.fsum(e) / row.size, math.fsum(e * hat) / row.size
    k = at[-1]
    value = (e[k] - mean_e - hat[k] * both) / sigma
    lines = (
        Line((rf"\bar e = \frac{{1}}{{n}} \sum e = {number(mean_e)}",), mean_e),
        Line((rf"\overline{{e \hat {x.symbol}}} = \frac{{1}}{{n}} \sum e \hat {x.symbol} = {number(both)}",), both),
        Line((rf"{slope(named(x.symbol, at))} = \frac{{1}}{{{number(sigma)}}}",
              rf"\cdot \left({number(e[k])} {signed(-mean_e)} - {factor(hat[k])} \cdot {factor(both)}\right)")),
        Line((f"= {number(value)}",), float(value)),
    )  # fmt: skip
    note = rf"e = gamma delta; the means are over the row's n = {row.size:,} numbers."
    return Worked(lines, float(value), note=note, network=float(x.gradient[at]))
