"""One number of an op written out: what leads to it, its sum in symbols and in numbers, and what the network computed.

The sum is the op's own (`byhand.engine.call`), so that the explanation and the microscope say the same of the same number.
Nothing of the working is taken from the op's output: both can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from byhand.formula import Line
from byhand.see.formula_lines import lines_of
from byhand.see.tape import ModuleOp
from byhand.see.weight import Entry
from byhand.terms import Aside, At, Grid, Sum, indexed, place_of_largest


@dataclass(frozen=True)
class WorkedNumber:
    """One number worked out: the lines that lead to it, and what it is. network: what the network computed."""

    lines: tuple[Line, ...]
    value: float
    network: float
    grids: tuple[Grid, ...] = ()
    note: str = ""


def work_out(op: ModuleOp, at: At) -> WorkedNumber:
    """One number of an op's output."""
    sums, aside = op.call.terms(at), op.call.aside(at)
    return _worked(indexed(op.symbol, at), sums, aside, float(op.output[at]))


def work_back(op: ModuleOp, slot: int, at: At) -> WorkedNumber:
    """One number of the gradient that an op hands back to its input in this place."""
    sums, aside = op.call.gradient_terms(slot, at), op.call.gradient_aside(slot, at)
    gradient = op.node.gradients[slot]
    return _worked(slope(indexed(op.call.operand(slot).symbol, at)), sums, aside, float(gradient[at]))


def _worked(left: str, sums: Sequence[Sum], aside: Aside, network: float) -> WorkedNumber:
    value = math.fsum(float(term) for each in sums for term in np.asarray(each.values, np.float64).reshape(-1))
    return WorkedNumber((*aside.lines, *lines_of(left, sums, value)), value, network, aside.grids, aside.note)


def slope(symbol: str) -> str:
    """dC/d(something), as LaTeX."""
    return rf"\frac{{\partial C}}{{\partial {symbol}}}"


def followed_gradient(op: ModuleOp, at: At, sample: int) -> tuple[int, At] | None:
    """Which number of what an op hands back is worked out: the slot and the place; None where nobody wants any.

    A weight of the followed output; else the number at the same place, or the strongest of the followed sample.
    """
    wanted = [slot for slot, gradient in enumerate(op.node.gradients or ()) if gradient is not None and np.size(gradient)]
    if not wanted:
        return None
    weight = next((slot for slot in wanted if slot < len(op.node.op.places) and op.node.op.places[slot] == "w"), None)
    if weight is not None and op.node.op.name in WEIGHTED:
        return weight, strongest_entry(op, at).place
    slot = wanted[0]
    gradient = np.asarray(op.node.gradients[slot])
    if gradient.shape == op.output.shape:
        return slot, at
    rows = slice(sample, sample + 1) if gradient.ndim > 1 and sample < len(gradient) else slice(None)
    place = place_of_largest(gradient[rows]) if gradient.ndim else ()
    return slot, (place[0] + (rows.start or 0), *place[1:]) if place else place


WEIGHTED = ("conv2d", "linear")  # ops whose weights belong to one channel of the output


def strongest_entry(op: ModuleOp, at: At) -> Entry:
    """Of the weights that make this output's channel, the one with the largest gradient."""
    (given,) = [one for one in op.inputs if one.symbol == "w"]
    channel = given.gradient[at[-1]] if op.node.op.name == "linear" else given.gradient[..., at[-1]]
    best = place_of_largest(channel)
    return Entry(given.origin, (at[-1], *best) if op.node.op.name == "linear" else (*best, at[-1]))
