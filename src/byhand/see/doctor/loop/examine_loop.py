"""The examination of a loop that was listened to: the rules in the order of causes, and what was not looked at."""

from __future__ import annotations

import time

from byhand.kernels.threads import one_blas_thread
from byhand.see.doctor.faults import FAULTS
from byhand.see.doctor.finding import Check, Finding, Report
from byhand.see.doctor.loop.baselines import baselines
from byhand.see.doctor.loop.event import Loop
from byhand.see.doctor.loop.moves import moves
from byhand.see.doctor.loop.reach import reach
from byhand.see.doctor.loop.replies import replies
from byhand.see.doctor.loop.samples import samples
from byhand.see.doctor.loop.units import units

# What these say is explained by the rate, the first weights or the data, where one of those is found too.
CONSEQUENCES = ("not-learning", "too-few-epochs", "dead-units", "saturation", "non-finite")
SHUT = ("zero-weights", "output-activation", "wrong-cost")  # through which no gradient may get


def examine_loop(loop: Loop, own: tuple[list[Finding], list[Check]] = ([], [])) -> Report:
    """What is wrong with a loop; `own`: what is known of it by the framework it is written in."""
    began = time.perf_counter()
    if not loop.steps:
        loop.unseen.append("everything: no step was heard")
    with one_blas_thread():
        findings, checks = list(own[0]), list(own[1])
        for rule in (samples, replies):
            found, made = rule(loop)
            findings += found
            checks += made
        findings += moves(loop) + units(loop)
        worth, made, behind = baselines(loop)
        checks += made
        if (behind or any(finding.fault == "non-finite" for finding in findings)) and not _causes(findings):
            findings += reach(loop)
        if not _causes(findings):
            findings += worth
    checks += [Check("not looked at", what) for what in dict.fromkeys(loop.unseen)]
    return Report(_sorted(findings), checks, time.perf_counter() - began, loop.name)


def _causes(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.fault not in CONSEQUENCES]


def _sorted(findings: list[Finding]) -> list[Finding]:
    """Each fault once, the first cause first; what follows from a cause is left out where one is known."""
    order = list(FAULTS)
    if any(finding.fault in SHUT for finding in findings):
        findings = [finding for finding in findings if finding.fault != "gradient-missing"]
    if any(finding.fault == "non-finite" and finding.where == "inputs" for finding in findings):
        findings = [finding for finding in findings if finding.where == "inputs"]
    if any(finding.fault == "batch-leak" for finding in findings):  # a gradient of one sample is not that of such answers
        order.remove("batch-leak")
        order.insert(min(order.index(fault) for fault in ("gradient-wrong", "gradient-scale")), "batch-leak")
    once: dict[tuple[str, str], Finding] = {}
    for finding in _causes(findings) or findings:
        once.setdefault((finding.fault, finding.where), finding)
    return sorted(once.values(), key=lambda finding: order.index(finding.fault))
