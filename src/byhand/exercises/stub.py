"""The file that a learner fills in, and how it says which exercise it answers."""

from __future__ import annotations

import re
from pathlib import Path

from byhand.errors import ByhandError
from byhand.exercises.exercise import Exercise
from byhand.files import write_atomically

HEADER = re.compile(r"^#\s*exercise:\s*([\w-]+)", re.MULTILINE)
LONGEST = 1_000_000  # characters of an answer


def stub(exercise: Exercise, file: str | None = None) -> str:
    """The file's text: which exercise it is, its text, and the beginning of the answer."""
    text = exercise.text.strip("\n")
    check = f"byhand check {file or default_file(exercise)}"
    return f'# exercise: {exercise.name}\nr"""{exercise.title}\n\n{text}\n\nCheck it: {check}\n"""\n\n{exercise.start.strip()}\n'


def default_file(exercise: Exercise) -> str:
    return f"{exercise.name.replace('-', '_')}.py"


def write_stub(exercise: Exercise, path: Path | None = None) -> Path:
    """Write the stub; a file that is there stays as it is, as it may hold somebody's answer.

    Raises ByhandError where the file exists or cannot be written.
    """
    path = path or Path(default_file(exercise))
    if path.exists():
        raise ByhandError(f"{path} exists and may hold your answer: check it with byhand check {path}, or choose -o another name")
    write_atomically(path, stub(exercise, str(path)).encode("utf-8"))
    return path


def exercise_of(path: Path) -> str:
    """The name of the exercise that a file answers; raises ByhandError where it cannot be read or says none."""
    try:
        if path.is_dir():
            raise ByhandError(f"{path} is a folder: give the file with your answer")
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST)
    except OSError as error:
        raise ByhandError(f"cannot read {path}: {error.strerror}: write a stub with byhand exercise NAME") from error
    except UnicodeDecodeError as error:
        raise ByhandError(f"{path} is no text in UTF-8: save it again as Python source") from error
    found = HEADER.search(text)
    if found is None:
        raise ByhandError(f"{path} does not say which exercise it answers: put `# exercise: NAME` into its first line")
    return found[1]
