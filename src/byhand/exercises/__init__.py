"""Exercises that check themselves: a stub to fill in, and an examination that says what is wrong, and where.

An exercise is one file in `tasks`. Its right numbers are never written down: they come from the package itself, from central
differences of a cost, from the engine's ops, from the doctor, from a training beside the learner's.
"""

from __future__ import annotations

from byhand.exercises.catalogue import by_name, exercises
from byhand.exercises.check import check
from byhand.exercises.exercise import Exercise, Question
from byhand.exercises.stub import write_stub
from byhand.exercises.verdict import Verdict

__all__ = ["Exercise", "Question", "Verdict", "by_name", "check", "exercises", "write_stub"]
