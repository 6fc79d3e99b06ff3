r"""Fully connected layers explained, whichever network they stand in: z and a on the way forward, BP1 to BP4 on the way back.

The formulas follow one unit j of each layer on the batch's first sample; gradients are means over all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.costs import HUBER, Cost
from byhand.feedforward import (
    FeedForward,
    activate,
    backpropagated_error,
    bias_gradient,
    output_error,
    weight_gradient,
    weighted_input,
)
from byhand.formula import Line, Term, factor, number, setting, signed, total
from byhand.see.image import side
from byhand.see.layer import FIRST, Layer, mean_of, products
from byhand.see.section import Picture, Section, documented, sources, split, summary


def forward_sections(followed: Sequence[tuple[Layer, int]], dropout: float = 0.0) -> Iterator[Section]:
    """z and a of every layer, with the unit that is followed in it. A half of an autoencoder may end without an activation."""
    for layer, j in followed:
        yield weighted_input_section(layer, j)
        if layer.activation.name != "identity" or not layer.scope:
            yield activation_section(layer, j)
        if layer.kept is not None:
            yield dropout_section(layer, j, dropout)


def backward_sections(followed: Sequence[tuple[Layer, int, int]], *, decayed: bool = False) -> Iterator[Section]:
    """From the last layer, whose error is known, to the first: BP3 and BP4 of each, and BP2 into the one before.

    followed: each layer with the unit j and the weight from unit k. decayed: whether weight decay joins the gradients later.
    """
    later = None
    for layer, j, k in reversed(followed):
        if later is not None:
            yield hidden_error_section(layer, later, j)
        yield bias_gradient_section(layer, j)
        yield weight_gradient_section(layer, j, k, decayed=decayed)
        later = layer


# ---------------------------------------------------------------- forward


def weighted_input_section(layer: Layer, j: int) -> Section:
    w, x, symbol = layer.w[j], layer.x[FIRST], layer.symbol
    terms = products((lambda k: symbol("w", j, k), w), (layer.below, x))
    bias = Term(symbol("b", j), factor(layer.b[j]), float(layer.b[j]))
    return documented(
        weighted_input,
        **layer.sections("forward"),
        title=f"{layer.title}: weighted input",
        why="Each unit adds up what the layer before says, each part with a weight of its own; the bias is what it says to "
        "nothing.",
        numbers=tuple(total(symbol("z", j), terms, layer.z[FIRST, j], last=[bias])),
        sizes=layer.sizes(),
        summaries=(
            summary(layer.below(), layer.x),
            *(summary(symbol(letter), values) for letter, values in (("w", layer.w), ("b", layer.b), ("z", layer.z))),
        ),
        pictures=_unit_picture(layer, w, f"w^{{2}}_{{{j},k}}", f"The weights of unit {j}"),
    )


def _unit_picture(layer: Layer, values: Array, symbol: str, about: str) -> tuple[Picture, ...]:
    """One number a pixel of the input, as an image: what a unit of the first layer of weights looks at."""
    n = side(values.size)
    return (Picture(values.reshape(1, n, n), symbol, about),) if layer.number == 2 and n else ()


def activation_section(layer: Layer, j: int) -> Section:
    activation, symbol, value = layer.activation, layer.symbol, layer.a[FIRST, j]
    worked, _ = activation.worked_out(layer.z[FIRST], j)
    return documented(
        activate,
        activation.forward,
        **layer.sections("forward"),
        title=f"{layer.title}: activation ({activation.name})",
        why="Without this bend, layers after layers would be one straight line, however many there were.",
        numbers=(
            Line((rf"{symbol('a', j)} = \sigma({symbol('z', j)})", f"= {worked}")),
            Line((f"= {number(value)}",), float(value)),
        ),
        equations=(r"a^l = \sigma(z^l)", *split(activation.equation)),
        sizes=layer.sizes(),
        summaries=(summary(symbol("a"), layer.a),),
        reference=f"Nielsen (2015), chapter 2, eq. 25; {activation.source}",
    )


def dropout_section(layer: Layer, j: int, p: float) -> Section:
    assert layer.kept is not None
    symbol, kept, a = layer.symbol("a"), layer.kept, layer.a * layer.kept
    before, scale, after = layer.a[FIRST, j], kept[FIRST, j], a[FIRST, j]
    return Section(
        **layer.sections("forward"),
        title=f"{layer.title}: dropout",
        why="Units that may be missing at any step cannot rely on one another: each has to be of use by itself.",
        equations=(r"a^l \leftarrow a^l \odot r", rf"r_j = \frac{{[u_j \ge p]}}{{1 - p}}, \quad p = {setting(p)}"),
        numbers=(
            Line((rf"{symbol}_{{{j}}} \leftarrow {number(before)} \cdot {number(scale)}", f"= {number(after)}"), float(after)),
        ),
        sizes=f"a, r: {kept.shape}",
        summaries=(summary("r", kept), summary(symbol, a)),
        source=sources(FeedForward._drop),
        reference="Srivastava et al. (2014), JMLR 15",
        note=f"{int((kept == 0).sum())} of {kept.size} activations of this batch are left out.",
    )


# ---------------------------------------------------------------- the cost of one sample


def cost_terms(cost: Cost, layer: Layer, y: Array, target: str = "y") -> tuple[tuple[str, str], list[Term]]:
    """The first sample's cost as a sum over the outputs: the factor in front of it, and the terms. y: (n,) its target."""
    z, a = layer.z[FIRST], layer.a[FIRST]

    def output(j: int) -> str:
        return layer.symbol("a", j)

    if cost.name == "quadratic":
        squares = [
            Term(
                f"({output(j)} - {target}_{{{j}}})^2",
                f"({number(a[j])} - {_plain(y[j])})^2".replace("- -", "+ "),
                float((a[j] - y[j]) ** 2),
            )
            for j in range(len(y))
        ]
        return (r"\frac{1}{2}", r"\frac{1}{2}"), squares
    if cost.name == "huber":
        off = [float(a[j] - y[j]) for j in range(len(y))]
        values = cost.per_sample(z[:, None], a[:, None], y[:, None], layer.activation).tolist()
        near = [rf"(\frac{{1}}{{2}} \cdot ({number(one)})^2)" for one in off]
        far = [rf"({number(abs(one))} - \frac{{1}}{{2}})" for one in off]
        return ("", ""), [
            Term(rf"h({output(j)} - {target}_{{{j}}})", near[j] if abs(off[j]) <= HUBER else far[j], values[j])
            for j in range(len(y))
        ]
    if layer.activation.name == "softmax":
        log_a = z - z.max() - np.log(np.exp(z - z.max()).sum())
        return ("", ""), [
            Term(
                rf"(-{target}_{{{j}}} \ln {output(j)})",
                rf"(-{_plain(y[j])} \cdot \ln {number(np.exp(log_a[j]))})",
                -y[j] * log_a[j],
            )
            for j in np.flatnonzero(y).tolist()
        ]
    # ln a and ln(1 - a) from z: from a itself they are lost where it rounds to 0 or 1.
    log_a, log_rest = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    a, rest = np.exp(log_a), np.exp(log_rest)
    values = -y * log_a - (1 - y) * log_rest
    return ("", ""), [
        Term(
            rf"(-{target}_{{{j}}} \ln {output(j)} - (1 - {target}_{{{j}}}) \ln(1 - {output(j)}))",
            rf"(-{_plain(y[j])} \cdot \ln {number(a[j])} - {_plain(1 - y[j])} \cdot \ln {number(rest[j])})",
            float(values[j]),
        )
        for j in range(len(y))
    ]


def _plain(y: float) -> str:
    """A target: 0 or 1 as it is, anything else with its digits."""
    return setting(float(y)) if float(y).is_integer() else number(y)


# ---------------------------------------------------------------- backward


def output_error_section(layer: Layer, j: int, cost: Cost, y: Array, target: str = "y", code: Sequence[Any] = ()) -> Section:
    """BP1. y: (m, n_L); target: its letter. code: what ran where it was not `output_error`."""
    activation, symbol = layer.activation, layer.symbol
    a, goal, delta = layer.a[FIRST], y[FIRST], layer.delta[FIRST, j]
    left, output = symbol(r"\delta", j), symbol("a", j)
    difference = f"({number(a[j])} - {factor(goal[j])})"
    equations: tuple[str, ...] = (cost.gradient,)
    if cost.name == "quadratic" and activation.name == "softmax":
        equations = (rf"\nabla_a C = a^L - {target}", activation.derivative)
        inner = float(((a - goal) * a).sum())
        numbers = [
            Line((rf"{left} = {output} \left({output} - {target}_{{{j}}} - \sum_k (a_k - {target}_k)\, a_k\right)",)),
            Line((rf"= {number(a[j])} \cdot ({number(a[j] - goal[j])} {signed(-inner)})",)),
        ]
    elif cost.name == "quadratic":
        equations += split(activation.derivative)
        numbers = [
            Line((rf"{left} = ({output} - {target}_{{{j}}})\, \sigma'({symbol('z', j)})",)),
            Line((rf"= {difference} \cdot {factor(layer.slope(j))}",)),
        ]
    elif cost.name == "huber" and abs(float(a[j] - goal[j])) > HUBER:
        numbers = [Line((rf"{left} = \operatorname{{sign}}({output} - {target}_{{{j}}})",))]
    elif activation.name == "softmax" and not np.isclose(goal.sum(), 1):
        equations = (rf"\delta^L = \left(\sum_j {target}_j\right) a^L - {target}",)
        numbers = [Line((rf"{left} = {factor(goal.sum())} \cdot {factor(a[j])} {signed(-goal[j])}",))]
    else:
        numbers = [Line((rf"{left} = {output} - {target}_{{{j}}}", f"= {difference[1:-1]}"))]
    ran: list[Callable[..., Any]] = [*(code or [output_error]), cost.output_error]
    if cost.name == "quadratic":
        ran.append(activation.backward)
    return documented(
        output_error,
        **layer.sections("backward"),
        title=f"BP1, {layer.name}: the error of the output",
        why="How far the answer is from the target, times how steeply the output still reacts. Where sigma is flat, sigma' "
        "is next to 0: a change of z would change the answer by next to nothing, so little of the error is passed on.",
        equations=(r"\delta^L = \nabla_a C \odot \sigma'(z^L)", *(one.replace("- y", f"- {target}") for one in equations)),
        numbers=(*numbers, Line((f"= {number(delta)}",), float(delta))),
        sizes=layer.sizes(),
        summaries=(summary(symbol(r"\delta"), layer.delta),),
        source=sources(*ran),
        reference=f"Nielsen (2015), chapter 2, BP1; {cost.source}",
    )


def hidden_error_section(layer: Layer, later: Layer, j: int) -> Section:
    """BP2: the error of a layer out of that of the next."""
    activation, symbol, kept = layer.activation, layer.symbol, layer.kept
    delta_next, w_next, delta = later.delta[FIRST], later.w, layer.delta[FIRST, j]
    terms = products((lambda i: later.symbol(r"\delta", i), delta_next), (lambda i: later.symbol("w", i, j), w_next[:, j]))
    blame, left = float(delta_next @ w_next[:, j]), symbol(r"\delta", j)
    equation = r"\delta^l = \delta^{l+1} w^{l+1} \odot \sigma'(z^l)"
    mask, times, note = "", "", "g is the gradient with respect to a, before it passes through the activation."
    if kept is not None:
        equation = equation.replace(r"\odot", r"\odot r \odot")
        mask, times = f" r_{{{j}}}", rf" \cdot {number(kept[FIRST, j])}"
        note += " r is what dropout multiplied this unit by on the way forward."
    if activation.name == "softmax":
        a = layer.a[FIRST]
        g = delta_next @ w_next * (1.0 if kept is None else kept[FIRST])
        numbers = [
            Line((rf"{left} = {symbol('a', j)} \left(g_{{{j}}}{mask} - \sum_k g_k a_k\right)",)),
            Line((rf"= {factor(a[j])} \cdot ({number(g[j])} {signed(-(g * a).sum())})",)),
        ]
    else:
        numbers = [
            Line((rf"{left} = g_{{{j}}}{mask}\, \sigma'({symbol('z', j)})",)),
            Line((rf"= {factor(blame)}{times} \cdot {factor(layer.slope(j))}",)),
        ]
    return documented(
        backpropagated_error,
        activation.backward,
        **layer.sections("backward"),
        title=f"BP2, {layer.name}: the error carried back",
        why="A unit is to blame for the errors of the next layer as far as its weights carried it there. So the same "
        "weights work backwards: each error goes back along the line that it came from.",
        equations=(equation, *split(activation.derivative)),
        numbers=(*total(f"g_{{{j}}}", terms, blame), *numbers, Line((f"= {number(delta)}",), float(delta))),
        sizes=layer.sizes() | {"n_next": len(w_next)},
        summaries=(summary(symbol(r"\delta"), layer.delta),),
        note=note,
    )


def bias_gradient_section(layer: Layer, j: int) -> Section:
    """BP3."""
    m, symbol = len(layer.z), layer.symbol
    terms = products((lambda i: symbol(r"\delta", *_of(m, i), j), layer.delta[:, j]))
    left = rf"\frac{{\partial C}}{{\partial {symbol('b', j)}}}"
    return documented(
        bias_gradient,
        **layer.sections("backward"),
        title=f"BP3, {layer.name}: the gradient of the biases",
        why="A bias is added to z as it is, so the cost changes with it exactly as with z: the gradient is the error itself.",
        numbers=tuple(total(left, terms, layer.b_gradient[j], before=mean_of(m))),
        sizes=layer.sizes(),
        summaries=(summary(rf"\partial C/\partial {symbol('b')}", layer.b_gradient),),
    )


def weight_gradient_section(layer: Layer, j: int, k: int, *, decayed: bool = False) -> Section:
    """BP4. decayed: whether weight decay joins the gradient later."""
    m, symbol = len(layer.z), layer.symbol
    terms = products(
        (lambda i: symbol(r"\delta", *_of(m, i), j), layer.delta[:, j]), (lambda i: layer.below(*_of(m, i), k), layer.x[:, k])
    )
    left = rf"\frac{{\partial C}}{{\partial {symbol('w', j, k)}}}"
    gradient = float((layer.delta[:, j] * layer.x[:, k] / m).sum())
    about = rf"\partial C/\partial {symbol('w')}"
    return documented(
        weight_gradient,
        **layer.sections("backward"),
        title=f"BP4, {layer.name}: the gradient of the weights",
        why="A weight counts as much as what came in through it. From a silent unit (a = 0) it learns nothing, however "
        "large the error.",
        numbers=tuple(total(left, terms, gradient, before=mean_of(m))),
        sizes=layer.sizes(),
        summaries=(summary(about, layer.w_gradient),),
        note="The table's gradients have the weight decay in them, which is added below." if decayed else "",
        pictures=_unit_picture(
            layer, layer.w_gradient[j], rf"\partial C/\partial w^{{2}}_{{{j},k}}", f"The gradient of unit {j}'s weights"
        ),
    )


def _of(m: int, i: int) -> tuple[int, ...]:
    """The index of a sample in front of a unit's; a batch of one needs none."""
    return (i,) if m > 1 else ()
