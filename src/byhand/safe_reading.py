"""Reading files that come from elsewhere: real files only, no more memory than they are worth, and every failure in one line.

Every reader of a file does its work inside `reading`. What a file promises (a length, a shape) is compared with what it holds
before any memory is taken, with `check_unpacked` where it is compressed.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from byhand.errors import ByhandError

# A compressed file may unpack to FREE bytes, or to DENSEST times its own size. Pictures of digits reach 6 times, tables of zeros
# and ones about 100 times; only bombs reach the 1,032 times that deflate can.
FREE, DENSEST = 64 << 20, 200


@contextmanager
def reading(path: Path, wrong: str, error: type[ByhandError], advice: str) -> Iterator[None]:
    """Inside, a file is read; raises `error` in one line for whatever goes wrong there.

    That a pipe, a device or a folder is no file is said before anything waits for it. `wrong` says of a file what it is when
    its reader fails, as in "is not a whole .npz", and `advice` what to do then.
    """
    check_is_file(path, error)
    try:
        yield
    except ByhandError:
        raise
    except MemoryError as caught:
        raise error(f"{path} needs more memory than there is: {advice}") from caught
    except OSError as caught:
        if caught.errno is None:  # it is the content that a library does not like, and not the file
            raise error(f"{path} {wrong} ({_reason(caught)}): {advice}") from caught
        raise error(f"cannot read {path}: {caught.strerror}") from caught
    except Exception as caught:  # libraries raise whatever a damaged file makes them stumble over
        raise error(f"{path} {wrong} ({_reason(caught)}): {advice}") from caught


def check_is_file(path: Path, error: type[ByhandError]) -> None:
    """Raise `error` where there is no file, or something that is none: a pipe would be waited for, /dev/zero never ends."""
    try:
        mode = path.stat().st_mode
    except OSError as caught:
        raise error(f"cannot read {path}: {caught.strerror or caught}") from caught
    except ValueError as caught:  # a null character
        raise error(f"cannot read {str(path)!r}: {caught}") from caught
    if stat.S_ISREG(mode):
        return
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    raise error(f"cannot read {path}: it is {kind}, not a file; save what it gives in a file, and give that")


def check_unpacked(path: Path, packed: int, unpacked: int, error: type[ByhandError]) -> None:
    """Raise `error` for a decompression bomb: a file whose `packed` bytes unpack to more than any real data would."""
    if unpacked > max(FREE, DENSEST * packed):
        raise error(
            f"{path} would unpack {packed:,} bytes to {unpacked:,}: that is a decompression bomb and no data; "
            "if they are yours, save them uncompressed"
        )


def _reason(caught: Exception) -> str:
    """What went wrong, in a line; it may quote anything from the file."""
    return " ".join(str(caught).split())[:200] or type(caught).__name__
