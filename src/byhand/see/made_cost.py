"""What outputs cost by their targets, term by term: the quadratic cost and cross-entropy, of a batch or of one sample."""

from __future__ import annotations

import numpy as np

from byhand.activations import Activation
from byhand.costs import Cost
from byhand.see.made import At, Factor, Sum, indexed
from byhand.see.step_numbers import Numbered


def costs_of(cost: Cost, bent: Activation, z: Numbered, a: Numbered, y: Numbered, sample: int | None = None) -> list[Sum]:
    """What outputs cost by their targets: of all m samples the mean, or of one sample alone, as the cost's `per_sample`."""
    rows = slice(None) if sample is None else slice(sample, sample + 1)
    m, first, whole = (len(z.values), 0, True) if sample is None else (1, sample, False)
    n = z.values.shape[1]
    minus = Factor(rf"\frac{{-1}}{{{m}}}" if m > 1 else "(-1)", -1 / m)

    def place(k: int) -> At:
        return (first + k // n, k % n)

    z_rows, y_rows = z.values[rows], y.values[rows]
    if cost.name == "quadratic":
        off = a.values[rows] - y_rows

        def square(k: int) -> tuple[Factor, ...]:
            at = place(k)
            shown = rf"({indexed(a.symbol, at)} - {indexed(y.symbol, at)})"
            apart = Factor(shown, float(off.reshape(-1)[k]), a.factor(at).ref)
            return (Factor(rf"\frac{{1}}{{{2 * m}}}", 0.5 / m), apart, apart)

        return [Sum(off * off * (0.5 / m), square, whole)]
    if bent.name == "softmax":
        shifted = z_rows - z_rows.max(axis=1, keepdims=True)
        log_a = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    else:
        log_a = -np.logaddexp(0, -z_rows)

    def logarithm(k: int) -> tuple[Factor, ...]:
        at = place(k)
        seen = Factor(rf"\ln {indexed(a.symbol, at)}", float(log_a.reshape(-1)[k]), a.factor(at).ref)
        return (minus, y.factor(at), seen)

    found = [Sum(-y_rows * log_a / m, logarithm, whole)]
    if bent.name == "softmax":
        return found
    log_rest = -np.logaddexp(0, z_rows)

    def rest(k: int) -> tuple[Factor, ...]:
        at = place(k)
        left = Factor(f"(1 - {indexed(y.symbol, at)})", float(1 - y.values[at]), y.factor(at).ref)
        seen = Factor(rf"\ln(1 - {indexed(a.symbol, at)})", float(log_rest.reshape(-1)[k]), a.factor(at).ref)
        return (minus, left, seen)

    return [*found, Sum(-(1 - y_rows) * log_rest / m, rest, whole)]
