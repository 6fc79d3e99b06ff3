"""A folder that belongs to one process at a time.

Two things say whose it is. The operating system's lock on the file `.lock` goes with its process, however that ends, so taking
over what a killed one left is atomic. And the file tells who it is: process, host, and since when. That is for the message, for
hosts that share a disk but no locks, and for file systems without any. A process number may be given again, so when the process
began stands beside it.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from byhand.errors import ByhandError
from byhand.files import held, still_at

NAME = ".lock"
LONGEST = 4_096  # bytes that are read of a lock file


@dataclass(frozen=True)
class Owner:
    """Whose a folder is: `began` says when the process did, as the operating system tells it; "" where it does not."""

    pid: int
    host: str
    since: str
    began: str

    @property
    def lives(self) -> bool:
        """Whether it is a process of this host that still runs, as far as can be known, and not this one."""
        return self.pid != os.getpid() and bool(self.began) and process_began(self.pid) == self.began


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder, made where there is none, is this process's own while this is open.

    Raises ByhandError where it is another one's, or may not be written.
    """
    path, new = folder / NAME, not folder.exists()
    handle = _taken(path)
    try:
        yield
    finally:
        if sys.platform == "win32":
            os.close(handle)  # there an open file cannot be removed
        with suppress(OSError):
            path.unlink()
        if sys.platform != "win32":
            os.close(handle)
        if new:
            with suppress(OSError):
                folder.rmdir()  # a refusal leaves no empty folder behind


def _taken(path: Path) -> int:
    """The lock file, opened and ours; raises ByhandError where it is somebody else's."""
    while True:
        try:
            if path.parent.exists() and not path.parent.is_dir():
                raise ByhandError(f"{path.parent} is a file: choose a folder, --out FOLDER")
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            free = _free(handle)
            _refuse(path, _owner(handle), free)
            if still_at(path, handle):  # else its owner took it away just now, on ending: there is a new one to open
                _sign(path, handle)
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _free(handle: int) -> bool:
    try:
        return held(handle)
    except OSError:
        return True  # a file system without locks: what the file tells must do


def _refuse(path: Path, owner: Owner | None, free: bool) -> None:
    """Raise ByhandError where the folder is another process's."""
    if owner is not None and owner.host != platform.node():
        raise ByhandError(
            f"{path.parent} was locked on {owner.since} by process {owner.pid} on another computer, {owner.host}: choose another "
            f"--out, or remove {path} if no training runs there any more"
        )
    if not free or (owner is not None and owner.lives):
        who = f"process {owner.pid} has trained there since {owner.since}" if owner else "another process trains there"
        raise ByhandError(f"{path.parent} is in use, {who}: wait until it has ended, or choose another --out")


def _sign(path: Path, handle: int) -> None:
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    mine = Owner(os.getpid(), platform.node(), since, process_began(os.getpid()))
    try:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, (json.dumps(asdict(mine)) + "\n").encode())
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ByhandError:
    reason = error.strerror or str(error)
    return ByhandError(f"cannot write {path}: {reason}; nothing was changed: free space or choose another place")


def _owner(handle: int) -> Owner | None:
    """Who a lock file says; None where it says nothing that can be understood, as one that was killed while it wrote it."""
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        told = json.loads(os.read(handle, LONGEST))
        return Owner(int(told["pid"]), *(str(told[name])[:100] for name in ("host", "since", "began")))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def process_began(pid: int) -> str:
    """When a process began, in the operating system's words; "" for one that has ended, or where that is not told."""
    if sys.platform == "win32":
        return ""
    if Path("/proc/self/stat").exists():
        try:
            told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            # After the name, which may hold spaces and brackets: the state is field 3, the start in clock ticks field 22.
            fields = told.rpartition(")")[2].split()
            return "" if fields[0] in "ZX" else fields[19]  # a zombie has ended, only its parent has not looked yet
        except (OSError, IndexError):
            return ""
    with suppress(OSError, subprocess.SubprocessError):
        asked = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(
            asked, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=5, check=False
        ).stdout.strip()
    return ""
