"""One op of a training step explained: what it read and computed, and what it made of the error that came back to it.

Of each, one number is worked out, with the equations of the op's own docstring and the lines of source that ran.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from byhand.backend import Array
from byhand.engine.ops.attention import looked_at
from byhand.equation import equations_of
from byhand.see.explanation import Thumbnail
from byhand.see.section import Picture, Section, sources, summary
from byhand.see.source import definitions
from byhand.see.tape import ModuleOp, Operand
from byhand.see.working import followed_gradient, work_back, work_out
from byhand.terms import At

MAPS = 64  # of a layer with more channels, the first ones are drawn
ROW = 1024  # numbers that are no image: of more, the followed row alone is drawn


def op_forward_sections(ops: Sequence[ModuleOp], followed: Sequence[At]) -> Iterator[Section]:
    """Every op in order; the last is the cost."""
    for k, (op, at) in enumerate(zip(ops, followed, strict=True)):
        yield op_forward(op, at, "cost" if k == len(ops) - 1 else "forward")


def op_backward_sections(ops: Sequence[ModuleOp], followed: Sequence[At], row: int, m: int) -> Iterator[Section]:
    """Every op in reverse that an error came back to. row: the followed sample of m."""
    for op, at in zip(reversed(ops), reversed(followed), strict=True):
        if op.delta is not None:
            yield op_backward(op, at, _row(op, row, m))


def _sizes(op: ModuleOp) -> str:
    inputs = ", ".join(f"{plain_symbol(one.symbol)}: {one.values.shape}" for one in op.inputs)
    said = [f"{key} {value}" for key, value in op.node.options.items() if isinstance(value, int | float | str | tuple)]
    return f"{inputs} -> {plain_symbol(op.symbol)}: {op.output.shape or 'one number'}" + (f"; {', '.join(said)}" if said else "")


def plain_symbol(symbol: str) -> str:
    return symbol.removeprefix("\\")


def _row(op: ModuleOp, sample: int, m: int) -> int:
    """The first row of a sample in what an op read: a cost of sequences has a row for each place."""
    return sample * (len(op.inputs[0].values) // m) if op.inputs and op.inputs[0].values.ndim else sample


def op_forward(op: ModuleOp, at: At, stage: str) -> Section:
    """What an op read and computed, with one number of it worked out."""
    mathematics = op.node.op.documented()
    worked = work_out(op, at)
    read = "; ".join(f"{plain_symbol(one.symbol)} is {_of(one, op)}" for one in op.inputs if one.origin)
    if "b" in op.node.op.places and not any(one.symbol == "b" for one in op.inputs):
        read += "; there is no b"
    return Section(
        stage=stage,
        scope=op.name,
        title=op.title,
        equations=equations_of(mathematics.equation),
        book=mathematics.book,
        numbers=worked.lines,
        shapes=mathematics.shapes,
        sizes=_sizes(op),
        summaries=(
            *(summary(one.symbol, one.values) for one in op.inputs if one.values.size),
            summary(op.symbol, np.asarray(op.output)),
        ),
        source=sources(op.node.op.forward, *definitions(op.node.op.forward)),
        reference=mathematics.source,
        note=" ".join(part for part in (worked.note, f"Here {read}." if read else "") if part),
        pictures=(
            *_input_picture(op, at),
            *(_maps(op.output, at, op.symbol, "what comes out") if op.draws_maps else ()),
            *_looks(op, at),
        ),
        grids=(worked.grids,) if worked.grids else (),
    )


def _of(given: Operand, op: ModuleOp) -> str:
    if given.origin == op.name:
        return "from a step before in the same module"
    return given.origin if given.parameter or given.origin.startswith("the ") else f"what came out of {given.origin}"


def op_backward(op: ModuleOp, at: At, sample: int) -> Section:
    """What an op made of the error that came back, with one number worked out. sample: which row is followed."""
    mathematics = op.node.op.documented()
    followed = followed_gradient(op, at, sample)
    worked = None if followed is None else work_back(op, *followed)
    trained = [one for one in op.inputs if one.gradient is not None]
    delta = np.asarray(op.delta)
    return Section(
        stage="backward",
        scope=op.name,
        title=f"{op.title}, backward",
        equations=equations_of(mathematics.gradient),
        numbers=worked.lines if worked is not None else (),
        shapes=mathematics.shapes,
        sizes=f"delta: {delta.shape or 'one number'}"
        + "".join(f", dC/d{plain_symbol(one.symbol)}: {one.gradient.shape}" for one in trained),
        summaries=(
            summary(r"\delta", delta),
            *(summary(rf"\partial C/\partial {one.symbol}", one.gradient) for one in trained),
        ),
        source=sources(op.node.op.gradient, *definitions(op.node.op.gradient)),
        reference=mathematics.source,
        note=f"{worked.note if worked is not None else ''} {_not_needed(op)}".strip(),
        pictures=(*(_maps(delta, at, r"\delta", "the error that came back") if op.draws_maps else ()), *_filters(op, at)),
    )


def _not_needed(op: ModuleOp) -> str:
    first = op.inputs[0] if op.inputs else None
    return "The gradient of the input is not needed." if first and not first.parameter and first.gradient is None else ""


def _input_picture(op: ModuleOp, at: At) -> tuple[Picture, ...]:
    given = op.inputs[0] if op.inputs else None
    if given is None or given.origin != "the input" or given.values.ndim != 4 or len(at) != 4:
        return ()
    image = given.values[at[0]]
    grey = float(image.min()) >= 0 and float(image.max()) <= 1
    return (Picture(np.moveaxis(image, -1, 0)[:MAPS], given.symbol, "what goes in", grey=grey),)


def _looks(op: ModuleOp, at: At) -> tuple[Picture, ...]:
    """Of attention: how much each place looks at each, in the followed head; the followed place's row is framed."""
    if op.node.op.name != "attention":
        return ()
    p = np.array([looked_at(op.call, (*at[:-2], i, at[-1])) for i in range(op.output.shape[-2])])
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


def _filters(op: ModuleOp, at: At) -> tuple[Picture, ...]:
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


# ---------------------------------------------------------------- what every op made of the sample, small


def thumbnails(ops: Sequence[ModuleOp], followed: Sequence[At], first: int = 0) -> tuple[Thumbnail, ...]:
    """Every op with what it made of the followed sample; first: the place of the first op's section in the explanation."""
    return tuple(
        Thumbnail(op.name, op.node.op.name, op.output.shape[1:], _thumbnail(op, at), first + k)
        for k, (op, at) in enumerate(zip(ops, followed, strict=True))
    )


def _thumbnail(op: ModuleOp, at: At) -> Array:
    """A map (H, W), a row of numbers, broken where it fills a square, or one number."""
    if op.output.ndim < 2:
        return np.reshape(op.output, -1)[at[0] if at else 0].reshape(1, 1)
    if op.draws_maps:
        return op.output[at[0], ..., at[-1]]
    values = np.reshape(op.output[at[0]], (1, -1))
    if values.size > ROW:
        values = op.output[at[:-1]].reshape(1, -1)
    if values.size <= 16:
        return values
    n = math.isqrt(values.size - 1) + 1
    return np.pad(values.reshape(-1), (0, n * -(-values.size // n) - values.size)).reshape(-1, n)
