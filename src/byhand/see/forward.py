"""The forward half of an explanation: z^l and a^l of every layer, and the cost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from byhand.backend import Array
from byhand.equation import read
from byhand.feedforward import FeedForward, activate, weighted_input
from byhand.see.image import side
from byhand.see.numbers import Line, Term, factor, number, setting, signed, total
from byhand.see.observe import Observed
from byhand.see.section import Picture, Section, sized, sources, split, summary

ROW = 0  # the sample of the batch whose numbers stand in the formulas


def forward_sections(step: Observed, units: dict[int, int]) -> Iterator[Section]:
    """Layer by layer: the weighted input, the activation, dropout. units: the unit j to follow in each layer 2..L."""
    for layer in range(2, step.last + 1):
        yield _weighted_input(step, layer, units[layer])
        yield _activation(step, layer, units[layer])
        if layer in step.kept:
            yield _dropout(step, layer, units[layer])


def _weighted_input(step: Observed, layer: int, j: int) -> Section:
    found = read(weighted_input)
    w, a, b, z = step.w[layer][j], step.a[layer - 1][ROW], step.b[layer][j], step.z[layer][ROW, j]
    terms = [
        Term(
            rf"w^{{{layer}}}_{{{j},{k}}}\, a^{{{layer - 1}}}_{{{k}}}", rf"{factor(w[k])} \cdot {factor(a[k])}", float(w[k] * a[k])
        )
        for k in range(len(a))
    ]
    bias = Term(f"b^{{{layer}}}_{{{j}}}", factor(b), float(b))
    return Section(
        stage="forward",
        layer=layer,
        title=f"Layer {layer}: weighted input",
        equations=(found.equation,),
        numbers=tuple(total(f"z^{{{layer}}}_{{{j}}}", terms, z, last=[bias])),
        shapes=found.shapes,
        sizes=sized(found.shapes, m=step.m, n_in=step.sizes[layer - 2], n_out=step.sizes[layer - 1]),
        summaries=(
            summary(f"a^{{{layer - 1}}}", step.a[layer - 1]),
            summary(f"w^{{{layer}}}", step.w[layer]),
            summary(f"b^{{{layer}}}", step.b[layer]),
            summary(f"z^{{{layer}}}", step.z[layer]),
        ),
        source=sources(weighted_input),
        reference=found.source,
        pictures=unit_picture(step, layer, w, f"w^{{2}}_{{{j},k}}", f"The weights of unit {j}"),
    )


def unit_picture(step: Observed, layer: int, values: Array, symbol: str, about: str) -> tuple[Picture, ...]:
    """One number a pixel of the input, as an image: what a unit of the first layer of weights looks at."""
    n = side(values.size)
    return (Picture(values.reshape(1, n, n), symbol, about),) if layer == 2 and n else ()


def _activation(step: Observed, layer: int, j: int) -> Section:
    found, activation = read(activate), step.activations[layer]
    a = step.full[layer][ROW, j]
    middle = _sigma_with_numbers(activation.name, step.z[layer][ROW], j)
    return Section(
        stage="forward",
        layer=layer,
        title=f"Layer {layer}: activation ({activation.name})",
        equations=(found.equation, *split(activation.equation)),
        numbers=(
            Line((rf"a^{{{layer}}}_{{{j}}} = \sigma(z^{{{layer}}}_{{{j}}})", f"= {middle}")),
            Line((f"= {number(a)}",), float(a)),
        ),
        shapes=found.shapes,
        sizes=sized(found.shapes, m=step.m, n=step.sizes[layer - 1]),
        summaries=(summary(f"a^{{{layer}}}", step.full[layer]),),
        source=sources(activate, activation.forward),
        reference=f"{found.source}; {activation.source}",
    )


def _sigma_with_numbers(name: str, row: Array, j: int) -> str:
    z = row[j]
    if name == "softmax":
        # e^z overflows above 709; shifting all z by the largest, as the code does, changes nothing in the quotient.
        shift = float(row.max()) if row.max() > 50 else 0.0
        shifted = np.exp(row - shift)
        shown = f"{number(z)} - {number(shift)}" if shift else number(z)
        below = rf"e^{{z_k - {number(shift)}}}" if shift else "e^{z_k}"
        return rf"\frac{{e^{{{shown}}}}}{{\sum_k {below}}} = \frac{{{number(shifted[j])}}}{{{number(shifted.sum())}}}"
    return {
        "sigmoid": rf"\frac{{1}}{{1 + e^{{{number(-z)}}}}}",
        "tanh": rf"\tanh({number(z)})",
        "relu": rf"\max(0, {number(z)})",
        "leaky_relu": rf"\max(0.01 \cdot {factor(z)}, {number(z)})",
        "silu": rf"\frac{{{number(z)}}}{{1 + e^{{{number(-z)}}}}}",
        "identity": number(z),
    }[name]


def _dropout(step: Observed, layer: int, j: int) -> Section:
    p, kept = step.network.dropout, step.kept[layer]
    before, scale, after = step.full[layer][ROW, j], kept[ROW, j], step.a[layer][ROW, j]
    dropped = int((kept == 0).sum())
    return Section(
        stage="forward",
        layer=layer,
        title=f"Layer {layer}: dropout",
        equations=(r"a^l \leftarrow a^l \odot r", rf"r_j = \frac{{[u_j \ge p]}}{{1 - p}}, \quad p = {setting(p)}"),
        numbers=(
            Line(
                (rf"a^{{{layer}}}_{{{j}}} \leftarrow {number(before)} \cdot {number(scale)}", f"= {number(after)}"), float(after)
            ),
        ),
        shapes="",
        sizes=f"a, r: ({step.m}, {step.sizes[layer - 1]})",
        summaries=(summary("r", kept), summary(f"a^{{{layer}}}", step.a[layer])),
        source=sources(FeedForward._drop),
        reference="Srivastava et al. (2014), JMLR 15",
        note=f"{dropped} of {kept.size} activations of this batch are left out.",
    )


# ---------------------------------------------------------------- the cost


def cost_sections(step: Observed) -> Iterator[Section]:
    """The cost of the first sample, its mean over the batch, and the weight decay where there is one."""
    cost, last = step.cost_function, step.last
    each = cost.per_sample(step.z[last], step.full[last], step.y, step.activations[last])
    mean = float(each.mean())
    left, front, terms = _sample_cost(step)
    numbers = total(left, terms, each[ROW], before=front)
    if step.m > 1:
        samples = [Term(f"C_{{{i}}}", factor(value), float(value)) for i, value in enumerate(each)]
        numbers += total("C", samples, mean, before=(rf"\frac{{1}}{{{step.m}}}",) * 2)
    yield Section(
        stage="cost",
        layer=last,
        title=f"The cost ({cost.name.replace('_', '-')})",
        equations=split(cost.equation),
        numbers=tuple(numbers),
        shapes="z, a, y: (m, n_L) -> C: one number",
        sizes=f"z, a, y: ({step.m}, {step.sizes[-1]}) -> C: one number",
        summaries=(summary(f"a^{{{last}}}", step.full[last]), summary("y", step.y), summary("C_i", each)),
        source=sources(cost.per_sample, type(cost).value),
        reference=cost.source,
        note="C_0 is the cost of the first sample of the batch." if step.m > 1 else "",
    )
    if step.network.l2 or step.network.l1:
        yield _decay_cost(step, mean)


def _sample_cost(step: Observed) -> tuple[str, tuple[str, str], list[Term]]:
    """The first sample's cost as a sum over the outputs: what it is, the factor in front, the terms."""
    last = step.last
    z, a, y = step.z[last][ROW], step.full[last][ROW], step.y[ROW]
    left = "C" if step.m == 1 else f"C_{{{ROW}}}"

    def output(j: int) -> str:
        return f"a^{{{last}}}_{{{j}}}"

    if step.cost_function.name == "quadratic":
        squares = [
            Term(
                f"({output(j)} - y_{{{j}}})^2",
                f"({number(a[j])} - {_plain(y[j])})^2".replace("- -", "+ "),
                float((a[j] - y[j]) ** 2),
            )
            for j in range(len(y))
        ]
        return left, (r"\frac{1}{2}", r"\frac{1}{2}"), squares
    if step.activations[last].name == "softmax":
        log_a = z - z.max() - np.log(np.exp(z - z.max()).sum())
        return (
            left,
            ("", ""),
            [
                Term(
                    rf"(-y_{{{j}}} \ln {output(j)})", rf"(-{_plain(y[j])} \cdot \ln {number(np.exp(log_a[j]))})", -y[j] * log_a[j]
                )
                for j in range(len(y))
                if y[j]
            ],
        )
    # ln a and ln(1 - a) from z: from a itself they are lost where it rounds to 0 or 1.
    log_a, log_not_a = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    a, not_a = np.exp(log_a), np.exp(log_not_a)
    values = -y * log_a - (1 - y) * log_not_a
    return (
        left,
        ("", ""),
        [
            Term(
                rf"(-y_{{{j}}} \ln {output(j)} - (1 - y_{{{j}}}) \ln(1 - {output(j)}))",
                rf"(-{_plain(y[j])} \cdot \ln {number(a[j])} - {_plain(1 - y[j])} \cdot \ln {number(not_a[j])})",
                float(values[j]),
            )
            for j in range(len(y))
        ],
    )


def _decay_cost(step: Observed, mean: float) -> Section:
    l2, l1 = step.network.l2, step.network.l1
    w = step.network.parameters[: step.network.n_weights]
    symbols, numbers = "C", number(mean)
    if l2:
        symbols += r" + \frac{\lambda_2}{2} \sum w^2"
        numbers += rf" + \frac{{{setting(l2)}}}{{2}} \cdot {factor(w @ w)}"
    if l1:
        symbols += r" + \lambda_1 \sum |w|"
        numbers += rf" + {setting(l1)} \cdot {factor(np.abs(w).sum())}"
    return Section(
        stage="cost",
        layer=0,
        title="The cost with weight decay",
        equations=(rf"C \leftarrow {symbols}",),
        numbers=(
            Line((rf"C \leftarrow {numbers}",)),
            Line((f"= {number(mean)}", signed(step.decay))),
            Line((f"= {number(step.cost)}",), step.cost),
        ),
        shapes="",
        sizes=f"{step.network.n_weights:,} weights, no biases",
        summaries=(summary("w", w),),
        source=sources(FeedForward._decay),
        reference="Nielsen (2015), chapter 3, eq. 87",
    )


def _plain(y: float) -> str:
    """A target: 0 or 1 as it is, anything else with its digits."""
    return setting(float(y)) if float(y).is_integer() else number(y)
