"""A training step of a network of modules, explained op by op: what each read and computed, forward and back, with its equation.

One real step is taken on copies while the tape is watched. Then one output of one convolution is worked out in full, from the
pixels it saw to the number that the network computed, and one of its weights from the errors that came back to the update.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.equation import Documented
from byhand.errors import ModelError
from byhand.nn import Network
from byhand.optim import SGD, Optimizer
from byhand.see.backward import clipping
from byhand.see.explain import Sample
from byhand.see.pixel import FULL, ChosenEntry, Pixel, chosen_entry, pixel_section, strongest, weight_section
from byhand.see.place import Place, located
from byhand.see.section import Listing, Picture, Section, sources, summary
from byhand.see.source import definitions
from byhand.see.tape import Given, Seen, Taped, take
from byhand.see.update import Change, update_section
from byhand.see.worked import At, work_out
from byhand.see.worked_back import strongest_entry, work_back
from byhand.see.worked_sequence import MOVES, looked_at

# Ops whose channels are new ones; those of all others go on from what came in.
MIXING = {"conv2d", "conv_transpose2d", "linear", "matmul", "attention", "embedding", "concat", "transpose", "reshape", "index"}
MAPS = 64  # of a layer with more channels, the first ones are drawn


@dataclass(frozen=True)
class NetworkExplanation:
    """One step of a network of modules. `sections` stand in the order of computation; `followed` is the place of each op.

    pixel and weight are None where the network has neither a convolution nor a linear layer.
    """

    step: Taped
    samples: tuple[Sample, ...]
    sections: tuple[Section, ...]
    followed: tuple[At, ...]
    pixel: Pixel | None
    weight: ChosenEntry | None
    sample: int

    def stage(self, name: str) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if section.stage == name)

    def _repr_html_(self) -> str:
        """For notebooks."""
        from byhand.see.notebook import html_of  # it draws pages of all kinds, this one among them

        return html_of(self)


def explain_network(
    network: Network,
    x: Array,
    y: Array,
    *,
    optimizer: Optimizer | None = None,
    indices: Sequence[int] | None = None,
    at: Sequence[Place | str] = (),
    classes: Sequence[str] = (),
    clip: float | None = None,
    dtype: Any = np.float64,
) -> NetworkExplanation:
    """Take one training step on this batch and lay it out. The network and the optimiser that are given stay as they are.

    Arguments:
        network: as it stands before the step; dropout goes on with its own generator, from where it stands.
        x, y: the batch, (m, ...) inputs and the targets, as its `learn` takes them.
        optimizer: SGD with a learning rate of 3.0 unless another is given; its state is taken along.
        indices: (m,) of the samples in their data set, to name them by; 0..m-1 unless given.
        at: outputs to follow, as `Place` or "SCOPE:N,I,J,O". The first that is a convolution's (or a linear layer's) is worked
            out in full; unless given, the strongest output of the first convolution for the batch's first sample.
        classes: names of the outputs, to label samples with; their numbers unless given.
        clip: the largest length of the gradient, or None.
        dtype: that the step is taken in; the proof is always in float64.

    Raises ModelError for a place that is not in the network, a batch that does not fit, an op without an equation, and numbers
    that are not finite.

    >>> from byhand import nn
    >>> net = nn.Network(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), (4,), seed=1)
    >>> found = explain_network(net, np.ones((1, 4)), np.eye(3)[:1], at=["2:0,1"])
    >>> [section.title for section in found.stage("forward")]
    ['0, Linear: linear', '1, ReLU: relu', '2, Linear: linear']
    >>> found.pixel.at, found.weight.proof.agrees
    ((0, 1), True)
    """
    step = take(network, x, y, optimizer if optimizer is not None else SGD(3.0), clip, dtype, network.rng)
    numbers = list(range(step.m)) if indices is None else [int(index) for index in indices]
    if len(numbers) != step.m:
        raise ModelError(f"{len(numbers)} indices for {step.m} samples: give one index a sample, or none")
    n_classes = step.answers.shape[-1]
    if classes and len(classes) != n_classes:
        raise ModelError(f"{len(classes)} class names for {n_classes} outputs: give one a unit, or none")
    samples = _samples(step, numbers, list(classes) or [str(unit) for unit in range(n_classes)])
    asked = dict(located(place, step.ops) for place in reversed(at))
    main = _main(step, asked)
    sample = asked[main].at[0] if main in asked else next((place.at[0] for place in asked.values() if place.at), 0)
    anchor = None if main is None else asked[main].at if main in asked else strongest(step.ops[main], sample)
    followed = _followed(step.ops, main, anchor, {number: place.at for number, place in asked.items()}, sample)

    last = len(step.ops) - 1
    sections = [
        _forward(op, at_, _row(op, sample, step.m), "cost" if k == last else "forward")
        for k, (op, at_) in enumerate(zip(step.ops, followed, strict=True))
    ]
    for op, at_ in zip(reversed(step.ops), reversed(followed), strict=True):
        if op.delta is not None:
            sections.append(_backward(op, at_, _row(op, sample, step.m)))
    if step.clip is not None:
        sections.append(clipping(step))
    pixel = weight = None
    if main is not None and anchor is not None:
        op = step.ops[main]
        entry = strongest_entry(op, anchor)
        weight = chosen_entry(step, op, entry, numbers, [one.label for one in samples])
        sections.append(_update(step, weight))
        section, pixel = pixel_section(op, anchor, f"sample {samples[sample].name}")
        names = [one.name for one in samples]
        sections += [section, weight_section(op, entry, anchor, names)]
    return NetworkExplanation(step, samples, tuple(sections), followed, pixel, weight, sample)


def _samples(step: Taped, numbers: Sequence[int], names: Sequence[str]) -> tuple[Sample, ...]:
    """Who is in the batch: of classifiers with a class each, what was asked for, and what came out."""
    y = step.y
    if step.network.cost != "cross_entropy" or step.answers.shape[0] != step.m:
        return tuple(Sample(index, "", "", "") for index in numbers)
    wanted = y if y.ndim == 1 else y.argmax(axis=-1)
    return tuple(
        Sample(index, names[int(label)], names[int(before)], names[int(after)])
        for index, label, before, after in zip(
            numbers, wanted, step.answers.argmax(axis=-1), step.answers_after.argmax(axis=-1), strict=True
        )
    )


# ---------------------------------------------------------------- what is followed


def _main(step: Taped, asked: dict[int, Place]) -> int | None:
    """The op whose output is worked out in full: one that was asked for, or the first convolution, or the first linear layer."""
    ready = [
        k for k, op in enumerate(step.ops) if op.node.op.name in FULL and any(g.symbol == "w" and g.parameter for g in op.inputs)
    ]
    for number in reversed(asked):
        if number in ready:
            return number
    return next((k for k in ready if step.ops[k].node.op.name == FULL[0]), ready[0] if ready else None)


def _followed(ops: Sequence[Seen], main: int | None, anchor: At | None, asked: dict[int, At], sample: int) -> tuple[At, ...]:
    """One place of each op's output: the same part of the image all the way, and the strongest channel where channels mix."""
    part = (0.5, 0.5)
    if main is not None and anchor is not None and len(anchor) == 4:
        shape = ops[main].output.shape
        part = ((anchor[1] + 0.5) / shape[1], (anchor[2] + 0.5) / shape[2])
    found: list[At] = []
    for number, op in enumerate(ops):
        shape, at = op.output.shape, asked.get(number)
        if number == main and anchor is not None:
            at = anchor
        if at is None and (not shape or len(shape) == 1):
            at = (min(sample, shape[0] - 1),) if shape else ()
        if at is None:
            n = min(sample, shape[0] - 1)
            place = tuple(int(p * side) for p, side in zip(part, shape[1:3], strict=True)) if len(shape) == 4 else None
            before = found[-1] if found else ()
            same = bool(before) and op.node.op.name not in MIXING and ops[number - 1].output.shape[-1] == shape[-1]
            if place is None and len(shape) > 2:
                at = tuple(int(k) for k in (n, *np.unravel_index(int(op.output[n].argmax()), shape[1:])))
            else:
                row = op.output[(n, *(place or ()))]
                at = (n, *(place or ()), before[-1] if same else int(row.argmax()))
        found.append(at)
    return tuple(found)


# ---------------------------------------------------------------- the sections of one op


def equations_of(latex: str) -> tuple[str, ...]:
    r"""The equations of an op's docstring one by one: parted at wide spaces, and where the next gradient begins.

    >>> equations_of(r"\partial C/\partial a = \delta \partial C/\partial b = -\delta, \quad c = 1")
    ('\\partial C/\\partial a = \\delta', '\\partial C/\\partial b = -\\delta', 'c = 1')
    """
    parts = re.split(r"\s*,?\s*\\q?quad\s*|\s+(?=\\partial C/\\partial)", latex)
    return tuple(part.strip().rstrip(",") for part in parts if part.strip())


def _sizes(op: Seen, found: Documented) -> str:
    inputs = ", ".join(f"{_plain(one.symbol)}: {one.values.shape}" for one in op.inputs)
    said = [f"{key} {value}" for key, value in op.node.options.items() if isinstance(value, int | float | str | tuple)]
    return f"{inputs} -> {_plain(op.symbol)}: {op.output.shape or 'one number'}" + (f"; {', '.join(said)}" if said else "")


def _plain(symbol: str) -> str:
    return symbol.removeprefix("\\")


def _row(op: Seen, sample: int, m: int) -> int:
    """The first row of a sample in what an op read: a cost of sequences has a row for each place."""
    return sample * (len(op.inputs[0].values) // m) if op.inputs and op.inputs[0].values.ndim else sample


def _forward(op: Seen, at: At, sample: int, stage: str) -> Section:
    found = op.node.op.documented()
    worked = work_out(op, at, sample)
    read = "; ".join(f"{_plain(one.symbol)} is {_of(one, op)}" for one in op.inputs if one.origin)
    if "b" in op.node.op.places and not any(one.symbol == "b" for one in op.inputs):
        read += "; there is no b"
    return Section(
        stage=stage,
        layer=0,
        scope=op.name,
        title=op.title,
        equations=equations_of(found.equation),
        numbers=worked.lines,
        shapes=found.shapes,
        sizes=_sizes(op, found),
        summaries=(
            *(summary(one.symbol, one.values) for one in op.inputs if one.values.size),
            summary(op.symbol, np.asarray(op.output)),
        ),
        source=sources(op.node.op.forward, *definitions(op.node.op.forward)),
        reference=found.source,
        note=" ".join(part for part in (worked.note, f"Here {read}." if read else "") if part),
        pictures=(
            *_input_picture(op, at),
            *(_maps(op.output, at, op.symbol, "what comes out") if drawn(op) else ()),
            *_looks(op, at),
        ),
        grids=worked.grids,
    )


def _of(given: Given, op: Seen) -> str:
    if given.origin == op.name:
        return "from a step before in the same module"
    return given.origin if given.parameter or given.origin.startswith("the ") else f"what came out of {given.origin}"


def _backward(op: Seen, at: At, sample: int) -> Section:
    found = op.node.op.documented()
    worked = work_back(op, at, sample)
    wanted = [one for one in op.inputs if one.gradient is not None]
    delta = np.asarray(op.delta)
    return Section(
        stage="backward",
        layer=0,
        scope=op.name,
        title=f"{op.title}, backward",
        equations=equations_of(found.gradient),
        numbers=worked.lines if worked is not None else (),
        shapes=found.shapes,
        sizes="delta: "
        + (str(delta.shape) if delta.shape else "one number")
        + "".join(f", dC/d{_plain(one.symbol)}: {one.gradient.shape}" for one in wanted if one.gradient is not None),
        summaries=(
            summary(r"\delta", delta),
            *(summary(rf"\partial C/\partial {one.symbol}", one.gradient) for one in wanted if one.gradient is not None),
        ),
        source=sources(op.node.op.gradient, *definitions(op.node.op.gradient)),
        reference=found.source,
        note=(worked.note + " " if worked is not None and worked.note else "")
        + (
            "Nobody wants the gradient of the input."
            if op.inputs and not op.inputs[0].parameter and op.inputs[0].gradient is None
            else ""
        ),
        pictures=(*(_maps(delta, at, r"\delta", "the error that came back") if drawn(op) else ()), *_filters(op, at)),
    )


def _input_picture(op: Seen, at: At) -> tuple[Picture, ...]:
    given = op.inputs[0] if op.inputs else None
    if given is None or given.origin != "the input" or given.values.ndim != 4 or len(at) != 4:
        return ()
    image = given.values[at[0]]
    grey = float(image.min()) >= 0 and float(image.max()) <= 1
    return (Picture(np.moveaxis(image, -1, 0)[:MAPS], given.symbol, "what goes in", grey=grey),)


def drawn(op: Seen) -> bool:
    """Whether an op's output is images (N, H, W, C), of which each channel is a map, and not heads of attention."""
    return op.output.ndim == 4 and op.node.op.name not in {*MOVES, "attention", "matmul"}


def _looks(op: Seen, at: At) -> tuple[Picture, ...]:
    """Of attention: how much each place looks at each, in the followed head; the followed place's row is framed."""
    if op.node.op.name != "attention":
        return ()
    p = np.array([looked_at(op, (*at[:-2], i, at[-1])) for i in range(op.output.shape[-2])])
    about = "how much each place (row) looks at each (column); framed, the followed one"
    return (Picture(p[None], "p", about, None, (at[-2], 0, 1, p.shape[1])),)


def _maps(values: Array, at: At, symbol: str, about: str) -> tuple[Picture, ...]:
    """The channels of the followed sample, the followed one framed."""
    if values.ndim != 4 or min(values.shape[1:3]) < 2:
        return ()
    maps = np.moveaxis(values[at[0]], -1, 0)
    words = f"{about}, {len(maps)} channels" if len(maps) > 1 else about
    words += f"; framed, channel {at[3]}" if len(maps) > 1 and at[3] < MAPS else ""
    more = f"; {len(maps) - MAPS} more are not drawn" if len(maps) > MAPS else ""
    return (Picture(maps[:MAPS], symbol, words + more, at[3] if len(maps) > 1 and at[3] < MAPS else None),)


def _filters(op: Seen, at: At) -> tuple[Picture, ...]:
    """The gradient of the filters that make the followed channel, one map an input channel; of one input channel, all filters."""
    given = next((one for one in op.inputs if one.symbol == "w" and one.gradient is not None and one.gradient.ndim == 4), None)
    if given is None or given.gradient is None or op.node.op.name != "conv2d" or min(given.values.shape[:2]) < 2:
        return ()
    symbol = r"\partial C/\partial w"
    if given.values.shape[2] == 1:
        return (
            Picture(
                np.moveaxis(given.gradient[:, :, 0], -1, 0)[:MAPS],
                symbol,
                f"all {given.values.shape[3]} filters",
                at[3] if at[3] < MAPS else None,
            ),
        )
    return (
        Picture(
            np.moveaxis(given.gradient[..., at[3]], -1, 0)[:MAPS], symbol, f"the filter of channel {at[3]}, by input channel"
        ),
    )


def _update(step: Taped, chosen: ChosenEntry) -> Section:
    entry = chosen.weight
    place = step.entries[entry.name].start + int(np.ravel_multi_index(entry.place, step.parameter(entry.name, step.theta).shape))
    made = Change(
        entry.latex,
        float(step.used[place]),
        chosen.before,
        chosen.after,
        float(step.update[place]),
        {slot: float(vector[place]) for slot, vector in step.before.items()},
        {slot: float(vector[place]) for slot, vector in step.after.items()},
    )
    rows: list[tuple[str | float, ...]] = []
    for name in step.entries:
        parts = [step.parameter(name, vector) for vector in (step.theta, step.used, step.update)]
        rows.append((name, " × ".join(map(str, parts[0].shape)), *(float(np.linalg.norm(part)) for part in parts)))
    found = update_section(step, made, f"Update: the weight {entry} by {type(step.optimizer).__name__}")
    listing = Listing(
        "Every parameter: its length, its gradient's, and that of its change",
        ("parameter", "shape", "‖θ‖", "‖g‖", "‖Δθ‖"),
        tuple(rows),
    )
    return replace(found, scope=entry.name, listing=listing)
