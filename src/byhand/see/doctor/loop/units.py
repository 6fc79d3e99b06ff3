"""The weights that a loop begins with: their size, copies of one another, zeros; and whether the gradient reaches the first."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.finding import Finding
from byhand.see.doctor.loop.event import Event, Loop

LARGE, SMALL, VANISHED = 6.0, 0.02, 1e-5
EMBEDDED = 5  # rows per column from which a matrix may be a table of embeddings


def units(loop: Loop) -> list[Finding]:
    """Findings about the first weights; nothing is said of a loop whose first step was not heard."""
    events = [event for event in loop.whole if event.step == 1]
    if not events:
        return []
    matrices = {name: array for name, array in events[0].before.items() if array.ndim >= 2 and min(array.shape[:2]) > 1}
    found: list[Finding] = []
    for i, (name, array) in enumerate(matrices.items()):
        last = i == len(matrices) - 1 and len(matrices) > 1
        after = events[0].after[name]
        if not array.any() and after.any() and not _copies(name, after):
            continue  # a table of positions, or a last part at 0: its gradient comes, and tells its units apart
        found += _size(name, array, last) or ([] if last else _copies(name, array))
    return found[:1] or _vanishing(events[0], list(matrices))


def _size(name: str, array: Array, last: bool) -> list[Finding]:
    """Too large, too small or zero, whichever axis has the inputs."""
    rms = float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
    if rms == 0:
        if last:
            return []  # zeros in the last layer alone do no harm: its gradient is not 0
        return [
            Finding("zero-weights", name, 0.9, f"all {array.size:,} weights of {name} begin at 0", "draw the weights at random")
        ]
    sizes = array.size / array.shape[0], array.size / array.shape[1]  # inputs of a unit, as (out, in, ...) or (in, out, ...)
    right = f"about {1 / max(sizes) ** 0.5:.2g} is right"
    evidence = f"the weights of {name} {array.shape} have a root mean square of {rms:.3g}; {right}"
    if rms * min(sizes) ** 0.5 > LARGE and max(array.shape) < EMBEDDED * 1_000 and min(sizes) > 4:
        return [Finding("init-too-large", name, 0.8, evidence, "divide by the root of the number of inputs")]
    if rms * max(sizes) ** 0.5 < SMALL and not last:
        return [
            Finding(
                "init-too-small",
                name,
                0.75,
                evidence,
                "draw larger weights: divide by the root of the number of inputs, not more",
            )
        ]
    return []


def _copies(name: str, array: Array) -> list[Finding]:
    for axis, flat in ((0, array.reshape(len(array), -1)), (1, np.moveaxis(array, 1, 0).reshape(array.shape[1], -1))):
        if len(flat) < 3 or flat.shape[1] < 2:
            continue
        distinct = len(np.unique(np.round(flat / max(float(np.abs(flat).max()), 1e-30), 6), axis=0))
        if distinct <= len(flat) // 4:
            what = "rows" if axis == 0 else "columns"
            evidence = f"of the {len(flat)} {what} of {name} {distinct} {'are' if distinct > 1 else 'is'} different"
            return [
                Finding(
                    "symmetric-units", name, 0.9, evidence, "draw the weights at random: equal units get equal gradients for ever"
                )
            ]
    return []


def _vanishing(event: Event, names: list[str]) -> list[Finding]:
    """Gradients of the first matrix beside those of the last, in the first step."""
    rms = {}
    for name in names:
        gradient = event.gradient.get(name)
        if gradient is not None and gradient.any():
            rms[name] = float(np.sqrt(np.mean(np.square(gradient, dtype=np.float64))))
    if len(rms) < 3:
        return []
    (first, a), *_, (_, b) = rms.items()
    if not a < VANISHED * b:
        return []
    evidence = f"in the first step the gradient of {first} has a root mean square of {a:.1e}, that of the last layer {b:.1e}"
    fix = "relu with he's initialiser, normalisation or paths around the layers, or fewer layers"
    return [Finding("vanishing-gradient", first, 0.85, evidence, fix, curves={"gradient": list(rms.values())})]
