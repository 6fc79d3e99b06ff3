"""A training step of a network of modules, explained op by op: what each read and computed, forward and back, with its equation.

One real step is taken on copies while the tape is watched. Then one output of one convolution is worked out in full, from the
pixels it saw to the number that the network computed, and one of its weights from the errors that came back to the update.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from byhand.errors import ModelError
from byhand.nn import Network
from byhand.optim import SGD
from byhand.see.accounts import Request, gives_account
from byhand.see.explanation import BOOK, Explanation, FollowedWeight, Output, Sample, Stage, named_alike, table_of_names
from byhand.see.gradient_check import prove
from byhand.see.image import side
from byhand.see.one_output import pixel_section, strongest, weight_section
from byhand.see.op_sections import op_backward_sections, op_forward_sections, plain_symbol, thumbnails
from byhand.see.section import Listing, Picture, Section
from byhand.see.step import TrainingStep
from byhand.see.step_numbers import StepNumbers
from byhand.see.step_sections import update_sections
from byhand.see.take_step import take_step
from byhand.see.tape import ModuleOp
from byhand.see.unit_address import UnitAddress, find_unit
from byhand.see.update import clipping, follow
from byhand.see.weight import Entry
from byhand.see.working import WEIGHTED, strongest_entry
from byhand.terms import At

NOTHING_ASKED: Mapping[int, At] = MappingProxyType({})
# Ops whose channels are new ones; those of all others go on from what came in.
MIXING = {"conv2d", "conv_transpose2d", "linear", "matmul", "attention", "embedding", "concat", "transpose", "reshape", "index"}


STAGES = (
    Stage(
        "forward", "Forward", "Op by op, in the order in which the network computed. Each shows one number worked out by hand."
    ),
    Stage("cost", "Cost", "How far the answer is from the target, in one number."),
    Stage(
        "backward",
        "Backward",
        "The same ops in reverse: each turns the error of what it computed into that of what it read. Blame goes back along the "
        "ways that the numbers came, through the same weights.",
    ),
    Stage("update", "Update", "The optimiser turns the gradient of each parameter into its change. For the followed weight:"),
    Stage("pixel", "One number, all the way down", "One output with every product in it, and one of the weights that made it."),
)


@gives_account(
    Network,
    called="a network of modules",
    option="at",
    advice="name an output instead, as in --at 0:0,13,14,5, and one of the weights that make it is followed",
)
def explain_network(network: Network, request: Request) -> Explanation:
    """One step of a network of modules; the places of the request are `UnitAddress` or "SCOPE:N,I,J,O".

    The first of them that is a convolution's or a linear layer's is worked out in full; unless given, the strongest output of the
    first convolution for the batch's first sample.
    """
    optimizer = request.optimizer or SGD(3.0)
    step = take_step(network, request.x, request.y, optimizer, clip_length=request.clip, dtype=request.dtype, rng=request.rng)
    ops = step.record.ops
    n_classes = step.answers.shape[-1]
    reads_classes = step.network.cost == "cross_entropy" and not step.chance
    if reads_classes and request.classes and len(request.classes) != max(n_classes, 2):  # one output has two answers
        raise ModelError(f"give one class name per output, {n_classes}, or none, got {len(request.classes)}")
    samples = _samples(step, request.indices, list(request.classes) or [str(unit) for unit in range(n_classes)])
    asked = dict(find_unit(place, ops) for place in reversed(request.at))
    main = _main(step, asked)
    row = asked[main].at[0] if main in asked else next((place.at[0] for place in asked.values() if place.at), 0)
    anchor = None if main is None else asked[main].at if main in asked else strongest(ops[main], row)
    followed = followed_places(ops, main, anchor, {number: place.at for number, place in asked.items()}, row)
    sections = [
        *op_forward_sections(ops, followed),
        *op_backward_sections(ops, followed, row, step.m),
        *clipping(step),
    ]
    weights: tuple[FollowedWeight, ...] = ()
    pixel: dict[str, object] | None = None
    told = ops[0].title
    if main is not None and anchor is not None:
        op, names = ops[main], [sample.name for sample in samples]
        entry = strongest_entry(op, anchor)
        section, worked = pixel_section(op, anchor, f"sample {names[row]}")
        pixel = {"scope": op.name, "at": list(anchor), "sum": worked.value, "network": worked.network}
        weights, told = follow(step, [prove(step, entry)], samples), op.title
        sections += [*op_update_sections(StepNumbers(step, samples), [entry]), section, weight_section(op, entry, anchor, names)]
    shapes = [" × ".join(map(str, shape)) for shape in (network.input_shape, network.output_shape)]
    return Explanation(
        step=step,
        samples=samples,
        row=row,
        stages=STAGES,
        sections=tuple(sections),
        brief=(told, f"{told}, backward", *(section.title for section in sections if section.stage in ("cost", "update"))),
        weights=weights,
        names=names_of_parameters(step),
        about=(("Network", f"{shapes[0]} → {shapes[1]}, {len(ops)} ops, {network.parameters.size:,} parameters"),),
        followed=f"sample {samples[row].name}" if step.m > 1 else "",
        counting="Rows, columns, channels, samples and classes are counted from 0."
        + (f" {BOOK}" if any(op.node.op.name == "linear" for op in ops) else ""),
        pictures=_sample_picture(step, row, samples[row]),
        output=_output(step, row) if samples[row].label else None,
        strip=thumbnails(ops, followed),
        details={
            "sample": row,
            "ops": [
                {"scope": op.name, "op": op.node.op.name, "shape": list(op.output.shape), "at": list(at)}
                for op, at in zip(ops, followed, strict=True)
            ],
            "pixel": pixel,
        },
    )


# ---------------------------------------------------------------- the head: the sample, the answer, the way through the network


def _sample_picture(step: TrainingStep, row: int, sample: Sample) -> tuple[Picture, ...]:
    """The sample as the network saw it, where it is a square grey image."""
    x = step.x[row]
    n = side(x.size)
    if not n or x.dtype.kind != "f" or float(x.min()) < 0:
        return ()
    return (Picture(x.reshape(1, n, n), "x", f"the input: sample {sample.name}", grey=True),)


def _output(step: TrainingStep, row: int) -> Output:
    y = step.y[row]
    return Output(step.answers[row], step.answers_after[row], y if step.y.ndim > 1 else np.eye(step.answers.shape[1])[y])


def names_of_parameters(step: TrainingStep) -> Listing:
    """What each parameter is called: its letter in which kind of op, and its name everywhere else."""
    letters = {
        given.origin: f"{plain_symbol(given.symbol)} of {op.node.op.name}"
        for op in step.record.ops
        for given in op.inputs
        if given.parameter
    }
    return table_of_names(named_alike(step.record.parameters(step.theta), letters))


def _samples(step: TrainingStep, numbers: Sequence[int], names: Sequence[str]) -> tuple[Sample, ...]:
    """Who is in the batch: of classifiers with a class each, what was asked for, and what came out."""
    y = step.y
    if step.network.cost != "cross_entropy" or step.answers.shape[0] != step.m:
        return tuple(Sample(index, "") for index in numbers)
    wanted = y if y.ndim == 1 else y.argmax(axis=-1)
    return tuple(
        Sample(index, names[int(label)], names[int(before)], names[int(after)])
        for index, label, before, after in zip(
            numbers, wanted, step.answers.argmax(axis=-1), step.answers_after.argmax(axis=-1), strict=True
        )
    )


# ---------------------------------------------------------------- what is followed


def _main(step: TrainingStep, asked: dict[int, UnitAddress]) -> int | None:
    """The op whose output is worked out in full: one that was asked for, or the first convolution, or the first linear layer."""
    ready = [
        k
        for k, op in enumerate(step.record.ops)
        if op.node.op.name in WEIGHTED and any(g.symbol == "w" and g.parameter and g.gradient is not None for g in op.inputs)
    ]
    for number in reversed(asked):
        if number in ready:
            return number
    return next((k for k in ready if step.record.ops[k].node.op.name == WEIGHTED[0]), ready[0] if ready else None)


def followed_places(
    ops: Sequence[ModuleOp],
    main: int | None = None,
    anchor: At | None = None,
    asked: Mapping[int, At] = NOTHING_ASKED,
    sample: int = 0,
) -> tuple[At, ...]:
    """One place of each op's output: the same part of the image all the way, and the strongest channel where channels mix."""
    part = (0.5, 0.5)
    if main is not None and anchor is not None and len(anchor) == 4:
        shape = ops[main].output.shape
        part = ((anchor[1] + 0.5) / shape[1], (anchor[2] + 0.5) / shape[2])
    places: list[At] = []
    for number, op in enumerate(ops):
        shape, at = op.output.shape, asked.get(number)
        if number == main and anchor is not None:
            at = anchor
        if at is None and (not shape or len(shape) == 1):
            at = (min(sample, shape[0] - 1),) if shape else ()
        if at is None:
            n = min(sample, shape[0] - 1)
            place = tuple(int(p * side) for p, side in zip(part, shape[1:3], strict=True)) if len(shape) == 4 else None
            before = places[-1] if places else ()
            same = bool(before) and op.node.op.name not in MIXING and ops[number - 1].output.shape[-1] == shape[-1]
            if place is None and len(shape) > 2:
                at = tuple(int(k) for k in (n, *np.unravel_index(int(op.output[n].argmax()), shape[1:])))
            else:
                row = op.output[(n, *(place or ()))]
                at = (n, *(place or ()), before[-1] if same else int(row.argmax()))
        places.append(at)
    return tuple(places)


# ---------------------------------------------------------------- the update


def op_update_sections(numbers: StepNumbers, entries: Sequence[Entry]) -> Iterator[Section]:
    """What the optimiser made of each weight; the first with a table of all parameters."""
    step = numbers.step
    rows: list[tuple[str | float, ...]] = []
    vectors = [step.record.parameters(vector) for vector in (step.theta, step.used, step.update)]
    for name, theta in vectors[0].items():
        rows.append((name, " × ".join(map(str, theta.shape)), *(float(np.linalg.norm(views[name])) for views in vectors)))
    title = "Every parameter: its length, its gradient's, and that of its change"
    listing = Listing(title, ("parameter", "shape", "‖θ‖", "‖g‖", "‖Δθ‖"), tuple(rows))
    for k, section in enumerate(update_sections(numbers, entries)):
        yield replace(section, scope=entries[k].name, listing=None if k else listing)
