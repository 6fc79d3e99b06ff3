r"""The cost: whether it is that of the answers that the network gives, and where it begins.

Before the first step nothing is known, and an answer that knows nothing costs what chance costs: of K classes

    C_0 = \ln K \text{ (softmax)}, \quad K \ln 2 \text{ (sigmoid outputs)}

A network that begins far above it is sure of things it cannot know. Then the cost that `learn` reports is worked out anew, from
what `forward` answers to the same samples: the two must agree, or the network is taught with another cost, or on other inputs,
than it is used with.

Source: Karpathy et al., CS231n notes on sanity checks, "look for correct loss at chance performance".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ByhandError
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient
from byhand.training.state import undisturbed

SAMPLES = 64
TOLERANCE = 0.05  # relative difference of two costs of the same answers
TIMES = 3.0  # the cost of chance, and so much more: the first weights are too large
ROUNDED = 1e-5
BURN_IN = 30  # steps after which the two costs are compared again


def probe_cost(patient: Patient) -> tuple[list[Finding], list[Check]]:
    """Findings about the cost of networks that tell classes apart or copy their input; nothing for others."""
    model = patient.model
    found = targets_fit(patient)
    if found or not patient.classifies:
        return found, []
    x, y = patient.few(SAMPLES)
    with undisturbed(patient.training), np.errstate(all="ignore"):
        first = compared(model, x, y)
        try:
            for _ in range(min(BURN_IN, patient.training.total)):
                next(patient.training)
        except ByhandError:
            return [], []
        later = compared(model, x, y)
    if first is None or later is None:
        return [], []
    start, expected = first["evaluated"], chance(model, y)
    check = Check("cost at the start", f"{start:.3g} a sample; an answer that knows nothing costs {expected:.3g}")
    found = contradicted(first, later, model)
    if not found and start > TIMES * expected:
        evidence = f"before the first step a sample costs {start:.3g}, an answer that knows nothing {expected:.3g}"
        fix = 'smaller first weights, above all in the last layer: initialiser="nielsen", "he" or "glorot"'
        found.append(
            Finding("init-too-large", "output layer", 0.8, evidence, fix, curves={"cost, and of chance": [start, expected]})
        )
    return found, [check]


def targets_fit(patient: Patient) -> list[Finding]:
    """Targets that the outputs cannot reach: a sigmoid or softmax ends at 0 and 1."""
    model = patient.model
    coder = patient.reconstructs
    targets = patient.x if coder else patient.y
    if model.output_activation not in ("sigmoid", "softmax") or targets.dtype.kind != "f":
        return []
    few = targets[:: max(1, len(targets) // 1_000)]
    low, high = float(few.min()), float(few.max())
    if low >= -1e-3 and high <= 1.001:
        return []
    where = "data" if coder else "targets"
    evidence = f"the targets go from {low:.3g} to {high:.3g}, but the outputs end in a sigmoid: they stay within [0, 1]"
    fix = "bring the targets into [0, 1]: pixels divided by 255, (x + 1) / 2 of what was in [-1, 1]; one-hot rows for classes"
    counts = np.histogram(few, bins=20)[0]
    return [
        Finding("targets-do-not-fit", where, 0.95, evidence, fix, curves={f"targets, {low:.3g} to {high:.3g}": counts.tolist()})
    ]


def compared(model: Any, x: Array, y: Array) -> dict[str, float] | None:
    """The cost of the same samples three times: as `learn` and as `evaluate` have it, and worked out from the answers."""
    evaluated, twice = float(model.evaluate(x, y)[0]), float(model.evaluate(x, y)[0])
    if not math.isclose(evaluated, twice, rel_tol=1e-4):
        return None  # random in evaluation, which another probe tells
    answers = np.asarray(model.forward(x), np.float64)
    found = {"evaluated": evaluated, "recomputed": recomputed(model, answers, y)}
    if exact(model):
        found["learned"] = float(model.learn(x, y)) - model.penalty()
    return found if math.isfinite(evaluated) else None


def exact(model: Any) -> bool:
    """Whether training and evaluation compute the same function: no dropout, no batch statistics."""
    return not model.buffers and model.without_dropout() is None


def recomputed(model: Any, a: Array, y: Array) -> float:
    """The mean cost of answers a (N, K) by the formula of the cost that the network says it has; NaN where it is another."""
    name = model.cost_name
    if a.ndim != 2 or a.shape != y.shape or model.label_smoothing:
        return float("nan")
    if name == "quadratic":
        return float(0.5 * np.square(a - y).sum(axis=1).mean())
    if name != "cross_entropy":
        return float("nan")
    of_target = np.where(y > 0.5, a, 1.0 if _softmax(model) else 1 - a)
    if of_target.min() < ROUNDED:  # float32 has no logarithm of what is this near to 0 or 1
        return float("nan")
    return float(-np.log(of_target).sum(axis=1).mean())


def _softmax(model: Any) -> bool:
    return bool(model.output_activation == "softmax")


def chance(model: Any, y: Array) -> float:
    """What an answer costs that knows nothing: of K classes."""
    k, name = y.shape[1], model.cost_name
    if name == "cross_entropy" and _softmax(model):
        return math.log(k)
    return k * math.log(2) if name == "cross_entropy" else k / 8 if name == "quadratic" else math.inf


def contradicted(first: dict[str, float], later: dict[str, float], model: Any) -> list[Finding]:
    """The cost of training beside that of evaluation, and both beside the formula."""
    for when, costs in (("before the first step", first), (f"after {BURN_IN} steps", later)):
        evaluated, again, learned = costs["evaluated"], costs["recomputed"], costs.get("learned", math.nan)
        curves = {"reported, worked out anew": [evaluated, again]}
        if abs(evaluated - again) > TOLERANCE * max(evaluated, again):
            name = model.cost_name
            evidence = (
                f"{when} {SAMPLES} samples cost {evaluated:.3g} as the network reports it, but the {name.replace('_', '-')} "
                f"of its answers is {again:.3g}"
            )
            fix = "the cost of what comes out: cross-entropy takes softmax's probabilities, and each logarithm once"
            return [Finding("wrong-cost", "cost of the outputs", 0.9, evidence, fix, curves=curves)]
        if abs(evaluated - learned) > TOLERANCE * max(evaluated, learned):
            evidence = f"{when} {SAMPLES} samples cost {learned:.3g} in training, but {evaluated:.3g} in evaluation"
            fix = "compute the same in both: inputs prepared by the same function, the same layers, the same cost"
            return [
                Finding(
                    "evaluation-differs", "evaluation", 0.9, evidence, fix, curves={"training, evaluation": [learned, evaluated]}
                )
            ]
    return []
