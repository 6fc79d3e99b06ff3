"""The examination of an answer: its file runs in a process of its own, with a time limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from byhand.exercises.catalogue import by_name
from byhand.exercises.child import BEGUN
from byhand.exercises.stub import exercise_of
from byhand.exercises.verdict import Verdict

START = 20.0  # seconds that Python and NumPy may take to start on a busy machine, beside the answer's own


def check(path: str | Path, *, seconds: float | None = None) -> Verdict:
    """Examine the answer in a file; `seconds` in place of the exercise's own time limit.

    Raises ByhandError where the file cannot be read, or names no exercise. What the answer itself does wrong is in the verdict.
    """
    path = Path(path)
    exercise = by_name(exercise_of(path))
    limit = exercise.seconds if seconds is None else seconds
    with tempfile.TemporaryDirectory(prefix="byhand-check-") as folder:
        out = Path(folder) / "verdict.json"
        command = [sys.executable, "-m", "byhand.exercises.child", exercise.name, str(path.resolve()), str(out)]
        # A session of its own, so that what the answer starts ends with it.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=os.name == "posix",
        )
        try:
            status = _awaited(process, Path(folder) / BEGUN, limit)
        except subprocess.TimeoutExpired:
            words = f"{path.name} did not come to an end in {limit:.0f} seconds: look for a loop that never ends"
            return Verdict(exercise.name, str(path), [words])
        finally:
            _end(process)
        try:
            found = json.loads(out.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            how = f"signal {-status}" if status < 0 else f"status {status}"
            return Verdict(exercise.name, str(path), [f"{path.name} ended Python itself ({how}) before it could be examined"])
    printed = [(line["line"], line["text"]) for line in found["printed"]]
    return Verdict(exercise.name, str(path), found["wrong"], found["checked"], printed)


def _awaited(process: subprocess.Popen[bytes], begun: Path, limit: float) -> int:
    """The status; raises TimeoutExpired. The limit counts from when the answer begins, as imports are not the learner's."""
    end = time.monotonic() + START
    while process.poll() is None and not begun.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return process.wait(limit)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()
