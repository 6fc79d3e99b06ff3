"""Files that are whole or not there: written under a temporary name, flushed to the disk, then renamed.

Who writes holds a lock on the temporary file. A process that is killed loses its locks, so what a killed write left behind is
told apart from what somebody is writing at this moment, and is cleared away by the next write to the same place.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from byhand.errors import ByhandError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PART = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]+\.part")  # as `mkstemp` names it below
BEYOND = 1 << 30  # where Windows locks a byte: behind all content, which others may then read
ABANDONED = 3_600  # seconds after which a temporary file counts as left behind, where nobody can tell by a lock


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never half of one.

    Raises ByhandError where the disk is full or the place may not be written; what was there before stays.
    """
    with staged(path, content) as publish:
        publish()


@contextmanager
def staged(path: Path, content: bytes) -> Iterator[Callable[[], None]]:
    """Write a file beside its place, where nobody sees it yet; the function that this yields puts it there.

    Raises as `write_atomically`. Whatever is raised while it is open, the temporary file goes away.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_parts(path.parent, [path.name])
        handle, temporary = _temporary(path)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            if sys.platform == "win32":
                file.close()  # there an open file cannot be renamed
            yield lambda: os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ByhandError(f"cannot write {path}: {reason}; nothing was changed: free space or choose another place") from error
    finally:
        if temporary:
            with suppress(OSError):  # the usual case: it has its name by now
                os.unlink(temporary)


def clear_parts(folder: Path, names: Iterable[str]) -> None:
    """Remove what killed writes of files of these names left in a folder; what a living process is writing stays."""
    wanted = set(names)
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            part = PART.fullmatch(entry.name)
            if part and part["name"] in wanted:
                with suppress(OSError):
                    _clear(entry.path)


def held(handle: int) -> bool:
    """Lock an open file for as long as it stays open or this process lives; False where another one holds it.

    Raises OSError on a file system that has no locks.
    """
    try:
        if sys.platform == "win32":
            os.lseek(handle, BEYOND, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def still_at(path: str | Path, handle: int) -> bool:
    """Whether the open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _temporary(path: Path) -> tuple[int, str]:
    """A new file beside `path`, locked. One that was cleared away before it was locked is made again."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        if sys.platform == "win32":
            return handle, name  # there an open file cannot be removed
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if still_at(name, handle):
            return handle, name
        os.close(handle)


def _clear(part: str) -> None:
    """Remove a temporary file that nobody is writing any more."""
    handle = os.open(part, os.O_RDWR)
    try:
        if _abandoned(handle):
            os.unlink(part)  # while we hold its lock: who has just made it finds it gone, and makes another
    finally:
        os.close(handle)


def _abandoned(handle: int) -> bool:
    if sys.platform != "win32":
        with suppress(OSError):
            return held(handle)
    return time.time() - os.fstat(handle).st_mtime > ABANDONED


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
