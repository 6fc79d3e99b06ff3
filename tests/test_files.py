"""Files that are whole or not there, on full disks and in places where one may not write."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from byhand.errors import ByhandError
from byhand.files import clear_parts, staged, write_atomically


def test_a_file_is_written_with_its_folders_and_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "file.bin"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]


def test_a_file_can_be_read_by_whom_the_umask_lets_read_it(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", b"x")
        assert os.umask(0o027) == 0o027  # looking at the mask did not change it
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("moment", ["fsync", "replace", "chmod"])
def test_a_full_disk_leaves_the_old_file_and_no_half_of_a_new_one(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    write_atomically(path, b"the old one")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, moment, full)
    with pytest.raises(ByhandError, match=r"cannot write .*: No space left on device; nothing was changed") as caught:
        write_atomically(path, b"the new one")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"the old one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_disk_that_fills_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    write_atomically(path, b"the old one")
    real = os.fdopen

    def onto_the_full_disk(handle: int, mode: str) -> object:
        os.dup2(os.open("/dev/full", os.O_WRONLY), handle)
        return real(handle, mode)

    monkeypatch.setattr(os, "fdopen", onto_the_full_disk)
    with pytest.raises(ByhandError, match="No space left on device"):
        write_atomically(path, b"x" * 100_000)
    monkeypatch.undo()
    assert path.read_bytes() == b"the old one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_place_below_a_regular_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for below in ("x", "deep/x"):
        with pytest.raises(
            ByhandError, match=r"cannot write .*; nothing was changed: free space or choose another place"
        ) as caught:
            write_atomically(tmp_path / "file" / below, b"content")
        assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "not a folder"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, where nobody may make files")
def test_a_place_where_nobody_may_write_is_refused_in_one_line() -> None:
    for place in ("/proc/model.safetensors", "/proc/new/model.safetensors"):
        with pytest.raises(ByhandError, match=rf"cannot write {place}: ") as caught:
            write_atomically(Path(place), b"content")
        assert "\n" not in str(caught.value)


def test_a_folder_of_that_name_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(ByhandError, match=r"cannot write .*taken: Is a directory"):
        write_atomically(tmp_path / "taken", b"content")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def part(folder: Path, name: str) -> Path:
    path = folder / f".{name}.abc12345.part"
    path.write_bytes(b"half of a fi")
    return path


def test_the_next_write_clears_away_what_a_killed_one_left(tmp_path: Path) -> None:
    part(tmp_path, "model.safetensors")
    other = part(tmp_path, "other.png")
    (tmp_path / "model.safetensors.part").touch()  # somebody else's
    write_atomically(tmp_path / "model.safetensors", b"whole")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [other.name, "model.safetensors", "model.safetensors.part"]
    clear_parts(tmp_path, ["other.png"])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.safetensors", "model.safetensors.part"]


@pytest.mark.skipif(sys.platform == "win32", reason="there an open file cannot be removed anyway")
def test_what_a_living_process_is_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with staged(path, b"mine") as publish:
        clear_parts(tmp_path, [path.name])
        write_atomically(path, b"another's")
        publish()
    assert path.read_bytes() == b"mine"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_file_is_not_seen_before_it_is_published_and_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    path, seen = tmp_path / "file", []
    with pytest.raises(KeyboardInterrupt), staged(path, b"x"):  # noqa: PT012
        seen.append(path.exists())
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    assert seen == [False]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_writers_and_cleaners_side_by_side_never_hinder_each_other(tmp_path: Path) -> None:
    path, wrong = tmp_path / "file", []

    def write() -> None:
        for _ in range(60):
            try:
                write_atomically(path, b"whole")
            except ByhandError as error:
                wrong.append(str(error))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        clear_parts(tmp_path, ["file"])
    assert wrong == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
