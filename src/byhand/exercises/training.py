"""Examines a training that somebody mended: the doctor looks at it, and then it is carried out."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np

from byhand import data
from byhand.exercises.compare import Unanswered
from byhand.see.doctor import Patient, examine
from byhand.see.doctor.patient import patient_of


def mended(name: str, sizes: tuple[int, ...], epochs: int, accuracy: float) -> Callable[[ModuleType], list[str]]:
    """An examination of a file's `make`: what the doctor finds, what must stay as it was, and what it reads of new samples.

    name: of the data, whose test samples are loaded here, not taken from the learner. accuracy: what the mended training reaches.
    """

    def examined(module: ModuleType) -> list[str]:
        try:
            patient = _patient(module)
        except Unanswered as why:
            return [str(why)]
        told = _changed(patient, name, sizes, epochs)
        if told:
            return told
        report = examine(patient)
        for finding in report.findings:
            where = finding.source or finding.where
            told.append(f"the doctor finds that {finding.title} ({where}): {finding.evidence}")
        if not told:
            right = _trained(patient, name)
            if right < accuracy:
                told.append(
                    f"trained, it reads {right:.1%} of new samples right; mended, it reads {accuracy:.0%} or more: something "
                    "is left that the doctor cannot see"
                )
        return told

    return examined


def _patient(module: ModuleType) -> Patient:
    make = getattr(module, "make", None)
    if not callable(make):
        raise Unanswered("there is no function make in your file: keep it, it returns the training")
    return patient_of(make(), "make")


def _changed(patient: Patient, name: str, sizes: tuple[int, ...], epochs: int) -> list[str]:
    """What must stay as it is: else one could learn something else, or for longer, and call it mended."""
    got = tuple(getattr(patient.model, "sizes", ()))
    if got != sizes:
        return [f"the network must keep its units per layer, {sizes}, got {got}: the bug is elsewhere"]
    if patient.training.epochs != epochs:
        return [f"the training must keep its {epochs} epochs, got {patient.training.epochs}: the bug is elsewhere"]
    whole = len(data.load(name).train)
    if len(patient.x) != whole:
        return [f"the training must keep all {whole} samples, got {len(patient.x)}: the bug is elsewhere"]
    return []


def _trained(patient: Patient, name: str) -> float:
    test = data.load(name).test
    assert test is not None
    with np.errstate(all="ignore"):
        for _ in patient.training:
            pass
        return float(patient.model.evaluate(test.flat, test.targets())[1])
