"""A folder for what a server puts down while it runs: its owner's alone, and gone with the server.

What a killed server left is cleared away by the next one.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

NAME = re.compile(r"byhand-page-(\d+)-.+")


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A new folder, of this process."""
    _sweep()
    return tempfile.TemporaryDirectory(prefix=f"byhand-page-{os.getpid()}-", ignore_cleanup_errors=True)


def _sweep() -> None:
    """Remove the folders of processes of this user that are no more."""
    with contextlib.suppress(OSError):
        for path in Path(tempfile.gettempdir()).iterdir():
            found = NAME.fullmatch(path.name)
            if found and not _alive(int(found[1])):
                shutil.rmtree(path, ignore_errors=True)  # another user's cannot be removed


def _alive(number: int) -> bool:
    if os.name == "nt":
        return True  # where asking with a signal would end it
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
