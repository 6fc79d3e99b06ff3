"""Where a fault stands in the code: the line of the user's own class that a finding is about.

What byhand itself computes is checked by its own tests, so the line to look at is one that was written over it: the first class,
from the patient's own upwards, that has a method of the kind the finding is about and does not come with byhand.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from byhand.see.doctor.faults import FAULTS, GRADIENT
from byhand.see.doctor.patient import Patient


def source_of(fault: str, patient: Patient) -> str:
    """File, line and name of the method that a finding is about, "train.py:8 in Mine.learn"; "" where it is byhand's own."""
    code = FAULTS[fault].code
    if code is None:
        return ""
    owner, names = code
    thing: Any = {"model": patient.model, "training": patient.training, "optimizer": patient.training.optimizer}[owner]
    if fault == "step-uphill":  # a gradient's sign may be wrong as well as a step's
        return _written(thing, names) or _written(patient.model, GRADIENT)
    return _written(thing, names)


def _written(thing: Any, names: tuple[str, ...]) -> str:
    for cls in type(thing).__mro__:
        if cls.__module__.split(".")[0] in ("byhand", "builtins"):
            continue
        for name in names:
            method = vars(cls).get(name)
            code = getattr(inspect.unwrap(getattr(method, "__func__", method)), "__code__", None) if method else None
            if code is not None:
                return f"{Path(code.co_filename).name}:{code.co_firstlineno} in {cls.__name__}.{name}"
    return ""
