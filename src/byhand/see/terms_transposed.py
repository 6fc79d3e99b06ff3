"""A transposed convolution term by term: what `terms` and `terms_back` say of a convolution, the other way round."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from byhand.backend import Array
from byhand.see.made import At, Factor, Sum, one
from byhand.see.terms import MADE, Wired
from byhand.see.terms_back import MADE_BACK, of_bias


def _met(op: Wired, at: At, rows: int, columns: int) -> Iterator[tuple[int, int, int, int]]:
    """(u, v, i, j): which pixel (i, j) of the input put its filter's place (u, v) onto an output's place."""
    _, w, (stride, padding, dilation, _) = op.seen.node.saved
    for u, v in np.ndindex(*w.shape[:2]):
        i, left_i = divmod(at[1] + padding[0] - u * dilation[0], stride[0])
        j, left_j = divmod(at[2] + padding[1] - v * dilation[1], stride[1])
        if not left_i and not left_j and 0 <= i < rows and 0 <= j < columns:
            yield u, v, i, j


def spread(op: Wired, at: At) -> list[Sum]:
    """z = sum of w x over the pixels that reach this place, plus b."""
    x, w, b = op.operand(0), op.operand(1), op.named("b")
    groups = op.seen.node.saved[2][3]
    n, o = at[0], at[3]
    many, own = x.values.shape[3] // groups, w.values.shape[2]
    first = o // own * many
    places = list(_met(op, at, *x.values.shape[1:3]))
    values = [w.values[u, v, o % own, first : first + many] * x.values[n, i, j, first : first + many] for u, v, i, j in places]

    def factors(k: int) -> tuple[Factor, ...]:
        which, c = divmod(k, many)
        u, v, i, j = places[which]
        return w.factor((u, v, o % own, first + c)), x.factor((n, i, j, first + c))

    found = [Sum(np.array(values, np.float64).reshape(-1), factors)]
    return [*found, one(b.factor(at[-1:]))] if b is not None else found


def collected(op: Wired, slot: int, at: At) -> list[Sum]:
    """dC/dx: the errors of the places that a pixel reached; dC/dw: of all pixels those that this number of the filter reached."""
    if slot == 2:
        return of_bias(op, at)
    x, w, delta = op.operand(0), op.operand(1), op.error
    (stride, padding, dilation, groups), rows, columns = op.seen.node.saved[2], *delta.values.shape[1:3]
    own, many = w.values.shape[2], x.values.shape[3] // groups

    def reached(i: int, j: int, u: int, v: int) -> tuple[int, int] | None:
        row, column = i * stride[0] + u * dilation[0] - padding[0], j * stride[1] + v * dilation[1] - padding[1]
        return (row, column) if 0 <= row < rows and 0 <= column < columns else None

    if slot == 1:
        u, v, o, c = at
        channel = c // many * own + o
        places = {(i, j): there for i, j in np.ndindex(*x.values.shape[1:3]) if (there := reached(i, j, u, v)) is not None}
        values = np.zeros(x.values.shape[:3])
        for (i, j), (row, column) in places.items():
            values[:, i, j] = x.values[:, i, j, c] * delta.values[:, row, column, channel]

        def of_weight(k: int) -> tuple[Factor, ...]:
            n, i, j = (int(index) for index in np.unravel_index(k, values.shape))
            return delta.factor((n, *places[i, j], channel)), x.factor((n, i, j, c))

        return [Sum(values, of_weight, True)]
    n, i, j, c = at
    first = c // many * own
    met = [(u, v, there) for u, v in np.ndindex(*w.values.shape[:2]) if (there := reached(i, j, u, v)) is not None]
    found: list[Array] = [w.values[u, v, :, c] * delta.values[(n, *there)][first : first + own] for u, v, there in met]

    def factors(k: int) -> tuple[Factor, ...]:
        which, o = divmod(k, own)
        u, v, there = met[which]
        return w.factor((u, v, o, c)), delta.factor((n, *there, first + o))

    return [Sum(np.array(found, np.float64).reshape(-1), factors)]


MADE["conv_transpose2d"] = spread
MADE_BACK["conv_transpose2d"] = collected
