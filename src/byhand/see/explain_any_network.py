"""A training step of a network that has no account of its own, explained: every operation that its record knows, in order.

Each shows the largest number that it computed, as the sum that it is; see `byhand.see.step_numbers`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.errors import ModelError
from byhand.formula import Line, number
from byhand.models.iwae import IWAE
from byhand.neural_network import NeuralNetwork
from byhand.optim import SGD
from byhand.see.accounts import Request, gives_account
from byhand.see.explanation import Explanation, Sample, Stage, table_of_names
from byhand.see.one_output import prove
from byhand.see.section import Section, summary
from byhand.see.step_array import Operation
from byhand.see.step_numbers import StepNumbers
from byhand.see.take_step import take_step
from byhand.see.update import follow
from byhand.see.weight import Entry
from byhand.see.working import lines_of
from byhand.terms import indexed

STAGES = (
    Stage("forward", "Forward", "From the input to the outputs. Each operation shows its largest number worked out."),
    Stage("cost", "Cost", "How far the answer is from the target, in one number."),
    Stage("backward", "Backward", "How the cost changes with each number, from the last one back to the first."),
    Stage("update", "Update", "The optimiser turns the gradient of each parameter into its change."),
)


@gives_account(
    NeuralNetwork,
    IWAE,
    called="a network of its own kind",
    option="at",
    advice="leave it out, and each parameter's strongest is shown",
)
def explain_any_network(network: Any, request: Request) -> Explanation:
    """One step of any network that a training takes."""
    if request.at:
        raise ModelError(
            f"place {str(request.at[0])!r}: what to follow cannot be chosen in a {type(network).__name__}: leave it out"
        )
    optimizer = request.optimizer or SGD(0.01)
    step = take_step(network, request.x, request.y, optimizer, clip_length=request.clip, dtype=request.dtype, rng=request.rng)
    samples = tuple(Sample(index, "") for index in request.indices)
    numbers = StepNumbers(step, samples)
    sections = tuple(_section(numbers, operation) for operation in numbers.operations)
    proofs = []
    for name, own in step.record.parameters(step.gradient).items():
        place = tuple(int(k) for k in np.unravel_index(int(np.abs(own).argmax()), own.shape))
        proofs.append(prove(step, Entry(name, place)))
    rows = [
        (array.symbol, array.values.shape, f"{name}:{','.join('ijklmn'[: array.values.ndim])}", "", name, name)
        for name in numbers.groups
        for array in [numbers.array(name)]
    ]
    return Explanation(
        step=step,
        samples=samples,
        stages=STAGES,
        sections=sections,
        brief=tuple(section.title for section in sections if section.stage in ("cost", "update")),
        weights=follow(step, proofs, samples),
        names=table_of_names(rows),
        about=(("Network", repr(network)),),
        counting="All indices count from 0.",
    )


def _section(numbers: StepNumbers, operation: Operation) -> Section:
    """One operation, and of what it computes the largest number."""
    arrays = [numbers.array(name) for name in operation.arrays]
    main = arrays[0]
    at = tuple(int(k) for k in np.unravel_index(int(np.abs(main.values).argmax()), main.values.shape))
    value, left = float(main.values[at]), indexed(main.symbol, at)
    lines = lines_of(left, main.terms(at), value) if main.terms is not None else [Line((f"{left} = {number(value)}",), value)]
    return Section(
        stage=operation.stage,
        title=operation.title,
        scope=operation.group,
        equations=operation.equations,
        numbers=tuple(lines),
        shapes=operation.shapes,
        sizes=", ".join(f"{array.name}: {array.values.shape or 'one number'}" for array in arrays),
        summaries=tuple(summary(indexed(array.symbol, ()), array.values) for array in arrays),
        source=operation.source(),
        reference=operation.reference,
        note=operation.note or main.why,
    )
