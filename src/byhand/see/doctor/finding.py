"""What the doctor says: a finding is a fault with its place, how sure the doctor is, the evidence, and what to change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Every fault that the doctor knows, with what it is called in words. The order is that of causes: what stands first brings
# about what stands below it, so of several findings the first is the one to mend first.
FAULTS: dict[str, str] = {
    "inputs-constant": "the inputs say nothing",
    "targets-do-not-fit": "the targets are not what the network is asked for",
    "labels-wrong": "the labels have nothing to do with the inputs",
    "label-noise": "many labels are wrong",
    "inputs-not-normalised": "the inputs are not normalised",
    "inputs-normalised-twice": "the inputs are normalised twice",
    "test-data-differ": "the test data are prepared in another way than the training data",
    "leakage": "test data are in the training data",
    "class-missing": "a class is missing from the training data",
    "data-range": "the data are not in the range that diffusion assumes",
    "batch-mismatch": "the batches pair inputs with the labels of others",
    "not-shuffled": "the samples come sorted by class",
    "gradient-sum": "the gradient is a sum over the batch, not a mean",
    "cost-sum": "cost and gradient are sums over the batch, not means",
    "gradient-scale": "the gradient has the wrong size",
    "gradient-missing": "a gradient is not computed",
    "gradient-wrong": "a gradient is wrong",
    "gradient-accumulates": "the gradient of one batch is added to that of the last",
    "step-uphill": "the step goes uphill",
    "parameters-frozen": "parameters never change",
    "step-size-wrong": "the step is not the rate times the gradient",
    "softmax-twice": "softmax is applied twice",
    "wrong-cost": "the cost is not the one for these outputs",
    "accuracy-wrong": "the accuracy that is reported is not that of the outputs",
    "random-evaluation": "the network is random in evaluation: dropout or noise is still on",
    "batch-leak": "the answer to a sample depends on the others in its batch",
    "evaluation-differs": "the network in evaluation is not the one that was trained",
    "kl-sign": "the divergence has the wrong sign",
    "kl-weight": "the divergence has the wrong weight beside the reconstruction",
    "code-not-drawn": "the code is not drawn from the Gaussian that the encoder gives",
    "schedule-end": "the noise schedule ends before all is noise",
    "time-wrong": "the network is told another time than the noise has",
    "time-ignored": "the network does not know the time",
    "noise-wrong": "the noise is not the one that the schedule says",
    "noise-reused": "the same noise is drawn again and again",
    "condition-ignored": "the network does not know the label",
    "target-wrong": "the network is taught another answer than the sampler reads",
    "sampler-variance": "the sampler's noise has the wrong size",
    "symmetric-units": "units are copies of each other and stay so",
    "zero-weights": "weights are zero, and no gradient gets through them",
    "init-too-large": "the weights begin too large",
    "init-too-small": "the weights begin too small",
    "no-nonlinearity": "the network is one straight line: its layers have no nonlinearity between them",
    "non-finite": "the numbers stop being finite",
    "vanishing-gradient": "the gradient vanishes on its way to the first layers",
    "rate-too-high": "the learning rate is too high",
    "rate-too-low": "the learning rate is too low",
    "weight-decay-too-strong": "the weight decay is too strong",
    "dropout-too-strong": "dropout or noise leaves too little",
    "clip-too-tight": "the gradient is clipped too short",
    "rate-falls-too-soon": "the schedule takes the learning rate away too soon",
    "augmentation-too-strong": "augmentation leaves too little of the samples",
    "too-few-epochs": "the training ends too early",
    "batch-too-large": "the batches are too large: there are too few steps",
    "batch-too-small": "the batches are too small: their gradients are mostly noise",
    "too-few-units": "the network is too small",
    "dead-units": "units are dead: they answer 0 to every sample, and nothing can change that",
    "saturation": "units are saturated: they answer the same to every sample, and their gradient is next to 0",
    "overfitting": "the network learns its training data by heart",
    "latent-unused": "the code is not used",
    "metric-contradicts": "the cost falls, but the accuracy does not follow",
    "not-learning": "the network does not learn",
    "no-validation": "there is no validation set",
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        fault: a key of `FAULTS`. where: layer, op or setting. confidence: in (0, 1].
        evidence: what was measured, in a sentence with its numbers. fix: a concrete change.
        confirm: how to see that it helped. curves: name -> numbers, for a plot.
        source: file and line of the code that it is about, "train.py:8 in Mine.learn"; "" where no line of yours is to blame.
    """

    fault: str
    where: str
    confidence: float
    evidence: str
    fix: str
    confirm: str = "run `byhand doctor` again"
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    source: str = ""

    @property
    def title(self) -> str:
        return FAULTS[self.fault]

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

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "findings": [finding.to_dict() for finding in self.findings],
            "checks": [{"name": check.name, "measured": check.measured} for check in self.checks],
            "seconds": round(self.seconds, 2),
        }
