r"""Which cost a loop reports: found among the usual formulas by its own numbers.

The cost C of step e is tried as c f(a, t), with f a formula's mean over the batch and c one number for all steps. The half of a
square, the mean over outputs and the sum over the batch are such numbers. A penalty is tried as well: C = f + \lambda \sum w^2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from byhand.activations import softmax
from byhand.backend import Array
from byhand.see.doctor.loop.event import Event, Loop
from byhand.see.doctor.loop.targets import classes_of

ALIKE = 2e-3  # relative
TINY = 1e-12
NEXT_TO_0 = 1e-7


def _log(p: Array) -> Array:
    return np.log(np.maximum(p, TINY))


def _softmax(z: Array) -> Array:
    return softmax(z, np.empty_like(z))


FORMULAS: dict[str, Callable[[Array, Array], Array]] = {
    "cross-entropy of the answers": lambda a, t: -(t * _log(a)).sum(axis=1),
    "cross-entropy of softmax(answers)": lambda a, t: -(t * _log(_softmax(a))).sum(axis=1),
    "binary cross-entropy of the answers": lambda a, t: -(t * _log(a) + (1 - t) * _log(1 - a)).sum(axis=1),
    "binary cross-entropy of sigmoid(answers)": lambda a, t: (np.logaddexp(0, a) - t * a).sum(axis=1),
    "squared distance": lambda a, t: np.square(a - t).sum(axis=1),
    "absolute distance": lambda a, t: np.abs(a - t).sum(axis=1),
}


@dataclass(frozen=True)
class KnownCost:
    """The formula that a loop's cost follows.

    Attributes:
        name: in words. factor: c. penalty: lambda. summed: whether it is a sum over the batch and not a mean.
    """

    name: str
    factor: float
    penalty: float = 0.0
    summed: bool = False

    def __call__(self, answers: Array, targets: Array, weights: list[Array]) -> float:
        """Of a batch, answers and targets (m, K)."""
        with np.errstate(all="ignore"):
            value = float(FORMULAS[self.name](answers, targets).mean())
        squares = sum(float(np.square(w, dtype=np.float64).sum()) for w in weights) if self.penalty else 0.0
        return self.factor * value + self.penalty * squares


def fitting(targets: Array, answers: Array) -> Array | None:
    """Targets as (m, K) beside answers (m, K); None where they cannot be."""
    if answers.ndim != 2 or len(targets) != len(answers):
        return None
    if targets.ndim == 1 or targets.shape[1] != answers.shape[1]:
        if answers.shape[1] == 1:
            return targets.reshape(len(targets), -1)[:, :1].astype(np.float64)
        return classes_of(targets, answers.shape[1])
    return targets.astype(np.float64)


def find_cost(loop: Loop) -> KnownCost | None:
    """The formula that all events of a loop agree with; None for a cost of its own."""
    rows = [row for row in (_row(loop, event) for event in loop.whole) if row is not None]
    # A probability next to 0 goes into its logarithm by a bound that only the loop knows.
    rows = [row for row in rows if not saturated(row[1], row[2])]
    if not rows:
        return None
    costs = np.array([event.cost for event, _, _ in rows])
    size = len(rows[0][1])
    best, found = ALIKE, None
    for name, formula in FORMULAS.items():
        with np.errstate(all="ignore"):
            means = np.array([float(formula(a, t).mean()) for _, a, t in rows])
        if not np.isfinite(means).all() or (means <= 0).any():
            continue
        ratios = costs / means
        factor = float(np.median(ratios))
        off = float(np.abs(ratios / factor - 1).max()) if factor else np.inf
        outputs = rows[0][1].shape[1]
        usual = [c * d for c in (1, 0.5, 2) for d in (1, 1 / outputs)]
        natural = min(abs(factor / (c * n) - 1) for c in usual for n in (1, size))
        if natural > 5 * ALIKE and len(rows) < 3:
            continue  # one number can be any formula's
        if off < best:
            summed = size > 1 and min(abs(factor / (c * size) - 1) for c in usual) < 5 * ALIKE
            best, found = off, KnownCost(name, factor, summed=summed)
        elif found is None and len(rows) > 2:
            found = _with_penalty(name, means, costs, [event for event, _, _ in rows])
    return found


def saturated(answers: Array, targets: Array) -> bool:
    """Whether answers that may be probabilities are next to 0 where the target is not."""
    return bool((answers >= 0).all() and (answers <= 1).all() and (answers[targets > 0.5] < NEXT_TO_0).any())


def _row(loop: Loop, event: Event) -> tuple[Event, Array, Array] | None:
    if event.targets is None:
        return None
    answers = event.outputs if event.outputs is not None else loop.answers(event.inputs, event.before)
    targets = fitting(event.targets, answers)
    return None if targets is None else (event, answers.astype(np.float64), targets)


def _with_penalty(name: str, means: Array, costs: Array, events: list[Event]) -> KnownCost | None:
    squares = np.array([sum(float(np.square(w, dtype=np.float64).sum()) for w in event.before.values()) for event in events])
    rest = costs - means
    penalty = float((rest @ squares) / max(squares @ squares, TINY))
    if penalty <= 0 or np.abs(means + penalty * squares - costs).max() > ALIKE * np.abs(costs).max():
        return None
    return KnownCost(name, 1.0, penalty)
