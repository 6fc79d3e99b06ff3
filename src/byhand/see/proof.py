r"""The proof: the gradient by hand against the slope of the cost itself, measured by moving one weight up and down.

Both sides run through the same `learn`, with the same dropout. Central differences err by h^2/6 C''' + eps C / h, about 1e-11
at h = 1e-5 in float64; where an activation has a kink (ReLU at 0) between w - h and w + h, they measure neither of its slopes.

Source: Press et al. (2007), "Numerical Recipes", section 5.7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from byhand.backend import Array
from byhand.see.source import Source, source_of
from byhand.see.weight import Entry, Weight

STEP = 1e-5
ENOUGH = 1e-7  # relative error
NOTHING = 1e-10  # a difference of gradients that rounding alone makes


@dataclass(frozen=True)
class Proof:
    """One weight's gradient, by hand and measured; both in float64, before any clipping.

    h: how far the weight was moved. enough: a difference of the two that rounding alone makes. kinks: how many activations
    and maxima changed their side between w - h and w + h; None where nobody counted.
    """

    weight: Weight | Entry
    by_hand: float
    numeric: float
    higher: float
    lower: float
    h: float = STEP
    enough: float = NOTHING
    kinks: int | None = None

    @property
    def difference(self) -> float:
        return abs(self.by_hand - self.numeric)

    @property
    def relative_error(self) -> float:
        """|by hand - numeric| over the larger of both, 0 where both are 0."""
        largest = max(abs(self.by_hand), abs(self.numeric))
        return self.difference / largest if largest else 0.0

    @property
    def agrees(self) -> bool:
        return self.relative_error < ENOUGH or self.difference < self.enough


def power(h: float) -> str:
    """A power of ten as LaTeX.

    >>> power(1e-7)
    '10^{-7}'
    """
    return f"10^{{{round(math.log10(h))}}}"


def equation(h: float = STEP) -> str:
    """The central difference, as LaTeX."""
    return rf"\frac{{\partial C}}{{\partial w}} \approx \frac{{C(w + h) - C(w - h)}}{{2h}}, \quad h = {power(h)}"


def caution(proof: Proof) -> str:
    """What a measurement in a network with kinks had to take care of, in words; "" where nobody counted."""
    if proof.kinks is None:
        return ""
    if proof.kinks:
        first = f"{proof.kinks} ReLUs or maxima change their side between w − h and w + h, however small h is made."
    else:
        first = "Between w − h and w + h no ReLU and no maximum of the whole network changes its side."
    return f"{first} Rounding alone can make a difference of {proof.enough:.0e}."


def central_difference(cost: Callable[[], float], w: Array, place: tuple[int, ...], h: float = STEP) -> tuple[float, float]:
    """C(w + h) and C(w - h) for the weight at this place of the array w, which is left as it was."""
    was = w[place]
    w[place] = was + h
    higher = cost()
    w[place] = was - h
    lower = cost()
    w[place] = was
    return higher, lower


def prove(weight: Weight | Entry, by_hand: float, cost: Callable[[], float], w: Array, place: tuple[int, ...]) -> Proof:
    """Measure the slope of a cost along the weight at this place of the array w; by_hand: its gradient."""
    higher, lower = central_difference(cost, w, place)
    rounding = 4 * np.finfo(float).eps * max(abs(higher), abs(lower)) / STEP
    return Proof(weight, by_hand, (higher - lower) / (2 * STEP), higher, lower, enough=max(NOTHING, float(rounding)))


def proof_source() -> Source:
    return source_of(central_difference)
