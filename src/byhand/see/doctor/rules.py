"""What the history of a finished run says by itself: divergence, a plateau at nothing, a cost that swings, learning by heart, an
early end, an accuracy that does not follow the cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.changes import another_rate
from byhand.see.doctor.finding import Finding
from byhand.training.history import History

RISEN = 1.35  # the validation cost at the end beside its lowest
FALLING = 0.04  # of the cost, an epoch, at the end
SWING, SWINGS = 0.15, 4  # a rise of an epoch's mean cost, and how many are too many


def rules(history: History) -> list[Finding]:
    """Findings from the costs of a run's epochs; a run of fewer than four epochs says too little."""
    epochs = history.epochs
    if len(epochs) < 4:
        return []
    cost = np.array([epoch.cost for epoch in epochs])
    curves, rate = {"cost": cost.tolist()}, max(epoch.learning_rate for epoch in epochs)
    change: Mapping[str, Any]
    found: list[Finding] = []
    if not np.isfinite(cost).all():
        found.append(
            Finding(
                "non-finite",
                "run",
                0.97,
                f"the cost of epoch {int(np.argmax(~np.isfinite(cost))) + 1} is not finite",
                "a smaller rate",
            )
        )
        return found
    if cost[-1] > 1.2 * cost[0] and cost[0] > 0:
        evidence = f"the mean cost of an epoch was {cost[0]:.4g} at first and is {cost[-1]:.4g} at the end"
        fix, change = another_rate(rate, 0.1)
        found.append(Finding("rate-too-high", "learning rate", 0.8, evidence, fix, curves=curves, change=change))
    elif cost[0] > 0 and cost.min() > 0.98 * cost[0]:
        evidence = f"the mean cost of an epoch stays between {cost.min():.4g} and {cost.max():.4g} for {len(cost)} epochs"
        found.append(
            Finding("not-learning", "run", 0.7, evidence, "examine the recipe itself: byhand doctor RECIPE", curves=curves)
        )
    elif (swings := swung(cost)) >= SWINGS:
        evidence = f"from one epoch to the next the cost rose by more than {SWING:.0%} in {swings} of {len(cost) - 1} cases"
        fix, change = another_rate(rate, 0.3)
        found.append(Finding("rate-too-high", "learning rate", 0.7, evidence, fix, curves=curves, change=change))
    found += contradicted(history, curves)
    held = [epoch.validation_cost for epoch in epochs]
    if all(value is not None for value in held):
        curve = np.array(held, float)
        lowest = int(curve.argmin())
        if lowest < len(curve) - 2 and curve[-1] > RISEN * curve[lowest] and cost[-1] < 0.6 * curve[-1]:
            evidence = (
                f"the validation cost was {curve[lowest]:.4g} after epoch {lowest + 1} and is {curve[-1]:.4g} after "
                f"epoch {len(curve)}"
            )
            fix = f"stop after epoch {lowest + 1}, or more data, augmentation, weight decay or dropout"
            found.append(Finding("overfitting", "run", 0.85, evidence, fix, curves=curves | {"validation cost": curve.tolist()}))
    rates = [epoch.learning_rate for epoch in epochs]
    last = (cost[-4] - cost[-1]) / max(abs(cost[-4]), 1e-12) / 3
    falls = cost[-1] < (1 - FALLING / 2) * cost[-2]
    if last > FALLING and falls and rates[-1] >= 0.5 * max(rates):
        evidence = f"in the last three epochs the cost fell by {last:.0%} each, and the rate is still {rates[-1]:g}"
        change = {"epochs": 4 * len(epochs)}
        found.append(
            Finding("too-few-epochs", "epochs", 0.7, evidence, f"{4 * len(epochs)} epochs", curves=curves, change=change)
        )
    return found


def swung(cost: Array) -> int:
    """How often an epoch's mean cost is well above that of the epoch before."""
    return int((cost[1:] > (1 + SWING) * cost[:-1]).sum())


def contradicted(history: History, curves: dict[str, list[float]]) -> list[Finding]:
    """A validation cost that falls to less than two thirds, and an accuracy that does not move."""
    rows = [(epoch.validation_cost, epoch.validation_accuracy) for epoch in history.epochs]
    if any(cost is None or right is None for cost, right in rows):
        return []
    cost, right = (np.array(column, float) for column in zip(*rows, strict=True))
    if cost[-1] > cost[0] / 1.5 or right.max() > right[0] + 0.02 or right[0] > 0.8:
        return []
    evidence = (
        f"the validation cost fell from {cost[0]:.4g} to {cost[-1]:.4g}, but the accuracy stays between {right.min():.1%} and "
        f"{right.max():.1%}"
    )
    fix = "look at how right answers are counted: the largest output against the target's largest, sample by sample"
    return [Finding("metric-contradicts", "accuracy", 0.8, evidence, fix, curves=curves | {"accuracy": right.tolist()})]
