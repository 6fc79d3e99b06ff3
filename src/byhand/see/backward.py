"""The backward half of an explanation: BP1 to BP4 from the last layer to the first, as `learn` takes them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from byhand.equation import read
from byhand.feedforward import FeedForward, backpropagated_error, bias_gradient, output_error, weight_gradient
from byhand.optim import clip
from byhand.see.forward import ROW, unit_picture
from byhand.see.numbers import Line, Term, factor, number, setting, signed, total
from byhand.see.observe import Observed
from byhand.see.section import Section, sized, sources, split, summary
from byhand.see.tape import Taped
from byhand.see.weight import Weight


def backward_sections(step: Observed, chosen: dict[int, Weight]) -> Iterator[Section]:
    """For l = L..2: the error, the gradient of the biases, the gradient of the weights. chosen: one weight to follow a layer."""
    for layer in range(step.last, 1, -1):
        weight = chosen[layer]
        yield _output_error(step, weight.j) if layer == step.last else _hidden_error(step, layer, weight.j)
        yield _bias_gradient(step, layer, weight.j)
        yield _weight_gradient(step, weight)
    if step.network.l2 or step.network.l1:
        yield _decay_gradient(step, chosen)
    if step.clip is not None:
        yield clipping(step)


def _output_error(step: Observed, j: int) -> Section:
    last, cost = step.last, step.cost_function
    found, activation = read(output_error), step.activations[step.last]
    a, y, delta = step.full[last][ROW], step.y[ROW], step.delta[last][ROW, j]
    left, output = rf"\delta^{{{last}}}_{{{j}}}", f"a^{{{last}}}_{{{j}}}"
    difference = f"({number(a[j])} - {factor(y[j])})"
    equations = [found.equation, cost.gradient]
    if cost.name == "quadratic" and activation.name == "softmax":
        equations = [found.equation, r"\nabla_a C = a^L - y", activation.derivative]
        inner = float(((a - y) * a).sum())
        numbers = [
            Line((rf"{left} = {output} \left({output} - y_{{{j}}} - \sum_k (a_k - y_k)\, a_k\right)",)),
            Line((rf"= {number(a[j])} \cdot ({number(a[j] - y[j])} {signed(-inner)})",)),
        ]
    elif cost.name == "quadratic":
        equations += split(activation.derivative)
        slope = _slope(step, last, j)
        numbers = [
            Line((rf"{left} = ({output} - y_{{{j}}})\, \sigma'(z^{{{last}}}_{{{j}}})",)),
            Line((rf"= {difference} \cdot {factor(slope)}",)),
        ]
    elif activation.name == "softmax" and not np.isclose(y.sum(), 1):
        equations = [found.equation, r"\delta^L = \left(\sum_j y_j\right) a^L - y"]
        numbers = [Line((rf"{left} = {factor(y.sum())} \cdot {factor(a[j])} {signed(-y[j])}",))]
    else:
        numbers = [Line((rf"{left} = {output} - y_{{{j}}}", f"= {difference[1:-1]}"))]
    return Section(
        stage="backward",
        layer=last,
        title=f"BP1, layer {last}: the error of the output",
        equations=tuple(equations),
        numbers=(*numbers, Line((f"= {number(delta)}",), float(delta))),
        shapes=found.shapes,
        sizes=sized(found.shapes, m=step.m, n_L=step.sizes[-1]),
        summaries=(summary(rf"\delta^{{{last}}}", step.delta[last]),),
        source=sources(output_error, cost.output_error, *([activation.backward] if cost.name == "quadratic" else [])),
        reference=f"{found.source}; {cost.source}",
    )


def _hidden_error(step: Observed, layer: int, j: int) -> Section:
    found, activation = read(backpropagated_error), step.activations[layer]
    delta_next, w_next = step.delta[layer + 1][ROW], step.w[layer + 1]
    kept = float(step.kept[layer][ROW, j]) if layer in step.kept else 1.0
    delta, blame = step.delta[layer][ROW, j], float(delta_next @ w_next[:, j])
    left, next_ = rf"\delta^{{{layer}}}_{{{j}}}", layer + 1
    terms = [
        Term(
            rf"\delta^{{{next_}}}_{{{i}}}\, w^{{{next_}}}_{{{i},{j}}}",
            rf"{factor(delta_next[i])} \cdot {factor(w_next[i, j])}",
            float(delta_next[i] * w_next[i, j]),
        )
        for i in range(len(delta_next))
    ]
    numbers = total(f"g_{{{j}}}", terms, blame)
    equations = [found.equation, *split(activation.derivative)]
    mask, times = "", ""
    if layer in step.kept:
        mask, times = f" r_{{{j}}}", rf" \cdot {number(kept)}"
        equations[0] = r"\delta^l = \delta^{l+1} w^{l+1} \odot r \odot \sigma'(z^l)"
    if activation.name == "softmax":
        a = step.full[layer][ROW]
        g = delta_next @ w_next * (step.kept[layer][ROW] if layer in step.kept else 1.0)
        numbers += [
            Line((rf"{left} = a^{{{layer}}}_{{{j}}} \left(g_{{{j}}}{mask} - \sum_k g_k a_k\right)",)),
            Line((rf"= {factor(a[j])} \cdot ({number(g[j])} {signed(-(g * a).sum())})",)),
        ]
    else:
        numbers += [
            Line((rf"{left} = g_{{{j}}}{mask}\, \sigma'(z^{{{layer}}}_{{{j}}})",)),
            Line((rf"= {factor(blame)}{times} \cdot {factor(_slope(step, layer, j))}",)),
        ]
    return Section(
        stage="backward",
        layer=layer,
        title=f"BP2, layer {layer}: the error carried back",
        equations=tuple(equations),
        numbers=(*numbers, Line((f"= {number(delta)}",), float(delta))),
        shapes=found.shapes,
        sizes=sized(found.shapes, m=step.m, n_l=step.sizes[layer - 1], n_next=step.sizes[layer]),
        summaries=(summary(rf"\delta^{{{layer}}}", step.delta[layer]),),
        source=sources(backpropagated_error, activation.backward),
        reference=found.source,
        note="g is the gradient with respect to a, before it passes through the activation."
        + (" r is what dropout multiplied this unit by on the way forward." if layer in step.kept else ""),
    )


def _slope(step: Observed, layer: int, j: int) -> float:
    """sigma'(z) of one unit of the followed sample, from the code that the step itself used."""
    z, a = step.z[layer][ROW : ROW + 1], step.full[layer][ROW : ROW + 1]
    return float(step.activations[layer].backward(np.ones_like(z), z, a, np.empty_like(z))[0, j])


def _bias_gradient(step: Observed, layer: int, j: int) -> Section:
    found = read(bias_gradient)
    terms = [
        Term(rf"\delta^{{{layer}}}_{{{_of(step, i)}{j}}}", factor(delta), float(delta))
        for i, delta in enumerate(step.delta[layer][:, j])
    ]
    gradient = step.b_gradient[layer][j]
    left = rf"\frac{{\partial C}}{{\partial b^{{{layer}}}_{{{j}}}}}"
    return Section(
        stage="backward",
        layer=layer,
        title=f"BP3, layer {layer}: the gradient of the biases",
        equations=(found.equation,),
        numbers=tuple(total(left, terms, gradient, before=_mean(step.m))),
        shapes=found.shapes,
        sizes=sized(found.shapes, m=step.m, n_out=step.sizes[layer - 1]),
        summaries=(summary(rf"\partial C/\partial b^{{{layer}}}", step.b_gradient[layer]),),
        source=sources(bias_gradient),
        reference=found.source,
    )


def _weight_gradient(step: Observed, weight: Weight) -> Section:
    found, layer, j, k = read(weight_gradient), weight.layer, weight.j, weight.k
    delta, a = step.delta[layer][:, j], step.a[layer - 1][:, k]
    terms = [
        Term(
            rf"\delta^{{{layer}}}_{{{_of(step, i)}{j}}}\, a^{{{layer - 1}}}_{{{_of(step, i)}{k}}}",
            rf"{factor(delta[i])} \cdot {factor(a[i])}",
            float(delta[i] * a[i]),
        )
        for i in range(step.m)
    ]
    gradient = float(step.trace.contributions(layer - 1, j, k).sum())
    decayed = bool(step.network.l2 or step.network.l1)
    return Section(
        stage="backward",
        layer=layer,
        title=f"BP4, layer {layer}: the gradient of the weights",
        equations=(found.equation,),
        numbers=tuple(total(rf"\frac{{\partial C}}{{\partial {weight.latex}}}", terms, gradient, before=_mean(step.m))),
        shapes=found.shapes,
        sizes=sized(found.shapes, m=step.m, n_in=step.sizes[layer - 2], n_out=step.sizes[layer - 1]),
        summaries=(summary(rf"\partial C/\partial w^{{{layer}}}", step.w_gradient[layer]),),
        source=sources(weight_gradient),
        reference=found.source,
        note="The table's gradients have the weight decay in them, which is added below." if decayed else "",
        pictures=unit_picture(
            step,
            layer,
            step.w_gradient[layer][j],
            rf"\partial C/\partial w^{{2}}_{{{j},k}}",
            f"The gradient of unit {j}'s weights",
        ),
    )


def _of(step: Observed, i: int) -> str:
    """The index of a sample in front of a unit's; a batch of one needs none."""
    return f"{i}," if step.m > 1 else ""


def _mean(m: int) -> tuple[str, str]:
    return (rf"\frac{{1}}{{{m}}}", rf"\frac{{1}}{{{m}}}") if m > 1 else ("", "")


def _decay_gradient(step: Observed, chosen: dict[int, Weight]) -> Section:
    l2, l1 = step.network.l2, step.network.l1
    extra = (r" + \lambda_2 w" if l2 else "") + (r" + \lambda_1 \operatorname{sign}(w)" if l1 else "")
    lines = []
    for layer, weight in sorted(chosen.items(), reverse=True):
        w = step.w[layer][weight.j, weight.k]
        data = float(step.trace.contributions(layer - 1, weight.j, weight.k).sum())
        gradient = float(step.w_gradient[layer][weight.j, weight.k])
        added = (rf" + {setting(l2)} \cdot {factor(w)}" if l2 else "") + (
            rf" + {setting(l1)} \cdot {factor(np.sign(w))}" if l1 else ""
        )
        lines.append(
            Line(
                (
                    rf"\frac{{\partial C}}{{\partial {weight.latex}}} \leftarrow {number(data)}",
                    added.strip(),
                    f"= {number(gradient)}",
                ),
                gradient,
            )
        )
    return Section(
        stage="backward",
        layer=0,
        title="Weight decay joins the gradient",
        equations=(rf"\frac{{\partial C}}{{\partial w}} \leftarrow \frac{{\partial C}}{{\partial w}}{extra}",),
        numbers=tuple(lines),
        shapes="",
        sizes=f"{step.network.n_weights:,} weights, no biases",
        summaries=(),
        source=sources(FeedForward._decay),
        reference="Nielsen (2015), chapter 3, eq. 87",
    )


def clipping(step: Observed | Taped) -> Section:
    """The gradient made shorter, where it is too long."""
    limit = step.clip or 0.0
    scale = min(1.0, limit / step.length) if step.length else 1.0
    return Section(
        stage="backward",
        layer=0,
        title="The gradient is clipped",
        equations=(r"g \leftarrow g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right)",),
        numbers=(
            Line((rf"\lVert g \rVert = {number(step.length)}, \quad c = {setting(limit)}",), step.length),
            Line((rf"g \leftarrow {number(scale)} \, g",), scale),
        ),
        shapes="",
        sizes=f"{step.gradient.size:,} parameters",
        summaries=(summary("g", step.used),),
        source=sources(clip),
        reference="Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063, algorithm 1",
    )
