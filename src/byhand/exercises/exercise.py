"""What an exercise is: a text, the beginning of an answer, hints, and how an answer is examined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

# In the order in which a learner meets them.
CHAPTERS = (
    "A neuron and a network",
    "The cost",
    "Backpropagation",
    "Training",
    "Images",
    "Generating",
    "Attention",
    "Find the bug",
)


@dataclass(frozen=True)
class Question:
    """One function that the learner writes, or one value (then `value` is true and there is one case without arguments).

    Attributes:
        name: of the function or the value in the learner's file.
        cases: makes the arguments by name, a dict per case; no two axes of a case have one length, or a transposed answer passes.
        right: the same function as the package has it. known: where its numbers come from, for people.
        mistakes: what learners write instead: what to tell them, and the wrong function itself. It is how a wrong answer is
            recognised: by its numbers, whatever its code looks like.
        results: names of the results, where the function returns more than one.
        batch: the argument with one row per sample, where the answer has a mean over the batch.
        tolerance: largest difference, relative to the largest right number of a case.
    """

    name: str
    cases: Callable[[np.random.Generator], Sequence[Mapping[str, Any]]]
    right: Callable[..., Any]
    known: str
    mistakes: Mapping[str, Callable[..., Any]]
    results: tuple[str, ...] = ()
    batch: str = ""
    tolerance: float = 1e-6
    value: bool = False


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        name: as it is typed. chapter: one of `CHAPTERS`. place: where it stands in its chapter, from 10 in tens.
        text: intuition, equation, shapes, and what to write; it opens the stub.
        start: the code of the stub, to be completed or mended.
        hints: from a nudge to nearly the answer.
        questions: what is asked; or `examine`, which gets the learner's module and returns what is wrong.
        seconds: how long an answer may run.
    """

    name: str
    chapter: str
    place: int
    title: str
    text: str
    start: str
    hints: tuple[str, ...]
    questions: tuple[Question, ...] = ()
    examine: Callable[[ModuleType], list[str]] | None = None
    seconds: float = 20.0
