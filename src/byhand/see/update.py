"""The last part of a step: how the optimiser turned the gradient of a chosen weight into its change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from byhand.equation import read
from byhand.errors import ModelError
from byhand.formula import Line, number, setting, signed
from byhand.optim import Optimizer, clip
from byhand.see.explanation import FollowedWeight, Sample
from byhand.see.proof import Proof
from byhand.see.pushes import ranked
from byhand.see.section import Section, sources, summary
from byhand.see.step import TrainingStep
from byhand.see.weight import Entry, Weight
from byhand.see.working import lines_of
from byhand.terms import Factor


@dataclass(frozen=True)
class Change:
    """One parameter on its way through the optimiser: `latex` names it; before, after: its numbers in the optimiser's state."""

    latex: str
    gradient: float
    was: float
    now: float
    change: float
    before: dict[str, float]
    after: dict[str, float]


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


def update_sections(step: TrainingStep, weights: Iterable[Weight | Entry]) -> Iterator[Section]:
    """One section for each weight; only the first shows the arrays and the source."""
    for position, weight in enumerate(weights):
        at = flat_place(step, weight)
        change = Change(
            weight.latex,
            float(step.used[at]),
            float(step.theta[at]),
            float(step.theta_after[at]),
            float(step.update[at]),
            {slot: float(vector[at]) for slot, vector in step.before.items()},
            {slot: float(vector[at]) for slot, vector in step.after.items()},
        )
        yield _section(step, change, f"Update: the weight {weight} by {type(step.optimizer).__name__}", position == 0)


def _section(step: TrainingStep, change: Change, title: str, whole: bool) -> Section:
    """What the optimiser made of one parameter; whole: with the arrays and the source."""
    optimizer = step.optimizer
    own = Section(
        stage="update",
        title=title,
        why="The gradient points uphill, so the step goes the other way; the learning rate says how far.",
        equations=optimizer.equations(),
        numbers=tuple(_numbers(optimizer, change)),
    )
    if not whole:
        return own
    return replace(
        own,
        sizes=f"theta, g: ({step.gradient.size},), all parameters in one vector",
        summaries=(
            summary("g", step.used),
            *(summary(optimizer.letters.get(slot, slot), vector) for slot, vector in step.after.items()),
            summary(r"\Delta\theta", step.update),
        ),
        source=sources(*source_functions(optimizer)),
        reference=reference(optimizer),
        note=repr(optimizer),
    )


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


def _numbers(optimizer: Optimizer, change: Change) -> Iterator[Line]:
    """The optimiser's terms for one parameter. Every left side is what the step left in the optimiser or in the network."""
    g, theta, speaks = Factor("g", change.gradient), Factor(change.latex, change.was), optimizer.speaks()
    yield Line((rf"g = \frac{{\partial C}}{{\partial {change.latex}}}", f"= {number(g.value)}"), g.value)
    state = {}
    for slot, now in change.after.items():
        letter = optimizer.letters.get(slot, slot)
        state[slot] = Factor(letter, now)
        old = Factor(f"{letter}^{{-}}", change.before.get(slot, 0.0))
        terms = optimizer.state_terms(slot, old, g) if speaks else None
        yield from lines_of(letter, terms, now) if terms is not None else [Line((f"{letter} = {number(now)}",), now)]
    left = rf"\Delta {change.latex}"
    terms = optimizer.change_terms(theta, g, state) if speaks else None
    yield from lines_of(left, terms, change.change) if terms else [Line((f"{left} = {number(change.change)}",), change.change)]
    yield Line((rf"{change.latex} \leftarrow {number(change.was)}", signed(change.change)))
    yield Line((f"= {number(change.now)}",), change.now)
