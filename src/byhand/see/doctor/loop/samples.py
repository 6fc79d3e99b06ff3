"""The samples that a loop feeds: their size and order, their labels, whether a batch ever changes, columns that say too much."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.loop.event import Loop
from byhand.see.doctor.loop.straight_line import linear_accuracy
from byhand.see.doctor.loop.targets import classes_of
from byhand.see.doctor.probe_data import labels, scale

ENOUGH = 60  # samples
COMPARED = 8  # batches
SMALL = 8  # samples of a batch, below which its neighbours are looked at
SORTED = 0.3  # how far beyond chance neighbours may share their class
MARKERS = (-999.0, -9999.0, -99.0, -1e30)  # which stand for a missing value in people's tables


def samples(loop: Loop) -> tuple[list[Finding], list[Check]]:
    """Findings about inputs and targets alone."""
    collected = loop.collected
    if collected is None:
        loop.unseen.append("the samples: none were heard, or their sizes differ")
        return [], []
    x, y = collected
    found: list[Finding] = []
    if not np.issubdtype(x.dtype, np.floating) or not np.isfinite(x).all():
        return found + _not_finite(x), []
    classes = classes_of(y)
    checks = [
        _batches(loop),
        Check("inputs", f"{x.shape[1]} numbers per sample, from {x.min():.3g} to {x.max():.3g}, std {x.std():.3g}"),
    ]
    if len(x) >= ENOUGH:
        found += scale(x, False) + _columns(x, y) + _numbers_to_learn(y, classes)
    if classes is not None and not found:
        found += _order(loop)
        distinct, present = len(np.unique(x, axis=0)), classes[:, classes.any(axis=0)]
        if len(x) >= ENOUGH and distinct > len(x) // 2 and x.shape[1] > 1 and present.shape[1] > 1:
            more, check = labels(x.astype(np.float32), present)
            found += [finding for finding in more if finding.fault == "labels-wrong" and _unlearnable(x, present)]
            checks.append(check)
    return found, checks


def _unlearnable(x: Array, classes: Array) -> bool:
    """Whether a straight line reads no more than chance either: neighbours alone are misled by columns that say nothing."""
    right, chance = linear_accuracy(x, classes), float(classes.mean(axis=0).max())
    return right < chance + 3 * np.sqrt(chance * (1 - chance) / len(x)) + 0.02


def _batches(loop: Loop) -> Check:
    first = [x for x, _ in loop.samples[:COMPARED]]
    same = len(first) == COMPARED and all(x.shape == first[0].shape and np.array_equal(x, first[0]) for x in first)
    if not same:
        return Check("batches", f"{len(loop.samples)} of the first ones heard")
    return Check("batches", f"the same {len(first[0])} samples each time; if there are more, index by the loop's variable")


def _not_finite(x: Array) -> list[Finding]:
    if not np.issubdtype(x.dtype, np.floating):
        return []
    row, column = np.argwhere(~np.isfinite(x))[0]
    evidence = f"input {column} of sample {row} is {x[row, column]}"
    return [Finding("non-finite", "inputs", 0.97, evidence, "fill in missing values, or leave these samples out")]


def _columns(x: Array, y: Array) -> list[Finding]:
    """Single columns: one that is the answer, and markers for what is missing."""
    if not 1 < x.shape[1] <= 200:
        return []
    target = y.reshape(len(y), -1)
    target = target.argmax(axis=1) if target.shape[1] > 1 else target[:, 0].astype(np.float64)
    for column in range(x.shape[1]):
        found = _marker(column, x[:, column].astype(np.float64)) or _leak(column, x[:, column].astype(np.float64), target)
        if found:
            return found
    return []


def _marker(column: int, values: Array) -> list[Finding]:
    for marker in MARKERS:
        share = float((values == marker).mean())
        if 0.005 < share < 0.9 and (values[values != marker] > marker / 2).all():
            others = values[values != marker].min()
            evidence = f"input {column} is {marker:g} in {share:.0%} of the samples, {others:.3g} or more in the others"
            fix = "such a number marks a missing value: fill in the column's mean"
            return [Finding("inputs-not-normalised", f"input {column}", 0.85, evidence, fix)]
    return []


def _leak(column: int, values: Array, target: Array) -> list[Finding]:
    if not (values.std() > 0 and target.std() > 0):
        return []
    correlation = float(np.corrcoef(values, target)[0, 1])
    if abs(correlation) <= 0.9995:
        return []
    evidence = f"input {column} alone is the target, but for a factor (correlation {correlation:.4f})"
    fix = "leave this column out: it will not be known when the network is asked"
    return [Finding("leakage", f"input {column}", 0.85, evidence, fix)]


def _numbers_to_learn(y: Array, classes: Array | None) -> list[Finding]:
    """Targets of a regression that are far from the size of a network's first answers."""
    if classes is not None or not np.issubdtype(y.dtype, np.floating) or y.size == 0:
        return []
    size = float(np.sqrt(np.mean(np.square(y, dtype=np.float64))))
    if not np.isfinite(size) or size < 20:
        return []
    evidence = f"the targets' root mean square is {size:.3g}; a network's first answers are about 1"
    fix = "take the mean off the targets and divide them by their standard deviation; undo it for what the network answers"
    return [Finding("targets-do-not-fit", "targets", 0.85, evidence, fix)]


def _order(loop: Loop) -> list[Finding]:
    """Samples that come sorted by class."""
    targets = [y for _, y in loop.samples]
    if not targets or len({y.shape[1:] for y in targets}) != 1:
        return []
    y = np.concatenate(targets)
    classes = classes_of(y)
    if classes is None or len(y) < ENOUGH:
        return []
    same, chance = _purity(targets, classes), float(np.square(classes.mean(axis=0)).sum())
    # Where only one class has come yet, chance is 1: then what matters is whether others exist, which the network's outputs tell.
    if same <= chance + SORTED and not (chance > 0.999 and len(loop.samples) > 3 and classes.shape[1] > 2):
        return []
    evidence = f"two samples of a batch share their class in {same:.0%} of the cases; by chance in {chance:.0%}"
    fix = "shuffle the samples in each epoch: shuffle=True, rng.permutation(n)"
    return [Finding("not-shuffled", "the order of samples", 0.9, evidence, fix)]


def _purity(targets: list[Array], classes: Array) -> float:
    """How often two samples that are learned from together have one class: of a batch, or, where batches are small, in a row."""
    ends = np.cumsum([len(y) for y in targets])
    if ends[-1] >= SMALL * len(targets):
        shares = [part.mean(axis=0) for part in np.split(classes, ends[:-1]) if len(part)]
        return float(np.mean([np.square(share).sum() for share in shares]))
    c = classes.argmax(axis=1)
    return float((c[1:] == c[:-1]).mean())
