"""A folder belongs to one process at a time, and what a dead one left is taken over."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from byhand.errors import ByhandError
from byhand.lock import NAME, locked, process_began

LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc, which tells when a process began")
HOLDER = """
import pathlib, sys, time
from byhand.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def owner(**changes: object) -> str:
    """What a lock file says, of this process unless told otherwise."""
    mine = {"pid": os.getpid(), "host": platform.node(), "since": "2026-01-01 12:00:00", "began": process_began(os.getpid())}
    return json.dumps(mine | changes)


def refusal(folder: Path) -> str:
    with pytest.raises(ByhandError) as caught, locked(folder):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_lock_says_who_holds_it_and_goes_away_with_its_end(tmp_path: Path) -> None:
    with locked(tmp_path / "new" / "run"):
        told = json.loads((tmp_path / "new" / "run" / NAME).read_text())
        assert (told["pid"], told["host"]) == (os.getpid(), platform.node())
        (tmp_path / "new" / "run" / "file").touch()
    assert [path.name for path in (tmp_path / "new" / "run").iterdir()] == ["file"]


def test_a_folder_made_for_what_was_then_refused_goes_away_again(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), locked(tmp_path / "run"):
        raise ValueError("no")
    assert list(tmp_path.iterdir()) == []


def test_the_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        said = refusal(tmp_path)
        assert f"is in use, process {child.pid} has trained there since" in said and "choose another --out" in said
        child.kill()
    assert (tmp_path / NAME).exists()  # nobody was left to take it away
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_two_threads_of_one_process_do_not_share_a_folder(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert f"process {os.getpid()}" in refusal(tmp_path)


def test_of_many_who_want_a_stale_lock_at_once_one_gets_it(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(owner(pid=2**22 + 1, began="1"))
    start, leave, got = threading.Barrier(8), threading.Barrier(8), []

    def want() -> None:
        start.wait()
        try:
            with locked(tmp_path):
                got.append(True)
                leave.wait()
        except ByhandError:
            leave.wait()

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True]


def test_the_lock_of_another_computer_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(owner(pid=77, host="elsewhere"))
    said = refusal(tmp_path)
    assert "by process 77 on another computer, elsewhere" in said
    assert f"remove {tmp_path / NAME} if no training runs there any more" in said
    assert (tmp_path / NAME).exists()


@LINUX
def test_a_process_number_that_was_given_again_does_not_hold_what_its_former_owner_held(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        (tmp_path / NAME).write_text(owner(pid=other.pid, began=process_began(other.pid)))
        assert f"process {other.pid}" in refusal(tmp_path)  # it lives, as far as can be known where no lock of the system holds
        (tmp_path / NAME).write_text(owner(pid=other.pid, began="12345"))
        with locked(tmp_path):
            pass
        other.kill()


@LINUX
def test_a_process_that_has_ended_but_was_not_looked_after_is_dead(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "60"])
    began = process_began(child.pid)
    assert began
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert process_began(child.pid) == ""
    child.wait()
    assert process_began(child.pid) == ""


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"{", b"[]", b'{"pid": "x"}', b"[" * 100_000])
def test_a_lock_file_that_says_nothing_is_taken_over(content: bytes, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(content)
    with locked(tmp_path):
        pass


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, where nobody may make files")
def test_a_place_where_nobody_may_write_is_refused_in_one_line() -> None:
    assert "cannot write /proc/run/.lock: " in refusal(Path("/proc/run"))


def test_an_out_that_is_a_file_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a note")
    with pytest.raises(ByhandError, match=r"run is a file: choose a folder, --out FOLDER"), locked(tmp_path / "run"):
        pass
    assert (tmp_path / "run").read_text() == "a note"
