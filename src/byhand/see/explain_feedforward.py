"""A training step of a feed-forward network, explained: forward layer by layer, the cost, BP1 to BP4, the update, the proof.

Layers are numbered as in the book, the input is layer 1; units count from 0.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import numpy as np

from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.formula import Line, Term, factor, number, setting, signed, total
from byhand.neural_network import REGRESSION
from byhand.optim import SGD
from byhand.predictions import in_words
from byhand.see.accounts import Request, gives_account
from byhand.see.explanation import Explanation, LayerGraph, Output, Sample, Stage, table_of_names
from byhand.see.feedforward_record import FeedForwardRecord
from byhand.see.image import side
from byhand.see.layer import BOOK, FIRST, Layer, layers_of, mean_of, names_of_layers
from byhand.see.layer_sections import backward_sections, cost_terms, forward_sections, output_error_section
from byhand.see.proof import Proof, prove
from byhand.see.section import Picture, Section, sources, split, summary
from byhand.see.step import TrainingStep
from byhand.see.take_step import take_step
from byhand.see.update import clipping, follow, update_sections
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
    labels, before, after = (in_words(part, names) for part in (step.y, step.answers, step.answers_after))
    samples = tuple(
        Sample(index, label, old, new) for index, label, old, new in zip(request.indices, labels, before, after, strict=True)
    )
    weights = list(dict.fromkeys(asked)) or _largest(step)
    each = _one_a_layer(step, weights)
    layers = _layers(record)
    followed = [(layer, each[layer.number].j, each[layer.number].k) for layer in layers]
    output, decayed = layers[-1], bool(step.network.l2 or step.network.l1)
    sections = (
        *forward_sections([(layer, j) for layer, j, _ in followed], step.network.dropout),
        *_cost(step, output),
        output_error_section(output, each[record.last].j, record.cost_function, step.y),
        *backward_sections(followed, decayed=decayed),
        *([_decay_gradient(step, each)] if decayed else []),
        *clipping(step),
        *update_sections(step, weights),
    )
    told = (
        f"Layer {record.last}: ",
        "The cost (",
        f"BP1, layer {record.last}:",
        f"BP4, layer {record.last}:",
        f"Update: the weight {weights[-1]}",
    )
    units = {layer: weight.j for layer, weight in each.items()}
    x, first = record.a[1][FIRST], samples[FIRST]
    n = side(x.size)
    return Explanation(
        step=step,
        samples=samples,
        stages=STAGES,
        sections=sections,
        brief=tuple(section.title for section in sections if section.title.startswith(told)),
        weights=follow(step, _proofs(step, weights), samples),
        names=table_of_names(names_of_layers(layers), "--weight"),
        about=(
            ("Network", f"{'-'.join(map(str, record.sizes))}, {step.network.parameters.size:,} parameters"),
            ("Activations", ", ".join(activation.name.replace("_", " ") for activation in record.activations.values())),
        ),
        followed=f"the batch's first sample, {first.index}; an index i counts samples in the batch" if step.m > 1 else "",
        counting=f"Layers are counted from the input, layer 1, to the output, layer {record.last}; units, samples and classes "
        f"from 0. {BOOK}",
        pictures=(Picture(x.reshape(1, n, n), "a^1", f"the input: sample {first.name}", grey=True),) if n else (),
        output=Output(record.full[record.last][FIRST], step.answers_after[FIRST], step.y[FIRST]),
        graph=LayerGraph(
            {layer: a[FIRST] for layer, a in record.a.items()},
            record.w,
            {layer: activation.name for layer, activation in record.activations.items()},
            units,
            tuple(weights),
        ),
        details={"sizes": list(record.sizes), "followed": units},
    )


def _layers(record: FeedForwardRecord) -> list[Layer]:
    return layers_of(
        "Layer {}",
        activation=record.activations.values(),
        x=[record.a[layer - 1] for layer in record.w],
        w=record.w.values(),
        b=record.b.values(),
        z=record.z.values(),
        a=[record.full[layer] for layer in record.w],
        delta=[record.delta[layer] for layer in record.w],
        w_gradient=record.w_gradient.values(),
        b_gradient=record.b_gradient.values(),
        kept=[record.kept.get(layer) for layer in record.w],
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


# ---------------------------------------------------------------- the sections


def _cost(step: TrainingStep, output: Layer) -> Iterator[Section]:
    """The cost of the first sample, its mean over the batch, and the weight decay where there is one."""
    cost = step.record.cost_function
    each = cost.per_sample(output.z, output.a, step.y, output.activation)
    mean = float(each.mean())
    before, terms = cost_terms(cost, output, step.y[FIRST])
    numbers = total("C" if step.m == 1 else f"C_{{{FIRST}}}", terms, each[FIRST], before=before)
    if step.m > 1:
        samples = [Term(f"C_{{{i}}}", factor(value), float(value)) for i, value in enumerate(each)]
        numbers += total("C", samples, mean, before=mean_of(step.m))
    yield Section(
        stage="cost",
        layer=step.record.last,
        title=f"The cost ({cost.name.replace('_', '-')})",
        why="One number for how far off the answer is. All that follows asks how each weight could make it smaller.",
        equations=split(cost.equation),
        numbers=tuple(numbers),
        shapes="z, a, y: (m, n_L) -> C: one number",
        sizes=f"z, a, y: ({step.m}, {step.record.sizes[-1]}) -> C: one number",
        summaries=(summary(output.symbol("a"), output.a), summary("y", step.y), summary("C_i", each)),
        source=sources(cost.per_sample, type(cost).value),
        reference=cost.source,
        note="C_0 is the cost of the first sample of the batch." if step.m > 1 else "",
    )
    if step.network.l2 or step.network.l1:
        yield _decay_cost(step, mean)


def _decay_cost(step: TrainingStep, mean: float) -> Section:
    l2, l1 = step.network.l2, step.network.l1
    w = step.network.parameters[: step.network.n_weights]
    parts = []
    if l2:
        parts.append((r"\frac{\lambda_2}{2} \sum w^2", rf"\frac{{{setting(l2)}}}{{2}} \cdot {factor(w @ w)}"))
    if l1:
        parts.append((r"\lambda_1 \sum |w|", rf"{setting(l1)} \cdot {factor(np.abs(w).sum())}"))
    return Section(
        stage="cost",
        title="The cost with weight decay",
        why="Large weights cost something too, so the network keeps only those that pay.",
        equations=(r"C \leftarrow C + " + " + ".join(symbols for symbols, _ in parts),),
        numbers=(
            Line((rf"C \leftarrow {number(mean)} + " + " + ".join(numbers for _, numbers in parts),)),
            Line((f"= {number(mean)}", signed(step.record.decay))),
            Line((f"= {number(step.cost)}",), step.cost),
        ),
        sizes=f"{step.network.n_weights:,} weights, no biases",
        summaries=(summary("w", w),),
        source=sources(FeedForward._decay),
        reference="Nielsen (2015), chapter 3, eq. 87",
    )


def _decay_gradient(step: TrainingStep, each: dict[int, Weight]) -> Section:
    l2, l1 = step.network.l2, step.network.l1
    lines = []
    for layer, weight in sorted(each.items(), reverse=True):
        w, gradient = (float(of[layer][weight.j, weight.k]) for of in (step.record.w, step.record.w_gradient))
        data = float(step.record.trace.contributions(layer - 1, weight.j, weight.k).sum())
        added = [rf"+ {setting(l2)} \cdot {factor(w)}"] if l2 else []
        added += [rf"+ {setting(l1)} \cdot {factor(np.sign(w))}"] if l1 else []
        left = rf"\frac{{\partial C}}{{\partial {weight.latex}}} \leftarrow {number(data)}"
        lines.append(Line((left, " ".join(added), f"= {number(gradient)}"), gradient))
    extra = (r" + \lambda_2 w" if l2 else "") + (r" + \lambda_1 \operatorname{sign}(w)" if l1 else "")
    return Section(
        stage="backward",
        title="Weight decay joins the gradient",
        why="It pulls every weight towards 0 at each step; what the data do not hold up decays.",
        equations=(rf"\frac{{\partial C}}{{\partial w}} \leftarrow \frac{{\partial C}}{{\partial w}}{extra}",),
        numbers=tuple(lines),
        sizes=f"{step.network.n_weights:,} weights, no biases",
        source=sources(FeedForward._decay),
        reference="Nielsen (2015), chapter 3, eq. 87",
    )


def _proofs(step: TrainingStep, weights: Sequence[Weight]) -> list[Proof]:
    """Measure the slope of the step's cost along each of these weights, in float64 and with the same dropout."""
    network = step.network.twin(np.float64)
    x, y = step.record.a[1].astype(np.float64), step.y.astype(np.float64)

    def cost() -> float:
        network.rng = copy.deepcopy(step.rng)
        return network.learn(x, y)

    cost()
    by_hand = [float(network.weight_gradients[weight.layer - 2][weight.j, weight.k]) for weight in weights]
    return [
        prove(weight, gradient, cost, network.weights[weight.layer - 2], (weight.j, weight.k))
        for weight, gradient in zip(weights, by_hand, strict=True)
    ]
