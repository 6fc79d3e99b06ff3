"""What a loop's network answers: the same twice, alone and among others, to different samples; and the accuracy it reports."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.loop.event import Loop
from byhand.see.doctor.loop.targets import classes_of, read_as

TOLERANCE = 1e-3  # relative difference that rounding in float32 does not make
STRAIGHT, EXACT, LARGER = 1e-3, 1e-9, 30.0  # a network without bends is the first exact in float32, the second in float64
FEW = 8


def replies(loop: Loop) -> tuple[list[Finding], list[Check]]:
    """Findings about the answers of the network as it is at the end, or where it was last finite."""
    events = loop.whole
    if not events:
        return [], []
    x, theta = events[-1].inputs, events[-1].before
    try:
        first, again = loop.answers(x, theta), loop.answers(x, theta)
    except Exception as error:  # it is somebody else's function: whatever it raises, only this is not looked at
        loop.unseen.append(f"the network's answers: it raised {type(error).__name__} when it was asked ({str(error)[:80]})")
        return [], []
    if not np.isfinite(first).all():
        return [], []
    if loop.draws and _far(first, again) > TOLERANCE:
        return _accuracy(loop), [Check("answers", f"{first.shape[-1]} per sample; they are drawn at random, in evaluation too")]
    found = _random(first, again) or _among_others(loop, x, theta, first) or _constant(first, events[-1].targets)
    found += _straight(loop, x, theta, first) + _accuracy(loop)
    return found, [Check("answers", f"{first.shape[-1]} per sample; asked twice, alone, and among {len(first)}")]


def _far(a: Array, b: Array) -> float:
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()), 1e-12)
    return float(np.abs(a - b).max()) / scale


def _random(first: Array, again: Array) -> list[Finding]:
    difference = _far(first, again)
    if not difference > TOLERANCE:
        return []
    evidence = f"the same batch asked about twice gets answers that are {difference:.1%} of the largest apart"
    return [Finding("random-evaluation", "evaluation", 0.9, evidence, "switch dropout or noise off in evaluation")]


def _among_others(loop: Loop, x: Any, theta: Any, among: Array) -> list[Finding]:
    try:
        alone = np.concatenate([loop.answers(_rows(x, i), theta) for i in range(min(FEW, len(among)))])
    except Exception as error:
        loop.unseen.append(f"a sample alone: the network raised {type(error).__name__} ({str(error)[:80]})")
        return []
    if len(alone) != min(FEW, len(among)) or alone.shape[1:] != among.shape[1:]:
        return []
    difference = _far(alone, among[:FEW])
    if not difference > TOLERANCE:
        return []
    evidence = (
        f"the answer to a sample alone is {difference:.1%} of the largest away from that to the same one among {len(among)}"
    )
    fix = (
        "no layer may mix the samples of a batch in evaluation: use running statistics, and look at axis= of softmax and of means"
    )
    return [Finding("batch-leak", "evaluation", 0.9, evidence, fix)]


def _rows(x: Any, i: int) -> Any:
    """One sample of a batch, which may be several arrays."""
    return tuple(one[i : i + 1] for one in x) if isinstance(x, tuple) else x[i : i + 1]


def _constant(answers: Array, targets: Array | None) -> list[Finding]:
    """The same answer to every sample, although the targets differ."""
    if len(answers) < FEW or targets is None or len(np.unique(np.asarray(targets).reshape(len(targets), -1), axis=0)) < 2:
        return []
    spread = float(answers.std(axis=0).max())
    if spread > 1e-5 * max(float(np.abs(answers).max()), 1e-12):
        return []
    evidence = f"all {len(answers)} samples of a batch get one answer, though their targets differ"
    return [
        Finding(
            "dead-units",
            "the network",
            0.8,
            evidence,
            "look for units that are all 0 or at their bound; a smaller rate, smaller weights",
        )
    ]


def _straight(loop: Loop, x: Any, theta: Any, first: Array) -> list[Finding]:
    """A network of several matrices that is one straight line: what it makes of a mean is the mean of what it makes."""
    matrices = [name for name, array in theta.items() if array.ndim >= 2 and min(array.shape[:2]) > 1]
    if len(matrices) < 2 or isinstance(x, tuple) or not _floats(x) or len(first) < FEW or len(x) != len(first):
        return []
    half = len(first) // 2
    bend = _bend(loop, x[:half], x[half : 2 * half], theta)
    if EXACT < bend <= STRAIGHT:  # as nearly straight as that is a sigmoid too, near 0: larger inputs bend any
        bend = _bend(loop, LARGER * x[:half], LARGER * x[half : 2 * half], theta)
    if not bend <= STRAIGHT:
        return []
    evidence = f"its answer to the mean of two samples is the mean of its answers, to {bend:.0e}: all layers are one matrix"
    return [
        Finding("no-nonlinearity", "hidden layers", 0.85, evidence, "give the hidden layers an activation: relu, tanh or sigmoid")
    ]


def _bend(loop: Loop, one: Any, other: Any, theta: Any) -> float:
    """How far the answer to the mean of two samples is from the mean of the answers, over how much answers differ."""
    a, b, middle = (_weighted(loop.answers(part, theta)) for part in (one, other, (one + other) / 2))
    spread = float(middle.std(axis=0).max())
    if not np.isfinite(middle).all() or not spread > 1e-4 * float(np.abs(middle).max()):  # all alike, or all 0
        return float("nan")
    return float(np.abs((a + b) / 2 - middle).max()) / spread


def _floats(x: Any) -> bool:
    return "float" in str(getattr(x, "dtype", ""))


def _weighted(answers: Array) -> Array:
    """The weighted inputs behind a softmax, up to what all of a row share; other answers as they are."""
    if answers.ndim == 2 and answers.shape[1] > 1 and (answers > 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-4):
        z = np.log(np.maximum(answers, 1e-30))
        return z - z.mean(axis=1, keepdims=True)
    return answers


def _accuracy(loop: Loop) -> list[Finding]:
    """What the loop reports beside what its network reads right."""
    pairs = [(reported / 100 if reported > 1 else reported, counted) for reported, counted in loop.reported]
    if not pairs or max(abs(reported - counted) for reported, counted in pairs) <= 0.015:
        return []
    reported, counted = max(pairs, key=lambda pair: abs(pair[0] - pair[1]))
    evidence = f"the loop reports {reported:.1%} right, but the largest output is right for {counted:.1%} of the same samples"
    return [
        Finding(
            "accuracy-wrong",
            "evaluation",
            0.95,
            evidence,
            "count the samples whose largest output is their class, over all samples",
        )
    ]


def accuracy(loop: Loop, x: Any, y: Array) -> tuple[float, Array] | None:
    """Which share of these samples the network reads right, and the one-hot targets; None where they are no classes."""
    answers = loop.answers(x)
    classes = classes_of(y, answers.shape[1]) if answers.ndim == 2 else None
    if classes is None or len(answers) != len(classes):
        return None
    return float((read_as(answers) == classes.argmax(axis=1)).mean()), classes
