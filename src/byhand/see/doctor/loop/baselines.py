"""Is the network worth more than what needs no training? Chance, the commonest class, a straight line and the nearest neighbours.

A training that does worse than a straight line is not healthy, whatever its cost does.
"""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.loop.event import Loop
from byhand.see.doctor.loop.moves import learned
from byhand.see.doctor.loop.replies import accuracy
from byhand.see.doctor.loop.samples import ENOUGH
from byhand.see.doctor.loop.straight_line import linear_accuracy
from byhand.see.doctor.probe_data import neighbours

MARGIN = 3.0  # standard errors
FALLING = 0.93  # the last quarter's cost beside that of the quarter before, where a training is not at its end
BEHIND = 0.1  # the nearest neighbours, who have all samples at hand, may be better by so much
STANDING = 0.97  # a cost that stays above this share of its first value has not moved


def baselines(loop: Loop) -> tuple[list[Finding], list[Check], bool]:
    """What the network reads right beside the baselines; the last: whether it is behind."""
    collected = loop.collected
    if collected is None or len(collected[0]) < ENOUGH or not np.issubdtype(collected[0].dtype, np.floating):
        return _standing(loop)
    x, y = collected
    if loop.part:
        loop.unseen.append("worth: the network that was listened to is a part, and another one answers")
        return _standing(loop)
    shaped = x.reshape(-1, *loop.samples[0][0].shape[1:])
    try:
        measured = accuracy(loop, shaped, y)
    except Exception as error:  # somebody else's network
        loop.unseen.append(f"accuracy: the network raised {type(error).__name__} when it was asked ({str(error)[:80]})")
        return _standing(loop)
    if measured is None:
        return _regression(loop, x, y, shaped)
    right, classes = measured
    n = len(x)
    if classes.mean(axis=0).max() == 1:
        loop.unseen.append("worth: all targets that were collected are of one class, as where a network is asked about in parts")
        return _standing(loop)
    found = {
        "the commonest class": float(classes.mean(axis=0).max()),
        "a straight line": linear_accuracy(x, classes),
        "nearest neighbours": float((neighbours(x.astype(np.float32), classes).argmax(axis=1) == classes.argmax(axis=1)).mean()),
    }
    best = max(list(found)[:2], key=lambda name: found[name])
    text = ", ".join(f"{name} {value:.1%}" for name, value in found.items())
    check = Check("worth", f"the network reads {right:.1%} of {n} samples that it trained on; {text}")
    margin = MARGIN * np.sqrt(max(found[best] * (1 - found[best]), 1 / n) / n) + 0.02
    if right >= max(found[best] - margin, found["nearest neighbours"] - BEHIND - margin):
        return [], [check], False
    evidence = f"at the end it reads {right:.1%} of {n} samples that it trained on; {text}"
    return [_why(loop, evidence)], [check], True


def _regression(loop: Loop, x: Array, y: Array, shaped: Array) -> tuple[list[Finding], list[Check], bool]:
    answers = loop.answers(shaped).reshape(len(x), -1)
    target = y.reshape(len(y), -1).astype(np.float64)
    if answers.shape != target.shape or not np.isfinite(target).all() or np.array_equal(x, target):
        return _standing(loop)
    if ((target == 0) | (target == 1)).all():
        return _labels(loop, answers, target)
    a = np.column_stack([(x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9), np.ones(len(x))]).astype(np.float64)
    w = np.linalg.lstsq(a, target, rcond=None)[0]
    variance = max(float(target.var(axis=0).sum()), 1e-300)
    ours, line = (1 - float(np.square(target - z).mean(axis=0).sum()) / variance for z in (answers, a @ w))
    check = Check("worth", f"R2 of the network {ours:.3f}, of a straight line {line:.3f}, on {len(x)} samples that it trained on")
    if len(x) < 2 * x.shape[1] or (ours >= line - 0.05 and (ours > 0.01 or line < 0.05)):
        return [], [check], False
    return [_why(loop, f"at the end its R2 is {ours:.3f}, that of a straight line {line:.3f}")], [check], True


def _labels(loop: Loop, answers: Array, target: Array) -> tuple[list[Finding], list[Check], bool]:
    """Several labels at once: how many are right, beside the commoner answer to each."""
    bound = 0.5 if answers.min() >= 0 and answers.max() <= 1 else 0.0
    right, common = (
        float(((answers >= bound) == target).mean()),
        float(np.maximum(target.mean(axis=0), 1 - target.mean(axis=0)).mean()),
    )
    text = f"the network has {right:.1%} of {target.size} labels right, the commoner answer to each {common:.1%}"
    if right >= common - 0.02:
        return [], [Check("worth", text)], False
    return [_why(loop, f"at the end {text}")], [Check("worth", text)], True


def _standing(loop: Loop) -> tuple[list[Finding], list[Check], bool]:
    if loop.games:
        loop.unseen.append("whether the cost falls: another optimiser learns in turns, as in a game, and may raise it")
        return [], [], False
    left = learned(loop)
    if len(loop.costs) < 30 or not left > STANDING:
        return [], [], False
    evidence = f"after {len(loop.costs)} steps {left:.0%} of the first cost is left"
    return (
        [
            Finding(
                "not-learning",
                "the training",
                0.7,
                evidence,
                "look at the findings above it, or at a rate ten times larger and smaller",
                curves={"cost": loop.costs},
            )
        ],
        [],
        True,
    )


def _why(loop: Loop, evidence: str) -> Finding:
    """What is behind: a training that still gets better was ended too early; one that stands does not learn."""
    costs = np.array(loop.costs, float)
    curves = {"cost": loop.costs}
    quarter = len(costs) // 4
    if quarter >= 5 and np.isfinite(costs).all():
        before, after = costs[-2 * quarter : -quarter].mean(), costs[-quarter:].mean()
        noise = costs[-quarter:].std() / np.sqrt(quarter)
        if after < before - 3 * noise and after < FALLING * before:
            fix = "train for more epochs; the cost still falls"
            return Finding(
                "too-few-epochs",
                "epochs",
                0.7,
                f"{evidence}; its cost still falls, from {before:.3g} to {after:.3g} in the last quarter",
                fix,
                curves=curves,
            )
    return Finding(
        "not-learning",
        "the training",
        0.7,
        evidence,
        "it is worth less than a model without training: try another rate, and fewer layers",
        curves=curves,
    )
