r"""The proof: the gradient by hand against the slope of the cost itself, measured by moving one weight up and down.

Both sides run through the same `learn`, with the same dropout. Central differences err by h^2/6 C''' + eps C / h, about 1e-11
at h = 1e-5 in float64; where an activation has a kink (ReLU at 0) between w - h and w + h, they measure neither of its slopes.

Source: Press et al. (2007), "Numerical Recipes", section 5.7.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from byhand.backend import Array
from byhand.engine import Node, Tensor, no_grad, watch
from byhand.see.source import Source, source_of
from byhand.see.step import TrainingStep, parameter_views
from byhand.see.weight import Entry, Weight

STEP = 1e-5
STEPS = (STEP, 1e-6, 1e-7, 1e-8)
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


def prove(step: TrainingStep, weight: Weight | Entry) -> Proof:
    """Measure the slope of the step's cost along one weight, in float64.

    A ReLU whose input passes through 0 between w - h and w + h, or a window whose winner changes, has a kink there, and a whole
    network has very many: h is made smaller until none lies between, or rounding would be all that one measures.
    """
    network = step.network.twin(np.float64)
    parameters, before = network.named_parameters(), {name: buffer.copy() for name, buffer in network.buffers.items()}
    x, y = network.as_batch(step.x, step.y)
    tapes: list[list[Node]] = []

    def cost() -> float:
        network.rng = copy.deepcopy(step.rng)
        for name, buffer in network.buffers.items():
            buffer[...] = before[name]  # some count their steps, and weigh a part of the cost by that
        with watch() as tape:
            tapes.append(tape)
            return network.learn(x, y, *step.chance)

    if step.gradient.dtype == np.float64:
        by_hand = float(step.parameter(weight.tensor, step.gradient)[weight.place])
    else:
        cost()
        by_hand = float(parameter_views(network, network.gradient)[weight.tensor][weight.place])
    kinks: int | None = None
    for h in STEPS:
        tapes.clear()
        with no_grad():
            higher, lower = central_difference(cost, parameters[weight.tensor], weight.place, h)
        if tapes[0]:
            sides = zip(*([side for node in tape for side in _sides(node)] for tape in tapes), strict=True)
            kinks = sum(int((one != other).sum()) for one, other in sides)
        if not kinks:
            break
    rounding = 8 * np.finfo(np.float64).eps * max(abs(higher), abs(lower)) / h
    proof = Proof(weight, by_hand, (higher - lower) / (2 * h), higher, lower, h, kinks=kinks)
    return replace(proof, enough=max(proof.enough, float(rounding)))


def _sides(node: Node) -> list[Array]:
    """On which side of its kink each number of an op is: what a small step may not change. Empty for an op that is smooth."""
    if node.op.name in {"relu", "leaky_relu"} or node.options.get("activation") == "relu":
        return [node.output > 0]
    if node.op.name == "max_pool2d":
        return [node.saved[0]]
    if node.op.name in {"absolute", "maximum", "minimum", "max", "min", "clip", "huber_loss"}:
        return [np.sign(given.data) for given in node.inputs if isinstance(given, Tensor)]
    return []


def proof_source() -> Source:
    return source_of(central_difference)
