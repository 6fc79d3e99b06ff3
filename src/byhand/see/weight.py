"""Naming one weight: w^l_{j,k} joins unit k of layer l - 1 to unit j of layer l.

Layers are counted as in the book: the input is layer 1, so weights stand in the layers 2..L, and `2:5,100` is in the first
matrix of a (784, 30, 10) network. Units count from 0, as in the code. (`FeedForward.weights` and `Trace.contributions` count
matrices: matrix 0 of the list is the book's layer 2, and `contributions` calls it layer 1.)

Source: Nielsen (2015), chapter 2, "Warm up".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from byhand.errors import ModelError


@dataclass(frozen=True)
class Weight:
    """The weight w^l_{j,k}: layer l in 2..L, unit j of that layer and unit k of the layer before it, both from 0."""

    layer: int
    j: int
    k: int

    def __str__(self) -> str:
        return f"{self.layer}:{self.j},{self.k}"

    @property
    def latex(self) -> str:
        return f"w^{{{self.layer}}}_{{{self.j},{self.k}}}"

    @property
    def name(self) -> str:
        """Of the matrix, in a step."""
        return f"w{self.layer}"

    @property
    def tensor(self) -> str:
        """Of the matrix, in the network and its file."""
        return f"layers.{self.layer - 2}.weight"

    @property
    def place(self) -> tuple[int, int]:
        """In the matrix."""
        return self.j, self.k

    def figures(self) -> dict[str, Any]:
        """As plain data."""
        return {"layer": self.layer, "j": self.j, "k": self.k}


@dataclass(frozen=True)
class Entry:
    """One number of a parameter of a network of modules: the parameter's name, and the number's place in it."""

    name: str
    place: tuple[int, ...]

    @property
    def tensor(self) -> str:
        """Of the parameter, in the network and its file."""
        return self.name

    def __str__(self) -> str:
        return f"{self.name}[{', '.join(map(str, self.place))}]"

    @property
    def latex(self) -> str:
        return f"w_{{{','.join(map(str, self.place))}}}"

    def figures(self) -> dict[str, Any]:
        """As plain data."""
        return {"parameter": self.name, "place": list(self.place)}


def parse_weight(text: str) -> Weight:
    """`layer:j,k` as the command line gives it; raises ModelError for anything else.

    >>> parse_weight("2:5,100")
    Weight(layer=2, j=5, k=100)
    """
    found = re.fullmatch(r"\s*(\d{1,9})\s*:\s*(\d{1,9})\s*,\s*(\d{1,9})\s*", text)
    if not found:
        raise ModelError(f"weight {text!r} is not layer:j,k, as in 2:5,100 (input is layer 1; units count from 0)")
    return Weight(*map(int, found.groups()))


def checked(weight: Weight | str, sizes: Sequence[int]) -> Weight:
    """The weight, if a network of these sizes has it; raises ModelError where it has not.

    >>> checked("3:9,29", (784, 30, 10)).latex
    'w^{3}_{9,29}'
    """
    weight = parse_weight(weight) if isinstance(weight, str) else weight
    if not 2 <= weight.layer <= len(sizes):
        raise ModelError(
            f"weight {weight} is in layer {weight.layer}, but this network has weights in layers 2 to {len(sizes)}: "
            "the input is layer 1"
        )
    n_in, n_out = sizes[weight.layer - 2 : weight.layer]
    if not (0 <= weight.j < n_out and 0 <= weight.k < n_in):
        raise ModelError(
            f"weight {weight} does not exist: in layer {weight.layer}, j runs from 0 to {n_out - 1} and k from 0 to {n_in - 1}"
        )
    return weight
