"""The training itself, on trial: what it comes to, what a plain reference comes to, and which one change would make it better.

A setting is only found fault with where the same training with another one is clearly better on data that neither saw: that is
the evidence. So a slow start, a plateau at the end or sparse units are no findings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from byhand.backend import Array
from byhand.predictions import each_class
from byhand.see.doctor.changes import Change, another_rate, changes, rated, redrawn
from byhand.see.doctor.control_experiments import controls
from byhand.see.doctor.faults import FAULTS
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient
from byhand.see.doctor.probe_data import neighbours, unvalidated
from byhand.see.doctor.trial import Outcome, better, carry_out

# Nominal seconds, of the training as it is and of all trials together.
BY_HAND, RECONSTRUCTING, BY_ENGINE = (4.0, 16.0), (5.0, 20.0), (15.0, 50.0)
SURE = 2.6  # z of a change for the better, about p = 0.005
FEWER = 0.2  # of the errors: a change for the better takes away so many at least
LOWER = 0.06  # of the cost, where there are no errors to count
SLOW = 3.0  # seconds of a training that is not tried in every way
UNUSED = 0.01  # nats: a dimension of a code that carries less says nothing (Burda et al. 2016, section 5.1, in its place)
RATES = ("rate-too-high", "rate-too-low")  # trials that are given up where they fall behind
RISEN = 1.3  # the held-out cost at the end beside its lowest: learned by heart


def probe_training(patient: Patient, symptoms: Sequence[Finding] = ()) -> tuple[list[Finding], list[Check]]:
    """Findings about rate, length, batch, size, decay and dropout, each with the training that is better without.

    `symptoms` were found before, as dead units: they are told where the training is not what it could be, else they do no harm.
    """
    alone, altogether = (RECONSTRUCTING if patient.reconstructs else BY_HAND) if patient.model.by_hand else BY_ENGINE
    as_it_is = carry_out(patient, alone)
    check = Check("training", _told(as_it_is, patient))
    if as_it_is.exploded:
        return [*exploded(patient, as_it_is), *symptoms], [check]
    found = by_heart(as_it_is, patient) + unused(as_it_is)
    if not suspicious(patient, as_it_is):
        return found, [check]
    told = [] if patient.reconstructs and not hopeless(patient, as_it_is) else list(symptoms)
    tried: list[tuple[Change, Outcome]] = []
    spent = as_it_is.seconds
    for change in [*redrawn(patient, symptoms), *changes(patient, as_it_is)]:
        left = altogether - spent
        if left < as_it_is.seconds * change.times * 0.8:
            continue
        outcome = carry_out(
            patient, max(1.0, as_it_is.seconds * change.times * 1.5), change.apply, as_it_is if change.fault in RATES else None
        )
        tried.append((change, outcome))
        spent += outcome.seconds
        helped = improved(outcome, as_it_is, patient, change.fault)
        if helped and FAULTS[change.fault].symptom:
            tried = tried[-1:]  # the weights were it: wider networks are drawn anew as well
            break
        cured = helped and not suspicious(patient, outcome)
        if cured and len(outcome.right) and as_it_is.seconds > SLOW:
            break  # others may do as well, but each costs as much again
    good = [(change, outcome) for change, outcome in tried if improved(outcome, as_it_is, patient, change.fault)]
    if good:
        first = named(good, as_it_is, patient)
        if first[0].fault in {symptom.fault for symptom in symptoms}:
            first = [replace(symptoms[0], evidence=f"{symptoms[0].evidence}; {first[0].evidence}", curves=first[0].curves)]
        found = [*first, *(symptom for symptom in symptoms if symptom.fault != first[0].fault), *found]
    elif told:
        found = [*told, *found]
    elif hopeless(patient, as_it_is):
        evidence, fix = controls(patient, as_it_is)
        found.append(
            Finding(
                "not-learning",
                "training",
                0.7,
                f"{_told(as_it_is, patient)}; none of {len(tried)} changes of rate, length, batch or size helped; {evidence}",
                fix,
                curves={"cost": _thinned(as_it_is.costs)},
            )
        )
    elif underfits(patient, as_it_is):
        found += too_small(patient, as_it_is, len(tried))
    return found, [check, *(Check("trial", f"{change.words}: {_told(outcome, patient)}") for change, outcome in tried)]


def _told(outcome: Outcome, patient: Patient) -> str:
    if outcome.exploded:
        return f"it exploded at step {outcome.steps:,}"
    part = "" if outcome.complete else f", {outcome.steps / outcome.total:.0%} of it"
    if len(outcome.right):
        return (
            f"{1 - outcome.error:.1%} of held-out samples right (of the training's {1 - outcome.train_error:.1%}) "
            f"after {outcome.steps:,} steps{part}"
        )
    return f"held-out cost {outcome.cost:.4g}, the training's {outcome.train_cost:.4g}, after {outcome.steps:,} steps{part}"


# ---------------------------------------------------------------- is there anything to look for


def suspicious(patient: Patient, outcome: Outcome) -> bool:
    """Whether a plain reference does better, or the cost says that there may be more to gain."""
    if len(outcome.right):
        allowed = reference(patient)
        if outcome.complete:
            return outcome.error > 1.25 * allowed + 0.01
        return outcome.error > 3 * allowed + 0.15
    return outcome.complete or outcome.cost > 0.9 * baseline(patient)


def reference(patient: Patient) -> float:
    """The share that the nearest neighbours among 2,000 training samples read wrong."""
    held = patient.held_out
    if held is None:
        return 1.0
    x, y = patient.few(2_000)
    n = max(1, len(held) // 500)
    votes = neighbours(x, each_class(y), held.flat[::n][:500], k=min(5, len(x) - 1))
    return float((votes.argmax(axis=1) != held.labels[::n][:500]).mean())


def baseline(patient: Patient) -> float:
    """The cost of an answer that knows nothing of the sample."""
    held, model = patient.held_out, patient.model
    if held is None:
        return math.inf
    if patient.draws:
        return 1.0
    x = held.flat[:1_000].astype(np.float64)
    mean = np.clip(patient.x.mean(axis=0, dtype=np.float64), 1e-6, 1 - 1e-6)
    if model.reconstruction == "gaussian":
        return float(0.5 * np.square(x - mean).sum(axis=1).mean())
    return float(-(x * np.log(mean) + (1 - x) * np.log(1 - mean)).sum(axis=1).mean())


def hopeless(patient: Patient, outcome: Outcome) -> bool:
    """Whether nothing was learned."""
    if len(outcome.right):
        chance = float(np.max(each_class(patient.y).mean(axis=0)))
        return outcome.error > 1 - chance - 0.1 * (1 - chance)
    return outcome.cost > 0.97 * baseline(patient)


def underfits(patient: Patient, outcome: Outcome) -> bool:
    """Whether even the training samples are not learned, where the nearest neighbours read far more held-out ones right."""
    if not len(outcome.right) or not outcome.complete:
        return False
    allowed = reference(patient)
    return outcome.error > 1.5 * allowed + 0.05 and outcome.train_error > max(0.05, 0.7 * outcome.error)


def too_small(patient: Patient, outcome: Outcome, tried: int) -> list[Finding]:
    """What is left where no setting helps and the training samples are not learned: the network has not enough units."""
    evidence = (
        f"{_told(outcome, patient)}: what it does not learn of the training samples it does not know of others either; the "
        f"nearest neighbours read {1 - reference(patient):.1%} right; none of {tried} changes of rate, length or batch helped"
    )
    fix = "more units or maps a layer, or more layers: twice as many, until the training samples are learned"
    curves = {"cost": _thinned(outcome.costs)}
    return [Finding("too-few-units", "hidden layers", 0.6, evidence, fix, curves=curves)]


def unused(outcome: Outcome) -> list[Finding]:
    """A VAE whose code says nothing after its training: its Gaussian is N(0, 1) in each dimension, whatever the image."""
    spent = outcome.divergences
    if not outcome.complete or len(spent) == 0 or float(np.max(spent)) > UNUSED:
        return []
    evidence = (
        f"after the training the divergence is {spent.max():.1e} nats in the dimension that has most of it, of {len(spent)}"
    )
    fix = "let beta grow to 1 by warm_up, a smaller rate, or a decoder that cannot do without the code"
    return [Finding("latent-unused", "code", 0.85, evidence, fix, curves={"divergence by dimension, nats": spent.tolist()})]


# ---------------------------------------------------------------- which of them speaks


def improved(outcome: Outcome, before: Outcome, patient: Patient, fault: str = "") -> bool:
    """Whether a changed training is better beyond doubt."""
    if outcome.exploded:
        return False
    if len(before.right):
        fewer = before.error - outcome.error
        return better(outcome, before) > SURE and fewer > FEWER * before.error and fewer > 0.01
    if not math.isfinite(before.cost):
        return math.isfinite(outcome.cost)
    scale = abs(before.cost - _floor(patient)) if not patient.draws else before.cost
    wanted = LOWER * (2 if fault == "too-few-epochs" else 1)  # a little more is to be had of any training by going on
    return before.cost - outcome.cost > wanted * scale


def _floor(patient: Patient) -> float:
    """The cost that even a perfect reconstruction has: grey pixels cost nats."""
    held, model = patient.held_out, patient.model
    if held is None or not patient.reconstructs or model.reconstruction != "bernoulli":
        return 0.0
    x: Array = np.clip(held.flat[:1_000].astype(np.float64), 1e-6, 1 - 1e-6)
    return float(-(x * np.log(x) + (1 - x) * np.log(1 - x)).sum(axis=1).mean())


def named(good: list[tuple[Change, Outcome]], before: Outcome, patient: Patient) -> list[Finding]:
    """The fault whose change helped most; a rate is blamed rather than the length where it does as much in the same time."""

    def score(pair: tuple[Change, Outcome]) -> float:
        change, outcome = pair
        value = outcome.error if len(before.right) else outcome.cost
        return value * (1.0 if change.times <= 1 else 1.1)

    change, outcome = min(good, key=score)
    evidence = f"as it is: {_told(before, patient)}; {change.words}: {_told(outcome, patient)}"
    where = FAULTS[change.fault].setting
    if change.fault == "dropout-too-strong" and "noise" in change.words:
        where = "noise on the code"
    elif change.fault == "too-few-units" and "code" in change.words:
        where = "code"
    confidence = 0.9 if len(before.right) == 0 or better(outcome, before) > 4 else 0.75
    curves = {"as it is": _thinned(before.costs), change.words: _thinned(outcome.costs)}
    return [Finding(change.fault, where, confidence, evidence, change.words, curves=curves, change=change.setting)]


def _thinned(costs: list[float]) -> list[float]:
    """At most 200 of them, each a mean over its neighbours."""
    n = max(1, len(costs) // 200)
    return [float(np.mean(costs[i : i + n])) for i in range(0, len(costs), n)]


def exploded(patient: Patient, outcome: Outcome) -> list[Finding]:
    """Which smaller rate does not explode, if any."""
    for factor in (0.1, 0.01, 0.001):
        calm = carry_out(patient, max(2.0, 2 * outcome.seconds), rated(factor))
        if not calm.exploded and not hopeless(patient, calm):
            rate = patient.training.base_rate
            evidence = f"{outcome.exploded.split(';')[0]}; at {rate * factor:g}: {_told(calm, patient)}"
            fix, change = another_rate(rate, factor)
            curves = {"cost": _thinned(outcome.costs)}
            return [Finding("rate-too-high", "learning rate", 0.9, evidence, fix, curves=curves, change=change)]
    return [Finding("non-finite", "training", 0.9, outcome.exploded, "look at the inputs and the first weights: byhand explain")]


def by_heart(outcome: Outcome, patient: Patient) -> list[Finding]:
    """Held-out cost that rises while the training's falls."""
    curve = outcome.curve
    if len(curve) < 4 or not all(math.isfinite(value) for value in curve) or patient.draws:
        return []
    lowest = int(np.argmin(curve))
    floor = _floor(patient)
    if lowest >= len(curve) - 2 or curve[-1] - floor < RISEN * (curve[lowest] - floor):
        return []
    if outcome.train_cost - floor > 0.6 * (outcome.cost - floor):
        return []
    share = outcome.reached[lowest] / max(outcome.total, 1)
    evidence = (
        f"the held-out cost was {curve[lowest]:.4g} after {share:.0%} of the training and is {curve[-1]:.4g} at its "
        f"end; on the training data it is {outcome.train_cost:.4g}"
    )
    fix = f"stop early (after {share:.0%} of the steps), or more data, augmentation, weight decay or dropout"
    found = [Finding("overfitting", "training", 0.85, evidence, fix, curves={"held-out cost": curve})]
    if patient.validation is None:
        found.append(unvalidated(f"no validation data are given, so nobody sees that {evidence}"))
    return found
