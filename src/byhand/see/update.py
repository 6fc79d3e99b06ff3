"""What is told of an update in any network: the followed weights, who pushed them, clipping, and the optimiser's lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from byhand.equation import read
from byhand.errors import ModelError
from byhand.formula import Line, number, setting
from byhand.optim import Optimizer, clip
from byhand.see.explanation import FollowedWeight, Sample
from byhand.see.gradient_check import Proof
from byhand.see.pushes import ranked
from byhand.see.section import Section, sources, summary
from byhand.see.step import TrainingStep
from byhand.see.weight import Entry, Weight


def flat_place(step: TrainingStep, weight: Weight | Entry) -> int:
    """Where a weight stands in the step's flat vectors."""
    return int(step.record.parameters(np.arange(step.theta.size))[weight.name][weight.place])


def follow(step: TrainingStep, proofs: Iterable[Proof], samples: Sequence[Sample]) -> tuple[FollowedWeight, ...]:
    """Proven weights before and after the step, with the samples that pushed them; nobody, where the network cannot tell."""
    followed = []
    for proof in proofs:
        weight, at = proof.weight, flat_place(step, proof.weight)
        try:
            pushes = -step.record.contributions(weight.name, weight.place, step.m)
        except ModelError:
            pushes = np.zeros(step.m)
        who = ranked(pushes, [sample.index for sample in samples], [sample.label for sample in samples])
        theta, after, gradient = (float(vector[at]) for vector in (step.theta, step.theta_after, step.gradient))
        followed.append(FollowedWeight(weight, theta, after, gradient, proof, *who))
    return tuple(followed)


def clipping(step: TrainingStep) -> tuple[Section, ...]:
    """The gradient made shorter, where it is too long; nothing where the training does not clip."""
    if step.clip is None:
        return ()
    scale = min(1.0, step.clip / step.length) if step.length else 1.0
    section = Section(
        stage="backward",
        title="The gradient is clipped",
        why="A rare long gradient would throw the parameters far away. Made shorter, it still points the same way.",
        equations=(r"g \leftarrow g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right)",),
        numbers=(
            Line((rf"\lVert g \rVert = {number(step.length)}, \quad c = {setting(step.clip)}",), step.length),
            Line((rf"g \leftarrow {number(scale)} \, g",), scale),
        ),
        sizes=f"{step.gradient.size:,} parameters",
        summaries=(summary("g", step.used),),
        source=sources(clip),
        reference="Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063, algorithm 1",
    )
    return (section,)


def reference(optimizer: Optimizer) -> str:
    """Where the optimiser comes from; "" where its docstring does not say."""
    try:
        return read(type(optimizer)).source
    except ModelError:
        return ""


def source_functions(optimizer: Optimizer) -> list[Callable[..., Any]]:
    """What ran: the optimiser's own `_change`, and those that it goes on to."""
    kinds = [kind for kind in type(optimizer).__mro__ if "_change" in vars(kind) and kind is not Optimizer]
    return [*(vars(kind)["_change"] for kind in kinds), Optimizer.step]
