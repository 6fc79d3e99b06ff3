"""Processes that start warm: they are forked from one that has imported what they all need.

Half of what a short process costs is importing NumPy, Numba and their like. A forked process is a process of its own like any
other, with its own standard streams, folder, environment and status; only how it begins is different. Where a system cannot
fork, the code runs in a new interpreter.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

CAN_FORK = hasattr(os, "fork")


def run(
    code: str, arguments: list[str], *, imports: str, cwd: Path | None = None, env: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run Python code with these arguments; `imports`: the code that all such processes have behind them when they begin."""
    if not CAN_FORK:
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", cwd=cwd, env=env, timeout=timeout, check=False
        )
    with tempfile.TemporaryDirectory() as folder:
        out, error = Path(folder, "out"), Path(folder, "error")
        job = {"code": code, "arguments": ["-c", *arguments], "cwd": str(cwd or Path.cwd()), "env": env}
        status = _ask(imports, {**job, "out": str(out), "error": str(error), "timeout": timeout})
        if status is None:
            raise subprocess.TimeoutExpired(arguments, timeout)
        return subprocess.CompletedProcess(arguments, status, out.read_text(encoding="utf-8"), error.read_text(encoding="utf-8"))


def _ask(imports: str, job: dict[str, Any]) -> int | None:
    parent = _parent(imports)
    assert parent.stdin is not None and parent.stdout is not None
    parent.stdin.write(json.dumps(job) + "\n")
    parent.stdin.flush()
    status: int | None = json.loads(parent.stdout.readline())
    return status


@cache
def _parent(imports: str) -> subprocess.Popen[str]:
    """The process that forks; it ends when its standard input does."""
    parent = subprocess.Popen(
        [sys.executable, __file__, imports], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )

    def end() -> None:
        parent.communicate(timeout=10)

    atexit.register(end)
    return parent


# ---------------------------------------------------------------- in the process that forks


def serve(imports: str) -> None:
    """Import, then run one job after the other."""
    sys.path.pop(0)  # the folder of this file
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    exec(imports, {})
    gc.freeze()  # a collection in a child would write into, and so copy, all that it shares with this process
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(job)
        print(json.dumps(_wait(child, job["timeout"])), file=answers, flush=True)


def _become(job: dict[str, Any]) -> None:
    """This process is the job from here on, and never returns."""
    status = 1
    try:
        flags = os.O_WRONLY | os.O_CREAT
        for number, name in ((0, os.devnull), (1, job["out"]), (2, job["error"])):
            opened = os.open(name, flags if number else os.O_RDONLY, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)
        os.chdir(job["cwd"])
        os.environ.clear()
        os.environ.update(job["env"])
        sys.path[:0] = [*filter(None, job["env"].get("PYTHONPATH", "").split(os.pathsep)), ""]
        sys.argv = job["arguments"]
        exec(compile(job["code"], "<job>", "exec"), {"__name__": "__main__"})
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(child: int, timeout: float) -> int | None:
    """Its status as `subprocess` tells it; None where it took too long, and was killed."""
    import signal
    import threading

    late = threading.Event()

    def kill() -> None:
        late.set()
        os.kill(child, signal.SIGKILL)

    timer = threading.Timer(timeout, kill)
    timer.start()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    timer.cancel()
    timer.join()
    return None if late.is_set() else status


if __name__ == "__main__":
    serve(sys.argv[1])
