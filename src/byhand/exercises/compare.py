"""What is wrong with an answer: its numbers beside the right ones, and beside those that known mistakes give.

Nobody's code is read. A wrong answer is recognised by its numbers: each exercise knows what learners write instead, and what that
gives; signs, transposes, sums over the batch and constant factors are tried on all of them. What nothing explains is told by its
place: which rows, columns or cases are wrong, and both numbers at the worst place.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.exercises.exercise import Question

SEED = 20  # of the cases: the same numbers at every check, so that a learner can follow them
SHOWN = 4  # indices in a sentence
Part = list[Array]  # one result over all cases


class Unanswered(Exception):
    """There is nothing to compare yet; the words say why."""


def compare(question: Question, module: ModuleType) -> list[str]:
    """What is wrong with the answer to one question; nothing where it is right."""
    cases = question.cases(np.random.default_rng(SEED))
    try:
        answers = [_answer(question, module, case) for case in cases]
    except Unanswered as why:
        return [str(why)]
    return explain(question, answers, cases)


def explain(question: Question, answers: Sequence[tuple[Any, ...]], cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with these results, a tuple of them per case."""
    with np.errstate(all="ignore"):
        rights = [_parts(question.right(**_copied(case))) for case in cases]
        sizes = [len(case[question.batch]) if question.batch else 1 for case in cases]
        mistaken = [(words, _over_cases(wrong, cases)) for words, wrong in question.mistakes.items()]
        told: list[str] = []
        for k in range(len(rights[0])):
            name = question.results[k] if question.results else question.name
            yours, right = [np.asarray(one[k]) for one in answers], [one[k] for one in rights]
            if _same(yours, right, question.tolerance):
                continue
            wrong = [(words, [one[k] for one in results]) for words, results in mistaken if results is not None]
            wrong = [(words, part) for words, part in wrong if not _same(part, right, question.tolerance)]
            cause = _cause(question, yours, right, wrong, sizes)
            place = _place(question, yours, right, cases)
            told.append(f"{name}: {cause}; {place}" if cause else f"{name}: {place}{_pattern(question, yours, right, sizes)}")
    return told


# ---------------------------------------------------------------- the learner's numbers


def _answer(question: Question, module: ModuleType, case: Mapping[str, Any]) -> tuple[Any, ...]:
    name = question.name
    if not hasattr(module, name):
        kind = "value" if question.value else "function"
        raise Unanswered(f"there is no {kind} {name} in your file: keep the name that the stub has")
    given = getattr(module, name)
    if question.value:
        if given is None or given is Ellipsis:
            raise Unanswered(f"{name} is not answered yet: write your number in place of ...")
        return _numeric(question, given)
    if not callable(given):
        raise Unanswered(f"{name} must be a function of ({', '.join(case)}), got {type(given).__name__}")
    try:
        inspect.signature(given).bind(*case.values())
    except TypeError:
        raise Unanswered(f"{name} must take {len(case)} arguments: ({', '.join(case)})") from None
    arguments = _copied(case)
    with np.errstate(all="ignore"):
        result = given(*arguments.values())
    for one, before in case.items():
        if isinstance(before, np.ndarray) and not np.array_equal(arguments[one], before, equal_nan=True):
            raise Unanswered(f"{name} changes its argument {one} in place: the caller still needs it; compute a new array")
    if result is None or result is Ellipsis:
        raise Unanswered(f"{name} returns nothing yet: end it with return and your result")
    return _numeric(question, result)


def _numeric(question: Question, result: Any) -> tuple[Any, ...]:
    name, n = question.name, len(question.results)
    if n:
        if not isinstance(result, tuple | list) or len(result) != n:
            got = f"{len(result)} of them" if isinstance(result, tuple | list) else type(result).__name__
            raise Unanswered(f"{name} must return {n} results, ({', '.join(question.results)}), got {got}")
        parts = tuple(result)
    else:
        parts = (result,)
    out = []
    for k, part in enumerate(parts):
        what = question.results[k] if n else name
        try:
            numbers = np.asarray(getattr(part, "data", part) if type(part).__name__ == "Tensor" else part)
        except ValueError:
            raise Unanswered(f"{what} is a list of rows of unequal length: return an array") from None
        if numbers.dtype.kind not in "biuf":
            raise Unanswered(f"{what} must be numbers, got {type(part).__name__}")
        out.append(numbers.astype(np.float64))
    return tuple(out)


def _copied(case: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in case.items()}


def _parts(result: Any) -> tuple[Array, ...]:
    parts = result if isinstance(result, tuple) else (result,)
    return tuple(np.asarray(part, np.float64) for part in parts)


def _over_cases(wrong: Callable[..., Any], cases: Sequence[Mapping[str, Any]]) -> list[tuple[Array, ...]] | None:
    """What a mistake gives for all cases; None where it cannot be computed for one, as shapes do not fit."""
    try:
        return [_parts(wrong(*_copied(case).values())) for case in cases]
    except (ValueError, IndexError):
        return None


def _same(one: Part, other: Part, tolerance: float) -> bool:
    return all(a.shape == b.shape and not _differs(a, b, tolerance).any() for a, b in zip(one, other, strict=True))


def _differs(a: Array, b: Array, tolerance: float) -> Array:
    finite = b[np.isfinite(b)]
    scale = float(np.abs(finite).max()) if finite.size else 1.0
    return np.logical_not(np.isclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True))


# ---------------------------------------------------------------- what explains them


def _cause(question: Question, yours: Part, right: Part, wrong: list[tuple[str, Part]], sizes: list[int]) -> str:
    """The known mistake that gives exactly these numbers, in words; "" where none does."""
    for words, part in wrong:
        if _same(yours, part, question.tolerance):
            return words
    for words, part in _turned(right, sizes, bool(question.batch)):
        if _same(yours, part, question.tolerance):
            return words
    for first, before in wrong:
        for words, part in _turned(before, sizes, bool(question.batch)):
            if _same(yours, part, question.tolerance):
                return f"two things: {first}; and then {words}"
    if factor := _factor(yours, right, question.tolerance):
        return f"it is {factor:.4g} times the right one, everywhere: look for a constant that is too much or missing"
    if shift := _shift(yours, right, question.tolerance):
        return f"it is the right one plus {shift:.4g}, everywhere: look for a summand that is too much or missing"
    return _cause_where_finite(question, yours, right, wrong, sizes)


def _cause_where_finite(question: Question, yours: Part, right: Part, wrong: list[tuple[str, Part]], sizes: list[int]) -> str:
    """The known mistake in those cases where the numbers are finite: an overflow in the others must not hide it."""
    kept = [i for i, (a, b) in enumerate(zip(yours, right, strict=True)) if np.isfinite(a).all() or not np.isfinite(b).all()]
    if not kept or len(kept) == len(yours):
        return ""
    mine, rights = [yours[i] for i in kept], [right[i] for i in kept]
    if _same(mine, rights, question.tolerance):
        return ""
    mistakes = [(words, [part[i] for i in kept]) for words, part in wrong]
    mistakes = [(words, part) for words, part in mistakes if not _same(part, rights, question.tolerance)]
    cause = _cause(question, mine, rights, mistakes, [sizes[i] for i in kept])
    return cause and f"two things: {cause}; and in other cases it overflows, so that it is not finite"


def _turned(part: Part, sizes: list[int], batch: bool) -> Iterator[tuple[str, Part]]:
    """What happens to any right result: a sign, a transpose, a sum for a mean, a mean too many."""
    yield "its sign is wrong: it is the right one times -1", [-one for one in part]
    if all(one.ndim == 2 for one in part):
        yield "it is transposed: rows and columns are exchanged", [one.T for one in part]
    if batch and max(sizes) > 1:
        summed = [m * one for m, one in zip(sizes, part, strict=True)]
        yield "it is summed over the batch, not averaged: m times too large", summed
        yield "it is divided by m once too often: m times too small", [one / m for m, one in zip(sizes, part, strict=True)]


def _factor(yours: Part, right: Part, tolerance: float) -> float:
    """The constant between both, 0 where there is none."""
    a, b = _flat(yours, right)
    norm = float(b @ b) if len(b) else 0.0
    factor = float(a @ b) / norm if norm else 0.0
    return factor if factor and _same(yours, [factor * one for one in right], tolerance) else 0.0


def _shift(yours: Part, right: Part, tolerance: float) -> float:
    a, b = _flat(yours, right)
    shift = float((a - b).mean()) if len(a) > 1 else 0.0
    return shift if shift and _same(yours, [one + shift for one in right], tolerance) else 0.0


def _flat(yours: Part, right: Part) -> tuple[Array, Array]:
    """All numbers of all cases in two vectors; nothing where shapes differ or a number is not finite."""
    if any(a.shape != b.shape for a, b in zip(yours, right, strict=True)):
        return np.zeros(0), np.zeros(0)
    a, b = (np.concatenate([one.ravel() for one in part]) for part in (yours, right))
    return (a, b) if np.isfinite(a).all() and np.isfinite(b).all() else (np.zeros(0), np.zeros(0))


# ---------------------------------------------------------------- where they are wrong


def _place(question: Question, yours: Part, right: Part, cases: Sequence[Mapping[str, Any]]) -> str:
    """The worst place of the first wrong case, with both numbers and how the right one is known."""
    for a, b, case in zip(yours, right, cases, strict=True):
        given = ", ".join(f"{name} {_told(value)}" for name, value in case.items())
        given = f" for {given}" if given else ""
        if a.shape != b.shape:
            return f"its shape is {a.shape}, it must be {b.shape}{given}"
        bad = _differs(a, b, question.tolerance)
        if bad.any():
            distance = np.where(bad, np.nan_to_num(np.abs(a - b), nan=np.inf), -1)
            at = tuple(int(i) for i in np.unravel_index(int(distance.argmax()), a.shape))
            index = f"at [{', '.join(map(str, at))}] " if at else ""
            if question.value:
                return f"yours is {_number(a[at])} ({question.known})"
            return f"{index}yours is {_number(a[at])}, {question.known} gives {_number(b[at])}{given}"
    raise AssertionError("nothing is wrong")


def _number(value: Any) -> str:
    return f"{float(value):.6g}"


def _told(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return str(value.shape)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _pattern(question: Question, yours: Part, right: Part, sizes: list[int]) -> str:
    """What the wrong places have in common, as a second sentence."""
    pairs = list(zip(yours, right, strict=True))
    if any(a.shape != b.shape for a, b in pairs):
        return ""
    wrong = [_differs(a, b, question.tolerance) for a, b in pairs]
    if question.batch and any(m == 1 and not bad.any() and a.size for m, bad, (a, _) in zip(sizes, wrong, pairs, strict=True)):
        return ". For a single sample it is right: look at what happens over the batch"
    first = next(bad for bad in wrong if bad.any())
    a, _ = pairs[next(i for i, bad in enumerate(wrong) if bad.any())]
    if not np.isfinite(a[first]).any():
        return ". It is not a finite number there: look for a division by 0, an overflow, or the logarithm of 0"
    for axis in range(first.ndim):
        others = tuple(i for i in range(first.ndim) if i != axis)
        touched = np.flatnonzero(first.any(axis=others))
        if 0 < len(touched) < first.shape[axis]:
            some = ", ".join(map(str, touched[:SHOWN])) + (", ..." if len(touched) > SHOWN else "")
            what = ("row", "column")[axis] if first.ndim == 2 else "place" if first.ndim == 1 else f"axis {axis} index"
            return f". Only {what} {some} is wrong" if len(touched) == 1 else f". Only {what}s {some} are wrong"
    good = sum(1 for bad in wrong if not bad.any())
    return f". {good} of {len(wrong)} cases are right" if good else ""
