"""What the network is fed: range and scale, labels that fit, duplicates between training and test, test data prepared alike.

The labels are judged by the nearest neighbours: where inputs say anything about labels, those of a sample mostly share its own.

Source: for label noise, Northcutt, Jiang and Chuang (2021), arXiv:1911.00068: examples whose label a confident model contradicts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.data.dataset import Dataset
from byhand.predictions import each_class
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient

LOOKED_AT = 2_000  # training samples whose neighbours are looked for
NEIGHBOURS = 10
LARGE, SMALL = 5.0, 0.02  # root mean square of inputs that are too large, and too small, for weights drawn for numbers around 1
LEAK = 0.02  # share of test samples that are also training samples
LONE = 0.075  # share of labels that are alone in a neighbourhood of another class; 3 to 5 % of MNIST's, at 10 % wrong 8 to 10 %
NOISE = 0.06  # share of labels that nearly all neighbours contradict; at 10 % wrong labels about 8 % are


def probe_data(patient: Patient) -> tuple[list[Finding], list[Check]]:
    """Findings about the data alone; the network is not asked."""
    found: list[Finding] = []
    x, y = patient.x, each_class(patient.y) if patient.classifies else patient.y
    checks = [
        Check(
            "inputs",
            f"{x.shape[1]} numbers a sample, from {x.min():.3g} to {x.max():.3g}, mean {x.mean():.3g}, std {x.std():.3g}",
        )
    ]
    found += scale(x, patient.draws)
    if any(finding.fault == "inputs-constant" for finding in found):
        return found, checks
    for name, other in (("validation", patient.validation), ("test", patient.test)):
        if other is not None:
            found += prepared_otherwise(patient, other, name) or numbered_otherwise(patient, other, name)
            found += leaks(x, other, name)
    if y.ndim == 2 and y.shape[1] > 1 and patient.classifies:
        found += missing_classes(y)
        more, check = labels(x, y)
        found += more
        checks.append(check)
    if patient.held_out is None:
        found.append(unvalidated("neither validation nor test data are given, so nobody can say what the network is worth"))
    else:
        held = patient.validation
        checks.append(Check("validation", f"{len(held):,} samples" if held is not None else "none: measured on the test data"))
    return found, checks


def unvalidated(evidence: str) -> Finding:
    """No data to validate on, with what that brings about."""
    fix = 'hold out a tenth of the training data: byhand.data.dataset.stratified_split, or data_options={"validation": ...}'
    return Finding("no-validation", "data", 0.9, evidence, fix)


def scale(x: Array, scales_itself: bool) -> list[Finding]:
    """Inputs far from the size that initialisers are made for, unless the network scales them itself; or that do not differ."""
    few = x[:: max(1, len(x) // LOOKED_AT)]
    size, spread = float(np.sqrt(np.mean(np.square(few, dtype=np.float64)))), few.std(axis=0)
    low, high = float(few.min()), float(few.max())
    curves = {f"inputs, {low:.3g} to {high:.3g}": np.histogram(few, bins=20)[0].tolist()}
    evidence = f"the inputs' root mean square is {size:.3g}, their range {low:.3g} to {high:.3g}; weights are drawn for about 1"
    if float(spread.max()) <= 1e-6 * max(size, 1e-12):
        return [
            Finding(
                "inputs-constant",
                "data",
                0.99,
                f"all {len(few):,} samples that were looked at are the same",
                "read the inputs anew",
            )
        ]
    if size > LARGE and not scales_itself:
        worst = few.std(axis=0) > 20 * np.median(spread[spread > 0])
        only = f"; {int(worst.sum())} of {len(worst)} inputs are more than 20 times as wide as the others" if worst.any() else ""
        return [
            Finding(
                "inputs-not-normalised",
                "data",
                0.9,
                evidence + only,
                "divide pixels by 255; take the mean off other numbers and divide them by their standard deviation",
                curves=curves,
            )
        ]
    if size < SMALL and not scales_itself:
        return [
            Finding(
                "inputs-normalised-twice",
                "data",
                0.9,
                evidence,
                "normalise once: pixels are divided by 255 either by the loader or by you, not by both",
                curves=curves,
            )
        ]
    return []


def prepared_otherwise(patient: Patient, other: Dataset, name: str) -> list[Finding]:
    """Test data of another scale, turned round, transposed or inverted beside the training data."""
    x, z = patient.x[:: max(1, len(patient.x) // LOOKED_AT)], other.flat[:: max(1, len(other) // LOOKED_AT)]
    if z.shape[1] != x.shape[1] or len(z) < 20:
        return []
    fix = f"prepare the {name} data by the same function as the training data"
    (m, s), (n, r) = (float(x.mean()), float(x.std())), (float(z.mean()), float(z.std()))
    if s > 0 and (not 0.5 < r / s < 2 or abs(m - n) > 0.75 * s):
        evidence = f"training inputs have mean {m:.3g} and std {s:.3g}, {name} inputs {n:.3g} and {r:.3g}"
        return [Finding("test-data-differ", f"{name} data", 0.95, evidence, fix)]
    side = round(x.shape[1] ** 0.5)
    if side < 6 or side * side != x.shape[1]:
        return []
    mean, theirs = x.mean(axis=0).reshape(side, side), z.mean(axis=0).reshape(side, side)
    ways = {"transposed": theirs.T, "upside down": theirs[::-1], "mirrored": theirs[:, ::-1], "turned": theirs[::-1, ::-1]}
    as_it_is = _correlation(mean, theirs)
    best = max(ways, key=lambda way: _correlation(mean, ways[way]))
    better = _correlation(mean, ways[best])
    if better - as_it_is > 0.05 and 1 - better < 0.3 * (1 - as_it_is):
        evidence = f"their mean image correlates {as_it_is:.2f} with that of the training data as it is, {better:.2f} when {best}"
        return [Finding("test-data-differ", f"{name} data", 0.9, evidence, f"{fix}: they are {best}")]
    return []


def numbered_otherwise(patient: Patient, other: Dataset, name: str) -> list[Finding]:
    """Classes that have other numbers in the test data: neighbours among the training samples agree with each other only.

    A network that ignores its training cannot be told from a wrong numbering by its accuracy; the neighbours can.
    """
    if not patient.classifies or patient.y.dtype.kind != "f" or len(other) < 50:
        return []
    x, y = patient.few(LOOKED_AT)
    y = each_class(y)
    n = max(1, len(other) // 500)
    labels, k = other.labels[::n][:500], y.shape[1]
    read = neighbours(x, y, other.flat[::n][:500], k=5).argmax(axis=1)
    own, inside = float((read == labels).mean()), float((neighbours(x, y, k=5).argmax(axis=1) == y.argmax(axis=1)).mean())
    counts = np.zeros((k, k), int)
    np.add.at(counts, (labels, read), 1)
    renamed = float(counts.max(axis=1).sum()) / len(labels)  # right, if each class were called as its neighbours are
    chance = float(np.square(y.mean(axis=0)).sum())
    if inside < chance + 0.3 * (1 - chance) or renamed < inside - 0.2 or own > 0.6 * renamed:
        return []
    worst = [f"{a} is {counts[a].argmax()}" for a in range(k) if counts[a].sum() and counts[a].argmax() != a]
    if not worst:
        return []
    evidence = (
        f"the nearest training samples have the label of {own:.0%} of the {name} samples, {renamed:.0%} if classes are called "
        f"otherwise: {', '.join(worst[:4])}"
    )
    fix = f"make the list of classes once, from the training data, and number the {name} labels by it"
    return [
        Finding(
            "test-data-differ", f"{name} data, labels", 0.9, evidence, fix, curves={"right as numbered, renamed": [own, renamed]}
        )
    ]


def _correlation(a: Array, b: Array) -> float:
    if not (a.std() > 0 and b.std() > 0):
        return 0.0
    return float(np.corrcoef(a.reshape(-1), b.reshape(-1))[0, 1])


def leaks(x: Array, other: Dataset, name: str) -> list[Finding]:
    """Samples held out that are training samples too, to the bit (few numbers coincide by chance)."""
    known = {row.tobytes() for row in np.ascontiguousarray(x, np.float32)}
    rows = np.ascontiguousarray(other.flat, np.float32)
    share = sum(row.tobytes() in known for row in rows) / len(rows)
    allowed = LEAK if x.shape[1] >= 16 else 0.1
    if share <= allowed:
        return []
    return [
        Finding(
            "leakage",
            f"{name} data",
            0.95,
            f"{share:.0%} of the {len(rows):,} {name} samples are also training samples, number for number",
            f"split once, before anything else, and drop duplicates: {name} figures count what was learned by heart",
        )
    ]


def missing_classes(y: Array) -> list[Finding]:
    """Outputs that are never wanted."""
    counts = y.sum(axis=0)
    missing = np.flatnonzero(counts == 0)
    if len(missing) == 0:
        return []
    evidence = (
        f"class {', '.join(map(str, missing[:5]))} has no training sample; the others have {counts[counts > 0].min():.0f} or more"
    )
    fix = "look at how the data were split: each class belongs on both sides"
    return [Finding("class-missing", "data", 0.95, evidence, fix, curves={"samples a class": counts.tolist()})]


def labels(x: Array, y: Array) -> tuple[list[Finding], Check]:
    """Labels that the nearest neighbours contradict: all of them (they belong to other inputs), or many."""
    order = np.random.default_rng(0).permutation(len(x))[:LOOKED_AT]
    votes, chance = neighbours(x[order], y[order]), float(np.square(y.mean(axis=0)).sum())
    own = y[order].argmax(axis=1)
    right = float((votes.argmax(axis=1) == own).mean())
    k = int(votes[0].sum())
    against = float(((votes.max(axis=1) >= 0.8 * k) & (votes[np.arange(len(own)), own] <= 0.1 * k)).mean())
    check = Check(
        "labels", f"{k} nearest neighbours agree with {right:.0%} of the labels (chance {chance:.0%}); against {against:.1%}"
    )
    if right < chance + 0.15 * (1 - chance) and len(order) >= 50:
        evidence = (
            f"the {k} nearest neighbours of a sample agree with its label in {right:.0%} of {len(order):,} cases, "
            f"chance is {chance:.0%}"
        )
        fix = "look at ten samples beside their labels: they were sorted, shuffled or read apart from each other"
        return [Finding("labels-wrong", "data", 0.95, evidence, fix, curves={"agree, chance": [right, chance]})], check
    lone = scattered(x[order], y[order])
    if against > NOISE or lone > LONE:
        evidence = f"{against:.0%} of the labels are contradicted by at least 8 of the sample's {k} nearest neighbours"
        if against <= NOISE:
            evidence = (
                f"{lone:.0%} of the labels stand alone in a neighbourhood that is clearly of one other class, among labels "
                "scattered over all the rest"
            )
        fix = "look at these samples and their labels; mend or leave out what is wrong, or smooth the labels"
        agreeing = np.bincount(votes[np.arange(len(own)), own].astype(int), minlength=k + 1)
        curves = {f"samples of whose {k} neighbours 0, 1, ... agree": agreeing.tolist()}
        return [Finding("label-noise", "data", 0.85, evidence, fix, curves=curves)], check
    return [], check


def scattered(x: Array, y: Array) -> float:
    """The share of labels that are alone in a neighbourhood of one other class.

    Where very many labels are wrong, so are those of the neighbours, and few agree in eight of ten cases. But wrong labels lie
    scattered over all classes, while where classes really meet there are two of them: so of 30 neighbours the first class must
    have 40 %, and no other one more than 20 %.
    """
    votes, own = neighbours(x, y, k=30), y.argmax(axis=1)
    k, ranked = int(votes[0].sum()), np.sort(votes, axis=1)
    clear = (ranked[:, -1] >= 0.4 * k) & (ranked[:, -2] <= 0.2 * k)
    alone = votes[np.arange(len(own)), own] <= 0.15 * k
    return float((clear & alone & (votes.argmax(axis=1) != own)).mean())


def neighbours(x: Array, y: Array, others: Array | None = None, k: int = NEIGHBOURS) -> Array:
    """How many of each sample's k nearest among the others have which class, (N, K); without `others`, it is not its own."""
    k = min(k, len(x) - 1)
    asked: Any = x if others is None else others
    spread = x.std(axis=0, dtype=np.float64)
    scaled = (1 / np.where(spread > 0, spread, 1) if x.shape[1] < 64 else np.ones(x.shape[1])).astype(np.float32)
    a, b = asked * scaled, x * scaled
    distance = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * (a @ b.T)
    if others is None:
        np.fill_diagonal(distance, np.inf)
    nearest = np.argpartition(distance, k - 1, axis=1)[:, :k]
    found: Array = y[nearest].sum(axis=1)
    return found
