r"""The gradient of a loop beside the slope of its cost, array by array.

    \frac{C(\theta + h g) - C(\theta - h g)}{2 h} = \|g\|^2

where g is the gradient of C. The slope is believed only where both one-sided ones agree: where they do not, a unit stands at the
kink of its ReLU.

Source: Nielsen (2015), chapter 2; Karpathy et al., CS231n notes on gradient checks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.loop.event import Event, Loop

WRONG, AGREE = 0.1, 0.1  # relative error of a gradient; of one one-sided slope beside the other
SEVERAL = 6  # events


@dataclass(frozen=True)
class Ratios:
    """Of one array: |g|^2 over the slope along g in each event, 1 where g is the gradient; NaN where no slope is believed."""

    name: str
    values: list[float]

    @property
    def middle(self) -> float:
        seen = [value for value in self.values if not np.isnan(value)]
        return float(np.median(seen)) if seen else float("nan")


def slopes(loop: Loop) -> tuple[list[Finding], list[Check]]:
    """Findings about the gradients that a loop told, or about its updates where it told none."""
    events = [event for event in loop.whole if loop.cost(event, event.before) is not None and loop.smooth(event)][:SEVERAL]
    if not events:
        return [], []
    told = all(event.gradient for event in events)
    rows = [row for row in (_ratios(loop, events, name, told) for name in events[0].before) if not np.isnan(row.middle)]
    if not rows:
        return [], []
    what = "gradient" if told else "update"
    check = Check(what, f"{len(rows)} arrays in {len(events)} steps against the slope of the cost by central differences")
    # The first step of a momentum is one of plain descent; later ones are longer for a good reason.
    judged = _gradients(rows, len(events[0].inputs)) if told else _updates(rows, loop.rates if events[0].step == 1 else [])
    return judged, [check]


def _ratios(loop: Loop, events: list[Event], name: str, told: bool) -> Ratios:
    values = []
    for event in events:
        update = np.asarray(event.before[name], np.float64) - event.after[name]
        given = event.gradient.get(name) if told else update
        g = None if given is None else np.asarray(given, np.float64)
        slope = None if g is None or not g.any() or not np.isfinite(g).all() else _slope(loop, event, name, g)
        if slope is None or g is None:
            values.append(float("nan"))
        else:
            values.append(float(np.square(g).sum()) / slope if slope else float("inf"))
    return Ratios(name, values)


def _slope(loop: Loop, event: Event, name: str, g: np.ndarray) -> float | None:
    """The slope of the cost along g in one array; None at a kink."""
    theta = event.before[name]
    size = max(float(np.abs(theta).max()), 1e-2) / float(np.abs(g).max())
    begin = 1e-5 if theta.dtype == np.float64 else 3e-3
    for h in (begin * size, begin * size / 10):
        costs = [_moved(loop, event, name, theta.astype(np.float64) + s * h * g) for s in (-1.0, 0.0, 1.0)]
        if not np.isfinite(costs).all():
            return None
        back, ahead = (costs[1] - costs[0]) / h, (costs[2] - costs[1]) / h
        rounding = 4 * np.finfo(theta.dtype).eps * abs(costs[1]) / h
        if abs(back - ahead) <= AGREE * max(abs(back), abs(ahead)) + rounding:
            middle = (costs[2] - costs[0]) / (2 * h)
            return None if abs(middle) <= 20 * rounding and float(np.square(g).sum()) <= 100 * rounding else middle
    return None


def _moved(loop: Loop, event: Event, name: str, array: np.ndarray) -> float:
    cost = loop.cost(event, {**event.before, name: array.astype(event.before[name].dtype)})
    return float("nan") if cost is None else cost


def _gradients(rows: list[Ratios], m: int) -> list[Finding]:
    middles = np.array([row.middle for row in rows])
    wrong = [row for row in rows if not abs(row.middle - 1) <= WRONG]
    if not wrong:
        return []
    curves = {"gradient over slope": [float(value) for value in middles]}
    if m > 1 and (np.abs(middles / m - 1) <= WRONG).all():
        evidence = f"every gradient is {middles.mean():.3g} times the slope of the cost with {m} samples in the batch"
        return [Finding("gradient-sum", "all layers", 0.95, evidence, "divide the gradient by the batch's size", curves=curves)]
    first = [row.values[0] for row in rows]
    later = [float(np.nanmedian(row.values[1:])) if np.isfinite(row.values[1:]).any() else float("nan") for row in rows]
    if all(abs(value - 1) <= WRONG for value in first) and all(not 1 / 1.3 < value < 1.3 for value in later):
        evidence = f"the gradient is right in the first step; later it is {np.nanmedian(later):.3g} times the slope along itself"
        return [
            Finding(
                "gradient-accumulates", "all layers", 0.95, evidence, "set the gradient to 0 before each batch", curves=curves
            )
        ]
    if np.isfinite(middles).all() and middles.std() <= WRONG * abs(middles.mean()):
        evidence = f"every gradient is {middles.mean():.3g} times the slope of the cost"
        fault = "gradient-scale" if middles.mean() > 0 else "step-uphill"
        fix = "compute the gradient of the cost that is reported" + ("" if middles.mean() > 0 else ": its sign is wrong")
        return [Finding(fault, "all layers", 0.9, evidence, fix, curves=curves)]
    last = wrong[-1]
    each = ", ".join(f"{row.name} {row.middle:.3g}" for row in rows[-6:])
    evidence = f"gradient over slope, 1 where it is right: {each}"
    others = (
        ""
        if len(wrong) == 1
        else ", and at the error that is passed on from there: sigma' of the right z, the weights transposed"
    )
    fix = f"look at the line that computes the gradient of {last.name}{others}"
    return [Finding("gradient-wrong", last.name, 0.93, evidence, fix, curves=curves)]


def _updates(rows: list[Ratios], rates: list[float]) -> list[Finding]:
    """Updates of plain descent are one number, the rate, times the slope; of other optimisers they say less."""
    middles, first = (np.array(numbers) for numbers in ([row.middle for row in rows], [row.values[0] for row in rows]))
    if (middles < 0).all():
        evidence = "along each update the cost rises, in the median of the steps that were looked at"
        return [Finding("step-uphill", "the update", 0.9, evidence, "theta <- theta - rate * gradient: a sign is wrong")]
    if not rates or not np.isfinite(first).all() or first.std() > WRONG * abs(first.mean()):
        return []
    ratio = float(first.mean()) / rates[0]
    if 0.8 < ratio < 1.25:
        return []
    evidence = f"updates are {ratio:.3g} times rate times slope; for plain descent it is 1"
    return [
        Finding("step-size-wrong", "the update", 0.85, evidence, "theta <- theta - rate * gradient, with the mean over the batch")
    ]
