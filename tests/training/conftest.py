"""What the tests of training share: a small real data set, and networks for it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import byhand
from byhand.data.dataset import Dataset


@pytest.fixture(scope="session")
def iris() -> Dataset:
    return byhand.data.load("iris").train


@pytest.fixture(scope="session")
def iris_test() -> Dataset:
    return byhand.data.load("iris").test


@pytest.fixture
def written_anew() -> Callable[[Path, subprocess.Popen[Any]], None]:
    """Waits until a process replaces a file, or ends: on a busy machine that may take seconds."""

    def wait(path: Path, process: subprocess.Popen[Any]) -> None:
        before, end = replaced(path), time.monotonic() + 60
        while replaced(path) == before and process.poll() is None and time.monotonic() < end:
            time.sleep(0.001)

    return wait


def replaced(path: Path) -> int:
    """When; 0 for a file that is not there."""
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0
