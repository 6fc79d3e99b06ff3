"""The numbers of a step of a feed-forward network: BP1 to BP4 term by term, from the update back to the pixels.

The input is layer 1, weights stand in the layers 2 to L; i counts the samples of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.feedforward import FeedForward
from byhand.see.explain import Sample
from byhand.see.made import At, Factor, Sum, indexed, one
from byhand.see.made_cost import costs_of
from byhand.see.made_layers import INPUT, TARGET, Layer, Layers
from byhand.see.made_update import update_numbers
from byhand.see.observe import Observed
from byhand.see.section import sources, split
from byhand.see.step_numbers import Numbered, Operation, StepNumbers


def feedforward_numbers(step: Observed, samples: Sequence[Sample]) -> StepNumbers:
    """All arrays and operations of the step, in its order."""
    return _Builder(step).built(samples)


class _Builder(Layers):
    """The layers 2 to L, dropout between them, and a cost with its weight decay."""

    def __init__(self, step: Observed) -> None:
        super().__init__()
        self.step = step
        self.layers = {n: Layer(f"Layer {n}", str(n), f"z{n}", f"a{n}", f"delta{n}", f"w{n}", f"b{n}") for n in step.w}

    def built(self, samples: Sequence[Sample]) -> StepNumbers:
        step, net = self.step, self.step.network
        self.add("a1", "a^{1}", "the input, a number a pixel or column", step.a[1], why=INPUT, batch=True, grey=True)
        self.add("y", "y", "the targets", step.y, why=TARGET, batch=True)
        for n, layer in self.layers.items():
            self.parameters(layer, step.w[n], step.b[n])
            self.weighted(layer, self._read(n - 1), step.z[n])
            self.activated(layer, step.activations[n], step.full[n])
            if n in step.kept:
                self._dropout(n)
        self._cost()
        for n in range(step.last, 1, -1):
            layer, later = self.layers[n], self.layers.get(n + 1)
            if later is None:
                self.output_error(layer, step.cost_function, step.activations[n], self.arrays["y"], step.delta[n])
            else:
                self.sent_back(layer, later, step.activations[n], step.delta[n], step.kept.get(n))
            self.gradients(layer, self._read(n - 1), step.w_gradient[n], step.b_gradient[n], net.l2, net.l1)
        after = {f"w{n}": step.w_after[n] for n in self.layers} | {f"b{n}": step.b_after[n] for n in self.layers}
        arrays, operations = update_numbers(step, self._views, after, self.trained(self.layers.values()))
        return StepNumbers(step, samples, [*self.arrays.values(), *arrays], [*self.operations, *operations])

    def _views(self, vector: Array) -> dict[str, Array]:
        """A flat vector as the network lays its parameters out: the weights by columns, then the biases."""
        found, start, sizes = {}, 0, self.step.sizes
        for n in range(2, self.step.last + 1):
            n_in, n_out = sizes[n - 2 : n]
            found[f"w{n}"] = vector[start : start + n_in * n_out].reshape(n_in, n_out).T
            start += n_in * n_out
        for n in range(2, self.step.last + 1):
            found[f"b{n}"] = vector[start : start + sizes[n - 1]]
            start += sizes[n - 1]
        return found

    def _read(self, n: int) -> Numbered:
        """The activation of layer n as the next layer read it: after dropout, where there is some."""
        return self.arrays.get(f"d{n}", self.arrays[f"a{n}"])

    def _dropout(self, n: int) -> None:
        step, a = self.step, self.arrays[f"a{n}"]
        self.add(
            f"d{n}",
            rf"\tilde a^{{{n}}}",
            f"activations of layer {n} after dropout",
            step.a[n],
            lambda at: [one(a.factor(at), Factor(indexed("r", at), float(step.kept[n][at])))],
            equation=rf"\tilde a^{{{n}}} = a^{{{n}}} \odot r",
            batch=True,
        )
        self.operations.append(
            Operation(
                "forward",
                f"Layer {n}",
                f"Layer {n}: dropout",
                f"d{n}",
                (r"\tilde a^l = a^l \odot r", r"r_j = \frac{[u_j \ge p]}{1 - p}"),
                (f"d{n}", f"a{n}"),
                lambda: sources(FeedForward._drop),
                reference="Srivastava et al. (2014), JMLR 15",
                note=f"p = {step.network.dropout:g}: {int((step.kept[n] == 0).sum()):,} of {step.kept[n].size:,} are left out.",
            )
        )

    def _cost(self) -> None:
        step, net, last = self.step, self.step.network, self.layers[self.step.last]
        cost, bent, y = step.cost_function, step.activations[step.last], self.arrays["y"]
        z, a = self.arrays[last.z], self.arrays[last.a]

        def whole(at: At) -> list[Sum]:
            found = costs_of(cost, bent, z, a, y)
            weights = net.parameters[: net.n_weights]
            if net.l2:
                found.append(one(Factor(r"\frac{\lambda_2}{2}", net.l2 / 2), Factor(r"\sum w^2", float(weights @ weights))))
            if net.l1:
                found.append(one(Factor(r"\lambda_1", net.l1), Factor(r"\sum |w|", float(np.abs(weights).sum()))))
            return found

        self.add("C", "C", "the cost of the batch", np.array(step.cost), whole, equation=split(cost.equation)[0])
        decay = net.l2 or net.l1
        code: list[Any] = [cost.per_sample, type(cost).value, *([FeedForward._decay] if decay else [])]
        self.operations.append(
            Operation(
                "cost",
                "Cost",
                f"The cost ({cost.name.replace('_', '-')})",
                "C",
                split(cost.equation),
                ("C", a.name, "y"),
                lambda: sources(*code),
                "z, a, y: (m, n_L) -> C: one number",
                cost.source,
                note="With its weight decay." if decay else "",
            )
        )
