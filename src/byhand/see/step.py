"""One training step, taken on copies and kept: what explanations, the microscope, pages and proofs read.

Whatever the network, it is the same class. What a kind of network lets you see of a step, such as the activations of its layers
or the ops of its tape, stands in the step's `record`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from byhand.backend import Array
from byhand.optim import Optimizer


class Record(Protocol):
    """What a network lets you see of one forward and backward pass.

    Attributes:
        answers: what came out for the batch; None where that is not known.
        local_symbols: whether its arrays are called as in each op's own equation, so that only their names tell them apart.
    """

    local_symbols: bool

    @property
    def answers(self) -> Any: ...

    def parameters(self, vector: Array) -> dict[str, Array]:
        """A flat vector, such as the gradient, as one array per parameter, by the names that `describe` uses: views."""
        ...

    def contributions(self, name: str, at: tuple[int, ...], m: int) -> Array:
        """What each of the m samples gave to the gradient of one parameter's number, (m,), once the step has been taken."""
        ...

    def describe(self, arrays: Any) -> None:
        """Add the step's arrays and operations, forward, cost and backward, to a `byhand.see.step_array.StepArrays`.

        Every parameter is added by `add_parameter`, and has its gradient beside it, called `NAME.gradient`.
        """
        ...


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """What one step read and changed.

    Attributes:
        network: as it stood before the step. optimizer: after it. x: (m, ...) and y: the batch, as the network reads it.
        chance: what was drawn for the batch, as `learn` takes it. rng: the generator, of dropout, as it stood before the step.
        cost: of the batch; cost_after: of the same batch after the step, with the same chance.
        theta, theta_after: all parameters in one vector, before and after the step.
        gradient: as `learn` left it; used: as the optimiser got it, clipped or not; length: of the gradient.
        before, after: the optimiser's state vectors around the step; update: what it added to the parameters.
        record: what the network lets you see of the pass. answers_after: what came out after the step, with the same chance.
    """

    network: Any
    optimizer: Optimizer
    x: Array
    y: Any
    chance: tuple[Any, ...]
    rng: np.random.Generator
    cost: float
    cost_after: float
    theta: Array
    theta_after: Array
    gradient: Array
    used: Array
    length: float
    clip: float | None
    before: dict[str, Array]
    after: dict[str, Array]
    update: Array
    record: Any
    answers_after: Any

    @property
    def m(self) -> int:
        return len(self.x)

    @property
    def answers(self) -> Any:
        """What came out for the batch, in this very pass."""
        return self.record.answers

    def parameter(self, name: str, vector: Array) -> Array:
        """One parameter's part of a flat vector, in its own shape: a view."""
        return parameter_views(self.network, vector)[name]


def parameter_views(network: Any, vector: Array) -> dict[str, Array]:
    """A flat vector as the network lays its parameters out, by their names: views."""
    own, views = network.named_parameters(), {}
    for name, place in network.parameter_slices().items():
        strides = [step // own[name].itemsize * vector.itemsize for step in own[name].strides]
        views[name] = np.lib.stride_tricks.as_strided(vector[place], own[name].shape, strides)
    return views
