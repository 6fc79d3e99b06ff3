"""All arrays of one training step by name, and of each number what it was made of: what the microscope looks at.

    found = byhand.see.explain.explain(network, x, y)
    numbers_of(found).made_of("z2", (0, 5)).terms[0]

Of a feed-forward network the arrays are `a1` (the input), `z2`, `a2`, `delta2`, `w2`, `b2`, `w2.gradient`, `w2.change`,
`w2.after` and so on, `y` and `C`; the input is layer 1. Of a network of modules an op's output has the module's name, as `0` or
`down.0.conv1`, its error is `0.delta`, and a parameter's arrays are `0.weight`, `0.weight.gradient`, `0.weight.change`, ...
Those of an autoencoder and a VAE stand in `byhand.see.made_codes`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.see.codes_step import CodesStep
from byhand.see.explain import Sample
from byhand.see.made import SHOWN, At, Factor, Made, Ref, Sum, gathered, indexed, per_sample
from byhand.see.observe import Observed
from byhand.see.source import Source
from byhand.see.tape import Taped


@dataclass(frozen=True)
class Numbered:
    """One array of a step.

    Attributes:
        symbol: LaTeX; its equation too, "" where it was not computed. about: what it is, in words.
        values: the numbers, of any shape. batch: whether its first axis counts samples, or rows sample by sample.
        make: the sums that a number is made of; None where there are none, and `why` says so.
        image: whether it is (N, H, W, C). grey: whether a row of it is a picture: brightnesses from 0 to 1.
        parameter: of which parameter it is the gradient, the change or the like, or itself; "" else.
    """

    name: str
    symbol: str
    about: str
    values: Array
    make: Callable[[At], list[Sum]] | None
    equation: str = ""
    why: str = ""
    batch: bool = False
    image: bool = False
    grey: bool = False
    parameter: str = ""
    notes: Callable[[At], str] | None = None

    def factor(self, at: At) -> Factor:
        """A number of it, as a factor of another one."""
        return Factor(indexed(self.symbol, at), float(self.values[at]), Ref(self.name, at))


@dataclass(frozen=True)
class Operation:
    """One computation of the step. group: the layer or module it belongs to; arrays: the first is what it computes."""

    stage: str
    group: str
    title: str
    short: str
    equations: tuple[str, ...]
    arrays: tuple[str, ...]
    source: Callable[[], tuple[Source, ...]]
    shapes: str = ""
    reference: str = ""
    note: str = ""


class StepNumbers:
    """One step, ready to be asked. `samples` are those of the batch; `step` is what was observed of it."""

    def __init__(
        self,
        step: Observed | Taped | CodesStep,
        samples: Sequence[Sample],
        arrays: Sequence[Numbered],
        operations: Sequence[Operation],
    ) -> None:
        self.step, self.samples, self.operations = step, tuple(samples), tuple(operations)
        self.arrays = {array.name: array for array in arrays}

    @property
    def m(self) -> int:
        return self.step.m

    def array(self, name: str) -> Numbered:
        """The array of this name; raises ModelError where there is none, with the nearest."""
        if name not in self.arrays:
            near = difflib.get_close_matches(name, self.arrays, 1)
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else f"there are {', '.join(list(self.arrays)[:8])} and {len(self.arrays)} in all"
            )
            raise ModelError(f"this step has no array {name[:80]!r}: {hint}")
        return self.arrays[name]

    def at(self, name: str, at: Sequence[int]) -> tuple[Numbered, At]:
        """An array and indices that it has; raises ModelError where it has not."""
        array, place = self.array(name), tuple(int(k) for k in at)
        shape = array.values.shape
        if len(place) != len(shape) or any(not 0 <= k < n for k, n in zip(place, shape, strict=False)):
            wanted = f"{len(shape)} indices from 0, each below that" if shape else "it is one number, without indices"
            raise ModelError(f"{name} has no number [{', '.join(map(str, place))}]: its shape is {shape}: give {wanted}")
        return array, place

    def made_of(self, name: str, at: Sequence[int] = (), most: int = SHOWN) -> Made:
        """What a number was made of: its `most` largest terms. Raises ModelError for a number that there is not."""
        array, place = self.at(name, at)
        sums = array.make(place) if array.make is not None else []
        terms, others, rest = gathered(sums, most)
        note = array.notes(place) if array.notes is not None else ""
        return Made(
            Ref(name, place),
            indexed(array.symbol, place),
            float(array.values[place]),
            array.equation,
            terms,
            others,
            rest,
            array.why if array.make is None else note,
        )

    def pushes(self, name: str, at: Sequence[int]) -> NDArray[np.float64]:
        """How each sample of the batch pushed a parameter, (m,): the negative of its part of the gradient; above 0, upwards.

        Raises ModelError for what is no parameter, or one whose gradient is not worked out.
        """
        array, place = self.at(name, at)
        if not array.parameter:
            raise ModelError(f"{name} is not a parameter: choose one, as {self._a_parameter()}")
        gradient = self.arrays.get(f"{array.parameter}.gradient")
        sums = gradient.make(place) if gradient is not None and gradient.make is not None else []
        if not any(found.by_sample for found in sums):
            raise ModelError(f"the gradient of {array.parameter} is not worked out sample by sample")
        return -per_sample(sums, self.m)

    def _a_parameter(self) -> str:
        return next((name for name, array in self.arrays.items() if array.parameter == name), "none: it has none")
