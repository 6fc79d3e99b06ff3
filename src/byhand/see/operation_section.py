"""An operation of a step as a section of an explanation: its equation, one number of what it computes worked out, its source.

The number is the sum that the microscope opens too (`byhand.see.step_array`), so both say the same of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from byhand.backend import Array
from byhand.formula import Line, number
from byhand.see.formula_lines import lines_of
from byhand.see.image import side
from byhand.see.section import Picture, Section, summary
from byhand.see.step_array import Operation, StepArray, StepArrays
from byhand.terms import At, indexed

ANYWHERE: Mapping[str, At] = MappingProxyType({})


def section_of(numbers: StepArrays, operation: Operation, places: Mapping[str, At] = ANYWHERE) -> Section:
    """One operation; places: which number of an array is worked out, by its name, the largest where it does not say."""
    arrays = [numbers.array(name) for name in operation.arrays]
    worked = [numbers.array(name) for name in operation.worked] or arrays[:1]
    notes = [operation.note] + [
        array.note(_place(array, places)) if array.note is not None else "" if array.terms is not None else array.why
        for array in worked[-1:]
    ]
    return Section(
        stage=operation.stage,
        title=operation.title,
        scope=operation.group,
        why=operation.why,
        equations=operation.equations,
        book=operation.book,
        numbers=tuple(line for array in worked for line in worked_lines(array, _place(array, places))),
        shapes=operation.shapes,
        sizes=", ".join(f"{array.name}: {array.values.shape or 'one number'}" for array in arrays),
        summaries=tuple(summary(indexed(array.symbol, ()), array.values) for array in arrays if array.values.size),
        source=operation.source(),
        reference=operation.reference,
        note=" ".join(_sentence(note) for note in notes if note),
        pictures=_picture(numbers.array(operation.picture), places) if operation.picture else (),
    )


def worked_lines(array: StepArray, at: At) -> list[Line]:
    """One number of an array, as the sum that it is where that is known."""
    left, value = indexed(array.symbol, at), float(array.values[at])
    sums = array.terms(at) if array.terms is not None else []
    return lines_of(left, sums, value) if sums else [Line((f"{left} = {number(value)}",), value)]


def largest(values: Array) -> At:
    """Where the largest number of an array stands."""
    return tuple(int(k) for k in np.unravel_index(int(np.abs(values).argmax()), values.shape))


def _place(array: StepArray, places: Mapping[str, At]) -> At:
    return places[array.name] if array.name in places else largest(array.values)


def _sentence(note: str) -> str:
    return note if note.endswith((".", ":", "!", "?")) else f"{note}."


def _picture(array: StepArray, places: Mapping[str, At]) -> tuple[Picture, ...]:
    """One number a pixel of the input, as an image: what a unit that reads pixels looks at."""
    (unit, *_), row = (at := _place(array, places)), array.values[_place(array, places)[0]]
    n = side(row.size) if len(at) == 2 else 0
    return (Picture(row.reshape(1, n, n), indexed(array.symbol, (unit, "k")), f"unit {unit}: {array.about}"),) if n else ()
