r"""Cost functions: C averaged over the batch, and the error that they send into the output layer (BP1).

Both read the weighted input z beside the activation a = sigma(z): cross-entropy computed from a alone loses everything
once a rounds to 0 or 1, computed from z it stays exact at any saturation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from byhand import limits
from byhand.activations import Activation, sigmoid
from byhand.backend import Array
from byhand.errors import ModelError
from byhand.formula import factor, number, setting
from byhand.registry import Registry
from byhand.terms import At, Factor, NamedArray, Sum, indexed, single

MINUS = Factor("(-1)", -1.0, worked="(-1)")


@dataclass(frozen=True)
class Cost:
    """One cost function with its mathematics beside it.

    Attributes:
        per_sample: of z, a, y (m, n_L) and the output activation, (m,). output_error: dC/dz of each sample, into `out`.
        outputs: names of the output activations that it may follow.
        terms, error_terms: what a sample's cost, and a number of its error, is the sum of, for explanations; without them each is
            one term.
    """

    name: str
    equation: str
    gradient: str
    per_sample: Callable[[Array, Array, Array, Activation], Array]
    output_error: Callable[[Array, Array, Array, Activation, Array], Array]
    outputs: tuple[str, ...]
    source: str
    terms: Callable[[NamedArray, NamedArray, NamedArray, Activation, slice], list[Sum]] | None = None
    error_terms: Callable[[NamedArray, NamedArray, NamedArray, Activation, At], list[Sum]] | None = None

    def value(self, z: Array, a: Array, y: Array, activation: Activation) -> float:
        """C, the mean over the batch: z, a, y are (m, n_L)."""
        return float(self.per_sample(z, a, y, activation).sum()) / len(y)

    def sums(self, z: NamedArray, a: NamedArray, y: NamedArray, activation: Activation, sample: int | None = None) -> list[Sum]:
        """What the batch's cost is the sum of, or that of one sample: z, a, y are (m, n_L)."""
        rows = slice(0, len(y.values)) if sample is None else slice(sample, sample + 1)
        if self.terms is not None:
            return self.terms(z, a, y, activation, rows)
        each = self.per_sample(z.values[rows], a.values[rows], y.values[rows], activation) / (rows.stop - rows.start)
        return [Sum(each, lambda k: (Factor(f"C_{{{rows.start + k}}}", float(each[k])),), sample is None)]

    def error_sums(self, z: NamedArray, a: NamedArray, y: NamedArray, activation: Activation, at: At) -> list[Sum]:
        """What a number (i, j) of the output's error is the sum of."""
        if self.error_terms is not None:
            return self.error_terms(z, a, y, activation, at)
        row = slice(at[0], at[0] + 1)
        error = self.output_error(z.values[row], a.values[row], y.values[row], activation, np.empty_like(z.values[row]))
        name = rf"\frac{{\partial C}}{{\partial {indexed(z.symbol, at)}}}"
        return [single(Factor(name, float(error[0, at[1]]), z.factor(at).ref))]


def quadratic(z: Array, a: Array, y: Array, activation: Activation) -> Array:
    difference = a - y
    return 0.5 * np.einsum("mj,mj->m", difference, difference)


def quadratic_error(z: Array, a: Array, y: Array, activation: Activation, out: Array) -> Array:
    np.subtract(a, y, out=out)
    return activation.backward(out, z, a, out)


HUBER = 1.0  # of a standardised target one deviation: beyond it an error counts by its size, and no more by its square


def huber(z: Array, a: Array, y: Array, activation: Activation) -> Array:
    far = np.abs(a - y)
    near = np.minimum(far, HUBER)
    return (near * (far - 0.5 * near)).sum(axis=-1)


def huber_error(z: Array, a: Array, y: Array, activation: Activation, out: Array) -> Array:
    np.subtract(a, y, out=out)
    np.clip(out, -HUBER, HUBER, out=out)
    return activation.backward(out, z, a, out)


def cross_entropy(z: Array, a: Array, y: Array, activation: Activation) -> Array:
    if activation.name == "softmax":
        shifted = z - z.max(axis=-1, keepdims=True)
        log_a = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return -np.einsum("mj,mj->m", y, log_a)
    # -y ln(sigma) - (1 - y) ln(1 - sigma) = ln(1 + e^z) - y z. With max(0, z) taken out of the logarithm nothing overflows,
    # and for a right answer the large terms cancel before the small one is added, so it is not lost.
    return ((np.maximum(z, 0) - y * z) + np.log1p(np.exp(-np.abs(z)))).sum(axis=-1)


def cross_entropy_error(z: Array, a: Array, y: Array, activation: Activation, out: Array) -> Array:
    if activation.name == "softmax":
        # (sum_j y_j) a - y: for targets that sum to 1 it is a - y, and it stays the exact gradient for others.
        np.multiply(a, y.sum(axis=-1, keepdims=True), out=out)
        out -= y
        return out
    # sigma'(z) cancels against the 1 / (a (1 - a)) of dC/da: a saturated output still learns. Where y is 1, a - y is
    # -sigma(-z), which a that has rounded to 1 would lose: so a - y = (1 - y) sigma(z) - y sigma(-z).
    doubt = sigmoid(np.negative(z), np.empty_like(z))
    doubt *= y
    np.multiply(a, 1 - y, out=out)
    return np.subtract(out, doubt, out=out)


# ---------------------------------------------------------------- what costs and errors are the sum of


def quadratic_terms(z: NamedArray, a: NamedArray, y: NamedArray, activation: Activation, rows: slice) -> list[Sum]:
    m, n = rows.stop - rows.start, a.values.shape[1]
    apart = a.values[rows] - y.values[rows]

    def square(k: int) -> tuple[Factor, ...]:
        at = (rows.start + k // n, k % n)
        shown = rf"({indexed(a.symbol, at)} - {indexed(y.symbol, at)})"
        worked = f"({number(a.values[at])} - {target(y.values[at])})"
        difference = Factor(shown, float(apart.reshape(-1)[k]), a.factor(at).ref, worked)
        return (Factor(rf"\frac{{1}}{{{2 * m}}}", 0.5 / m), difference, difference)

    return [Sum(apart * apart * (0.5 / m), square, len(a.values) == m)]


def quadratic_error_terms(z: NamedArray, a: NamedArray, y: NamedArray, activation: Activation, at: At) -> list[Sum]:
    i, j = at
    slopes = activation.slopes(z.values[i], a.values[i], j)

    units = np.arange(len(slopes)) if activation.joint else np.array([j])

    def apart(of: NamedArray, *sign: Factor) -> Sum:
        products = (of.values[i] * slopes * (-1 if sign else 1))[units]

        def factors(k: int) -> tuple[Factor, ...]:
            return (*sign, of.factor((i, int(units[k]))), slope(z, i, int(units[k]), j, activation, slopes))

        return Sum(products, factors)

    return [apart(a), apart(y, MINUS)]


def huber_terms(z: NamedArray, a: NamedArray, y: NamedArray, activation: Activation, rows: slice) -> list[Sum]:
    m, n = rows.stop - rows.start, a.values.shape[1]
    far = np.abs(a.values[rows] - y.values[rows])
    costs = np.minimum(far, HUBER) * (far - 0.5 * np.minimum(far, HUBER))

    def bent(k: int) -> tuple[Factor, ...]:
        at = (rows.start + k // n, k % n)
        shown = rf"h({indexed(a.symbol, at)} - {indexed(y.symbol, at)})"
        share = (Factor(rf"\frac{{1}}{{{m}}}", 1 / m),) if m > 1 else ()
        off = float(far.reshape(-1)[k])
        worked = rf"(\frac{{1}}{{2}} \cdot {number(off)}^2)" if off <= HUBER else rf"({number(off)} - \frac{{1}}{{2}})"
        return (*share, Factor(shown, float(costs.reshape(-1)[k]), a.factor(at).ref, worked))

    return [Sum(costs / m, bent, len(a.values) == m)]


def huber_error_terms(z: NamedArray, a: NamedArray, y: NamedArray, activation: Activation, at: At) -> list[Sum]:
    off = float(a.values[at] - y.values[at])
    if abs(off) <= HUBER:
        return [single(a.factor(at)), single(MINUS, y.factor(at))]
    return [single(Factor(rf"\operatorname{{sign}}({indexed(a.symbol, at)} - {indexed(y.symbol, at)})", float(np.sign(off))))]


def cross_entropy_terms(z: NamedArray, a: NamedArray, y: NamedArray, activation: Activation, rows: slice) -> list[Sum]:
    m, n = rows.stop - rows.start, z.values.shape[1]
    z_rows, y_rows, whole = z.values[rows], y.values[rows], len(z.values) == m
    minus = Factor(rf"\frac{{-1}}{{{m}}}" if m > 1 else "(-1)", -1 / m)
    if activation.name == "softmax":
        shifted = z_rows - z_rows.max(axis=1, keepdims=True)
        log_a = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    else:
        log_a = -np.logaddexp(0, -z_rows)

    def logarithm(k: int) -> tuple[Factor, ...]:
        at = (rows.start + k // n, k % n)
        log = float(log_a.reshape(-1)[k])
        worked = rf"\ln {number(np.exp(log))}"
        return (minus, y.factor(at), Factor(rf"\ln {indexed(a.symbol, at)}", log, a.factor(at).ref, worked))

    if activation.name == "softmax":
        return [Sum(-y_rows * log_a / m, logarithm, whole)]
    log_rest = -np.logaddexp(0, z_rows)

    def rest(k: int) -> tuple[Factor, ...]:
        at = (rows.start + k // n, k % n)
        left = Factor(f"(1 - {indexed(y.symbol, at)})", float(1 - y.values[at]), y.factor(at).ref)
        value = float(log_rest.reshape(-1)[k])
        worked = rf"\ln {number(np.exp(value))}"
        return (minus, left, Factor(rf"\ln(1 - {indexed(a.symbol, at)})", value, a.factor(at).ref, worked))

    return [Sum(-y_rows * log_a / m, logarithm, whole), Sum(-(1 - y_rows) * log_rest / m, rest, whole)]


def cross_entropy_error_terms(z: NamedArray, a: NamedArray, y: NamedArray, activation: Activation, at: At) -> list[Sum]:
    total = float(y.values[at[0]].sum()) if activation.name == "softmax" else 1.0
    times = () if np.isclose(total, 1) else (Factor(r"\sum y", total),)
    return [single(*times, a.factor(at)), single(MINUS, y.factor(at))]


def target(y: float) -> str:
    """A target in a formula: 0 or 1 as it is, anything else with its digits."""
    return setting(float(y)) if float(y).is_integer() and y >= 0 else factor(y)


def slope(z: NamedArray, i: int, u: int, j: int, activation: Activation, slopes: Array) -> Factor:
    """da_u/dz_j of sample i as a factor: sigma'(z_j), unless the activation is joint."""
    symbol = (
        rf"\frac{{\partial a_{{{u}}}}}{{\partial z_{{{j}}}}}" if activation.joint else rf"\sigma'({indexed(z.symbol, (i, j))})"
    )
    return Factor(symbol, float(slopes[u]), z.factor((i, j)).ref)


COSTS = Registry(
    "cost",
    {
        cost.name: cost
        for cost in (
            Cost(
                "quadratic",
                r"C = \frac{1}{2m} \sum_{i=1}^{m} \lVert a^L_i - y_i \rVert^2",
                r"\delta^L = (a^L - y) \odot \sigma'(z^L)",
                quadratic,
                quadratic_error,
                ("sigmoid", "tanh", "relu", "leaky_relu", "silu", "identity", "softmax"),
                "Nielsen (2015), chapter 1, eq. 6",
                quadratic_terms,
                quadratic_error_terms,
            ),
            Cost(
                "cross_entropy",
                r"C = -\frac{1}{m} \sum_{i=1}^{m} \sum_j y_j \ln a^L_j \;"
                r"\left[+\,(1 - y_j) \ln(1 - a^L_j) \text{ for sigmoid outputs}\right]",
                r"\delta^L = a^L - y",
                cross_entropy,
                cross_entropy_error,
                ("sigmoid", "softmax"),
                "Nielsen (2015), chapter 3, eq. 57 and 80",
                cross_entropy_terms,
                cross_entropy_error_terms,
            ),
            Cost(
                "huber",
                r"C = \frac{1}{m} \sum_{i=1}^{m} \sum_j h(a^L_{ij} - y_{ij}),\;"
                r"h(r) = \tfrac12 r^2 \text{ for } |r| \le 1,\; |r| - \tfrac12 \text{ beyond}",
                r"\delta^L = \min(1, \max(-1, a^L - y)) \odot \sigma'(z^L)",
                huber,
                huber_error,
                ("identity",),
                "Huber (1964), Annals of Mathematical Statistics 35, page 73",
                huber_terms,
                huber_error_terms,
            ),
        )
    },
)


def by_name(name: str, output: Activation) -> Cost:
    """The cost of this name, for a network with this output activation.

    Raises ModelError for an unknown name, and for cross-entropy on outputs that are not probabilities.
    """
    cost = COSTS[limits.one_of("cost", name, COSTS)]
    if output.name not in cost.outputs:
        raise ModelError(
            f"the output activation for cost {name!r} must be {' or '.join(cost.outputs)}, got {output.name!r}: "
            "choose one of them, or the quadratic cost"
        )
    return cost
