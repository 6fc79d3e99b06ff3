"""Is a finished training worth its epochs? One line where it exploded, or is no better than answering without looking."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.training.evaluate_classifier import ClassifierEvaluation
from byhand.training.evaluate_labels import LabelsEvaluation
from byhand.training.evaluate_numbers import NumbersEvaluation
from byhand.training.history import History

RISEN = 1.5  # the last epoch's cost beside the first's
ERRORS = 2.0  # standard errors of a share of n samples
NO_R2 = 0.01


def doubt(history: History, evaluation: Any) -> str:
    """Why the result is worth nothing, as the beginning of a sentence; "" where it is worth something.

    A classifier is blamed where its accuracy is no better than the commonest class *and* its classes are found no better than
    by chance: with one rare class in a hundred, a good network's accuracy hardly exceeds the first.
    """
    costs = [epoch.cost for epoch in history.epochs]
    if costs and not all(math.isfinite(cost) for cost in costs):
        return "the cost is not finite"
    if len(costs) > 1 and 0 < RISEN * costs[0] < costs[-1]:
        return f"the cost rose from {costs[0]:.4g} to {costs[-1]:.4g}"
    if isinstance(evaluation, NumbersEvaluation) and not evaluation.r2 > NO_R2:
        return f"R2 is {evaluation.r2:.3f}: no better than always answering the mean"
    if isinstance(evaluation, LabelsEvaluation) and evaluation.f1.mean() <= evaluation.baseline_f1.mean():
        return "no better than always giving each label's most frequent answer"
    if isinstance(evaluation, ClassifierEvaluation):
        return _near_chance(evaluation.confusion)
    return ""


def _near_chance(confusion: Any) -> str:
    """confusion: (K, K), true classes down, read ones across."""
    of_class = confusion.sum(axis=1)
    n, present = int(of_class.sum()), of_class > 0
    if not n or present.sum() < 2:
        return ""
    right, common = float(np.trace(confusion)) / n, float(of_class.max()) / n
    found, chance = float((np.diag(confusion)[present] / of_class[present]).mean()), 1 / int(present.sum())
    error = ERRORS * math.sqrt(max(common * (1 - common), 1 / n) / n)
    if right > common + error or found > chance + error + 0.02:
        return ""
    return f"{right:.1%} right, the most frequent class alone is {common:.1%}: no better than answering without looking"
