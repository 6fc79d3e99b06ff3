"""What the microscope looks at: an array of a step whose numbers have terms, and an operation with the arrays that it reads."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.equation import Documented
from byhand.errors import ModelError
from byhand.see.section import sources
from byhand.see.source import Source, definitions
from byhand.see.step import TrainingStep
from byhand.terms import At, NamedArray, Sum

PARAMETER = "It is a parameter as it stood before this step; the steps before made it. Below: who pushes it in this one."


@dataclass(frozen=True)
class StepArray(NamedArray):
    """One array of a step.

    Attributes:
        name, symbol, values: as of a `NamedArray`; the values are of any shape. about: what it is, in words.
        terms: the sums that a number of it is; None where there are none, and `why` says so. equation: its own, LaTeX, or "".
        batch: whether its first axis counts samples, or rows sample by sample.
        image: whether it is (N, H, W, C). grey: whether a row of it is a picture: brightnesses from 0 to 1.
        parameter: of which parameter it is the gradient, the change or the like, or itself; "" else.
        note: what else is to be said of one number.
    """

    about: str
    terms: Callable[[At], list[Sum]] | None = None
    equation: str = ""
    why: str = ""
    batch: bool = False
    image: bool = False
    grey: bool = False
    parameter: str = ""
    note: Callable[[At], str] | None = None


@dataclass(frozen=True)
class Operation:
    """One computation of the step.

    Attributes:
        stage: "forward", "cost", "backward" or "update". group: the layer or module that it belongs to.
        arrays: the first is what it computes. code: the functions that ran.
        why: the idea behind it, in a sentence or two. book: the textbook's form of the equation, where it differs.
        worked: the arrays of which an explanation works out a number, in this order; the first of all unless given.
        picture: an array whose rows are pictures over the input, such as the weights of a unit that reads pixels; "" for none.
    """

    stage: str
    group: str
    title: str
    short: str
    equations: tuple[str, ...]
    arrays: tuple[str, ...]
    code: tuple[Callable[..., Any], ...]
    shapes: str = ""
    reference: str = ""
    note: str = ""
    why: str = ""
    book: str = ""
    worked: tuple[str, ...] = ()
    picture: str = ""

    def source(self) -> tuple[Source, ...]:
        """The code with the definitions of the kernels that it calls; without what was typed in and stands in no file."""
        found: list[Source] = []
        for function in self.code:
            try:
                found += sources(function, *definitions(function))
            except OSError:
                continue
        return tuple(found)


class StepArrays:
    """The arrays of a step by name, and its operations, in the step's order: what a network's record and the optimiser add to.

    groups: the layer or module that each parameter belongs to.
    """

    def __init__(self, step: TrainingStep) -> None:
        self.step = step
        self.arrays: dict[str, StepArray] = {}
        self.operations: list[Operation] = []
        self.groups: dict[str, str] = {}

    def array(self, name: str) -> StepArray:
        """The array of this name; raises ModelError where there is none, with the nearest."""
        if name not in self.arrays:
            near = difflib.get_close_matches(name, self.arrays, 1)
            names = f"there are {', '.join(list(self.arrays)[:8])} and {len(self.arrays)} in all"
            raise ModelError(f"this step has no array {name[:80]!r}: {f'did you mean {near[0]!r}?' if near else names}")
        return self.arrays[name]

    def add(
        self, name: str, symbol: str, about: str, values: Array, terms: Callable[[At], list[Sum]] | None = None, **more: Any
    ) -> StepArray:
        """One more array; more: as of `StepArray`."""
        self.arrays[name] = StepArray(name, symbol, np.asarray(values), about, terms, **more)
        return self.arrays[name]

    def add_parameter(self, name: str, symbol: str, about: str, values: Array, group: str) -> StepArray:
        """A parameter, as it stood before the step; its gradient is to be called `name.gradient`."""
        self.groups[name] = group
        return self.add(name, symbol, about, values, why=PARAMETER, parameter=name)

    def add_operation(
        self,
        stage: str,
        group: str,
        title: str,
        arrays: Sequence[StepArray | str],
        code: Sequence[Callable[..., Any]],
        equations: Sequence[str],
        documented: Documented | None = None,
        *,
        short: str = "",
        reference: str = "",
        shapes: str = "",
        **more: Any,
    ) -> None:
        """One more operation; documented: where its shapes, its reference and the book's form stand. more: as of `Operation`."""
        names = tuple(array if isinstance(array, str) else array.name for array in arrays)
        if documented is not None:
            shapes, reference = shapes or documented.shapes, reference or documented.source
            more.setdefault("book", documented.book)
        fields = (stage, group, title, short or names[0], tuple(equations), names, tuple(code), shapes, reference)
        self.operations.append(Operation(*fields, **more))
