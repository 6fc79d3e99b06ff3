"""A finding's change, tried: the training as it is and a copy with the change, both carried out and measured alike.

A change that helps should be seen to help. What cannot be changed by a setting (a wrong gradient, labels that belong to others)
is not tried: that is a line of somebody's code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from byhand.kernels.threads import one_blas_thread
from byhand.see.doctor.changes import changes, redrawn
from byhand.see.doctor.finding import Finding, Report
from byhand.see.doctor.patient import Patient, retimed
from byhand.see.doctor.trial import Outcome, better, carry_out
from byhand.training.steps import Steps

SHORT = 8.0  # nominal seconds of each of the two trainings
SEEN = 2.0  # standard errors, from which on more samples read right are no luck
CHEAPER = 0.95  # of the cost, where classes are not told apart


@dataclass(frozen=True)
class Tried:
    """The two trainings side by side. words: the change. before, after: what became of each."""

    finding: Finding
    words: str
    before: Outcome
    after: Outcome

    @property
    def verdict(self) -> str:
        """ "helped", "made it worse", or "no difference that can be told"."""
        if len(self.before.right) and len(self.after.right):
            gained, lost = better(self.after, self.before), better(self.before, self.after)
        else:
            gained, lost = (SEEN * (a.cost < CHEAPER * b.cost) for a, b in ((self.after, self.before), (self.before, self.after)))
        return "helped" if gained >= SEEN else "made it worse" if lost >= SEEN else "no difference that can be told"

    def lines(self) -> list[str]:
        """In words, a line each."""
        return [
            f"tried: {self.words} ({self.finding.title}): {self.verdict}",
            f"   before  {_told(self.before)}",
            f"    after  {_told(self.after)}",
        ]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        sides = {"before": _numbers(self.before), "after": _numbers(self.after)}
        return {"fault": self.finding.fault, "change": self.words, "verdict": self.verdict, **sides}


def _told(out: Outcome) -> str:
    right = f"{out.right.mean():.1%} of {len(out.right):,} held-out samples right, " if len(out.right) else ""
    end = f", then it exploded: {out.exploded}" if out.exploded else "" if out.complete else f" of {out.total:,}"
    held = f"held-out cost {out.cost:.4g}, " if out.curve and out.cost != float("inf") else ""
    return f"{right}{held}training cost {out.train_cost:.4g}, {out.steps:,} steps{end}"


def _numbers(out: Outcome) -> dict[str, Any]:
    costs = {"cost": float(out.cost), "train_cost": float(out.train_cost)}
    finite = {name: value if math.isfinite(value) else None for name, value in costs.items()}  # JSON knows no infinity
    right = float(out.right.mean()) if len(out.right) else None
    return {"accuracy": right, **finite, "steps": out.steps, "steps_of": out.total, "exploded": out.exploded}


def try_out(patient: Patient, report: Report, seconds: float = SHORT) -> Tried | None:
    """Try the change of the first finding that has one; None where there is none that a setting can make.

    The patient is left as it was. `seconds`: nominal ones, of each of the two trainings.
    """
    with one_blas_thread():
        before = carry_out(patient, seconds)
        for finding in report.findings:
            found = _change(patient, finding, before)
            if found is not None:
                words, apply = found
                return Tried(finding, words, before, carry_out(patient, seconds, apply))
    return None


def _change(patient: Patient, finding: Finding, before: Outcome) -> tuple[str, Callable[[Steps], None]] | None:
    """How a finding's change is made, in words and as a function: its own setting, else what is tried for its fault."""
    setting = dict(finding.change)
    known = [*redrawn(patient, [finding] if finding.fault in ("dead-units", "saturation") else []), *changes(patient, before)]
    for change in known:
        if setting and dict(change.setting) == setting:
            return change.words, change.apply
    if setting and setting.keys() <= {"learning_rate", "epochs", "batch_size"}:
        return finding.fix, lambda training: _set(training, setting)
    return next(((change.words, change.apply) for change in known if change.fault == finding.fault), None)


def _set(training: Steps, setting: dict[str, Any]) -> None:
    if "learning_rate" in setting:
        training.base_rate = float(setting["learning_rate"])
    if setting.keys() & {"epochs", "batch_size"}:
        retimed(training, epochs=setting.get("epochs"), batch_size=setting.get("batch_size"))
