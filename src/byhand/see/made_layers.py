"""The numbers of fully connected layers, whichever network they stand in: forward and BP1 to BP4, term by term.

A feed-forward network is one stack of them, an autoencoder and a VAE are two; what stands around the layers is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from byhand.activations import Activation
from byhand.backend import Array
from byhand.costs import Cost
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
from byhand.see.made import At, Factor, Sum, indexed, one
from byhand.see.section import sources, split
from byhand.see.step_numbers import Numbered, Operation

INPUT = "It is the input: where the numbers come from."
TARGET = "It is the target: what was asked for."
PARAMETER = "It is a parameter as it stood before this step; the steps before made it. Below: who pushes it in this one."
MINUS = Factor("(-1)", -1.0)


@dataclass(frozen=True)
class Layer:
    """What a layer and its arrays are called. number: the LaTeX above their letters, as in z^{2}."""

    group: str
    number: str
    z: str
    a: str
    delta: str
    w: str
    b: str

    @property
    def named(self) -> str:
        """Its name within a sentence."""
        return self.group[0].lower() + self.group[1:]


class Layers:
    """Arrays by name, as they are made; a later one's terms refer to the earlier ones."""

    def __init__(self) -> None:
        self.arrays: dict[str, Numbered] = {}
        self.operations: list[Operation] = []

    def add(
        self,
        name: str,
        symbol: str,
        about: str,
        values: Array,
        make: Callable[[At], list[Sum]] | None = None,
        **more: Any,
    ) -> Numbered:
        """One more array of the step; more: as of `Numbered`."""
        self.arrays[name] = Numbered(name, symbol, about, values, make, **more)
        return self.arrays[name]

    def parameters(self, at: Layer, w: Array, b: Array) -> None:
        """A layer's weights (n_out, n_in) and biases (n_out,)."""
        self.add(at.w, f"w^{{{at.number}}}", f"weights into {at.named}", w, why=PARAMETER, parameter=at.w)
        self.add(at.b, f"b^{{{at.number}}}", f"biases of {at.named}", b, why=PARAMETER, parameter=at.b)

    def trained(self, layers: Iterable[Layer]) -> list[tuple[Numbered, Numbered, str]]:
        """Every parameter with its gradient and its group, for `update_numbers`."""
        return [(self.arrays[p], self.arrays[f"{p}.gradient"], at.group) for at in layers for p in (at.w, at.b)]

    # ---------------------------------------------------------------- forward

    def weighted(self, at: Layer, a: Numbered, values: Array) -> None:
        """z of a layer that reads a."""
        w, b, found = self.arrays[at.w], self.arrays[at.b], read(weighted_input)

        def products(place: At) -> list[Sum]:
            i, j = place
            return [Sum(w.values[j] * a.values[i], lambda k: (w.factor((j, k)), a.factor((i, k)))), one(b.factor((j,)))]

        symbol = f"z^{{{at.number}}}"
        equation = rf"{symbol}_{{i,j}} = \sum_k {w.symbol}_{{j,k}}\, {a.symbol}_{{i,k}} + {b.symbol}_j"
        self.add(at.z, symbol, f"weighted inputs of {at.named}", values, products, equation=equation, batch=True)
        self.operations.append(
            Operation(
                "forward",
                at.group,
                f"{at.group}: weighted input",
                at.z,
                (found.equation, equation),
                (at.z, w.name, a.name, b.name),
                lambda: sources(weighted_input),
                found.shapes,
                found.source,
            )
        )

    def activated(self, at: Layer, bent: Activation, values: Array, **more: Any) -> None:
        """a of a layer: sigma(z)."""
        z, found, symbol = self.arrays[at.z], read(activate), f"a^{{{at.number}}}"
        name = bent.name.replace("_", " ")
        note = f"{name} of the weighted input"
        note += ": of all of the layer’s, as a softmax adds up to 1." if bent.name == "softmax" else "."

        def squashed(place: At) -> list[Sum]:
            return [one(Factor(rf"\sigma({indexed(z.symbol, place)})", float(values[place]), z.factor(place).ref))]

        equation = rf"{symbol} = \sigma({z.symbol})"
        more = {"about": f"activations of {at.named}"} | more
        self.add(at.a, symbol, values=values, make=squashed, equation=equation, batch=True, notes=lambda _: note, **more)
        self.operations.append(
            Operation(
                "forward",
                at.group,
                f"{at.group}: activation ({name})",
                at.a,
                (found.equation, *split(bent.equation)),
                (at.a, at.z),
                lambda: sources(activate, bent.forward),
                found.shapes,
                f"{found.source}; {bent.source}",
            )
        )

    # ---------------------------------------------------------------- backward

    def output_error(
        self, at: Layer, cost: Cost, bent: Activation, y: Numbered, values: Array, made_by: Callable[..., Any] = output_error
    ) -> None:
        """BP1: (a - y) sigma'(z); where the output is a softmax, or its cost takes the slope away, as that does."""
        a, z, found = self.arrays[at.a], self.arrays[at.z], read(output_error)

        def make(place: At) -> list[Sum]:
            i, j = place
            if cost.name == "cross_entropy":
                whole = float(y.values[i].sum()) if bent.name == "softmax" else 1.0
                times = () if np.isclose(whole, 1) else (Factor(r"\sum y", whole),)
                return [one(*times, a.factor(place)), one(MINUS, y.factor(place))]
            slopes = slopes_at(bent, z.values[i], a.values[i], j)

            def apart(of: Numbered, sign: tuple[Factor, ...]) -> Sum:
                products = of.values[i] * slopes * (-1 if sign else 1)
                return Sum(products, lambda k: (*sign, of.factor((i, k)), _slope(z, i, k, j, bent, slopes)))

            return [apart(a, ()), apart(y, (MINUS,))]

        slope = cost.name == "quadratic"
        code = [made_by, cost.output_error, *([bent.backward] if slope else [])]
        equations = (cost.gradient.replace("- y", f"- {y.symbol}"), *(split(bent.derivative) if slope else ()))
        if made_by is output_error:
            equations = (found.equation, *equations)
        title = f"BP1, {at.named}: the error of the output"
        self._error(at, title, equations, (at.a, y.name, at.z), code, found, values, make)

    def sent_back(self, at: Layer, later: Layer, bent: Activation, values: Array, kept: Array | None = None) -> None:
        """BP2: the error of a layer from that of the later one. kept: of dropout, 0 or 1/(1-p) for each unit."""
        a, w, error, z = (self.arrays[name] for name in (at.a, later.w, later.delta, at.z))
        found = read(backpropagated_error)

        def make(place: At) -> list[Sum]:
            i, j = place
            slopes = slopes_at(bent, z.values[i], a.values[i], j)
            through = slopes if kept is None else slopes * kept[i]
            units = np.flatnonzero(through) if bent.name == "softmax" else np.array([j])
            products = error.values[i][:, None] * w.values[:, units] * through[units]  # (n_next, units)

            def factors(flat: int) -> tuple[Factor, ...]:
                k, q = divmod(flat, len(units))
                u = int(units[q])
                left = () if kept is None else (Factor(indexed("r", (i, u)), float(kept[i, u])),)
                return (w.factor((k, u)), error.factor((i, k)), *left, _slope(z, i, u, j, bent, slopes))

            return [Sum(products, factors)]

        equations = (found.equation, *split(bent.derivative))
        code = [backpropagated_error, bent.backward]
        title = f"BP2, {at.named}: the error from {later.named}"
        self._error(at, title, equations, (later.delta, later.w, at.z), code, found, values, make, later.number)

    def _error(
        self,
        at: Layer,
        title: str,
        equations: tuple[str, ...],
        reads: tuple[str, ...],
        code: list[Any],
        found: Any,
        values: Array,
        make: Callable[[At], list[Sum]],
        next_number: str = "",
    ) -> None:
        own = equations[0].replace("^L", f"^{{{at.number}}}")
        own = own.replace("^{l+1}", f"^{{{next_number}}}").replace("^l", f"^{{{at.number}}}")
        about = f"errors of {at.named}: how a sample’s cost changes with each weighted input"
        self.add(at.delta, rf"\delta^{{{at.number}}}", about, values, make, equation=own, batch=True)
        self.operations.append(
            Operation(
                "backward",
                at.group,
                title,
                at.delta,
                equations,
                (at.delta, *reads),
                partial(sources, *code),
                found.shapes,
                found.source,
            )
        )

    def gradients(self, at: Layer, a: Numbered, w_values: Array, b_values: Array, l2: float = 0.0, l1: float = 0.0) -> None:
        """BP3 and BP4: means over the batch, of weights with their decay. a: what the layer read."""
        delta, w, b = self.arrays[at.delta], self.arrays[at.w], self.arrays[at.b]
        m = len(delta.values)
        share = () if m == 1 else (Factor(rf"\frac{{1}}{{{m}}}", 1 / m),)

        def of_weight(place: At) -> list[Sum]:
            j, k = place
            products = delta.values[:, j] * a.values[:, k] / m
            found = [Sum(products, lambda i: (*share, delta.factor((i, j)), a.factor((i, k))), True)]
            if l2:
                found.append(one(Factor(r"\lambda_2", l2), w.factor(place)))
            if l1:
                sign = Factor(r"\operatorname{sign} w", float(np.sign(w.values[place])), w.factor(place).ref)
                found.append(one(Factor(r"\lambda_1", l1), sign))
            return found

        def of_bias(place: At) -> list[Sum]:
            return [Sum(delta.values[:, place[0]] / m, lambda i: (*share, delta.factor((i, place[0]))), True)]

        decay = (r" + \lambda_2 w" if l2 else "") + (r" + \lambda_1 \operatorname{sign} w" if l1 else "")
        mean = rf"\frac{{1}}{{m}} \sum_i {delta.symbol}_{{i,j}}"
        for of, values, make, function, equation in (
            (w, w_values, of_weight, weight_gradient, rf"{mean}\, {a.symbol}_{{i,k}}{decay}"),
            (b, b_values, of_bias, bias_gradient, mean),
        ):
            found, what = read(function), "BP4" if of is w else "BP3"
            symbol = rf"\frac{{\partial C}}{{\partial {of.symbol}@}}"
            about = f"gradient of {of.name}: how the batch’s cost changes with each"
            whole = f"{indexed(symbol, ())} = {equation}"
            self.add(f"{of.name}.gradient", symbol, about, values, make, equation=whole, parameter=of.name)
            code = [function, *([FeedForward._decay] if of is w and decay else [])]
            self.operations.append(
                Operation(
                    "backward",
                    at.group,
                    f"{what}, {at.named}: the gradient of the {'weights' if of is w else 'biases'}",
                    f"{of.name}.gradient",
                    (found.equation,),
                    (f"{of.name}.gradient", at.delta, *((a.name,) if of is w else ())),
                    partial(sources, *code),
                    found.shapes,
                    found.source,
                )
            )


def _slope(z: Numbered, i: int, u: int, j: int, bent: Activation, slopes: Array) -> Factor:
    """da_u/dz_j of sample i."""
    if bent.name == "softmax":
        symbol = rf"\frac{{\partial a_{{{u}}}}}{{\partial z_{{{j}}}}}"
    else:
        symbol = rf"\sigma'({indexed(z.symbol, (i, j))})"
    return Factor(symbol, float(slopes[u]), z.factor((i, j)).ref)


def slopes_at(bent: Activation, z: Array, a: Array, j: int) -> Array:
    """da_u/dz_j of one sample for all units u, (n,), by the activation's own `backward`: of all but a softmax 0 beside j."""
    rows = np.eye(len(z), dtype=z.dtype) if bent.name == "softmax" else np.eye(1, len(z), j, dtype=z.dtype)
    found = bent.backward(rows, np.broadcast_to(z, rows.shape), np.broadcast_to(a, rows.shape), np.empty_like(rows))
    return found[:, j] if bent.name == "softmax" else found[0]
