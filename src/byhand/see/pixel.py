"""One output of a convolution (or of a linear layer) in full, and one of its weights: gradient, proof, and who pushed it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import Node, Tensor, no_grad, watch
from byhand.see.numbers import Line, number
from byhand.see.proof import STEP, Proof, central_difference
from byhand.see.pushes import Push, ranked
from byhand.see.section import Grid, Listing, Picture, Section, summary
from byhand.see.tape import Seen, Taped, copied
from byhand.see.weight import Entry
from byhand.see.worked import At, bias, products, sum_of_products
from byhand.see.worked_back import input_place, met, weight_gradient

FULL = ("conv2d", "linear")  # ops whose outputs are sums of products with weights
CHANNELS = 3  # input channels whose filters are shown number by number
PLACES = 12  # products of a weight's gradient that are listed
STEPS = (STEP, 1e-6, 1e-7, 1e-8)


@dataclass(frozen=True)
class Pixel:
    """One output worked out: the module, its indices, the sum worked out here, and what the network computed."""

    scope: str
    at: At
    value: float
    network: float

    @property
    def difference(self) -> float:
        return abs(self.value - self.network)


@dataclass(frozen=True)
class ChosenEntry:
    """The weight that is followed: before and after the step, its gradient summed here, its proof, and who pushed it."""

    weight: Entry
    before: float
    after: float
    gradient: float
    proof: Proof
    up: tuple[Push, ...]
    down: tuple[Push, ...]


def strongest(op: Seen, sample: int) -> At:
    """The largest output of an op for one sample."""
    best = np.unravel_index(int(op.output[sample].argmax()), op.output.shape[1:])
    return (sample, *(int(k) for k in best))


# ---------------------------------------------------------------- the output


def pixel_section(op: Seen, at: At, who: str) -> tuple[Section, Pixel]:
    """The output at this place as the sum of all its products; who: the sample, in words."""
    found = op.node.op.documented()
    worked = sum_of_products(op, at, at[0])
    every = products(op, at)
    pixel = Pixel(op.name, at, worked.value, float(op.output[at]))
    check = Line((f"{number(pixel.value, 9)}", r"\text{ summed here}"))
    same = Line((f"{number(pixel.network, 9)}", r"\text{ computed by the network}"))
    apart = Line((f"{number(pixel.difference)}", r"\text{ apart}"), pixel.difference)
    x = op.inputs[0]
    listing = Listing(
        f"All {len(every)} products" + (", and the bias" if bias(op, at)[0] else ""),
        (*_weight_heads(op), *_input_heads(op), "w", x.symbol, "product"),
        tuple((*map(str, one.entry[:-1] if _images(op) else one.entry[1:]), *_where(op, one.place, one.inside),
               one.w, one.x, one.value) for one in every),
    )  # fmt: skip
    where = f"row {at[1]}, column {at[2]}, channel {at[3]}" if _images(op) else f"output {', '.join(map(str, at[1:]))}"
    return Section(
        stage="pixel",
        layer=0,
        scope=op.name,
        title=f"One output of {op.name}: {where}",
        equations=(found.equation,),
        numbers=(*worked.lines, check, same, apart),
        shapes=found.shapes,
        sizes="",
        summaries=(),
        source=(),
        reference="",
        note=" ".join(part for part in (f"For {who}.", _settings(op)) if part),
        pictures=_seen_and_made(op, at, every) if _images(op) else (),
        grids=_patches(op, at) if _images(op) else (),
        listing=listing,
    ), pixel


def _images(op: Seen) -> bool:
    return op.node.op.name == "conv2d"


def _weight_heads(op: Seen) -> tuple[str, ...]:
    return ("u", "v", "c") if _images(op) else ("k",)


def _input_heads(op: Seen) -> tuple[str, ...]:
    return ("row", "column", "channel") if _images(op) else ()


def _where(op: Seen, place: At, inside: bool) -> tuple[str, ...]:
    if not _images(op):
        return ()
    return tuple(map(str, place)) if inside else ("outside: 0", "", str(place[2]))


def _settings(op: Seen) -> str:
    if not _images(op):
        return ""
    stride, padding, dilation, groups = op.node.saved[2]
    said = [f"stride s = {stride[0]}", f"padding p = {padding[0]}", f"dilation d = {dilation[0]}"]
    if stride[0] != stride[1] or padding[0] != padding[1] or dilation[0] != dilation[1]:
        said = [f"stride s = {stride}", f"padding p = {padding}", f"dilation d = {dilation}"]
    settings = ", ".join([*said, *([f"{groups} groups"] if groups > 1 else [])]).capitalize() + "."
    channels = op.node.saved[1].shape[2]
    return settings + (
        f" Of {channels} input channels the {CHANNELS} that count most here are shown." if channels > CHANNELS else ""
    )


def _patches(op: Seen, at: At) -> tuple[tuple[Grid, ...], ...]:
    """For the input channels that count most here: what the filter saw, the filter, and their products."""
    every = products(op, at)
    kh, kw, c_in, _ = op.node.saved[1].shape
    x = np.array([one.x for one in every]).reshape(kh, kw, c_in)
    w = np.array([one.w for one in every]).reshape(kh, kw, c_in)
    channels = np.array([one.place[2] for one in every]).reshape(kh, kw, c_in)[0, 0]
    order = np.argsort(-np.abs(x * w).sum(axis=(0, 1)), kind="stable")[:CHANNELS]
    rows = []
    for c in order:
        both = x[..., c] * w[..., c] + 0.0  # no -0
        best = divmod(int(np.abs(both).argmax()), kw)
        channel = f", channel {channels[c]}" if c_in > 1 or channels[c] else ""
        rows.append(
            (
                Grid(op.inputs[0].symbol, x[..., c], f"the patch{channel}"),
                Grid("w", w[..., c], f"the filter of channel {at[3]}"),
                Grid(rf"w\,{op.inputs[0].symbol}", both, f"adds up to {both.sum():.4g}", best),
            )
        )
    return tuple(rows)


def _seen_and_made(op: Seen, at: At, every: Sequence[Any]) -> tuple[Picture, ...]:
    x, w, (stride, padding, dilation, _) = op.node.saved
    n, i, j, o = at
    strong = max(every, key=lambda one: abs(one.value)).place[2]
    sides = [dilation[k] * (w.shape[k] - 1) + 1 for k in (0, 1)]
    image = x[n, ..., strong]
    grey = op.inputs[0].origin == "the input" and float(image.min()) >= 0 and float(image.max()) <= 1
    channel = f", channel {strong}" if x.shape[3] > 1 else ""
    box = (i * stride[0] - padding[0], j * stride[1] - padding[1], sides[0], sides[1])
    return (
        Picture(image[None], op.inputs[0].symbol, f"what goes in{channel}; framed, the patch", None, box, grey),
        Picture(op.output[n, ..., o][None], op.symbol, f"what comes out, channel {o}; framed, this number", None, (i, j, 1, 1)),
    )


# ---------------------------------------------------------------- one of its weights


def weight_section(op: Seen, entry: Entry, at: At, names: Sequence[str]) -> Section:
    """The gradient of one weight as the sum that it is. names: of the samples."""
    worked = weight_gradient(op, entry)
    x, delta = met(op, entry)
    each = np.asarray(x, np.float64) * delta
    order = np.argsort(-np.abs(each).reshape(-1), kind="stable")[:PLACES]
    whole = float(np.abs(each).sum()) or 1.0
    rows: list[tuple[str | float, ...]] = []
    for k in order:
        place = tuple(int(one) for one in np.unravel_index(int(k), each.shape))
        there = input_place(op, entry, place)
        rows.append(
            (
                names[place[0]],
                *((f"{place[1]}, {place[2]}", f"{there[1]}, {there[2]}") if _images(op) else ()),
                float(x[place]),
                float(delta[place]),
                float(each[place]),
                f"{abs(each[place]) / whole:.2%}",
            )
        )
    engine = worked.network if worked.network is not None else math.nan
    heads = (
        "sample",
        *(("output at", "input at") if _images(op) else ()),
        op.inputs[0].symbol,
        "delta",
        "product",
        "of all sizes",
    )
    sample = at[0]
    pictures: tuple[Picture, ...] = ()
    if _images(op):
        pictures = (
            Picture(x[sample][None], op.inputs[0].symbol, "what this weight met, place by place, in the followed sample"),
            Picture(delta[sample][None], r"\delta", f"the error of channel {entry.place[3]} there"),
            Picture(each[sample][None], rf"{op.inputs[0].symbol}\,\delta", "their product: how each place pulls at the weight"),
        )
    gradients = [one for one in op.node.op.documented().gradient.split(r"\partial C/\partial ") if one.startswith("w")]
    return Section(
        stage="pixel",
        layer=0,
        scope=op.name,
        title=f"One weight of {op.name}: the gradient of {entry}",
        equations=tuple(rf"\partial C/\partial {one}".strip().removesuffix(r"\quad").strip() for one in gradients),
        numbers=(
            *worked.lines,
            Line((f"{number(worked.value, 9)}", r"\text{ summed here}")),
            Line((f"{number(engine, 9)}", r"\text{ computed by the engine}")),
            Line((f"{number(abs(engine - worked.value))}", r"\text{ apart}"), abs(engine - worked.value)),
        ),
        shapes="",
        sizes="",
        summaries=(summary(op.inputs[0].symbol, np.asarray(x)), summary(r"\delta", np.asarray(delta))),
        source=(),
        reference="",
        note=worked.note,
        pictures=pictures,
        listing=Listing(f"The {len(rows)} largest products", heads, tuple(rows)),
    )


def chosen_entry(step: Taped, op: Seen, entry: Entry, indices: Sequence[int], labels: Sequence[str]) -> ChosenEntry:
    """The weight's way through the step, with its proof."""
    x, delta = met(op, entry)
    each = -(np.asarray(x, np.float64) * delta).reshape(len(x), -1).sum(axis=1)
    up, down = ranked(each, indices, labels)
    return ChosenEntry(
        entry,
        float(step.parameter(entry.name, step.theta)[entry.place]),
        float(step.parameter(entry.name, step.theta_after)[entry.place]),
        weight_gradient(op, entry).value,
        prove(step, entry),
        up,
        down,
    )


# ---------------------------------------------------------------- the proof


def prove(step: Taped, entry: Entry) -> Proof:
    """Measure the slope of the step's cost along one weight, in float64.

    A ReLU whose input passes through 0 between w - h and w + h, or a window whose winner changes, has a kink there, and a whole
    network has very many: h is made smaller until none lies between, or rounding would be all that one measures.
    """
    network = copied(step.network, np.float64)
    parameters = dict(network.module.parameters())
    x = step.x.astype(np.float64) if step.x.dtype.kind == "f" else step.x
    y = step.y.astype(np.float64) if step.y.dtype.kind == "f" else step.y
    if step.gradient.dtype == np.float64:
        by_hand = float(step.parameter(entry.name, step.gradient)[entry.place])
    else:
        network.rng = copy.deepcopy(step.rng)
        network.learn(x, y)
        by_hand = float(parameters[entry.name].grad[entry.place])
    sides: list[list[Array]] = []

    def cost() -> float:
        network.rng = copy.deepcopy(step.rng)
        network.module.train()
        with no_grad(), watch() as tape:
            found = network.loss(Tensor(x), y).item()
        sides.append([side for node in tape for side in _sides(node)])
        return found

    for h in STEPS:
        sides.clear()
        higher, lower = central_difference(cost, parameters[entry.name].data, entry.place, h)
        kinks = sum(int((one != other).sum()) for one, other in zip(*sides, strict=True))
        if not kinks:
            break
    rounding = 8 * np.finfo(np.float64).eps * max(abs(higher), abs(lower)) / h
    proof = Proof(entry, by_hand, (higher - lower) / (2 * h), higher, lower, h, kinks=kinks)
    return replace(proof, enough=max(proof.enough, float(rounding)))


def _sides(node: Node) -> list[Array]:
    """On which side of its kink each number of an op is: what a small step may not change. Empty for an op that is smooth."""
    if node.op.name in {"relu", "leaky_relu"} or node.options.get("activation") == "relu":
        return [node.output > 0]
    if node.op.name == "max_pool2d":
        return [node.saved[0]]
    if node.op.name in {"absolute", "maximum", "minimum", "max", "min", "clip", "huber_loss"}:
        return [np.sign(given.data) for given in node.inputs if isinstance(given, Tensor)]
    return []
