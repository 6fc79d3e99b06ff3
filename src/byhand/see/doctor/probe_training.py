"""The training itself, on trial: what it comes to, what a plain reference comes to, and which one change would make it better.

A setting is only found fault with where the same training with another one is clearly better on data that neither saw: that is
the evidence. So a slow start, a plateau at the end or sparse units are no findings.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from byhand.backend import Array, generator
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient, retimed
from byhand.see.doctor.probe_data import neighbours
from byhand.see.doctor.trial import Outcome, better, carry_out
from byhand.training.steps import Steps

# Nominal seconds, of the training as it is and of all trials together.
SECONDS = {"feedforward": 4.0, "autoencoder": 5.0, "vae": 5.0, "network": 15.0, "diffusion": 15.0}
ALTOGETHER = {"feedforward": 16.0, "autoencoder": 20.0, "vae": 20.0, "network": 50.0, "diffusion": 50.0}
SURE = 2.6  # z of a change for the better, about p = 0.005
FEWER = 0.2  # of the errors: a change for the better takes away so many at least
LOWER = 0.06  # of the cost, where there are no errors to count
SLOW = 3.0  # seconds of a training that is not tried in every way
RISEN = 1.35  # the held-out cost at the end beside its lowest: learned by heart


@dataclass(frozen=True)
class Change:
    """One setting changed: the fault that it speaks for, how, in words, and what it costs in trainings."""

    fault: str
    words: str
    apply: Callable[[Steps], None]
    times: float = 1.0


def probe_training(patient: Patient, symptoms: Sequence[Finding] = ()) -> tuple[list[Finding], list[Check]]:
    """Findings about rate, length, batch, size, decay and dropout, each with the training that is better without.

    `symptoms` were found before, as dead units: they are told where the training is not what it could be, else they do no harm.
    """
    kind = patient.model.kind
    as_it_is = carry_out(patient, SECONDS.get(kind, 10.0))
    check = Check("training", _told(as_it_is, patient))
    if as_it_is.exploded:
        return [*exploded(patient, as_it_is), *symptoms], [check]
    found = by_heart(as_it_is, patient)
    if not suspicious(patient, as_it_is):
        return found, [check]
    told = [] if patient.model.kind in ("autoencoder", "vae") and not hopeless(patient, as_it_is) else list(symptoms)
    tried: list[tuple[Change, Outcome]] = []
    spent = as_it_is.seconds
    for change in [*redrawn(patient, symptoms), *changes(patient, as_it_is)]:
        left = ALTOGETHER.get(kind, 30.0) - spent
        if left < as_it_is.seconds * change.times * 0.8:
            continue
        outcome = carry_out(patient, max(1.0, as_it_is.seconds * change.times * 1.5), change.apply)
        tried.append((change, outcome))
        spent += outcome.seconds
        helped = improved(outcome, as_it_is, patient)
        if helped and change.fault in ("dead-units", "saturation"):
            tried = tried[-1:]  # the weights were it: wider networks are drawn anew as well
            break
        cured = helped and not suspicious(patient, outcome)
        if cured and len(outcome.right) and as_it_is.seconds > SLOW:
            break  # others may do as well, but each costs as much again
    good = [(change, outcome) for change, outcome in tried if improved(outcome, as_it_is, patient)]
    if good:
        first = named(good, as_it_is, patient)
        if first[0].fault in {symptom.fault for symptom in symptoms}:
            first = [replace(symptoms[0], evidence=f"{symptoms[0].evidence}; {first[0].evidence}", curves=first[0].curves)]
        found = [*first, *(symptom for symptom in symptoms if symptom.fault != first[0].fault), *found]
    elif told:
        found = [*told, *found]
    elif hopeless(patient, as_it_is):
        found.append(
            Finding(
                "not-learning",
                "training",
                0.7,
                f"{_told(as_it_is, patient)}; none of {len(tried)} changes of rate, length, batch or size helped",
                "look at the data beside their labels, and at the network's first batch: byhand explain",
                curves={"cost": as_it_is.costs[:: max(1, len(as_it_is.costs) // 200)]},
            )
        )
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
    votes = neighbours(x, y, held.flat[::n][:500], k=min(5, len(x) - 1))
    return float((votes.argmax(axis=1) != held.labels[::n][:500]).mean())


def baseline(patient: Patient) -> float:
    """The cost of an answer that knows nothing of the sample."""
    held, model = patient.held_out, patient.model
    if held is None:
        return math.inf
    if model.kind == "diffusion":
        return 1.0
    x = held.flat[:1_000].astype(np.float64)
    mean = np.clip(patient.x.mean(axis=0, dtype=np.float64), 1e-6, 1 - 1e-6)
    if getattr(model, "reconstruction", "") == "gaussian":
        return float(0.5 * np.square(x - mean).sum(axis=1).mean())
    return float(-(x * np.log(mean) + (1 - x) * np.log(1 - mean)).sum(axis=1).mean())


def hopeless(patient: Patient, outcome: Outcome) -> bool:
    """Whether nothing was learned."""
    if len(outcome.right):
        chance = float(np.max(patient.y.mean(axis=0)))
        return outcome.error > 1 - chance - 0.1 * (1 - chance)
    return outcome.cost > 0.97 * baseline(patient)


# ---------------------------------------------------------------- what may be changed


def changes(patient: Patient, outcome: Outcome) -> list[Change]:
    """The changes worth a trial, the likeliest first."""
    training, model = patient.training, patient.model
    found: list[Change] = []
    for factor in (10.0, 0.1, 100.0, 0.01, 3.0, 0.3):
        fault = "rate-too-high" if factor < 1 else "rate-too-low"
        found.append(
            Change(fault, f"learning rate {training.base_rate * factor:g} instead of {training.base_rate:g}", _rated(factor))
        )
    decays = (getattr(model, "l2", 0), getattr(model, "l1", 0), getattr(training.optimizer, "weight_decay", 0))
    if any(decays):
        found.insert(0, Change("weight-decay-too-strong", "without weight decay", _undecayed))
    if dropouts(model):
        found.insert(0, Change("dropout-too-strong", "without dropout", _undropped))
    if training.clip_length is not None:
        found.insert(0, Change("clip-too-tight", "without clipping", _unclipped))
    if training.batch_size >= 64:
        found.append(Change("batch-too-large", f"batches of {training.batch_size // 8} samples", _batched(0.125), 3.0))
    if training.batch_size <= 4:
        found.append(Change("batch-too-small", f"batches of {training.batch_size * 8} samples", _batched(8.0), 0.5))
    if outcome.complete:
        found.append(Change("too-few-epochs", f"{4 * training.epochs} epochs instead of {training.epochs}", _lengthened(4), 4.0))
    wider = _remade(patient, 8)
    if wider is not None:
        found.append(Change("too-few-units", "with eight times as many hidden units", wider, 3.0))
    return found


def redrawn(patient: Patient, symptoms: Sequence[Finding]) -> list[Change]:
    """Where units were found dead or saturated: the same network with its weights drawn anew, biases at 0."""
    apply = _remade(patient, 1)
    if not symptoms or apply is None:
        return []
    return [Change(symptoms[0].fault, "weights drawn anew by he's or Nielsen's initialiser, biases at 0", apply)]


def _rated(factor: float) -> Callable[[Steps], None]:
    def apply(training: Steps) -> None:
        training.base_rate *= factor

    return apply


def _lengthened(factor: int) -> Callable[[Steps], None]:
    return lambda training: retimed(training, epochs=training.epochs * factor)


def _batched(factor: float) -> Callable[[Steps], None]:
    return lambda training: retimed(training, batch_size=max(1, round(training.batch_size * factor)))


def _unclipped(training: Steps) -> None:
    training.clip_length = None


def _undecayed(training: Steps) -> None:
    for name in ("l2", "l1"):
        if hasattr(training.model, name):
            setattr(training.model, name, 0.0)
    if hasattr(training.optimizer, "weight_decay"):
        training.optimizer.weight_decay = 0.0


def dropouts(model: Any) -> list[Any]:
    """The modules that drop, or the network that does."""
    if getattr(model, "dropout", 0):
        return [model]
    modules = [module for _, module in model.module.modules()] if hasattr(model, "module") else []
    return [module for module in modules if type(module).__name__ == "Dropout" and module.p > 0]


def _undropped(training: Steps) -> None:
    model: Any = training.model
    twin = copy.copy(model)
    if model.kind == "feedforward":
        twin.dropout, twin._buffers = 0.0, {}
    else:
        twin.module = copy.deepcopy(model.module)
        for _, module in twin.module.modules():
            if type(module).__name__ == "Dropout":
                module.p = 0.0
        twin.parameters, twin.gradient = twin._flatten()
    training.model = twin


def _remade(patient: Patient, times: int) -> Callable[[Steps], None] | None:
    """The same feed-forward network with so many times the units, of the same class; None where the doctor cannot make one."""
    model = patient.model
    if model.kind != "feedforward" or len(model.sizes) < 3:
        return None

    def apply(training: Steps) -> None:
        sizes = (model.sizes[0], *(times * n for n in model.sizes[1:-1]), model.sizes[-1])
        names = [activation.name for activation in model.activations]
        wide = type(model)(sizes, names, cost=model.cost.name, l2=model.l2, l1=model.l1, dropout=model.dropout, seed=1)
        wide.parameters.fill(0)
        bent = names[0] in ("relu", "leaky_relu", "silu")
        from byhand import initialisers

        for w, b in zip(wide.weights, wide.biases, strict=True):
            initialisers.named("he" if bent else "nielsen")(w, b, generator(len(b), "doctor"))
        training.model = wide
        training.optimizer.update = np.empty(0)
        training.optimizer.prepare(wide.parameters)
        wide.rng = generator(0, "dropout")

    return apply


# ---------------------------------------------------------------- which of them speaks


def improved(outcome: Outcome, before: Outcome, patient: Patient) -> bool:
    """Whether a changed training is better beyond doubt."""
    if outcome.exploded:
        return False
    if len(before.right):
        fewer = before.error - outcome.error
        return better(outcome, before) > SURE and fewer > FEWER * before.error and fewer > 0.01
    if not math.isfinite(before.cost):
        return math.isfinite(outcome.cost)
    scale = abs(before.cost - _floor(patient)) if patient.model.kind != "diffusion" else before.cost
    return before.cost - outcome.cost > LOWER * scale


def _floor(patient: Patient) -> float:
    """The cost that even a perfect reconstruction has: grey pixels cost nats."""
    held, model = patient.held_out, patient.model
    if held is None or getattr(model, "reconstruction", "") != "bernoulli":
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
    where = {
        "rate-too-high": "learning rate",
        "rate-too-low": "learning rate",
        "too-few-epochs": "epochs",
        "too-few-units": "hidden layers",
        "weight-decay-too-strong": "weight decay",
        "dropout-too-strong": "dropout",
        "clip-too-tight": "clip",
        "dead-units": "weights",
        "saturation": "weights",
    }.get(change.fault, "batch size")
    confidence = 0.9 if len(before.right) == 0 or better(outcome, before) > 4 else 0.75
    curves = {"as it is": _thinned(before.costs), change.words: _thinned(outcome.costs)}
    return [Finding(change.fault, where, confidence, evidence, change.words, curves=curves)]


def _thinned(costs: list[float]) -> list[float]:
    """At most 200 of them, each a mean over its neighbours."""
    n = max(1, len(costs) // 200)
    return [float(np.mean(costs[i : i + n])) for i in range(0, len(costs), n)]


def exploded(patient: Patient, outcome: Outcome) -> list[Finding]:
    """Which smaller rate does not explode, if any."""
    for factor in (0.1, 0.01, 0.001):
        calm = carry_out(patient, max(2.0, 2 * outcome.seconds), _rated(factor))
        if not calm.exploded and not hopeless(patient, calm):
            rate = patient.training.base_rate
            evidence = f"{outcome.exploded.split(';')[0]}; at {rate * factor:g}: {_told(calm, patient)}"
            fix = f"learning rate {rate * factor:g} instead of {rate:g}"
            return [Finding("rate-too-high", "learning rate", 0.9, evidence, fix, curves={"cost": _thinned(outcome.costs)})]
    return [Finding("non-finite", "training", 0.9, outcome.exploded, "look at the inputs and the first weights: byhand explain")]


def by_heart(outcome: Outcome, patient: Patient) -> list[Finding]:
    """Held-out cost that rises while the training's falls."""
    curve = outcome.curve
    if len(curve) < 4 or not all(math.isfinite(value) for value in curve) or patient.model.kind == "diffusion":
        return []
    lowest = int(np.argmin(curve))
    floor = _floor(patient)
    if lowest >= len(curve) - 2 or curve[-1] - floor < RISEN * (curve[lowest] - floor):
        return []
    if outcome.train_cost - floor > 0.6 * (outcome.cost - floor):
        return []
    share = (lowest + 1) / len(curve) * outcome.steps / max(outcome.total, 1)
    evidence = (
        f"the held-out cost was {curve[lowest]:.4g} after {share:.0%} of the training and is {curve[-1]:.4g} at its "
        f"end; on the training data it is {outcome.train_cost:.4g}"
    )
    fix = f"stop early (after {share:.0%} of the steps), or more data, augmentation, weight decay or dropout"
    return [Finding("overfitting", "training", 0.85, evidence, fix, curves={"held-out cost": curve})]
