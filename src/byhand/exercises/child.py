"""Runs a learner's file in a process of its own: `python -m byhand.exercises.child NAME FILE OUT` writes a verdict to OUT.

Whatever the file does (an endless loop, a crash, a million lines of output) ends with this process.
"""

from __future__ import annotations

import io
import json
import linecache
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from byhand.exercises.catalogue import by_name
from byhand.exercises.compare import compare
from byhand.exercises.exercise import Exercise
from byhand.exercises.verdict import Verdict

BEGUN = "begun"  # an empty file beside OUT: from here on the time is the learner's
MOST_LINES = 40  # of what a file prints
MOST_CHARACTERS = 500  # of one of these lines


class Printed(io.TextIOBase):
    """Standard output and error of the learner's code: keeps each line with the line of the file that printed it."""

    def __init__(self, path: str) -> None:
        self.path, self.left_out = path, 0
        self.lines: list[tuple[int, str]] = []
        self.open: tuple[int, str] | None = None

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for piece in text.splitlines(keepends=True):
            line, before = self.open or (_line(self.path), "")
            self.open = (line, before + piece[:MOST_CHARACTERS])
            if piece.endswith("\n"):
                self.close_line()
        return len(text)

    def close_line(self) -> None:
        if self.open is not None and self.open[0]:  # what byhand itself says, such as of kernels, is not the learner's
            if len(self.lines) < MOST_LINES:
                self.lines.append((self.open[0], self.open[1].rstrip("\n")[:MOST_CHARACTERS]))
            else:
                self.left_out += 1
        self.open = None

    def all(self) -> list[tuple[int, str]]:
        self.close_line()
        return self.lines + ([(0, f"... and {self.left_out} more lines")] if self.left_out else [])


def _line(path: str) -> int:
    """The line of the learner's file that runs now, 0 where none does."""
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename == path:
            return int(frame.f_lineno)
        frame = frame.f_back
    return 0


def examined(exercise: Exercise, path: str) -> Verdict:
    """The verdict on a file; whatever its code raises is part of it."""
    verdict = Verdict(exercise.name, path)
    printed = Printed(path)
    real = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = printed
    try:
        module = _module(path)
        if exercise.examine is not None:
            verdict.wrong = exercise.examine(module)
            verdict.checked = ["the training, examined by the doctor and carried out"]
        for question in exercise.questions:
            told = compare(question, module)
            line = _defined(module, question.name, path)
            verdict.wrong += [f"{line}{one}" for one in told]
            verdict.checked.append(f"{question.name} beside {question.known}")
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        verdict.wrong = [_raised(error, path)]
    finally:
        sys.stdout, sys.stderr = real
    verdict.printed = printed.all()
    return verdict


def _module(path: str) -> ModuleType:
    source = Path(path).read_text(encoding="utf-8")
    module = ModuleType("answer")
    module.__file__ = path
    sys.modules["answer"] = module  # dataclasses and inspect look a class's module up there
    sys.path.insert(0, str(Path(path).parent))
    exec(compile(source, path, "exec"), module.__dict__)
    return module


def _defined(module: ModuleType, name: str, path: str) -> str:
    """Where the learner's function begins, "bp1.py:21 "; "" for a value."""
    code = getattr(getattr(module, name, None), "__code__", None)
    return f"{Path(path).name}:{code.co_firstlineno} " if code is not None and code.co_filename == path else ""


def _raised(error: BaseException, path: str) -> str:
    """An error in one line, with the line of the learner's file, and what stands there."""
    name = Path(path).name
    told = " ".join(f"{type(error).__name__}: {error}".split())[:300].removesuffix(":")
    told = told.removesuffix(": ")
    if isinstance(error, SyntaxError) and error.filename == path:
        return f"{name}:{error.lineno} is no Python: {error.msg}: `{(error.text or '').strip()[:80]}`"
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == path]
    if not lines:
        return f"{name}: {told}"
    return f"{name}:{lines[-1]} raises {told}, in `{linecache.getline(path, lines[-1]).strip()[:80]}`"


def main() -> None:
    name, path, out = sys.argv[1:]
    exercise = by_name(name)
    (Path(out).parent / BEGUN).touch()
    verdict = examined(exercise, path)
    Path(out).write_text(json.dumps(verdict.to_dict()), encoding="utf-8")


if __name__ == "__main__":
    main()
