"""The doctor: why a network that runs does not learn, with the evidence, and what to change."""

from __future__ import annotations

from byhand.see.doctor.examine import examine
from byhand.see.doctor.faults import FAULTS
from byhand.see.doctor.finding import Check, Finding, Report
from byhand.see.doctor.patient import Patient, open_patient

__all__ = ["FAULTS", "Check", "Finding", "Patient", "Report", "examine", "open_patient"]
