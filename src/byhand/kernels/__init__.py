"""Hot loops, compiled. Each computes what its NumPy reference defines.

Adam and the warps do the same arithmetic in the same order, and the sigmoid takes NumPy's own steps: their bits are the same.
The others add in another order or take another way (Winograd's, an exponential of our own), and agree to rounding.
Numba is imported only when a loop is first wanted; without it, or with BYHAND_KERNELS=numpy, the references serve.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from byhand.backend import Array, array_module

SMALLEST = 8_192  # numbers below which a compiled pass saves less than calling it costs, and loading Numba far more
WITHOUT_NEIGHBOURS = {"elementwise", "norm"}  # families whose references are a few passes of NumPy


def _compiling() -> bool:
    return os.environ.get("BYHAND_KERNELS") != "numpy" and find_spec("numba") is not None


@cache
def _numba_works() -> bool:
    """Numba can be imported: it refuses versions of NumPy that it does not know, and may be half installed."""
    try:
        import numba  # noqa: F401
    except Exception as error:
        reason = str(error).partition("\n")[0]
        print(f"byhand: Numba cannot be used ({reason}): NumPy computes everything, slower", file=sys.stderr, flush=True)
        return False
    return True


@cache
def compiled_adam() -> Callable[..., Any] | None:
    """`byhand.kernels.cpu.adam`, or None where nothing is compiled: its reference stands in `byhand.optim`."""
    if not _compiling() or not _numba_works():
        return None
    from byhand.kernels.announce import announce_compiling
    from byhand.kernels.cpu.adam import adam

    announce_compiling()

    return adam


@cache
def warp() -> Callable[..., Any]:
    """The warp of images, compiled where that is to be had."""
    found: Callable[..., Any] = family("warp").warp
    return found


def family(name: str, x: Array | None = None) -> Any:
    """The module with the kernels of this family: the compiled one for NumPy's arrays, where there is one, else the reference.

    The reference serves arrays on a GPU as well, and small ones where it is hardly slower.
    """
    on_cpu = x is None or array_module(x) is np
    small = x is not None and name in WITHOUT_NEIGHBOURS and x.size < SMALLEST
    return _module(name, on_cpu and not small and _compiling())


@cache
def _module(name: str, compiled: bool) -> Any:
    if compiled and find_spec(f"byhand.kernels.cpu.{name}") is not None and _numba_works():
        from byhand.kernels.announce import announce_compiling

        announce_compiling()
        return import_module(f"byhand.kernels.cpu.{name}")
    return import_module(f"byhand.kernels.reference.{name}")
