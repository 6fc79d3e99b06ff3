"""The numbers of fully connected layers, whichever network they stand in: forward and BP1 to BP4, term by term.

A feed-forward network is one stack of them, an autoencoder and a VAE are two; what stands around the layers is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.activations import Activation
from byhand.backend import Array
from byhand.costs import Cost, slope
from byhand.equation import Documented, read
from byhand.feedforward import (
    FeedForward,
    activate,
    backpropagated_error,
    bias_gradient,
    output_error,
    weight_gradient,
    weighted_input,
)
from byhand.see.section import split
from byhand.see.step_array import StepArray, StepArrays
from byhand.terms import At, Factor, Sum, indexed, single

INPUT = "It is the input: where the numbers come from."
TARGET = "It is the target: what was asked for."
WHY = {
    "z": "Each unit adds up what the layer before says, each part with a weight of its own; the bias is what it says to nothing.",
    "a": "Without this bend, layers after layers would be one straight line, however many there were.",
    "BP1": "How far the answer is from the target, times how steeply the output still reacts. Where sigma is flat, sigma' is "
    "next to 0: a change of z would change the answer by next to nothing, so little of the error is passed on.",
    "BP2": "A unit is to blame for the errors of the next layer as far as its weights carried it there. So the same weights work "
    "backwards: each error goes back along the line that it came from.",
    "BP3": "A bias is added to z as it is, so the cost changes with it exactly as with z: the gradient is the error itself.",
    "BP4": "A weight counts as much as what came in through it. From a silent unit (a = 0) it learns nothing, however large the "
    "error.",
    "decay": " Weight decay pulls it towards 0 beside; what the data do not hold up decays.",
}


@dataclass(frozen=True)
class LayerNumbers:
    """One layer, whose numbers are added to the arrays of a step.

    Attributes:
        group: the layer in words. number: the LaTeX above its letters, as in z^{2}.
        names: of its arrays, by "z", "a", "delta", "w" and "b".
    """

    arrays: StepArrays
    group: str
    number: str
    names: dict[str, str]

    def __getitem__(self, letter: str) -> StepArray:
        return self.arrays.array(self.names[letter])

    @property
    def within(self) -> str:
        """Its name within a sentence."""
        return self.group[0].lower() + self.group[1:]

    def _add(
        self, letter: str, symbol: str, about: str, values: Array, terms: Callable[[At], list[Sum]], **more: Any
    ) -> StepArray:
        return self.arrays.add(self.names[letter], f"{symbol}^{{{self.number}}}", about, values, terms, batch=True, **more)

    # ---------------------------------------------------------------- forward

    def parameters(self, w: Array, b: Array) -> None:
        """Its weights (n_out, n_in) and biases (n_out,)."""
        for letter, what, values in (("w", "weights into", w), ("b", "biases of", b)):
            symbol = f"{letter}^{{{self.number}}}"
            self.arrays.add_parameter(self.names[letter], symbol, f"{what} {self.within}", values, self.group)

    def weighted_input(self, a: StepArray, values: Array) -> None:
        """z, of what it reads."""
        w, b, found = self["w"], self["b"], read(weighted_input)

        def terms(at: At) -> list[Sum]:
            i, j = at
            return [Sum(w.values[j] * a.values[i], lambda k: (w.factor((j, k)), a.factor((i, k)))), single(b.factor((j,)))]

        equation = rf"z^{{{self.number}}}_{{i,j}} = \sum_k {w.symbol}_{{j,k}}\, {a.symbol}_{{i,k}} + {b.symbol}_j"
        z = self._add("z", "z", f"weighted inputs of {self.within}", values, terms, equation=equation)
        title, equations = f"{self.group}: weighted input", (found.equation, equation)
        self._operation(
            "forward", title, (z, w, a, b), [weighted_input], equations, found, why=WHY["z"], picture=self._seen(a, w)
        )

    def _operation(self, stage: str, title: str, arrays: Sequence[StepArray], code: list[Any], *rest: Any, **more: Any) -> None:
        self.arrays.add_operation(stage, self.group, title, arrays, code, *rest, **more)

    def _seen(self, a: StepArray, rows: StepArray) -> str:
        """The array whose rows are pictures over what the layer reads, where that is the input itself."""
        return rows.name if a.why == INPUT else ""

    def activation(self, activation: Activation, values: Array, about: str = "", **more: Any) -> None:
        """a = sigma(z)."""
        z, found, name = self["z"], read(activate), activation.name.replace("_", " ")
        note = f"{name} of the weighted input"
        note += ": of all of the layer’s, as a softmax adds up to 1." if activation.joint else "."

        def terms(at: At) -> list[Sum]:
            worked, _ = activation.worked_out(z.values[at[0]], at[1])
            return [single(Factor(rf"\sigma({indexed(z.symbol, at)})", float(values[at]), z.factor(at).ref, worked))]

        equation = rf"a^{{{self.number}}} = \sigma({z.symbol})"
        about = about or f"activations of {self.within}"
        a = self._add("a", "a", about, values, terms, equation=equation, note=lambda _: note, **more)
        self._operation(
            "forward",
            f"{self.group}: activation ({name})",
            (a, z),
            [activate, activation.forward],
            (found.equation, *split(activation.equation)),
            found,
            reference=f"{found.source}; {activation.source}",
            why=WHY["a"],
        )

    # ---------------------------------------------------------------- backward

    def output_error(
        self, cost: Cost, activation: Activation, y: StepArray, values: Array, function: Callable[..., Any] = output_error
    ) -> None:
        """BP1: (a - y) sigma'(z); where the output is a softmax, or its cost takes the slope away, as that does."""
        a, z, found = self["a"], self["z"], read(output_error)
        sloped = "sigma'" in cost.gradient
        equations = (cost.gradient.replace("- y", f"- {y.symbol}"), *(split(activation.derivative) if sloped else ()))
        if function is output_error:
            equations = (found.equation, *equations)
        code = [function, cost.output_error, *([activation.backward] if sloped else [])]
        title = f"BP1, {self.within}: the error of the output"
        self._error(
            title, WHY["BP1"], equations, (a, y, z), code, found, values, lambda at: cost.error_sums(z, a, y, activation, at)
        )

    def error_from(self, later: LayerNumbers, activation: Activation, values: Array, kept: Array | None = None) -> None:
        """BP2: its error from that of the later layer. kept: of dropout, 0 or 1/(1-p) for each unit."""
        a, z, w, delta, found = self["a"], self["z"], later["w"], later["delta"], read(backpropagated_error)

        def terms(at: At) -> list[Sum]:
            i, j = at
            slopes = activation.slopes(z.values[i], a.values[i], j)
            through = slopes if kept is None else slopes * kept[i]
            units = np.flatnonzero(through) if activation.joint else np.array([j])
            products = delta.values[i][:, None] * w.values[:, units] * through[units]  # (n_next, units)

            def factors(flat: int) -> tuple[Factor, ...]:
                k, u = flat // len(units), int(units[flat % len(units)])
                left = () if kept is None else (Factor(indexed("r", (i, u)), float(kept[i, u])),)
                return (w.factor((k, u)), delta.factor((i, k)), *left, slope(z, i, u, j, activation, slopes))

            return [Sum(products, factors)]

        equations = (found.equation, *split(activation.derivative))
        title = f"BP2, {self.within}: the error from {later.within}"
        code = [backpropagated_error, activation.backward]
        self._error(title, WHY["BP2"], equations, (delta, w, z), code, found, values, terms, later.number)

    def _error(
        self,
        title: str,
        why: str,
        equations: tuple[str, ...],
        reads: Sequence[StepArray],
        code: list[Any],
        found: Documented,
        values: Array,
        terms: Callable[[At], list[Sum]],
        next_number: str = "",
    ) -> None:
        own = equations[0].replace("^L", f"^{{{self.number}}}")
        own = own.replace("^{l+1}", f"^{{{next_number}}}").replace("^l", f"^{{{self.number}}}")
        about = f"errors of {self.within}: how a sample’s cost changes with each weighted input"
        delta = self._add("delta", r"\delta", about, values, terms, equation=own)
        self._operation("backward", title, (delta, *reads), code, equations, found, why=why)

    def gradients(self, a: StepArray, of_weights: Array, of_biases: Array, l2: float = 0.0, l1: float = 0.0) -> None:
        """BP3 and BP4: means over the batch, of weights with their decay. a: what the layer read."""
        delta, w, b = self["delta"], self["w"], self["b"]
        m = len(delta.values)
        share = () if m == 1 else (Factor(rf"\frac{{1}}{{{m}}}", 1 / m),)

        def weight_terms(at: At) -> list[Sum]:
            j, k = at
            products = delta.values[:, j] * a.values[:, k] / m
            sums = [Sum(products, lambda i: (*share, delta.factor((i, j)), a.factor((i, k))), True)]
            if l2:
                sums.append(single(Factor(r"\lambda_2", l2), w.factor(at)))
            if l1:
                sign = Factor(r"\operatorname{sign} w", float(np.sign(w.values[at])), w.factor(at).ref)
                sums.append(single(Factor(r"\lambda_1", l1), sign))
            return sums

        def bias_terms(at: At) -> list[Sum]:
            return [Sum(delta.values[:, at[0]] / m, lambda i: (*share, delta.factor((i, at[0]))), True)]

        decay = (r" + \lambda_2 w" if l2 else "") + (r" + \lambda_1 \operatorname{sign} w" if l1 else "")
        mean = rf"\frac{{1}}{{m}} \sum_i {delta.symbol}_{{i,j}}"
        mean_a = rf"{mean}\, {a.symbol}_{{i,k}}{decay}"
        for of, values, terms, function, equation, law, what, reads in (
            (b, of_biases, bias_terms, bias_gradient, mean, "BP3", "biases", []),
            (w, of_weights, weight_terms, weight_gradient, mean_a, "BP4", "weights", [a]),
        ):
            found, symbol = read(function), rf"\frac{{\partial C}}{{\partial {of.symbol}@}}"
            about = f"gradient of {of.name}: how the batch’s cost changes with each"
            whole = f"{indexed(symbol, ())} = {equation}"
            gradient = self.arrays.add(f"{of.name}.gradient", symbol, about, values, terms, equation=whole, parameter=of.name)
            code = [function, *([FeedForward._decay] if of is w and decay else [])]
            title = f"{law}, {self.within}: the gradient of the {what}"
            picture = self._seen(a, gradient) if of is w else ""
            equations = (found.equation, whole) if of is w and decay else (found.equation,)
            why = WHY[law] + (WHY["decay"] if of is w and decay else "")
            self._operation("backward", title, (gradient, delta, *reads), code, equations, found, why=why, picture=picture)
