"""Fully connected layers as an explanation sees them, whichever network they stand in: their arrays, symbols and names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.activations import Activation
from byhand.backend import Array
from byhand.formula import Term, factor
from byhand.see.explanation import Names
from byhand.see.plaintext import plain

FIRST = 0  # the sample of the batch whose numbers stand in the formulas
BOOK = (
    "Here a row is a sample, in the book a column: z = a wᵀ is the book's z = w a, transposed. Under each equation stands the "
    "book's form, for one sample."
)

Symbol = Callable[[int], str]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer in a step: what it read, computed and got back; number is Nielsen's l, the input is 1.

    x: (m, n_in), as this layer read it. w: (n_out, n_in), b: (n_out,). z, a, delta: (m, n_out), a before dropout.
    w_gradient, b_gradient: of w and b. kept: (m, n_out) of dropout, 0 or 1/(1-p); None without it.
    title: such as "Layer 2"; scope: the part of the network that it stands in, "" for the whole.
    """

    number: int
    title: str
    activation: Activation
    x: Array
    w: Array
    b: Array
    z: Array
    a: Array
    delta: Array
    w_gradient: Array
    b_gradient: Array
    kept: Array | None = None
    scope: str = ""

    @property
    def name(self) -> str:
        """Its title within a sentence."""
        return self.title[0].lower() + self.title[1:]

    def symbol(self, letter: str, *index: int | str) -> str:
        """A number of this layer, such as z^{2}_{5}."""
        return f"{letter}^{{{self.number}}}" + (f"_{{{','.join(map(str, index))}}}" if index else "")

    def below(self, *index: int | str) -> str:
        """A number of what it read, such as a^{1}_{400}."""
        return f"a^{{{self.number - 1}}}" + (f"_{{{','.join(map(str, index))}}}" if index else "")

    def sizes(self) -> dict[str, int]:
        m, n_out = self.z.shape
        return {"m": m, "n": n_out, "n_l": n_out, "n_L": n_out, "n_out": n_out, "n_in": self.x.shape[1]}

    def sections(self, stage: str) -> dict[str, Any]:
        """What every section about it begins with."""
        return {"stage": stage, "layer": self.number, "scope": self.scope}

    def slope(self, j: int) -> float:
        """sigma'(z) of one unit of the followed sample, from the code that the step itself used."""
        z, a = self.z[FIRST : FIRST + 1], self.a[FIRST : FIRST + 1]
        return float(self.activation.backward(np.ones_like(z), z, a, np.empty_like(z))[0, j])


def layers_of(title: str, scope: str = "", **columns: Iterable[Any]) -> list[Layer]:
    """Layers 2 to L out of lists, one for each field of `Layer`; title has a place for the number."""
    rows = enumerate(zip(*columns.values(), strict=True), start=2)
    return [Layer(number=n, title=title.format(n), scope=scope, **dict(zip(columns, row, strict=True))) for n, row in rows]


def names_of_layers(layers: Sequence[Layer]) -> list[Names]:
    """What the parameters of a network's layers, or of those of a half of it, are called."""
    rows: list[Names] = []
    for k, layer in enumerate(layers):
        half, n = layer.scope, layer.number
        for letter, values, several, single in (("w", layer.w, "weights", "weight"), ("b", layer.b, "biases", "bias")):
            symbol, python = plain(layer.symbol(letter)), f"{several}[{k}]"
            if half:
                name, index = f"{half}.{k}.{single}", "j,k" if letter == "w" else "j"
                rows.append((f"{half} {symbol}", values.shape, f"{name}:{index}", f"network.{half}.{python}", name, name))
            else:
                option = f"{n}:j,k" if letter == "w" else ""
                rows.append((symbol, values.shape, option, f"network.{python}", f"layers.{k}.{single}", f"{letter}{n}"))
    return rows


def products(*factors: tuple[Symbol, Array]) -> list[Term]:
    """The terms of a sum of products, one for each index: every factor's symbol at an index, and its numbers."""
    return [
        Term(
            r"\, ".join(symbol(k) for symbol, _ in factors),
            r" \cdot ".join(factor(values[k]) for _, values in factors),
            float(np.prod([float(values[k]) for _, values in factors])),
        )
        for k in range(len(factors[0][1]))
    ]


def mean_of(m: int) -> tuple[str, str]:
    """The factor in front of a sum over the batch, in symbols and in numbers; none for a single sample."""
    return (rf"\frac{{1}}{{{m}}}",) * 2 if m > 1 else ("", "")
