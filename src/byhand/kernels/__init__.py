"""Hot loops, compiled. Each does the arithmetic of its NumPy reference in the same order, so that the bits are the same.

Numba is imported only when a loop is first wanted; without it, or with BYHAND_KERNELS=numpy, the references serve.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

SMALLEST = 8_192  # parameters below which a compiled pass saves less than calling it costs


def _compiling() -> bool:
    return os.environ.get("BYHAND_KERNELS") != "numpy" and find_spec("numba") is not None


@cache
def compiled_adam() -> Callable[..., Any] | None:
    """`byhand.kernels.cpu.adam`, or None where nothing is compiled: its reference stands in `byhand.optim`."""
    if not _compiling():
        return None
    from byhand.kernels.cpu import adam

    return adam


@cache
def warp() -> Callable[..., Any]:
    """The warp of images, compiled where that is to be had."""
    found: Any
    if _compiling():
        from byhand.kernels import cpu as found
    else:
        from byhand.kernels import reference as found
    return found.warp
