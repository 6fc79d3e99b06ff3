"""One output of a convolution (or of a linear layer) in full, and the gradient of one of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from byhand.backend import Array
from byhand.engine.call import unravelled
from byhand.engine.ops.convolution import met_by_weight, pixel_under_weight
from byhand.formula import Line, number
from byhand.see.section import Listing, Picture, Section, summary
from byhand.see.tape import ModuleOp
from byhand.see.weight import Entry
from byhand.see.working import WorkedNumber, work_back, work_out
from byhand.terms import At, Grid

CHANNELS = 3  # input channels whose filters are shown number by number
PLACES = 12  # products of a weight's gradient that are listed


def strongest(op: ModuleOp, sample: int) -> At:
    """The largest output of an op for one sample."""
    best = np.unravel_index(int(op.output[sample].argmax()), op.output.shape[1:])
    return (sample, *(int(k) for k in best))


# ---------------------------------------------------------------- what the weights of an op read


@dataclass(frozen=True)
class Product:
    """One product of such a sum: the weight's indices, the input's without the sample's, and both numbers.

    inside: whether the input is there, or one of the zeros around an image.
    """

    entry: At
    place: At
    inside: bool
    w: float
    x: float

    @property
    def value(self) -> float:
        return self.w * self.x + 0.0  # no -0

    @property
    def pixel(self) -> tuple[str, ...]:
        """Where it stands in its image, for a table."""
        return tuple(map(str, self.place)) if self.inside else ("outside: 0", "", str(self.place[2]))


class LinearWeights:
    """How the weights (n_out, n_in) of a linear layer read: every output has a weight for each input."""

    heads: tuple[str, ...] = ("k",)
    place_heads: tuple[str, ...] = ()

    def __init__(self, op: ModuleOp) -> None:
        self.op, self.x, self.w = op, op.node.saved[0], op.node.saved[1]

    def products(self, at: At) -> list[Product]:
        """All products in one output, those with the zeros around an image too."""
        j, x = at[-1], self.x[at[:-1]]
        return [Product((j, k), (k,), True, float(self.w[j, k]), float(x[k])) for k in range(len(x))]

    def met(self, entry: Entry) -> tuple[Array, Array]:
        """What one weight met in this step: its input, and the error of its output, at every sample and place: equal shapes."""
        j, k = entry.place
        return self.x[..., k], self.op.delta[..., j]

    def input_place(self, entry: Entry, place: At) -> At:
        """Where the input stands that a weight multiplies for the output at a place; outside of an image it may be < 0."""
        return (*place, entry.place[1])

    def row(self, one: Product) -> tuple[str, ...]:
        """Where a product's weight and its input stand, for a table."""
        return tuple(map(str, one.entry[1:]))

    def places(self, entry: Entry, place: At) -> tuple[str, ...]:
        """Where an output and the input under the weight stand in their images, for a table."""
        return ()

    def output(self, at: At) -> str:
        return f"output {', '.join(map(str, at[1:]))}"

    note = ""

    def pictures(self, at: At) -> tuple[Picture, ...]:
        return ()

    def grids(self, at: At) -> tuple[tuple[Grid, ...], ...]:
        return ()

    def weight_pictures(self, entry: Entry, sample: int) -> tuple[Picture, ...]:
        return ()


class FilterWeights(LinearWeights):
    """How the weights (kh, kw, c_in, c_out) of a convolution read: at every place, and beside the image zeros."""

    heads = ("u", "v", "c", "row", "column", "channel")
    place_heads = ("output at", "input at")

    def products(self, at: At) -> list[Product]:
        found = []
        for u, v, c in np.ndindex(*self.w.shape[:3]):
            entry = (u, v, c, at[3])
            there = self.input_place(Entry("", entry), at[:3])
            inside = 0 <= there[1] < self.x.shape[1] and 0 <= there[2] < self.x.shape[2]
            found.append(Product(entry, there[1:], inside, float(self.w[entry]), float(self.x[there]) if inside else 0.0))
        return found

    def met(self, entry: Entry) -> tuple[Array, Array]:
        return met_by_weight(self.x, self.w, self.op.delta, self.op.node.saved[2], entry.place)

    def input_place(self, entry: Entry, place: At) -> At:
        return pixel_under_weight(entry.place, place, self.w.shape, self.op.node.saved[2])

    def row(self, one: Product) -> tuple[str, ...]:
        return (*map(str, one.entry[:-1]), *one.pixel)

    def places(self, entry: Entry, place: At) -> tuple[str, ...]:
        there = self.input_place(entry, place)
        return f"{place[1]}, {place[2]}", f"{there[1]}, {there[2]}"

    def output(self, at: At) -> str:
        return f"row {at[1]}, column {at[2]}, channel {at[3]}"

    @property
    def note(self) -> str:  # type: ignore[override]
        *pairs, groups = self.op.node.saved[2]
        even = all(a == b for a, b in pairs)
        names = ("stride s", "padding p", "dilation d")
        said = [f"{name} = {pair[0] if even else pair}" for name, pair in zip(names, pairs, strict=True)]
        settings = ", ".join([*said, *([f"{groups} groups"] if groups > 1 else [])]).capitalize() + "."
        more = f" Of {self.w.shape[2]} input channels the {CHANNELS} that count most here are shown."
        return settings + (more if self.w.shape[2] > CHANNELS else "")

    def grids(self, at: At) -> tuple[tuple[Grid, ...], ...]:
        """For the input channels that count most here: what the filter saw, the filter, and their products."""
        every, (kh, kw, c_in, _) = self.products(at), self.w.shape
        x, w, channels = (np.array(a).reshape(kh, kw, c_in) for a in zip(*((p.x, p.w, p.place[2]) for p in every), strict=True))
        order = np.argsort(-np.abs(x * w).sum(axis=(0, 1)), kind="stable")[:CHANNELS]
        symbol, rows = self.op.inputs[0].symbol, []
        for c in order:
            both = x[..., c] * w[..., c] + 0.0  # no -0
            number_of = int(channels[0, 0, c])
            channel = f", channel {number_of}" if c_in > 1 or number_of else ""
            best = divmod(int(np.abs(both).argmax()), kw)
            seen = Grid(symbol, x[..., c], f"the patch{channel}")
            own = Grid("w", w[..., c], f"the filter of channel {at[3]}")
            rows.append((seen, own, Grid(rf"w\,{symbol}", both, f"adds up to {both.sum():.4g}", best)))
        return tuple(rows)

    def pictures(self, at: At) -> tuple[Picture, ...]:
        """What goes in, with the patch framed, and what comes out, with this number framed."""
        stride, padding, dilation, _ = self.op.node.saved[2]
        given, (n, i, j, o) = self.op.inputs[0], at
        strong = max(self.products(at), key=lambda one: abs(one.value)).place[2]
        image = self.x[n, ..., strong]
        grey = given.origin == "the input" and float(image.min()) >= 0 and float(image.max()) <= 1
        channel = f", channel {strong}" if self.x.shape[3] > 1 else ""
        sides = [dilation[k] * (self.w.shape[k] - 1) + 1 for k in (0, 1)]
        patch = (i * stride[0] - padding[0], j * stride[1] - padding[1], sides[0], sides[1])
        out = f"what comes out, channel {o}; framed, this number"
        return (
            Picture(image[None], given.symbol, f"what goes in{channel}; framed, the patch", None, patch, grey),
            Picture(self.op.output[n, ..., o][None], self.op.symbol, out, None, (i, j, 1, 1)),
        )

    def weight_pictures(self, entry: Entry, sample: int) -> tuple[Picture, ...]:
        x, delta = (values[sample] for values in self.met(entry))
        symbol = self.op.inputs[0].symbol
        return (
            Picture(x[None], symbol, "what this weight met, place by place, in the followed sample"),
            Picture(delta[None], r"\delta", f"the error of channel {entry.place[3]} there"),
            Picture((x * delta)[None], rf"{symbol}\,\delta", "their product: how each place pulls at the weight"),
        )


WEIGHTS = {"linear": LinearWeights, "conv2d": FilterWeights}


def weights_of(op: ModuleOp) -> LinearWeights:
    """How the weights of a linear layer or a convolution read."""
    return WEIGHTS[op.node.op.name](op)


# ---------------------------------------------------------------- the output, and one of its weights


def pixel_section(op: ModuleOp, at: At, who: str) -> tuple[Section, WorkedNumber]:
    """The output at this place as the sum of all its products; who: the sample, in words."""
    found, worked, weights = op.node.op.documented(), work_out(op, at), weights_of(op)
    every = weights.products(at)
    listing = Listing(
        f"All {len(every)} products" + (", and the bias" if op.call.named("b") is not None else ""),
        (*weights.heads, "w", op.inputs[0].symbol, "product"),
        tuple((*weights.row(one), one.w, one.x, one.value) for one in every),
    )
    return Section(
        stage="pixel",
        scope=op.name,
        title=f"One output of {op.name}: {weights.output(at)}",
        equations=(found.equation,),
        numbers=(*worked.lines, *_compared(worked.value, worked.network, "the network")),
        shapes=found.shapes,
        note=" ".join(part for part in (f"For {who}.", weights.note) if part),
        pictures=weights.pictures(at),
        grids=weights.grids(at),
        listing=listing,
    ), worked


def weight_section(op: ModuleOp, entry: Entry, at: At, names: Sequence[str]) -> Section:
    """The gradient of one weight as the sum that it is. names: of the samples."""
    worked, weights, symbol = work_back(op, 1, entry.place), weights_of(op), op.inputs[0].symbol
    x, delta = weights.met(entry)
    each = np.asarray(x, np.float64) * delta
    whole = float(np.abs(each).sum()) or 1.0
    rows: list[tuple[str | float, ...]] = []
    for k in np.argsort(-np.abs(each).reshape(-1), kind="stable")[:PLACES].tolist():
        place = unravelled(k, each.shape)
        product = float(each[place])
        shown = (float(x[place]), float(delta[place]), product, f"{abs(product) / whole:.2%}")
        rows.append((names[place[0]], *weights.places(entry, place), *shown))
    heads = ("sample", *weights.place_heads, symbol, "delta", "product", "of all sizes")
    gradients = [one for one in op.node.op.documented().gradient.split(r"\partial C/\partial ") if one.startswith("w")]
    per = "one per sample" + (" and place" if x.ndim > 1 else "")
    return Section(
        stage="pixel",
        scope=op.name,
        title=f"One weight of {op.name}: the gradient of {entry}",
        equations=tuple(rf"\partial C/\partial {one}".strip().removesuffix(r"\quad").strip() for one in gradients),
        numbers=(*worked.lines, *_compared(worked.value, worked.network, "the engine")),
        summaries=(summary(symbol, np.asarray(x)), summary(r"\delta", np.asarray(delta))),
        note=f"A sum of {each.size:,} products, {per}; {int((each == 0).sum()):,} of them are 0.",
        pictures=weights.weight_pictures(entry, at[0]),
        listing=Listing(f"The {len(rows)} largest products", heads, tuple(rows)),
    )


def _compared(here: float, there: float, who: str) -> tuple[Line, ...]:
    """The sum of this page beside what was computed."""
    apart = abs(there - here)
    return (
        Line((f"{number(here, 9)}", r"\text{ summed here}")),
        Line((f"{number(there, 9)}", rf"\text{{ computed by {who}}}")),
        Line((f"{number(apart)}", r"\text{ apart}"), apart),
    )
