"""The numbers of a step of a feed-forward network: BP1 to BP4 term by term, from the update back to the pixels.

The input is layer 1, weights stand in the layers 2 to L; i counts the samples of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from byhand.activations import Activation
from byhand.backend import Array
from byhand.equation import read
from byhand.feedforward import (
    FeedForward,
    activate,
    backpropagated_error,
    bias_gradient,
    output_error,
    weight_gradient,
    weighted_input,
)
from byhand.see.explain import Sample
from byhand.see.made import At, Factor, Sum, indexed, one
from byhand.see.made_update import update_numbers
from byhand.see.observe import Observed
from byhand.see.section import sources, split
from byhand.see.step_numbers import Numbered, Operation, StepNumbers

INPUT = "It is the input: where the numbers come from."
TARGET = "It is the target: what was asked for."
PARAMETER = "It is a parameter as it stood before this step; the steps before made it. Below: who pushes it in this one."


def feedforward_numbers(step: Observed, samples: Sequence[Sample]) -> StepNumbers:
    """All arrays and operations of the step, in its order."""
    return _Builder(step).built(samples)


class _Builder:
    """Arrays by name, as they are made; a later one's terms refer to the earlier ones."""

    def __init__(self, step: Observed) -> None:
        self.step = step
        self.arrays: dict[str, Numbered] = {}
        self.operations: list[Operation] = []

    def built(self, samples: Sequence[Sample]) -> StepNumbers:
        step = self.step
        self._add("a1", "a^{1}", "the input, a number a pixel or column", step.a[1], None, why=INPUT, batch=True)
        self._add("y", "y", "the targets", step.y, None, why=TARGET, batch=True)
        for n in range(2, step.last + 1):
            self._add(f"w{n}", f"w^{{{n}}}", f"weights into layer {n}", step.w[n], None, why=PARAMETER, parameter=f"w{n}")
            self._add(f"b{n}", f"b^{{{n}}}", f"biases of layer {n}", step.b[n], None, why=PARAMETER, parameter=f"b{n}")
            self._forward(n)
        self._cost()
        for n in range(step.last, 1, -1):
            self._error(n)
            self._gradients(n)
        layers = range(2, step.last + 1)
        after = {f"w{n}": step.w_after[n] for n in layers} | {f"b{n}": step.b_after[n] for n in layers}
        trained = [(self.arrays[f"{p}{n}"], self.arrays[f"{p}{n}.gradient"], f"Layer {n}") for n in layers for p in "wb"]
        arrays, operations = update_numbers(step, self._views, after, trained)
        return StepNumbers(step, samples, [*self.arrays.values(), *arrays], [*self.operations, *operations])

    def _add(
        self, name: str, symbol: str, about: str, values: Array, make: Callable[[At], list[Sum]] | None, **more: object
    ) -> None:
        self.arrays[name] = Numbered(name, symbol, about, values, make, **more)  # type: ignore[arg-type]

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

    # ---------------------------------------------------------------- forward

    def _forward(self, n: int) -> None:
        step, w, b, a = self.step, self.arrays[f"w{n}"], self.arrays[f"b{n}"], self._read(n - 1)

        def products(at: At) -> list[Sum]:
            i, j = at
            values = w.values[j] * a.values[i]
            return [Sum(values, lambda k: (w.factor((j, k)), a.factor((i, k)))), one(b.factor((j,)))]

        group, found, bent = f"Layer {n}", read(weighted_input), step.activations[n]
        equation = rf"z^{{{n}}}_{{i,j}} = \sum_k w^{{{n}}}_{{j,k}}\, {a.symbol}_{{i,k}} + b^{{{n}}}_j"
        self._add(f"z{n}", f"z^{{{n}}}", f"weighted inputs of layer {n}", step.z[n], products, equation=equation, batch=True)
        self.operations.append(
            Operation(
                "forward",
                group,
                f"Layer {n}: weighted input",
                f"z{n}",
                (found.equation, equation),
                (f"z{n}", w.name, a.name, b.name),
                lambda: sources(weighted_input),
                found.shapes,
                found.source,
            )
        )
        z, found = self.arrays[f"z{n}"], read(activate)

        def squashed(at: At) -> list[Sum]:
            symbol = rf"\sigma({indexed(z.symbol, at)})"
            return [one(Factor(symbol, float(step.full[n][at]), z.factor(at).ref))]

        shown = f"a^{{{n}}}"
        self._add(
            f"a{n}",
            shown,
            f"activations of layer {n}",
            step.full[n],
            squashed,
            equation=rf"{shown} = \sigma(z^{{{n}}})",
            batch=True,
            notes=lambda at: (
                f"{bent.name.replace('_', ' ')} of the weighted input"
                + (": of all of the layer’s, as a softmax adds up to 1." if bent.name == "softmax" else ".")
            ),
        )
        self.operations.append(
            Operation(
                "forward",
                group,
                f"Layer {n}: activation ({bent.name.replace('_', ' ')})",
                f"a{n}",
                (found.equation, *split(bent.equation)),
                (f"a{n}", f"z{n}"),
                lambda: sources(activate, bent.forward),
                found.shapes,
                f"{found.source}; {bent.source}",
            )
        )
        if n in step.kept:
            self._dropout(n)

    def _dropout(self, n: int) -> None:
        step, a = self.step, self.arrays[f"a{n}"]
        self._add(
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

    # ---------------------------------------------------------------- the cost

    def _cost(self) -> None:
        step, last, m = self.step, self.step.last, self.step.m
        cost, z, a, y = step.cost_function, self.arrays[f"z{last}"], self.arrays[f"a{last}"], self.arrays["y"]

        def each(at: At) -> list[Sum]:
            shape, share = step.y.shape, Factor(rf"\frac{{1}}{{{m}}}", 1 / m)

            def place(k: int) -> At:
                i, j = divmod(k, shape[1])
                return (i, j)

            if cost.name == "quadratic":
                off = a.values - step.y

                def square(k: int) -> tuple[Factor, ...]:
                    at = place(k)
                    apart = Factor(rf"({indexed(a.symbol, at)} - {indexed('y', at)})", float(off[at]), a.factor(at).ref)
                    return (Factor(rf"\frac{{1}}{{{2 * m}}}", 0.5 / m), apart, apart)

                return [Sum(off * off * (0.5 / m), square, True)]
            if step.activations[last].name == "softmax":
                shifted = z.values - z.values.max(axis=1, keepdims=True)
                log_a = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
                return [
                    Sum(
                        -step.y * log_a / m,
                        lambda k: (
                            Factor(rf"\frac{{-1}}{{{m}}}", -1 / m),
                            y.factor(place(k)),
                            Factor(rf"\ln {indexed(a.symbol, place(k))}", float(log_a[place(k)]), a.factor(place(k)).ref),
                        ),
                        True,
                    )
                ]
            both = np.logaddexp(0, z.values) - step.y * z.values
            return [
                Sum(
                    both / m,
                    lambda k: (
                        share,
                        Factor(
                            rf"\left(-y \ln a - (1 - y) \ln(1 - a)\right)_{{{','.join(map(str, place(k)))}}}",
                            float(both[place(k)]),
                            a.factor(place(k)).ref,
                        ),
                    ),
                    True,
                )
            ]

        def whole(at: At) -> list[Sum]:
            net = step.network
            found = each(at)
            weights = net.parameters[: net.n_weights]
            if net.l2:
                found.append(one(Factor(r"\frac{\lambda_2}{2}", net.l2 / 2), Factor(r"\sum w^2", float(weights @ weights))))
            if net.l1:
                found.append(one(Factor(r"\lambda_1", net.l1), Factor(r"\sum |w|", float(np.abs(weights).sum()))))
            return found

        equation = split(cost.equation)[0]
        self._add("C", "C", "the cost of the batch", np.array(step.cost), whole, equation=equation)
        decay = step.network.l2 or step.network.l1
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

    # ---------------------------------------------------------------- backward

    def _error(self, n: int) -> None:
        step, last = self.step, self.step.last
        make = self._output_error if n == last else self._hidden_error(n)
        symbol, cost, bent = rf"\delta^{{{n}}}", step.cost_function, step.activations[n]
        if n == last:
            found, title = read(output_error), f"BP1, layer {n}: the error of the output"
            equations = [found.equation, cost.gradient]
            code: list[Any] = [output_error, cost.output_error]
        else:
            found, title = read(backpropagated_error), f"BP2, layer {n}: the error from layer {n + 1}"
            equations, code = [found.equation], [backpropagated_error]
        if n < last or cost.name == "quadratic":
            equations += split(bent.derivative)
            code.append(bent.backward)
        own = equations[0].replace("^L", f"^{{{n}}}").replace("^{l+1}", f"^{{{n + 1}}}").replace("^l", f"^{{{n}}}")
        self._add(
            f"delta{n}",
            symbol,
            f"errors of layer {n}: how a sample’s cost changes with each weighted input",
            step.delta[n],
            make,
            equation=own,
            batch=True,
        )
        read_by = (f"a{n}", "y", f"z{n}") if n == last else (f"delta{n + 1}", f"w{n + 1}", f"z{n}")
        self.operations.append(
            Operation(
                "backward",
                f"Layer {n}",
                title,
                f"delta{n}",
                tuple(equations),
                (f"delta{n}", *read_by),
                lambda: sources(*code),
                found.shapes,
                found.source,
            )
        )

    def _output_error(self, at: At) -> list[Sum]:
        """(a - y) sigma'(z); where the output is a softmax, or its cost takes the slope away, as that does."""
        step, (i, j) = self.step, at
        a, y, bent = self.arrays[f"a{step.last}"], self.arrays["y"], step.activations[step.last]
        if step.cost_function.name == "cross_entropy":
            whole = float(step.y[i].sum()) if bent.name == "softmax" else 1.0
            times = () if np.isclose(whole, 1) else (Factor(r"\sum y", whole),)
            return [one(*times, a.factor(at)), one(MINUS, y.factor(at))]
        slopes = slopes_at(bent, step.z[step.last][i], step.full[step.last][i], j)

        def apart(of: Numbered, sign: tuple[Factor, ...]) -> Sum:
            values = of.values[i] * slopes * (-1 if sign else 1)
            return Sum(values, lambda k: (*sign, of.factor((i, k)), Factor(_slope(step.last, i, k, j, bent), float(slopes[k]))))

        return [apart(a, ()), apart(y, (MINUS,))]

    def _hidden_error(self, n: int) -> Callable[[At], list[Sum]]:
        step, bent = self.step, self.step.activations[n]
        w, later, z = self.arrays[f"w{n + 1}"], self.arrays[f"delta{n + 1}"], self.arrays[f"z{n}"]

        def make(at: At) -> list[Sum]:
            i, j = at
            slopes = slopes_at(bent, step.z[n][i], step.full[n][i], j)
            kept = step.kept[n][i] if n in step.kept else None
            through = slopes if kept is None else slopes * kept
            units = np.flatnonzero(through) if bent.name == "softmax" else np.array([j])
            values = later.values[i][:, None] * w.values[:, units] * through[units]  # (n_next, units)

            def factors(flat: int) -> tuple[Factor, ...]:
                k, q = divmod(flat, len(units))
                u = int(units[q])
                left = () if kept is None else (Factor(indexed("r", (i, u)), float(kept[u])),)
                return (
                    w.factor((k, u)),
                    later.factor((i, k)),
                    *left,
                    Factor(_slope(n, i, u, j, bent), float(slopes[u]), z.factor((i, j)).ref),
                )

            return [Sum(values, factors)]

        return make

    def _gradients(self, n: int) -> None:
        step, m, net = self.step, self.step.m, self.step.network
        delta, a, w = self.arrays[f"delta{n}"], self._read(n - 1), self.arrays[f"w{n}"]
        share = () if m == 1 else (Factor(rf"\frac{{1}}{{{m}}}", 1 / m),)

        def of_weight(at: At) -> list[Sum]:
            j, k = at
            found = [
                Sum(delta.values[:, j] * a.values[:, k] / m, lambda i: (*share, delta.factor((i, j)), a.factor((i, k))), True)
            ]
            if net.l2:
                found.append(one(Factor(r"\lambda_2", net.l2), w.factor(at)))
            if net.l1:
                found.append(
                    one(
                        Factor(r"\lambda_1", net.l1),
                        Factor(r"\operatorname{sign} w", float(np.sign(w.values[at])), w.factor(at).ref),
                    )
                )
            return found

        def of_bias(at: At) -> list[Sum]:
            return [Sum(delta.values[:, at[0]] / m, lambda i: (*share, delta.factor((i, at[0]))), True)]

        decay = (r" + \lambda_2 w" if net.l2 else "") + (r" + \lambda_1 \operatorname{sign} w" if net.l1 else "")
        mean = r"\frac{1}{m} \sum_i "
        for letter, values, make, function, equation in (
            ("w", step.w_gradient[n], of_weight, weight_gradient, rf"{mean} \delta^{{{n}}}_{{i,j}}\, {a.symbol}_{{i,k}}{decay}"),
            ("b", step.b_gradient[n], of_bias, bias_gradient, rf"{mean} \delta^{{{n}}}_{{i,j}}"),
        ):
            found, name = read(function), f"{letter}{n}"
            symbol = rf"\frac{{\partial C}}{{\partial {letter}^{{{n}}}@}}"
            which = "BP4" if letter == "w" else "BP3"
            about = f"gradient of {name}: how the batch’s cost changes with each"
            self._add(
                f"{name}.gradient", symbol, about, values, make, equation=f"{indexed(symbol, ())} = {equation}", parameter=name
            )
            code = [function, *([FeedForward._decay] if letter == "w" and decay else [])]
            self.operations.append(
                Operation(
                    "backward",
                    f"Layer {n}",
                    f"{which}, layer {n}: the gradient of the {'weights' if letter == 'w' else 'biases'}",
                    f"{name}.gradient",
                    (found.equation,),
                    (f"{name}.gradient", f"delta{n}", *((a.name,) if letter == "w" else ())),
                    partial(sources, *code),
                    found.shapes,
                    found.source,
                )
            )


MINUS = Factor("(-1)", -1.0)


def _slope(n: int, i: int, u: int, j: int, bent: Activation) -> str:
    if bent.name == "softmax":
        return rf"\frac{{\partial a_{{{u}}}}}{{\partial z_{{{j}}}}}"
    return rf"\sigma'(z^{{{n}}}_{{{i},{j}}})"


def slopes_at(bent: Activation, z: Array, a: Array, j: int) -> Array:
    """da_u/dz_j of one sample for all units u, (n,), by the activation's own `backward`: of all but a softmax 0 beside j."""
    rows = np.eye(len(z), dtype=z.dtype) if bent.name == "softmax" else np.eye(1, len(z), j, dtype=z.dtype)
    found = bent.backward(rows, np.broadcast_to(z, rows.shape), np.broadcast_to(a, rows.shape), np.empty_like(rows))
    return found[:, j] if bent.name == "softmax" else found[0]
