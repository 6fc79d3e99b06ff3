"""Compiled kernels are kept on disk: what is damaged, stale or cannot be written costs time, and never more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba")

from byhand.kernels.cpu import compiled as module
from byhand.kernels.cpu.compiled import compiled


def double(x: Any) -> Any:
    return 2 * x


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where kernels are kept in this test."""
    from numba import config

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(module, "_sources", lambda name: b"the sources")
    module._tell.cache_clear()
    yield tmp_path
    module._tell.cache_clear()


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def outcome() -> tuple[int, bool]:
    """What a kernel of a new process would answer, and whether it had to be compiled."""
    kernel = compiled()(double)
    answer = kernel(21)
    return answer, bool(kernel.stats.cache_misses)


def test_what_was_compiled_once_is_not_compiled_again(folder: Path) -> None:
    assert outcome() == (42, True)
    assert outcome() == (42, False)
    assert len(files(folder)) == 1


@pytest.mark.slow
def test_a_damaged_file_is_compiled_anew_and_replaced(folder: Path) -> None:
    outcome()
    [file] = files(folder)
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1  # one bit of machine code: who ran it would crash
    for content in (b"", b"nonsense", whole[:20], whole[:-1], bytes(flipped), whole + b"x"):
        file.write_bytes(content)
        assert outcome() == (42, True)
        assert outcome() == (42, False)
    assert files(folder) == [file]


def test_a_folder_in_the_place_of_a_file_is_told_of_in_one_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outcome()
    [file] = files(folder)
    file.unlink()
    file.mkdir()
    assert outcome() == (42, True)
    assert outcome() == (42, True)
    [line] = capfd.readouterr().err.splitlines()
    assert line.startswith("byhand: compiled kernels cannot be kept (") and "NUMBA_CACHE_DIR" in line


def test_a_full_disk_is_told_of_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert outcome() == (42, True)
    [line] = capfd.readouterr().err.splitlines()
    assert "No space left on device" in line
    assert files(folder) == []


def test_no_place_at_all_is_told_of_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from numba.core.caching import CacheImpl

    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert outcome() == outcome() == (42, True)
    [line] = capfd.readouterr().err.splitlines()
    assert "no folder for them can be written" in line


def test_other_sources_are_compiled_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome()
    monkeypatch.setattr(module, "_sources", lambda name: b"other sources")
    assert outcome() == (42, True)
    assert outcome() == (42, False)
    assert len(files(folder)) == 1


def test_a_kernels_sources_are_those_of_the_kernels_that_it_calls_too() -> None:
    exponential = (Path(module.__file__).parent / "exponential.py").read_bytes()
    assert exponential in module._sources("softmax")
    assert exponential in module._sources("norm")  # by way of elementwise
    assert exponential not in module._sources("im2col")


def test_types_have_files_of_their_own(folder: Path) -> None:
    kernel = compiled()(double)
    assert (kernel(21), kernel(1.5)) == (42, 3.0)
    assert len(files(folder)) == 2
    again = compiled()(double)
    assert (again(1.5), again(21)) == (3.0, 42)
    assert not again.stats.cache_misses


def test_a_numba_that_cannot_be_imported_leaves_the_work_to_numpy(tmp_path: Path) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs NumPy 2.3 or less')\n", encoding="utf-8")
    code = (
        "import numpy as np; from byhand.kernels import compiled_adam, family\n"
        "print(family('softmax').__name__, family('conv').__name__, compiled_adam())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["byhand.kernels.reference.softmax", "byhand.kernels.reference.conv", "None"], done.stderr
    [line] = done.stderr.splitlines()
    assert "Numba needs NumPy 2.3 or less" in line
