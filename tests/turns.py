"""Turns at the machine: where several processes run tests side by side, a test marked `alone` has the machine to itself.

Each process holds a lock for as long as one of its tests runs: shared, or for a test marked `alone` the whole of it. Whoever
wants the whole of it shuts the gate behind which all others queue, or it would wait for ever. How the tests are spread over the
processes does not matter, and pytest still counts them all in one line.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

try:
    import fcntl
except ImportError:  # Windows has no lock of this kind: nobody waits there
    fcntl = None  # type: ignore[assignment]


class Turns:
    """A plugin of pytest; `run` is a name that all processes of one run share."""

    def __init__(self, run: str, folder: Path | None = None) -> None:
        folder = folder or Path(tempfile.gettempdir())
        self.gate = (folder / f"byhand-tests-{run}.gate").open("ab")
        self.machine = (folder / f"byhand-tests-{run}.machine").open("ab")

    @contextmanager
    def turn(self, alone: bool) -> Iterator[None]:
        """Hold the machine, with others or without them."""
        fcntl.flock(self.gate, fcntl.LOCK_EX)
        fcntl.flock(self.machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(self.gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self.machine, fcntl.LOCK_UN)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        with self.turn(item.get_closest_marker("alone") is not None):
            return (yield)

    def pytest_unconfigure(self) -> None:
        for file in (self.gate, self.machine):
            file.close()
            Path(file.name).unlink(missing_ok=True)


def this_run() -> str | None:
    """The name of the run that this process is one of several of; None where it is the only one, or without such locks."""
    if fcntl is None:
        return None
    return os.environ.get("PYTEST_XDIST_TESTRUNUID") if "PYTEST_XDIST_WORKER" in os.environ else None
