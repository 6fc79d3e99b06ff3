"""A step as sections of an explanation: each operation with its equation, one number worked out and its source; each update.

The numbers are the sums that the microscope opens too (`byhand.see.step_array`), so both say the same of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from byhand.formula import Line, number
from byhand.see.formula_lines import lines_of
from byhand.see.image import side
from byhand.see.section import Picture, Section, summary
from byhand.see.step_array import Operation, StepArray, StepArrays
from byhand.see.update import clipping
from byhand.see.weight import Entry, Weight
from byhand.terms import At, indexed, place_of_largest

ANYWHERE: Mapping[str, At] = MappingProxyType({})


def sections_of(
    numbers: StepArrays, weights: Iterable[Weight | Entry], places: Mapping[str, At] = ANYWHERE
) -> tuple[Section, ...]:
    """The whole step: every operation with its followed number (see `section_of`), clipping, and the update of each weight."""
    operations = [section_of(numbers, one, places) for one in numbers.operations if one.stage != "update"]
    return (*operations, *clipping(numbers.step), *update_sections(numbers, weights))


def update_sections(numbers: StepArrays, weights: Iterable[Weight | Entry]) -> Iterator[Section]:
    """One section for each weight; only the first shows the arrays and the source."""
    optimizer = type(numbers.step.optimizer).__name__
    for position, weight in enumerate(weights):
        (operation,) = [one for one in numbers.operations if one.arrays[0] == f"{weight.name}.after"]
        section = section_of(numbers, operation, dict.fromkeys(operation.arrays, weight.place))
        own = replace(section, title=f"Update: the weight {weight} by {optimizer}")
        yield own if position == 0 else replace(own, sizes="", summaries=(), source=(), shapes="", reference="", note="")


def section_of(numbers: StepArrays, operation: Operation, places: Mapping[str, At] = ANYWHERE) -> Section:
    """One operation; places: which number of an array is worked out, by its name, the largest where it does not say."""
    arrays = [numbers.array(name) for name in operation.arrays]
    worked = [numbers.array(name) for name in operation.worked] or arrays[:1]
    notes = [operation.note, _note(worked[-1], places)]
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


def _place(array: StepArray, places: Mapping[str, At]) -> At:
    return places[array.name] if array.name in places else place_of_largest(array.values)


def _note(array: StepArray, places: Mapping[str, At]) -> str:
    """What else is to be said of the followed number."""
    if array.note is not None:
        return array.note(_place(array, places))
    return "" if array.terms is not None else array.why


def _sentence(note: str) -> str:
    return note if note.endswith((".", ":", "!", "?")) else f"{note}."


def _picture(array: StepArray, places: Mapping[str, At]) -> tuple[Picture, ...]:
    """One number per pixel of the input, as an image: what a unit that reads pixels looks at."""
    unit, *_ = _place(array, places)
    row = array.values[unit]
    n = side(row.size)
    return (Picture(row.reshape(1, n, n), indexed(array.symbol, (unit, "k")), f"unit {unit}: {array.about}"),) if n else ()
