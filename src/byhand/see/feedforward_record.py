"""What a feed-forward network lets you see of a step: every layer's arrays, and BP1 to BP4 term by term.

The input is layer 1, weights stand in the layers 2 to L; i counts the samples of the batch.
"""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.feedforward import FeedForward, Trace
from byhand.see.layer_numbers import INPUT, TARGET, LayerNumbers
from byhand.see.section import split
from byhand.see.step import parameter_views
from byhand.see.step_array import StepArray, StepArrays
from byhand.terms import At, Factor, Sum, indexed, single


class FeedForwardRecord:
    """The pass of a feed-forward network, keyed by Nielsen's layer l: see `byhand.see.step.Record`.

    Attributes:
        sizes: units per layer; last = L is the number of the last one. w, b: parameters before the step.
        z, delta: (m, n_l) for l = 2..L.
        a: (m, n_l) for l = 1..L, as the next layer read it (dropout included); full: before dropout.
        kept: (m, n_l) of a hidden layer with dropout: 0, or 1/(1-p).
    """

    local_symbols = False

    def __init__(self, network: FeedForward, trace: Trace) -> None:
        self.network, self.trace, self.cost_function = network, trace, network.cost
        self.sizes, self.last, self.answers = network.sizes, len(network.sizes), trace.full[-1]
        self.activations = dict(enumerate(network.activations, start=2))
        self.a, self.full = (dict(enumerate(arrays, start=1)) for arrays in (trace.a, trace.full))
        self.w, self.b, self.z, self.delta, self.kept, self.w_gradient, self.b_gradient = (
            dict(enumerate(arrays, start=2))
            for arrays in (
                network.weights, network.biases, trace.z, trace.delta, trace.kept, trace.weight_gradients, trace.bias_gradients
            )
        )  # fmt: skip

    @property
    def decay(self) -> float:
        """The part of the cost that is weight decay."""
        return self.network.penalty()

    # ---------------------------------------------------------------- as every record

    def parameters(self, vector: Array) -> dict[str, Array]:
        """As `w2`, `b2`, ...: named as in the book, where a model file counts matrices from 0."""
        views = parameter_views(self.network, vector)
        pairs = [(letter, n, f"layers.{n - 2}.{kind}") for n in self.w for letter, kind in (("w", "weight"), ("b", "bias"))]
        return {f"{letter}{n}": views[name] for letter, n, name in pairs}

    def contributions(self, name: str, at: At, m: int) -> Array:
        layer = int(name[1:]) - 1
        return self.trace.contributions(layer, *at) if name[0] == "w" else self.trace.delta[layer - 1][:, at[0]] / m

    def describe(self, arrays: StepArrays) -> None:
        arrays.add("a1", "a^{1}", "the input, a number a pixel or column", self.a[1], why=INPUT, batch=True, grey=True)
        y = arrays.add("y", "y", "the targets", self.trace.y, why=TARGET, batch=True)
        layers = {
            n: LayerNumbers(arrays, f"Layer {n}", str(n), {letter: f"{letter}{n}" for letter in ("z", "a", "delta", "w", "b")})
            for n in self.w
        }
        read = {1: arrays.array("a1")}  # the activation of each layer as the next one read it
        for n, layer in layers.items():
            layer.parameters(self.w[n], self.b[n])
            layer.weighted_input(read[n - 1], self.z[n])
            layer.activation(self.activations[n], self.full[n])
            read[n] = self._dropout(n, arrays) if n in self.kept else layer["a"]
        self._cost(layers[self.last], y, arrays)
        for n in range(self.last, 1, -1):
            if n == self.last:
                layers[n].output_error(self.cost_function, self.activations[n], y, self.delta[n])
            else:
                layers[n].error_from(layers[n + 1], self.activations[n], self.delta[n], self.kept.get(n))
            layers[n].gradients(read[n - 1], self.w_gradient[n], self.b_gradient[n], self.network.l2, self.network.l1)

    def _dropout(self, n: int, arrays: StepArrays) -> StepArray:
        a, kept = arrays.array(f"a{n}"), self.kept[n]

        def terms(at: At) -> list[Sum]:
            return [single(a.factor(at), Factor(indexed("r", at), float(kept[at])))]

        symbol, about = rf"\tilde a^{{{n}}}", f"activations of layer {n} after dropout"
        d = arrays.add(f"d{n}", symbol, about, self.a[n], terms, equation=rf"{symbol} = a^{{{n}}} \odot r", batch=True)
        arrays.add_operation(
            "forward",
            f"Layer {n}",
            f"Layer {n}: dropout",
            (d, a),
            [FeedForward._drop],
            (r"\tilde a^l = a^l \odot r", r"r_j = \frac{[u_j \ge p]}{1 - p}"),
            reference="Srivastava et al. (2014), JMLR 15",
            why="Units that may be missing at any step cannot rely on one another: each has to be of use by itself.",
            note=f"p = {self.network.dropout:g}: {int((kept == 0).sum()):,} of {kept.size:,} are left out.",
        )
        return d

    def _cost(self, last: LayerNumbers, y: StepArray, arrays: StepArrays) -> None:
        net, cost, activation = self.network, self.cost_function, self.activations[self.last]
        z, a = last["z"], last["a"]
        costs, m = cost.per_sample(z.values, a.values, y.values, activation), len(y.values)
        each = arrays.add(
            "costs", "C", "the cost of each sample", costs, lambda at: cost.sums(z, a, y, activation, at[0]), batch=True
        )
        share = (Factor(rf"\frac{{1}}{{{m}}}", 1 / m),) if m > 1 else ()

        def terms(at: At) -> list[Sum]:
            weights = net.parameters[: net.n_weights]
            sums = [Sum(costs / m, lambda i: (*share, each.factor((i,))), True)]
            if net.l2:
                sums.append(single(Factor(r"\frac{\lambda_2}{2}", net.l2 / 2), Factor(r"\sum w^2", float(weights @ weights))))
            if net.l1:
                sums.append(single(Factor(r"\lambda_1", net.l1), Factor(r"\sum |w|", float(np.abs(weights).sum()))))
            return sums

        value, equations = np.array(arrays.step.cost), split(cost.equation)
        c = arrays.add("C", "C", "the cost of the batch", value, terms, equation=equations[0])
        decay = net.l2 or net.l1
        arrays.add_operation(
            "cost",
            "Cost",
            f"The cost ({cost.name.replace('_', '-')})",
            (c, each, a, y),
            [cost.per_sample, type(cost).value, *([FeedForward.penalty] if decay else [])],
            equations,
            shapes="z, a, y: (m, n_L) -> C: one number",
            reference=cost.source,
            why="One number for how far off the answer is. All that follows asks how each weight could make it smaller."
            + (" Large weights cost something too, so the network keeps only those that pay." if decay else ""),
            note="With its weight decay: the mean over the samples, and what the weights cost." if decay else "",
            worked=("costs", "C"),
        )
