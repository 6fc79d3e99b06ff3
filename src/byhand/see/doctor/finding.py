"""What the doctor says: a finding is a fault with its place, how sure the doctor is, the evidence, and what to change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from byhand.see.doctor.faults import AGAIN, FAULTS


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        fault: a key of `FAULTS`. where: layer, op or setting. confidence: in (0, 1].
        evidence: what was measured, in a sentence with its numbers. fix: a concrete change, in words.
        change: the same as data where it is a setting: of `learning_rate`, `epochs`, `batch_size` or `hidden` the new value.
        confirm: how to see that it helped. curves: name -> numbers, for a plot.
        source: file and line of the code that it is about, "train.py:8 in Mine.learn"; "" where no line of yours is to blame.
    """

    fault: str
    where: str
    confidence: float
    evidence: str
    fix: str
    confirm: str = AGAIN
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    source: str = ""
    change: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return FAULTS[self.fault].title

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "fault": self.fault,
            "title": self.title,
            "where": self.where,
            "source": self.source,
            "confidence": round(self.confidence, 2),
            "evidence": self.evidence,
            "fix": self.fix,
            "change": dict(self.change),
            "confirm": self.confirm,
            "curves": {name: [_finite(value) for value in values] for name, values in self.curves.items()},
        }


def _finite(value: float) -> float | None:
    """The number, or None, as JSON has neither NaN nor infinity."""
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True)
class Check:
    """A probe that was made: its name, and what it measured in a few words."""

    name: str
    measured: str


@dataclass
class Report:
    """Findings, those to mend first first; what was looked at; how long it took, in seconds."""

    findings: list[Finding]
    checks: list[Check]
    seconds: float
    name: str = ""

    @property
    def healthy(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        """As plain lines, for `print`."""
        n = len(self.findings)
        lines = [f"{self.name}: {'nothing was found' if not n else f'{n} finding' + 's' * (n > 1)}"]
        for number, finding in enumerate(self.findings, 1):
            lines.append(f"{number}. {finding.title} ({finding.where}, {finding.confidence:.0%} sure)")
            lines += [f"   {finding.evidence}", f"   change: {finding.fix}"]
        return "\n".join([*lines, *(f"   {check.name}: {check.measured}" for check in self.checks)])

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "findings": [finding.to_dict() for finding in self.findings],
            "checks": [{"name": check.name, "measured": check.measured} for check in self.checks],
            "seconds": round(self.seconds, 2),
        }
