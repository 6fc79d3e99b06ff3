"""A training on trial: carried out as it is, or with one setting changed, and measured on data that it did not see.

Its length is limited in nominal seconds (see `work`), so that a busy machine comes to the same findings as an idle one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ByhandError
from byhand.models.elbo import Variational, divergence
from byhand.predictions import chosen
from byhand.see.doctor.patient import Patient
from byhand.see.doctor.work import step_seconds
from byhand.training.state import undisturbed
from byhand.training.steps import Steps

MEASURED = 1_000  # held-out samples
POINTS = 8  # how often in a training is measured
GIVEN_UP = 0.24  # of a training: before that a slower one may still be the better one
LEAST = 4  # steps that any trial may take


@dataclass
class Outcome:
    """What became of a training.

    Attributes:
        costs: of each batch. steps: taken, of `total`, in so many nominal seconds. exploded: the error's words, where it did.
        right: (n,) whether each held-out sample is read right, for networks that tell classes apart, else empty.
        cost, train_cost: mean cost of held-out and of training samples; train_error: share of these that is read wrong.
        curve: held-out cost at some points of the training, closer together at its beginning; the last one at its end.
        reached: how many steps had been taken at each of them.
        divergences: (d,) of a VAE, the mean divergence of each dimension of its code on held-out samples, in nats; else empty.
    """

    costs: list[float] = field(default_factory=list)
    steps: int = 0
    total: int = 0
    seconds: float = 0.0
    exploded: str = ""
    right: Array = field(default_factory=lambda: np.zeros(0, bool))
    cost: float = float("inf")
    train_cost: float = float("inf")
    train_error: float = 1.0
    curve: list[float] = field(default_factory=list)
    reached: list[int] = field(default_factory=list)
    divergences: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def complete(self) -> bool:
        return self.steps >= self.total

    @property
    def error(self) -> float:
        """The share of held-out samples that is read wrong."""
        return float(1 - self.right.mean()) if len(self.right) else float("nan")


def carry_out(
    patient: Patient, seconds: float, change: Callable[[Steps], None] | None = None, rival: Outcome | None = None
) -> Outcome:
    """Train from the beginning, for so many nominal seconds at most; the patient is left as it was.

    With a `rival`, the trial is given up where it falls behind it: well after the start, and by more than it would catch up.
    """
    training = patient.training
    with undisturbed(training), np.errstate(all="ignore"):
        if change is not None:
            change(training)
        out = Outcome(total=training.total)
        step_takes = step_seconds(training)
        most = max(LEAST, int(seconds / step_takes))
        points = {round(training.total * k / POINTS) for k in range(1, POINTS)}
        points |= {round(training.total / POINTS / 2**k) for k in range(1, 5)} - {0}
        try:
            for step in training:
                out.costs.append(step.cost)
                out.steps += 1
                if out.steps in points and patient.held_out is not None:
                    out.curve.append(measured(patient)[0])
                    out.reached.append(out.steps)
                    if rival is not None and behind(out, rival):
                        break
                if out.steps >= most:
                    break
        except ByhandError as error:
            out.exploded = str(error)
        out.seconds = out.steps * step_takes
        if np.isfinite(training.model.parameters).all():
            out.cost, out.right = measured(patient)
            out.curve.append(out.cost)
            out.reached.append(out.steps)
            out.divergences = divergences(patient)
            x, y = patient.few(MEASURED)
            out.train_cost, out.train_error = _on(patient, x, y)
    return out


def behind(out: Outcome, rival: Outcome) -> bool:
    """Whether a trial is so far behind another at the same step, a quarter of the training or more, that it need not go on."""
    if out.steps not in rival.reached or out.steps < GIVEN_UP * out.total:
        return False
    there, start = rival.curve[rival.reached.index(out.steps)], max(rival.curve[0], out.curve[0])
    return not out.curve[-1] < there + 0.1 * max(start - there, 0.1 * abs(there))


def measured(patient: Patient) -> tuple[float, Array]:
    """Mean cost of held-out samples, and which of them are read right."""
    held = patient.held_out
    if held is None:
        return float("inf"), np.zeros(0, bool)
    n = max(1, len(held) // MEASURED)
    x, y = held.flat[::n][:MEASURED], held.targets()[::n][:MEASURED]
    cost = float(patient.model.evaluate(x, y)[0])
    if not patient.classifies:
        return cost, np.zeros(0, bool)
    return cost, chosen(patient.model.forward(x)) == chosen(y)


def divergences(patient: Patient) -> Array:
    """Of a VAE: the mean divergence of each dimension of the code from N(0, 1), (d,), in nats; of others nothing."""
    model, held = patient.model, patient.held_out
    if not isinstance(model, Variational) or held is None or patient.model.classes:
        return np.zeros(0)
    mu, log_sigma = model.encode(held.flat[:500])
    return (
        np.asarray(divergence(np.asarray(mu, np.float64), np.asarray(log_sigma, np.float64)), float)
        .reshape(len(mu), -1)
        .mean(axis=0)
    )


def _on(patient: Patient, x: Array, y: Array) -> tuple[float, float]:
    cost = float(patient.model.evaluate(x, y)[0])
    if not patient.classifies:
        return cost, float("nan")
    wrong: Any = chosen(patient.model.forward(x)) != chosen(y)
    return cost, float(wrong.mean())


def better(one: Outcome, other: Outcome) -> float:
    """How sure it is that `one` reads more held-out samples right than `other`: the z of McNemar's test, 0 where it does not.

    Source: McNemar (1947), Psychometrika 12, 153.
    """
    if len(one.right) == 0 or len(one.right) != len(other.right):
        return 0.0
    gained, lost = int((one.right > other.right).sum()), int((other.right > one.right).sum())
    return max(0.0, (gained - lost) / max(1.0, (gained + lost) ** 0.5))
