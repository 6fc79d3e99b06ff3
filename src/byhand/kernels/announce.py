"""The first use on a machine compiles the kernels, which takes seconds: whoever waits is told what for, once."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from numba.core import event


class _Announcer(event.Listener):
    """Speaks when Numba begins to compile; what comes from its cache on disk is not compiled, and nothing is said."""

    said = False

    def on_start(self, event: Any) -> None:
        if not self.said:
            self.said = True
            print("byhand: compiling fast kernels for this machine; once, it takes seconds ...", file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        pass


@cache
def announce_compiling() -> None:
    """From now on, say it."""
    event.register("numba:compile", _Announcer())
