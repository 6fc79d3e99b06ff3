"""Costs as ops: each is the mean over the batch, of the sum over a sample's numbers where the textbook has one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule
from byhand.engine.call import Call, constant, scaled, share, unravelled
from byhand.engine.op import Saved, op
from byhand.engine.ops.activation import logistic
from byhand.errors import EngineError
from byhand.formula import Line, factor, number
from byhand.kernels.reference.sums import inner, total
from byhand.terms import Aside, At, Factor, Sum, single


def _same(name: str, a: Array, y: Array) -> tuple[Any, Any]:
    """Outputs and targets as floats: differences of whole numbers would wrap round."""
    if np.shape(a) != np.shape(y):
        raise EngineError(f"{name}: the outputs are {np.shape(a)} but the targets are {np.shape(y)}: they must agree")
    if np.size(a) == 0:
        raise EngineError(f"{name}: the outputs are {a.shape}, which holds no numbers: there is no mean of none")
    if a.dtype.kind in "biu":
        a = a.astype(y.dtype if y.dtype.kind == "f" else np.float64)
    return a, y.astype(a.dtype) if y.dtype.kind in "biu" else y


@op
class mse_loss:
    r"""Mean squared error: the mean over all numbers of all samples, as PyTorch's.

    Equation:
        C = \frac{1}{n} \sum_i (a_i - y_i)^2
    Gradient:
        \partial C/\partial a = \frac{2}{n} (a - y)\,\delta
    Shapes:
        a, y: any, equal; n: how many numbers they hold -> C: one number
    Source:
        Nielsen (2015), chapter 1, eq. 6, without the 1/2
    """

    def forward(xp: ArrayModule, a: Array, y: Array) -> Any:
        a, y = _same("mse_loss", a, y)
        error = a - y
        return inner(error, error) / error.size, (error,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        (error,) = saved
        found = error * (delta * 2 / error.size).astype(error.dtype)
        return found, -found if wanted[1] else None

    def composition(xp: ArrayModule, a: Any, y: Any) -> Any:
        error = a - y
        return (error * error).mean()

    def terms(call: Call, at: At) -> list[Sum]:
        a, y = call.operand(0), call.operand(1)
        error = np.asarray(a.values - y.values, np.float64)

        def factors(k: int) -> tuple[Factor, ...]:
            place = unravelled(k, error.shape)
            one, wanted = a.factor(place), y.factor(place)
            worked = f"({number(one.value)} - {factor(wanted.value)})"
            apart = Factor(f"({one.symbol} - {wanted.symbol})", float(error[place]), one.ref, worked)
            return share(error.size), apart, apart

        return [Sum(error * error / error.size, factors, True)]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        n = call.operand(0).values.size
        first, second = (constant(sign * 2 / n, rf"\frac{{{sign * 2}}}{{{n}}}") for sign in ((1, -1) if slot == 0 else (-1, 1)))
        return [
            single(first, call.operand(0).factor(at), *scaled(call)),
            single(second, call.operand(1).factor(at), *scaled(call)),
        ]


@op
class huber_loss:
    r"""Huber's loss: squared near, linear far, so that an outlier pulls no more than the rest; mean over all numbers.

    Equation:
        C = \frac{1}{n} \sum_i \begin{cases} \frac{1}{2} e_i^2 & |e_i| \le d \\ d (|e_i| - \frac{1}{2} d) & |e_i| > d \end{cases},
        \quad e = a - y
    Gradient:
        \partial C/\partial a = \frac{1}{n} \min(\max(e, -d), d)\,\delta
    Shapes:
        a, y: any, equal; d: a number above 0 -> C: one number
    Source:
        Huber (1964), "Robust estimation of a location parameter"
    """

    def forward(xp: ArrayModule, a: Array, y: Array, *, d: float = 1.0) -> Any:
        a, y = _same("huber_loss", a, y)
        if not d > 0:
            raise EngineError(f"huber_loss: d must be above 0, got {d}")
        error = a - y
        size = xp.abs(error)
        each = xp.where(size <= d, 0.5 * error * error, d * (size - 0.5 * d))
        return total(each, over=each.size), (error, d)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        error, d = saved
        found = xp.clip(error, -d, d) * (delta / error.size).astype(error.dtype)
        return found, -found if wanted[1] else None

    def composition(xp: ArrayModule, a: Any, y: Any, *, d: float = 1.0) -> Any:
        error = a - y
        size = xp.abs(error)
        return xp.where(size <= d, 0.5 * error * error, d * (size - 0.5 * d)).mean()


@op
class bce_with_logits:
    r"""Binary cross-entropy of sigmoid outputs, from their weighted inputs, so that no logarithm of 0 can occur; mean over all.

    Equation:
        C = \frac{1}{n} \sum_i \max(z_i, 0) - z_i y_i + \ln(1 + e^{-|z_i|})
    Gradient:
        \partial C/\partial z = \frac{1}{n} (\sigma(z) - y)\,\delta
    Shapes:
        z, y: any, equal; y in [0, 1] -> C: one number
    Source:
        Nielsen (2015), chapter 3, eqs. 57 and 60
    """

    def forward(xp: ArrayModule, z: Array, y: Array) -> Any:
        z, y = _same("bce_with_logits", z, y)
        each = xp.maximum(z, 0) - z * y + xp.log1p(xp.exp(-xp.abs(z)))
        return total(each, over=each.size), (z, y)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        z, y = saved
        share = (delta / z.size).astype(z.dtype)
        # The smaller of sigma(z) and 1 - sigma(z), so that nothing is lost where the other rounds to 1.
        e = xp.exp(-xp.abs(z))
        rest = e / (1 + e)
        return xp.where(z < 0, rest - y, (1 - y) - rest) * share, -z * share if wanted[1] else None

    def composition(xp: ArrayModule, z: Any, y: Any) -> Any:
        return (xp.softplus(z) - z * y).mean()

    def terms(call: Call, at: At) -> list[Sum]:
        z, y = call.operand(0), call.operand(1)
        logits = np.asarray(z.values, np.float64)
        each = np.maximum(logits, 0) - logits * y.values + np.log1p(np.exp(-np.abs(logits)))

        def factors(k: int) -> tuple[Factor, ...]:
            place = unravelled(k, each.shape)
            one, wanted = z.factor(place), y.factor(place)
            symbol = rf"\left(\max({one.symbol}, 0) - {one.symbol}\, {wanted.symbol} + \ln(1 + e^{{-|{one.symbol}|}})\right)"
            v = one.value
            worked = rf"(\max({number(v)}, 0) - {factor(v)} \cdot {factor(wanted.value)} + \ln(1 + e^{{{number(-abs(v))}}}))"
            return share(each.size), Factor(symbol, float(each[place]), one.ref, worked)

        return [Sum(each / each.size, factors, True)]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        z, y, part = call.operand(0).factor(at), call.operand(1).factor(at), share(call.operand(0).values.size)
        if slot:
            return [single(constant(-1.0), part, z, *scaled(call))]
        worked = rf"\frac{{1}}{{1 + e^{{{number(-z.value)}}}}}"
        answer = Factor(rf"\sigma({z.symbol})", logistic(z.value), z.ref, worked)
        return [single(part, answer, *scaled(call)), single(constant(-1.0), part, y, *scaled(call))]


@op
class cross_entropy:
    r"""Cross-entropy of softmax outputs, from their weighted inputs; the mean over the samples.

    Equation:
        C = -\frac{1}{m} \sum_m \sum_k q_{mk} \ln p_{mk}, \quad p = \operatorname{softmax}(z),
        \quad q = (1 - \varepsilon)\,y + \varepsilon / K
    Gradient:
        \partial C/\partial z_{mk} = \frac{1}{m} \left(p_{mk} \sum_j q_{mj} - q_{mk}\right) \delta
    Shapes:
        z: (m, K); y: (m,) whole numbers of classes, or (m, K) probabilities; label smoothing epsilon in [0, 1) -> C: one number
    Source:
        Nielsen (2015), chapter 3, eq. 80; smoothing: Szegedy et al. (2016), arXiv:1512.00567, section 7
    """

    def forward(xp: ArrayModule, z: Array, *, target: Array, label_smoothing: float = 0.0) -> Any:
        y = xp.asarray(target)
        if z.ndim != 2 or y.shape not in (z.shape[:1], z.shape) or z.size == 0:
            raise EngineError(
                f"cross_entropy: z is {z.shape} but the targets are {y.shape}: z is (m, K), they are (m,) or (m, K)"
            )
        if not 0 <= label_smoothing < 1:
            raise EngineError(f"cross_entropy: label_smoothing must be 0 or more and below 1, got {label_smoothing}")
        m, k = z.shape
        if y.ndim == 1:
            if y.dtype.kind not in "iu" or not (int(y.min()) >= 0 and int(y.max()) < k):
                raise EngineError(
                    f"cross_entropy: the targets are {y.dtype} from {y.min()} to {y.max()}, but z is {z.shape}: "
                    f"classes are whole numbers from 0 to {k - 1}"
                )
            q = xp.full(z.shape, label_smoothing / k, z.dtype)
            q[xp.arange(m), y] += 1 - label_smoothing
        else:
            q = (y * (1 - label_smoothing) + label_smoothing / k).astype(z.dtype)
        with np.errstate(invalid="ignore"):
            shifted = z - z.max(axis=1, keepdims=True)
            p = xp.exp(shifted)
            sums = total(p, 1, keepdims=True)
            p /= sums
            log_p = shifted - xp.log(sums)
            cost = -total(q * log_p) / m
        if cost != cost:  # noqa: PLR0124 - NaN: 0 ln 0, which is 0: a class masked by -infinity costs nothing
            cost = -total(q * xp.where(q == 0, 0, log_p)) / m
        return cost, (p, q)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        p, q = saved
        # The sum is 1 for probabilities; for targets that are none, the gradient stays exact.
        return (p * total(q, 1, keepdims=True) - q) * (delta / len(p)).astype(p.dtype)

    def composition(xp: ArrayModule, z: Any, *, target: Array, label_smoothing: float = 0.0) -> Any:
        q = cross_entropy.forward(np, z.data, target=target, label_smoothing=label_smoothing)[1][1]
        return -(q * xp.log_softmax(z)).sum() / len(q)

    def terms(call: Call, at: At) -> list[Sum]:
        z, q = call.operand(0), call.saved[1]
        m, k = z.values.shape
        log_p = _log_probabilities(z.values)
        lost = np.where(q == 0, 0.0, -q * log_p)  # 0 ln 0 is 0

        def factors(flat: int) -> tuple[Factor, ...]:
            i, j = divmod(flat, k)
            log = rf"\ln {factor(math.exp(log_p[i, j]))}"
            return (
                constant(-1 / m, rf"\frac{{-1}}{{{m}}}" if m > 1 else "(-1)"),
                Factor(f"q_{{{i},{j}}}", float(q[i, j])),
                Factor(rf"\ln p_{{{i},{j}}}", float(log_p[i, j]), z.factor((i, j)).ref, log),
            )

        return [Sum(lost / m, factors, True)]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        z, q = call.operand(0), call.saved[1]
        part, whole = share(len(z.values)), math.fsum(q[at[0]])
        times = () if math.isclose(whole, 1) else (Factor(r"\sum q", whole),)
        p = Factor(f"p_{{{at[0]},{at[1]}}}", math.exp(_log_probabilities(z.values[at[0]][None])[0, at[1]]), z.factor(at).ref)
        target = Factor(f"q_{{{at[0]},{at[1]}}}", float(q[at]))
        return [single(part, *times, p, *scaled(call)), single(constant(-1.0), part, target, *scaled(call))]

    def aside(call: Call, at: At) -> Aside:
        """The probability of the class that the followed sample, the first, was to have."""
        z, q = call.operand(0).values, call.saved[1]
        k = int(q[0].argmax())
        row = np.asarray(z[0], np.float64)
        shift = float(row.max()) if row.max() > 50 else 0.0  # e^z overflows above 709
        e, shown = np.exp(row - shift), f"{number(row[k])} - {number(shift)}" if shift else number(row[k])
        quotient = rf"\frac{{{number(e[k])}}}{{{number(math.fsum(e))}}}"
        p = float(e[k] / math.fsum(e))
        below = f"z_j - {number(shift)}" if shift else "z_j"
        lines = (
            Line((rf"p_{{0,{k}}} = \frac{{e^{{{shown}}}}}{{\sum_j e^{{{below}}}}} = {quotient}",)),
            Line((f"= {number(p)}",), p),
        )
        smoothing = call.options.get("label_smoothing", 0.0)
        note = f"Class {k} was asked for; label smoothing leaves it q = {q[0, k]:.4g}." if smoothing else ""
        return Aside(lines, note)


@op
class gaussian_kl:
    r"""Divergence of a diagonal Gaussian from the standard one: summed over the dimensions, the mean over the batch.

    Equation:
        C = \frac{1}{m} \sum_m \sum_j \tfrac{1}{2} \left(\mu_{mj}^2 + e^{2 s_{mj}} - 1 - 2 s_{mj}\right), \quad s = \ln \sigma
    Gradient:
        \partial C/\partial \mu = \frac{1}{m}\,\mu\,\delta
        \partial C/\partial s = \frac{1}{m} (e^{2 s} - 1)\,\delta
    Shapes:
        mu, log_sigma: (m, d) -> C: one number
    Source:
        Kingma and Welling (2014), arXiv:1312.6114, appendix B
    """

    def forward(xp: ArrayModule, mu: Array, log_sigma: Array) -> Any:
        mu, log_sigma = _same("gaussian_kl", mu, log_sigma)
        variance = xp.exp(2 * log_sigma)
        return 0.5 * total(mu * mu + variance - 1 - 2 * log_sigma) / len(mu), (mu, variance)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        mu, variance = saved
        share = (delta / len(mu)).astype(mu.dtype)
        return mu * share, (variance - 1) * share

    def composition(xp: ArrayModule, mu: Any, log_sigma: Any) -> Any:
        return 0.5 * (mu * mu + xp.exp(2 * log_sigma) - 1 - 2 * log_sigma).sum() / len(mu)

    def terms(call: Call, at: At) -> list[Sum]:
        mu, s = call.operand(0), call.operand(1)
        m, half = len(mu.values), 0.5 / len(mu.values)
        front = constant(half, rf"\frac{{1}}{{{2 * m}}}")
        log, variance = np.asarray(s.values, np.float64), np.exp(2 * np.asarray(s.values, np.float64))

        def square(k: int) -> tuple[Factor, ...]:
            number = mu.factor(unravelled(k, mu.values.shape))
            return front, number, number

        def rest(k: int) -> tuple[Factor, ...]:
            place = unravelled(k, log.shape)
            one = s.factor(place)
            symbol = rf"\left(e^{{2 {one.symbol}}} - 1 - 2 {one.symbol}\right)"
            return front, Factor(symbol, float(variance[place] - 1 - 2 * log[place]), one.ref)

        squares = np.asarray(mu.values, np.float64) ** 2 * half
        return [Sum(squares, square, True), Sum((variance - 1 - 2 * log) * half, rest, True)]


def _log_probabilities(z: Array) -> Any:
    """ln softmax of each row, in float64."""
    z = np.asarray(z, np.float64)
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
