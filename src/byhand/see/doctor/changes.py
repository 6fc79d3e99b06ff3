"""What may be changed in a training, one setting at a time: the rate, its schedule, the length, the batch, the cost, the size of
the network; or without weight decay, dropout, noise, clipping or augmentation.

A change is applied to the `Steps` of a patient that stands inside `undisturbed`, so nothing of it is left behind.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand import initialisers
from byhand.backend import generator
from byhand.see.doctor.finding import Finding
from byhand.see.doctor.patient import Patient, retimed
from byhand.see.doctor.trial import Outcome
from byhand.training.steps import Steps

SHORT = 0.3  # nominal seconds of a training that may be tried at eight times its length
FEW_STEPS = 500  # a training with more has steps enough, however large its batches are
FALLEN, EARLY = 0.03, 0.4  # a rate below so much of its highest before so much of the training has fallen too soon


@dataclass(frozen=True)
class Change:
    """One setting changed: the fault that it speaks for, how, in words, and what it costs in trainings."""

    fault: str
    words: str
    apply: Callable[[Steps], None]
    times: float = 1.0


def changes(patient: Patient, outcome: Outcome) -> list[Change]:
    """The changes worth a trial, the likeliest first."""
    training, model = patient.training, patient.model
    found: list[Change] = []
    for factor in (10.0, 0.1, 100.0, 0.01, 3.0, 0.3):
        fault = "rate-too-high" if factor < 1 else "rate-too-low"
        found.append(
            Change(fault, f"learning rate {training.base_rate * factor:g} instead of {training.base_rate:g}", rated(factor))
        )
    decays = (getattr(model, "l2", 0), getattr(model, "l1", 0), getattr(training.optimizer, "weight_decay", 0))
    if any(decays):
        found.insert(0, Change("weight-decay-too-strong", "without weight decay", _undecayed))
    if dropouts(model):
        found.insert(0, Change("dropout-too-strong", "without dropout", _undropped))
    if getattr(model, "noise", 0):
        found.insert(0, Change("dropout-too-strong", "without noise on the code", _unnoised))
    if training.clip_length is not None:
        found.insert(0, Change("clip-too-tight", "without clipping", _unclipped))
    if training.augment is not None:
        found.insert(0, Change("augmentation-too-strong", "without augmentation", _unaugmented))
    if falls_too_soon(training):
        found.insert(
            0, Change("rate-falls-too-soon", f"the rate kept at {training.base_rate:g} by a constant schedule", _constant)
        )
    if model.kind == "feedforward" and model.cost.name == "quadratic" and model.activations[-1].name in ("sigmoid", "softmax"):
        found.append(Change("wrong-cost", "cross-entropy instead of the quadratic cost", _crossed))
    if training.batch_size >= 64 and training.total < FEW_STEPS:
        found.append(Change("batch-too-large", f"batches of {training.batch_size // 8} samples", _batched(0.125), 3.0))
    if training.batch_size <= 4:
        found.append(Change("batch-too-small", f"batches of {training.batch_size * 8} samples", _batched(8.0), 0.5))
    if outcome.complete:
        times = 8 if outcome.seconds < SHORT else 4 if patient.classifies else 3
        words = f"{times * training.epochs} epochs instead of {training.epochs}"
        found.append(Change("too-few-epochs", words, _lengthened(times), float(times)))
    wider, longer = _remade(patient, 8), _longer_code(patient)
    if wider is not None:
        found.append(Change("too-few-units", "with eight times as many hidden units", wider, 3.0))
    if longer is not None:
        found.append(Change("too-few-units", f"a code of {8 * model.latent} numbers instead of {model.latent}", longer, 1.2))
    return found


def redrawn(patient: Patient, symptoms: Sequence[Finding]) -> list[Change]:
    """Where units were found dead or saturated: the same network with its weights drawn anew, biases at 0."""
    apply = _remade(patient, 1) or _drawn_anew(patient)
    if not symptoms or apply is None:
        return []
    return [Change(symptoms[0].fault, "weights drawn anew by he's or Nielsen's initialiser, biases at 0", apply)]


def _drawn_anew(patient: Patient) -> Callable[[Steps], None] | None:
    """The weights of a coder or of a network of modules written over with new ones; None where that is not known how."""
    model = patient.model

    def apply(training: Steps) -> None:
        if hasattr(model, "module"):
            model.module.initialise(1, "he")
        else:
            model.encoder.initialise(generator(1, "encoder"))
            model.decoder.initialise(generator(1, "decoder"))

    return apply if model.kind in ("network", "autoencoder", "vae") else None


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
    training.model = copy.copy(training.model)
    training.model.noise = 0.0  # type: ignore[attr-defined]


def _constant(training: Steps) -> None:
    training.factor = lambda progress: 1.0


def falls_too_soon(training: Steps) -> bool:
    """Whether the schedule has taken nearly all of the rate before the training is half over."""
    factors = [float(training.factor(k / 50)) for k in range(50)]
    return max(factors[int(50 * EARLY) :]) < FALLEN * max(factors)


def _crossed(training: Steps) -> None:
    from byhand import costs

    model: Any = copy.copy(training.model)
    model.cost = costs.named("cross_entropy", model.activations[-1])
    training.model = model


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
        for w, b in zip(wide.weights, wide.biases, strict=True):
            initialisers.named("he" if bent else "nielsen")(w, b, generator(len(b), "doctor"))
        training.model = wide
        training.optimizer.update = np.empty(0)
        training.optimizer.prepare(wide.parameters)
        wide.rng = generator(0, "dropout")

    return apply


def _longer_code(patient: Patient) -> Callable[[Steps], None] | None:
    """The same coder with eight times as many numbers in its code; None for others.

    Only for a code of one number: with two it is a map to be looked at, and how many more are wanted is not the doctor's to say.
    """
    model = patient.model
    if model.kind not in ("autoencoder", "vae") or not hasattr(model, "encoder") or hasattr(model, "module") or model.latent > 1:
        return None

    def apply(training: Steps) -> None:
        settings = {name: getattr(model, name) for name in ("activation", "reconstruction", "classes")}
        settings |= {name: getattr(model, name) for name in ("noise", "beta", "warm_up") if hasattr(model, name)}
        training.model = type(model)(model.n, model.hidden, 8 * model.latent, seed=1, **settings)
        training.optimizer.update = np.empty(0)
        training.optimizer.prepare(training.model.parameters)
        training.model.rng = generator(0, "noise")

    return apply
