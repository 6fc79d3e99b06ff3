"""Before anything else: whether all numbers are finite where the training begins. One NaN in a weight is soon in all of them."""

from __future__ import annotations

import numpy as np

from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient


def probe_finite(patient: Patient) -> tuple[list[Finding], list[Check]]:
    """Parameters, inputs and targets that are NaN or infinite before the first step."""
    model, found = patient.model, []
    theta = np.asarray(model.parameters)
    if not np.isfinite(theta).all():
        bad = [name for name, place in model.parameter_slices().items() if not np.isfinite(theta[place]).all()]
        evidence = f"before the first step {int((~np.isfinite(theta)).sum()):,} of {theta.size:,} parameters are NaN or infinite"
        where = bad[0] if bad else "parameters"
        found.append(
            Finding("non-finite", where, 0.99, evidence, "draw or load the weights anew, and look at them before training")
        )
    for name, array in (("inputs", patient.x), ("targets", patient.y)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            rows = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
            evidence = (
                f"{len(rows):,} of {len(array):,} samples have {name} that are NaN or infinite, the first is sample {rows[0]}"
            )
            found.append(Finding("non-finite", name, 0.99, evidence, "leave these samples out, or fill in what is missing"))
    return found, [
        Check("numbers", f"all of {theta.size:,} parameters and of {len(patient.x):,} samples are finite")
    ] if not found else []
