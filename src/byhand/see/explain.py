"""A training step, explained: every equation with its numbers, its shapes and its source, and then the proof.

One real step is taken (`learn`, then `optimizer.step`) on a copy of the network, and all that it computed is laid out in the
order in which it was computed: forward, cost, BP1 to BP4, update. Layers are numbered as in the book, the input is layer 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array, generator
from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.optim import SGD, Optimizer
from byhand.see.backward import backward_sections
from byhand.see.forward import cost_sections, forward_sections
from byhand.see.observe import Observed, observe
from byhand.see.proof import Proof, prove
from byhand.see.pushes import Push, pushes
from byhand.see.section import Section
from byhand.see.update import update_sections
from byhand.see.weight import Weight, checked

CHOSEN = 3  # weights that are chosen where none are given


@dataclass(frozen=True)
class ChosenWeight:
    """A weight that the explanation follows: before and after the step, its gradient's proof, and who pushed it."""

    weight: Weight
    before: float
    after: float
    proof: Proof
    up: tuple[Push, ...]
    down: tuple[Push, ...]


@dataclass(frozen=True)
class Sample:
    """One sample of the batch: its index in the data, its label, and what the network answered before and after the step."""

    index: int
    label: str
    answer: str
    answer_after: str

    @property
    def name(self) -> str:
        """As `5 (three)`, or the index alone where there is no label."""
        return f"{self.index} ({self.label})" if self.label else str(self.index)


@dataclass(frozen=True)
class Explanation:
    """One step laid out. `sections` stand in the order of computation; `followed` is the unit j of each layer in the formulas."""

    step: Observed
    samples: tuple[Sample, ...]
    sections: tuple[Section, ...]
    weights: tuple[ChosenWeight, ...]
    followed: dict[int, int]

    def stage(self, name: str) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if section.stage == name)

    def _repr_html_(self) -> str:
        """For notebooks."""
        from byhand.see.notebook import html_of  # it draws pages of all kinds, this one among them

        return html_of(self)


def explain(
    network: FeedForward,
    x: Array,
    y: Array,
    *,
    optimizer: Optimizer | None = None,
    indices: Sequence[int] | None = None,
    weights: Sequence[Weight | str] = (),
    classes: Sequence[str] = (),
    clip: float | None = None,
    dtype: Any = np.float64,
    seed: int | None = None,
) -> Explanation:
    """Take one training step on this batch and lay it out. The network and the optimiser that are given stay as they are.

    Arguments:
        network: as it stands before the step.
        x, y: the batch, (m, ...) inputs and (m, n_L) targets.
        optimizer: SGD with a learning rate of 3.0, Nielsen's, unless another is given; its state is taken along.
        indices: (m,) of the samples in their data set, to name them by; 0..m-1 unless given.
        weights: to prove and to follow, as `Weight` or "layer:j,k"; the input is layer 1, units count from 0. Where none are
            given, the weight with the largest gradient in each layer, and further large ones up to three.
        classes: names of the outputs, to label samples with; their numbers unless given.
        clip: the largest length of the gradient, or None.
        dtype: that the step is taken in; the proof is always in float64.
        seed: of dropout; None goes on with the network's own generator, from where it stands, as its training would.

    Raises ModelError for a weight, batch or target that does not fit the network, and for numbers that are not finite.

    >>> net = FeedForward((4, 5, 3), seed=1)
    >>> found = explain(net, np.ones((1, 4)), np.eye(3)[:1], weights=["3:0,2"])
    >>> [section.title for section in found.sections][:2]
    ['Layer 2: weighted input', 'Layer 2: activation (sigmoid)']
    >>> found.weights[0].proof.agrees
    True
    """
    wanted = [checked(weight, network.sizes) for weight in weights]
    rng = network.rng if seed is None else generator(seed, "dropout")
    step = observe(network, x, y, optimizer if optimizer is not None else SGD(3.0), clip, dtype, rng)
    numbers = list(range(step.m)) if indices is None else [int(index) for index in indices]
    if len(numbers) != step.m:
        raise ModelError(f"{len(numbers)} indices for {step.m} samples: give one index a sample, or none")
    if classes and len(classes) != step.sizes[-1]:
        raise ModelError(f"{len(classes)} class names for {step.sizes[-1]} outputs: give one a unit, or none")
    names = list(classes) or [str(unit) for unit in range(step.sizes[-1])]
    chosen = list(dict.fromkeys(wanted)) or _largest(step)
    follow = _one_a_layer(step, chosen)
    units = {layer: weight.j for layer, weight in follow.items()}
    labels = [names[unit] for unit in step.y.argmax(axis=1)]
    return Explanation(
        step=step,
        samples=tuple(
            Sample(index, label, names[before], names[after])
            for index, label, before, after in zip(
                numbers, labels, step.full[step.last].argmax(axis=1), step.output_after.argmax(axis=1), strict=True
            )
        ),
        sections=(
            *forward_sections(step, units),
            *cost_sections(step),
            *backward_sections(step, follow),
            *update_sections(step, chosen),
        ),
        weights=tuple(
            ChosenWeight(
                weight,
                float(step.w[weight.layer][weight.j, weight.k]),
                float(step.w_after[weight.layer][weight.j, weight.k]),
                proof,
                *pushes(step, weight, numbers, labels),
            )
            for weight, proof in zip(chosen, prove(step, chosen), strict=True)
        ),
        followed=units,
    )


def _largest(step: Observed) -> list[Weight]:
    """The weight with the largest gradient of each layer, then further ones of other units until there are `CHOSEN`."""
    ranked: list[list[Weight]] = []
    for layer in range(2, step.last + 1):
        sizes = np.abs(step.w_gradient[layer])
        best = sizes.argmax(axis=1)  # one weight a unit, so that a second choice is of another unit
        order = np.argsort(-sizes.max(axis=1), kind="stable")[:CHOSEN]
        ranked.append([Weight(layer, int(j), int(best[j])) for j in order])
    chosen = [weights[0] for weights in ranked]
    for spare in [weight for weights in ranked for weight in weights[1:]]:
        if len(chosen) >= CHOSEN:
            break
        chosen.append(spare)
    return sorted(chosen, key=lambda weight: weight.layer)


def _one_a_layer(step: Observed, chosen: Sequence[Weight]) -> dict[int, Weight]:
    """The weight that the formulas of each layer follow: the first chosen one, or the one with the largest gradient."""
    follow = {weight.layer: weight for weight in _largest(step)[::-1]}
    for weight in reversed(chosen):
        follow[weight.layer] = weight
    return follow
