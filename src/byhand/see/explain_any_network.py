"""A training step of a network that has no account of its own, explained: every operation that its record knows, in order.

Each shows the largest number that it computed, as the sum that it is; see `byhand.see.step_numbers`.
"""

from __future__ import annotations

from typing import Any

from byhand.errors import ModelError
from byhand.models.iwae import IWAE
from byhand.neural_network import NeuralNetwork
from byhand.optim import SGD
from byhand.see.accounts import Request, gives_account
from byhand.see.explanation import Explanation, Sample, Stage, named_alike, table_of_names
from byhand.see.gradient_check import prove
from byhand.see.step_numbers import StepNumbers
from byhand.see.step_sections import sections_of
from byhand.see.take_step import take_step
from byhand.see.update import follow
from byhand.see.weight import Entry
from byhand.terms import place_of_largest

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
    entries = [Entry(name, place_of_largest(own)) for name, own in step.record.parameters(step.gradient).items()]
    sections = sections_of(numbers, entries)
    symbols = {name: numbers.array(name).symbol for name in numbers.groups}
    return Explanation(
        step=step,
        samples=samples,
        stages=STAGES,
        sections=sections,
        brief=tuple(section.title for section in sections if section.stage in ("cost", "update")),
        weights=follow(step, [prove(step, entry) for entry in entries], samples),
        names=table_of_names(named_alike(step.record.parameters(step.theta), symbols)),
        about=(("Network", repr(network)),),
        counting="All indices count from 0.",
    )
