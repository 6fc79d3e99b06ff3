"""What may be changed in a training, one setting at a time: the rate, its schedule, the length, the batch, the cost, the size of
the network; or without weight decay, dropout, noise, clipping or augmentation.

A change is applied to the `Steps` of a patient that stands inside `undisturbed`, so nothing of it is left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from byhand.see.doctor.finding import Finding
from byhand.see.doctor.patient import Patient, retimed
from byhand.see.doctor.trial import Outcome
from byhand.training.steps import Steps

SHORT = 0.3  # nominal seconds of a training that may be tried at eight times its length
FEW_STEPS = 500  # a training with more has steps enough, however large its batches are
FALLEN, EARLY = 0.03, 0.4  # a rate below so much of its highest before so much of the training has fallen too soon


@dataclass(frozen=True)
class Change:
    """One setting changed: the fault that it speaks for, how, in words, and what it costs in trainings; setting: as data."""

    fault: str
    words: str
    apply: Callable[[Steps], None]
    times: float = 1.0
    setting: Mapping[str, Any] = field(default_factory=dict)


def changes(patient: Patient, outcome: Outcome) -> list[Change]:
    """The changes worth a trial, the likeliest first."""
    training, model = patient.training, patient.model
    found: list[Change] = []
    for factor in (10.0, 0.1, 100.0, 0.01, 3.0, 0.3):
        fault = "rate-too-high" if factor < 1 else "rate-too-low"
        words, setting = another_rate(training.base_rate, factor)
        found.append(Change(fault, words, rated(factor), setting=setting))
    if any(decays(training).values()):
        found.insert(0, Change("weight-decay-too-strong", "without weight decay", _undecayed))
    if model.without_dropout() is not None:
        found.insert(0, Change("dropout-too-strong", "without dropout", _undropped))
    if model.without_noise() is not None:
        found.insert(0, Change("dropout-too-strong", "without noise on the code", _unnoised))
    if training.clip_length is not None:
        found.insert(0, Change("clip-too-tight", "without clipping", _unclipped))
    if training.augment is not None:
        found.insert(0, Change("augmentation-too-strong", "without augmentation", _unaugmented))
    if falls_too_soon(training):
        found.insert(
            0, Change("rate-falls-too-soon", f"the rate kept at {training.base_rate:g} by a constant schedule", _constant)
        )
    if model.cost_name == "quadratic" and model.output_activation in ("sigmoid", "softmax"):
        found.append(Change("wrong-cost", "cross-entropy instead of the quadratic cost", _crossed))
    if training.batch_size >= 64 and training.total < FEW_STEPS:
        size = {"batch_size": training.batch_size // 8}
        found.append(Change("batch-too-large", f"batches of {training.batch_size // 8} samples", _batched(0.125), 3.0, size))
    if training.batch_size <= 4:
        size = {"batch_size": training.batch_size * 8}
        found.append(Change("batch-too-small", f"batches of {training.batch_size * 8} samples", _batched(8.0), 0.5, size))
    if outcome.complete:
        times = 8 if outcome.seconds < SHORT else 4 if patient.classifies else 3
        words = f"{times * training.epochs} epochs instead of {training.epochs}"
        setting = {"epochs": times * training.epochs}
        found.append(Change("too-few-epochs", words, _lengthened(times), float(times), setting))
    larger = model.enlarged(8)
    if larger is not None:
        found.append(Change("too-few-units", larger.words, _replaced(larger.network), larger.times, larger.setting))
    return found


def redrawn(patient: Patient, symptoms: Sequence[Finding]) -> list[Change]:
    """Where units were found dead or saturated: the same network with its weights drawn anew, biases at 0."""
    if not symptoms or not patient.model.twin().redraw():
        return []
    return [Change(symptoms[0].fault, "weights drawn anew by he's or Nielsen's initialiser, biases at 0", _redrawn)]


def _redrawn(training: Steps) -> None:
    training.model.redraw()


def another_rate(rate: float, factor: float) -> tuple[str, dict[str, float]]:
    """Another learning rate, in words and as a setting.

    >>> another_rate(3.0, 0.1)
    ('learning rate 0.3 instead of 3', {'learning_rate': 0.3})
    """
    changed = float(f"{rate * factor:g}")
    return f"learning rate {changed:g} instead of {rate:g}", {"learning_rate": changed}


def rated(factor: float) -> Callable[[Steps], None]:
    """Another learning rate, by a factor."""

    def apply(training: Steps) -> None:
        training.base_rate *= factor

    return apply


def _lengthened(factor: int) -> Callable[[Steps], None]:
    return lambda training: retimed(training, epochs=training.epochs * factor)


def _batched(factor: float) -> Callable[[Steps], None]:
    return lambda training: retimed(training, batch_size=max(1, round(training.batch_size * factor)))


def _unclipped(training: Steps) -> None:
    training.clip_length = None


def _unaugmented(training: Steps) -> None:
    training.augment = None


def _unnoised(training: Steps) -> None:
    training.model = training.model.without_noise() or training.model


def _constant(training: Steps) -> None:
    training.factor = lambda progress: 1.0


def falls_too_soon(training: Steps) -> bool:
    """Whether the schedule has taken nearly all of the rate before the training is half over."""
    factors = [float(training.factor(k / 50)) for k in range(50)]
    return max(factors[int(50 * EARLY) :]) < FALLEN * max(factors)


def _crossed(training: Steps) -> None:
    training.model = training.model.with_cost("cross_entropy") or training.model


def decays(training: Steps) -> dict[str, float]:
    """The weight decays of the network and of the optimiser, by name."""
    found = {name: float(getattr(training.model, name)) for name in ("l2", "l1") if name in training.model.tunable}
    return found | {name: value for name, value in training.optimizer.settings().items() if name == "weight_decay"}


def _undecayed(training: Steps) -> None:
    for name in decays(training):
        setattr(training.optimizer if name == "weight_decay" else training.model, name, 0.0)


def _undropped(training: Steps) -> None:
    training.model = training.model.without_dropout() or training.model


def _replaced(network: Any) -> Callable[[Steps], None]:
    """Train this network in place of the first, from its beginning."""

    def apply(training: Steps) -> None:
        training.model = network.twin()
        training.optimizer.update = np.empty(0)
        training.optimizer.prepare(training.model.parameters)

    return apply
