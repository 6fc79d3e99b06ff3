"""Three control experiments on a network that does not learn: they tell what is to blame, the data, the network or neither.

    a few samples    can eight samples be learned by heart?       no: network or gradient; yes: it can learn
    inputs at zero   is it as good when it sees nothing?          yes: nothing of the inputs reaches its answers
    labels shuffled  is it as good with labels drawn by lot?      yes: what it learned has nothing to do with the labels

Source: Karpathy, "A recipe for training neural networks" (2019): overfit one batch, input-independent baseline; for shuffled
labels, Zhang et al. (2017), arXiv:1611.03530, section 2.
"""

from __future__ import annotations

import math

import numpy as np

from byhand import optim
from byhand.errors import ByhandError
from byhand.predictions import chosen
from byhand.see.doctor.patient import Patient
from byhand.see.doctor.trial import Outcome, carry_out
from byhand.training.state import undisturbed
from byhand.training.steps import Steps

FEW, STEPS, RATE = 8, 300, 0.005
SECONDS = 4.0  # nominal, for each of the other two


def controls(patient: Patient, outcome: Outcome) -> tuple[str, str]:
    """What the three experiments say of a training that came to nothing: (evidence, fix)."""
    told, fix = [], "look at the data beside their labels, and at the network's first batch: byhand explain"
    heart = learned_by_heart(patient)
    if heart is not None:
        told.append(f"of {FEW} samples alone it learns {heart:.0%} by heart")
        if heart < 1:
            fix = f"the network cannot learn even {FEW} samples: look at its layers, its cost and its gradient, not at the data"
    if patient.classifies and len(outcome.right):
        blind = carry_out(patient, SECONDS, _blind)
        by_lot = carry_out(patient, SECONDS, _by_lot)
        told.append(f"with all inputs at zero it reads {1 - blind.error:.1%} right")
        costs = f"{by_lot.train_cost:.3g}, with the right ones {outcome.train_cost:.3g}"
        told.append(f"with shuffled labels its cost on the training data is {costs}")
        if heart == 1 and math.isclose(by_lot.train_cost, outcome.train_cost, rel_tol=0.05):
            fix = f"the network can learn, but not these labels: {fix}"
    return "; ".join(told), fix


def learned_by_heart(patient: Patient) -> float | None:
    """The share of eight samples that the network reads right after training on nothing else; None where it has no classes."""
    model, training = patient.model, patient.training
    if not patient.classifies or patient.y.dtype.kind != "f":
        return None
    x, y = patient.few(FEW)
    with undisturbed(training), np.errstate(all="ignore"):
        adam = optim.Adam(RATE)
        adam.prepare(model.parameters)
        try:
            for _ in range(STEPS):
                model.learn(x, y)
                adam.step(model.parameters, model.gradient)
        except ByhandError:
            return 0.0
        return float((chosen(model.forward(x)) == chosen(y)).mean())


def _blind(training: Steps) -> None:
    training.x = np.zeros_like(training.x)


def _by_lot(training: Steps) -> None:
    training.y = training.y[np.random.default_rng(0).permutation(len(training.y))]
