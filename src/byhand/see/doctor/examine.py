"""The examination: all probes in the order of causes, and what they found, the first to mend first.

What breaks the training from below (data, gradient, outputs, first weights) also spoils its figures, so the training is put on
trial only where nothing was found there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from byhand.errors import TrainingError
from byhand.kernels.threads import one_blas_thread
from byhand.see.doctor.faults import AGAIN, FAULTS
from byhand.see.doctor.finding import Check, Finding, Report
from byhand.see.doctor.patient import Patient
from byhand.see.doctor.probe_batches import probe_batches
from byhand.see.doctor.probe_codes import probe_codes
from byhand.see.doctor.probe_cost import probe_cost
from byhand.see.doctor.probe_data import probe_data
from byhand.see.doctor.probe_diffusion import probe_diffusion
from byhand.see.doctor.probe_finite import probe_finite
from byhand.see.doctor.probe_gradient import probe_gradient
from byhand.see.doctor.probe_outputs import probe_outputs
from byhand.see.doctor.probe_training import probe_training
from byhand.see.doctor.probe_units import probe_units
from byhand.see.doctor.rules import rules
from byhand.see.doctor.source import source_of

Probe = Callable[[Patient], tuple[list[Finding], list[Check]]]
PROBES: tuple[Probe, ...] = (
    probe_data,
    probe_batches,
    probe_gradient,
    probe_units,
    probe_outputs,
    probe_cost,
    probe_codes,
    probe_diffusion,
)


def examine(patient: Patient, progress: Callable[[str], None] | None = None, *, trial: bool = True) -> Report:
    """Look a training through; the patient is left as it was. Without `trial` it is not trained to see how that goes.

    `progress` is told the name of each probe before it begins. BLAS has one thread meanwhile: on a busy machine two that wait for
    each other took 63 s of processor time for the recipe `mnist`, one takes 9.
    """
    with one_blas_thread():
        return _examined(patient, progress, trial)


def _examined(patient: Patient, progress: Callable[[str], None] | None, trial: bool) -> Report:
    start = time.perf_counter()
    findings, checks = probe_finite(patient)
    if findings:  # there is nothing to measure with
        return Report(findings, checks, time.perf_counter() - start, patient.name)
    for probe in PROBES:
        if progress is not None:
            progress(probe.__name__.removeprefix("probe_"))
        try:
            found, made = probe(patient)
        except TrainingError:  # it explodes before the probe has seen enough: the training's own trial will say so
            continue
        findings += found
        checks += made
    if patient.history.epochs:
        findings += rules(patient.history)
    elif not trial:
        checks.append(Check("not looked at", "the training itself, with these and other settings"))
    elif all(FAULTS[finding.fault].symptom for finding in findings):
        if progress is not None:
            progress("training")
        symptoms = [finding for finding in findings if finding.fault in ("dead-units", "saturation")]
        found, made = probe_training(patient, symptoms)
        findings = [finding for finding in findings if finding not in symptoms] + found
        checks += made
    order = list(FAULTS)
    findings.sort(key=lambda finding: order.index(finding.fault))
    findings = [replace(finding, source=source_of(finding.fault, patient), confirm=_confirm(finding)) for finding in findings]
    return Report(findings, checks, time.perf_counter() - start, patient.name)


def _confirm(finding: Finding) -> str:
    """How to see that the finding's change helped: what the probe said of it, else what the table says."""
    return FAULTS[finding.fault].confirm if finding.confirm == AGAIN else finding.confirm
