"""What moved in a loop's steps: parameters that stay as they are, steps uphill, rates that die early, a cost that stays."""

from __future__ import annotations

import numpy as np

from byhand.see.doctor.finding import Finding
from byhand.see.doctor.loop.event import Event, Loop

GONE, EARLY = 0.03, 0.4  # a rate that fell to this share of its largest after this share of the steps
UPHILL = 0.8  # of the steps
LEARNED = 0.9  # of the first cost, where less is left it has learned something


def moves(loop: Loop) -> list[Finding]:
    """Findings about what the steps did."""
    events = loop.whole
    if not events:
        return _not_finite(loop)
    return [*_not_finite(loop), *_frozen(events, loop.rates), *_uphill(events), *_decay(loop)]


def _not_finite(loop: Loop) -> list[Finding]:
    wrong = np.flatnonzero(~np.isfinite(np.array(loop.costs, float)))
    broken = next((event for event in loop.events if not event.finite), None)
    if not wrong.size and broken is None:
        return []
    at = int(wrong[0]) + 1 if wrong.size else broken.step if broken is not None else 0
    at = min(at, broken.step) if broken is not None else at
    if at <= 1 and loop.events and not all(np.isfinite(array).all() for array in loop.events[0].before.values()):
        evidence, fix = "the parameters hold numbers that are not finite before the first step", "look at how they are drawn"
    else:
        evidence = f"from step {at} on the cost or the parameters are not finite"
        fix = "a smaller learning rate; and a logarithm that never sees 0"
    return [Finding("non-finite", f"step {at}", 0.95, evidence, fix, curves={"cost": loop.costs})]


def _frozen(events: list[Event], rates: list[float]) -> list[Finding]:
    names = list(events[0].gradient) or list(events[0].before)  # where the loop told gradients: of what it learns
    still = [name for name in names if all((event.before[name] == event.after[name]).all() for event in events)]
    lost = [name for name in still if all(_rounded_away(event, name, rates) for event in events)]
    if lost and len(lost) == len(names):
        evidence = f"the steps at a rate of {max(rates):.3g} are smaller than the last digit of the weights: none of them moved"
        change = {"learning_rate": max(rates) * 1e4}
        return [Finding("rate-too-low", "learning rate", 0.9, evidence, "a rate 1,000 to 100,000 times as large", change=change)]
    still = [name for name in still if name not in lost]
    without = [name for name in still if all(name in event.gradient and _silent(event, name) for event in events)]
    told = all(event.gradient for event in events)
    if len(still) == len(names) and not (told and without):
        evidence = f"in {len(events)} steps that were looked at no parameter changed"
        return [Finding("parameters-frozen", "all parameters", 0.95, evidence, "look at the update, and at what it is given")]
    if told and without:
        evidence = f"{_list(without)} had no gradient, or one of 0, in all of {len(events)} steps"
        fix = "look between it and the cost: a detach, a copy of the values, zero_grad between backward and step, dead units"
        return [Finding("gradient-missing", without[0] if len(without) < len(names) else "all parameters", 0.9, evidence, fix)]
    if still:
        evidence = f"in {len(events)} steps {_list(still)} did not change, though the others did"
        return [
            Finding("parameters-frozen", still[0], 0.9, evidence, "give the optimiser all parameters, and update each of them")
        ]
    return []


def _rounded_away(event: Event, name: str, rates: list[float]) -> bool:
    """Whether a step is smaller than what the weight's last digit can hold: it is taken, and nothing changes."""
    gradient, theta = event.gradient.get(name), event.before[name]
    if gradient is None or not gradient.any() or not rates or not np.issubdtype(theta.dtype, np.floating):
        return False
    step = max(rates) * np.abs(gradient.astype(np.float64))
    return bool((step <= np.spacing(np.abs(theta)).astype(np.float64)).all())


def _silent(event: Event, name: str) -> bool:
    gradient = event.gradient.get(name)
    return gradient is None or not gradient.any()


def _list(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _uphill(events: list[Event]) -> list[Finding]:
    """Steps that go the way of the gradient."""
    slopes = []
    for event in events:
        pairs = [(event.after[name] - event.before[name], g) for name, g in event.gradient.items() if g is not None]
        slope = sum(float((np.asarray(u, np.float64) * g).sum()) for u, g in pairs)
        if slope:
            slopes.append(slope)
    if len(slopes) < 3 or np.mean(np.array(slopes) > 0) < UPHILL:
        return []
    evidence = f"{np.mean(np.array(slopes) > 0):.0%} of {len(slopes)} updates go the way of the gradient: uphill"
    fix = "theta <- theta - rate * gradient: the sign of the step is wrong"
    return [Finding("step-uphill", "the update", 0.95, evidence, fix, curves={"update . gradient": slopes})]


def _decay(loop: Loop) -> list[Finding]:
    rates = np.array(loop.rates, float)
    if len(rates) <= 20 or not rates.max() > 0:
        return []
    later = float(rates[int(EARLY * len(rates))])
    if later >= GONE * rates.max():
        return []
    evidence = f"the learning rate is {rates.max():.3g} at first and {later:.3g} after {EARLY:.0%} of the {len(rates)} steps"
    fix = "let it fall over the whole training: a scheduler that counts epochs must not be called once per batch"
    return [Finding("rate-falls-too-soon", "learning rate", 0.85, evidence, fix, curves={"learning rate": rates.tolist()})]


def learned(loop: Loop) -> float:
    """Which share of the first cost is left at the end; NaN where either is not finite."""
    costs = np.array(loop.costs, float)
    n = max(1, len(costs) // 10)
    if not len(costs) or not costs[:n].mean() > 0:
        return float("nan")
    return float(costs[-n:].mean() / costs[:n].mean())
