"""Where a fault stands in the code: the line of the user's own class that a finding is about.

What byhand itself computes is checked by its own tests, so the line to look at is one that was written over it: the first class,
from the patient's own upwards, that has a method of the kind the finding is about and does not come with byhand.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from byhand.see.doctor.patient import Patient

GRADIENT = ("learn", "_backward", "_loss", "loss", "_cost")
EVALUATION = ("evaluate", "forward", "_weighted", "_last_layer", "predict", "learn")
LOOP = ("__next__", "upcoming", "_begin_epoch")

# What a fault is looked for in: whose methods, and which.
PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(("gradient-sum", "cost-sum", "gradient-scale", "gradient-missing", "gradient-wrong"), ("model", GRADIENT)),
    **dict.fromkeys(("gradient-accumulates", "kl-sign", "kl-weight", "code-not-drawn"), ("model", GRADIENT)),
    **dict.fromkeys(("batch-mismatch", "not-shuffled"), ("training", LOOP)),
    **dict.fromkeys(("step-uphill", "step-size-wrong", "parameters-frozen"), ("optimizer", ("step", "_change"))),
    "rate-falls-too-soon": ("training", ("__init__", *LOOP)),
    "accuracy-wrong": ("model", ("evaluate",)),
    "wrong-cost": ("model", ("_cost", "loss", "evaluate", "learn")),
    **dict.fromkeys(("random-evaluation", "batch-leak", "evaluation-differs"), ("model", EVALUATION)),
    "sampler-variance": ("model", ("sampler",)),
    **dict.fromkeys(("time-wrong", "time-ignored", "condition-ignored"), ("model", ("draw", "_loss", "loss"))),
    **dict.fromkeys(("noise-wrong", "noise-reused"), ("model", ("draw", "_loss", "learn"))),
    "data-range": ("model", ("scaled",)),
    **dict.fromkeys(("symmetric-units", "zero-weights", "init-too-large", "init-too-small"), ("model", ("__init__",))),
}


def source_of(fault: str, patient: Patient) -> str:
    """File, line and name of the method that a finding is about, "train.py:8 in Mine.learn"; "" where it is byhand's own."""
    if fault not in PLACES:
        return ""
    owner, names = PLACES[fault]
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
