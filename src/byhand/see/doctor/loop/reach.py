r"""How long the steps are, beside how long they might be: the cost of other batches along a step.

    C(\theta + s\,u), \quad s = 0, 0.03, 0.1, \ldots

where u is the step that was taken. If the cost is lowest at s far above 1 the rate is too low; if it rises before s = 1 the step
goes too far. Nothing is trained for it.
"""

from __future__ import annotations

import numpy as np

from byhand.see.doctor.finding import Finding
from byhand.see.doctor.loop.event import Event, Loop

ALONG = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 1e4, 1e5)
FAR, NEAR = 100.0, 0.1  # where the cost is lowest, in steps
MUCH = 2.0  # times the cost
LOOKED_AT = 4  # events


def reach(loop: Loop) -> list[Finding]:
    """A rate that is too low or too high, where the loop's cost can be worked out anew."""
    events = loop.whole
    if len(events) < 3:
        return []
    best, worse, curves = [], [], []
    for event in events[:LOOKED_AT]:
        others = [other for other in events if other is not event][:2]
        costs = _along(loop, event, others)
        if costs is None:
            return []
        best.append(ALONG[int(np.nanargmin(costs))])
        worse.append(float(costs[ALONG.index(1.0)] / costs[0]) if costs[0] > 0 else 1.0)
        curves.append(costs)
    middle = float(np.median(best))
    rate = f"{loop.rates[0]:.3g}" if loop.rates else "as it is"
    shape = {"cost along a step, 0 to 100,000 times its length": [float(cost) for cost in curves[0]]}
    if middle >= FAR:
        factor = 10 ** int(np.log10(middle / 10))
        evidence = f"the cost of other batches is lowest {middle:g} steps ahead along a step (rate {rate})"
        change = {"learning_rate": loop.rates[0] * factor} if loop.rates else {}
        return [
            Finding(
                "rate-too-low",
                "learning rate",
                0.8,
                evidence,
                f"a rate about {factor:,} times as large",
                curves=shape,
                change=change,
            )
        ]
    # Where the first step goes far beyond, the others start from where nothing can be told any more.
    if (middle <= NEAR and np.median(worse) > 1) or (best[0] <= NEAR and worse[0] > MUCH):
        part = middle if middle <= NEAR else best[0]
        evidence = (
            f"a step makes the cost of other batches {max(worse):.3g} times as large; {part:g} of it would be best (rate {rate})"
        )
        change = {"learning_rate": loop.rates[0] / 10} if loop.rates else {}
        return [
            Finding(
                "rate-too-high", "learning rate", 0.8, evidence, "a rate 10 to 100 times smaller", curves=shape, change=change
            )
        ]
    return []


def _along(loop: Loop, event: Event, others: list[Event]) -> np.ndarray | None:
    costs = []
    for s in ALONG:
        theta = {
            name: (array.astype(np.float64) + s * (event.after[name].astype(np.float64) - array)).astype(array.dtype)
            for name, array in event.before.items()
        }
        each = [loop.cost(other, theta) for other in others]
        if any(cost is None for cost in each):
            return None
        mean = float(np.mean([cost for cost in each if cost is not None]))
        costs.append(mean if np.isfinite(mean) else float("inf"))
    return np.array(costs) if np.isfinite(costs[0]) else None
