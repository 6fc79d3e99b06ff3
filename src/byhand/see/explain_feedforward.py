"""A training step of a feed-forward network, explained: forward layer by layer, the cost, BP1 to BP4, the update, the proof.

Layers are numbered as in the book, the input is layer 1; units count from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.neural_network import LABELLING, REGRESSION
from byhand.optim import SGD
from byhand.predictions import in_words
from byhand.see.accounts import Request, gives_account
from byhand.see.explanation import BOOK, Explanation, LayerGraph, Names, Output, Sample, Stage, table_of_names
from byhand.see.feedforward_record import FeedForwardRecord
from byhand.see.gradient_check import prove
from byhand.see.image import side
from byhand.see.section import Picture
from byhand.see.step import TrainingStep
from byhand.see.step_numbers import StepNumbers
from byhand.see.step_sections import sections_of
from byhand.see.take_step import take_step
from byhand.see.unicode_math import plain
from byhand.see.update import follow
from byhand.see.weight import Weight, checked

FOLLOWED = 3  # weights that are followed where none are given
STAGES = (
    Stage("forward", "Forward", "Layer by layer, what goes in is weighted, added up and squashed."),
    Stage("cost", "Cost", "How far the answer is from the target, in one number."),
    Stage(
        "backward", "Backward", "From the last layer to the first: who is to blame, and how the cost changes with each parameter."
    ),
    Stage("update", "Update", "The optimiser turns the gradient of each parameter into its change. For the followed weights:"),
)


@gives_account(
    FeedForward,
    called="a plain feed-forward network",
    option="weights",
    advice="name a weight instead, as in --weight 2:5,100",
)
def explain_feedforward(network: FeedForward, request: Request) -> Explanation:
    """One step of a feed-forward network; the weights of the request are "layer:j,k" or `Weight`."""
    asked = [checked(weight, network.sizes) for weight in request.weights]
    optimizer = request.optimizer or SGD(3.0)
    step = take_step(network, request.x, request.y, optimizer, clip_length=request.clip, dtype=request.dtype, rng=request.rng)
    record: FeedForwardRecord = step.record
    answers = max(record.sizes[-1], 2)  # one output has two answers
    if request.classes and len(request.classes) != answers:
        raise ModelError(f"give one class name per output, {answers}, or none, got {len(request.classes)}")
    units_are_classes = network.purpose != REGRESSION  # which tells numbers, and these are their own names
    names = list(request.classes) or ([str(unit) for unit in range(answers)] if units_are_classes else [])
    several = network.purpose == LABELLING
    labels, before, after = (in_words(part, names, several) for part in (step.y, step.answers, step.answers_after))
    samples = tuple(
        Sample(index, label, old, new) for index, label, old, new in zip(request.indices, labels, before, after, strict=True)
    )
    weights = list(dict.fromkeys(asked)) or _largest(step)
    each = _one_a_layer(step, weights)
    numbers, places = StepNumbers(step, samples), _places(each)
    sections = sections_of(numbers, weights, places)
    told = (
        f"Layer {record.last}: ",
        "The cost (",
        f"BP1, layer {record.last}:",
        f"BP4, layer {record.last}:",
        f"Update: the weight {weights[-1]}",
    )
    units = {layer: weight.j for layer, weight in each.items()}
    x, first = record.a[1][0], samples[0]
    n = side(x.size)
    return Explanation(
        step=step,
        samples=samples,
        stages=STAGES,
        sections=sections,
        brief=tuple(section.title for section in sections if section.title.startswith(told)),
        weights=follow(step, [prove(step, weight) for weight in weights], samples),
        names=table_of_names(_names(numbers), "--weight"),
        about=(
            ("Network", f"{'-'.join(map(str, record.sizes))}, {step.network.parameters.size:,} parameters"),
            ("Activations", ", ".join(activation.name.replace("_", " ") for activation in record.activations.values())),
        ),
        followed=f"the batch's first sample, {first.index}; an index i counts samples in the batch" if step.m > 1 else "",
        counting=f"Layers are counted from the input, layer 1, to the output, layer {record.last}; units, samples and classes "
        f"from 0. {BOOK}",
        pictures=(Picture(x.reshape(1, n, n), "a^1", f"the input: sample {first.name}", grey=True),) if n else (),
        output=Output(record.full[record.last][0], step.answers_after[0], step.y[0]),
        graph=LayerGraph(
            {layer: a[0] for layer, a in record.a.items()},
            record.w,
            {layer: activation.name for layer, activation in record.activations.items()},
            units,
            tuple(weights),
        ),
        side_by_side=True,
        details={"sizes": list(record.sizes), "followed": units},
    )


# ---------------------------------------------------------------- what is followed


def _largest(step: TrainingStep) -> list[Weight]:
    """The weight with the largest gradient of each layer, then further ones of other units until there are `FOLLOWED`."""
    ranked: list[list[Weight]] = []
    for layer in range(2, step.record.last + 1):
        sizes = np.abs(step.record.w_gradient[layer])
        best = sizes.argmax(axis=1)  # one weight a unit, so that a second choice is of another unit
        order = np.argsort(-sizes.max(axis=1), kind="stable")[:FOLLOWED]
        ranked.append([Weight(layer, int(j), int(best[j])) for j in order])
    followed = [weights[0] for weights in ranked]
    spare = [weight for weights in ranked for weight in weights[1:]]
    return sorted([*followed, *spare[: max(0, FOLLOWED - len(followed))]], key=lambda weight: weight.layer)


def _one_a_layer(step: TrainingStep, followed: Sequence[Weight]) -> dict[int, Weight]:
    """The weight that the formulas of each layer follow: the first followed one, or the one with the largest gradient."""
    return {weight.layer: weight for weight in [*_largest(step)[::-1], *followed[::-1]]}


def _places(each: dict[int, Weight]) -> dict[str, tuple[int, ...]]:
    """Which number of every array the formulas follow: those of the batch's first sample, and of these weights."""
    places: dict[str, tuple[int, ...]] = {"costs": (0,)}
    for layer, weight in each.items():
        places |= {f"{letter}{layer}": (0, weight.j) for letter in ("z", "a", "d", "delta")}
        places |= {f"w{layer}": weight.place, f"w{layer}.gradient": weight.place, f"b{layer}.gradient": (weight.j,)}
    return places


def _names(numbers: StepNumbers) -> Iterator[Names]:
    """What each parameter is called: in the formulas, as an option, in Python, in files, and in the microscope."""
    for name in numbers.groups:
        array, layer = numbers.array(name), int(name[1:])
        several, single, option = ("weights", "weight", f"{layer}:j,k") if name[0] == "w" else ("biases", "bias", "")
        python, tensor = f"network.{several}[{layer - 2}]", f"layers.{layer - 2}.{single}"
        yield plain(array.symbol), array.values.shape, option, python, tensor, name
