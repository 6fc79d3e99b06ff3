"""What a gradient needs must still be what it was when the op ran: a mark of it is kept, and looked at before the gradient.

Tensors know when they were changed by `+=` or `x[...] = y`. But the numbers of an op may also be changed behind its back: arrays
that were handed in, a tensor's `.data`, indices, targets, parameters that an optimiser updates. So a mark is taken of every array
that an op saved and somebody else can reach: of a small one a copy of its bytes, of a large one a checksum, which costs one pass
at the speed of memory. Arrays that the op made for itself need none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from byhand import kernels
from byhand.kernels.reference.checksum import LANES
from byhand.memory import SMALLEST

ROW = 4 * LANES  # bytes
NO_ARRAYS = {int, float, bool, str, type(None)}
FLAT = NO_ARRAYS | {np.ndarray}  # what most ops save: arrays, and numbers beside them
Mark = tuple[Any, Any]  # an array, and what it was like

_marking: ContextVar[bool] = ContextVar("marking", default=True)
marking = _marking.get  # whether marks are taken now


@contextmanager
def unmarked() -> Iterator[None]:
    """Take no marks: where nobody comes between an op and its gradient."""
    token = _marking.set(False)
    try:
        yield
    finally:
        _marking.reset(token)


def owner(array: Any) -> Any:
    """The array that owns the memory which this one looks into."""
    while isinstance(array.base, np.ndarray | type(array)):  # or CuPy's
        array = array.base
    return array


def marks(saved: Any, inputs: list[Any], options: dict[str, Any], value: Any) -> tuple[Mark, ...]:
    """Of all arrays in what an op saved for its gradient, that its caller can reach."""
    found: list[Mark] = []
    owners: set[int] | None = None
    reached = {id(value), *map(id, inputs)}
    for array in saved if type(saved) is tuple and FLAT.issuperset(map(type, saved)) else _arrays(saved):
        if type(array) in NO_ARRAYS:
            continue
        if id(array) not in reached:
            if owners is None:
                owners = {id(owner(one)) for one in _arrays([value, inputs, list(options.values())])}
            if id(owner(array)) not in owners:
                continue
        found.append((array, array.tobytes() if array.nbytes < SMALLEST else _mark(array)))
    return tuple(found)


def changed(marks: tuple[Mark, ...]) -> bool:
    """Whether one of the arrays is no longer what it was."""
    return any(_mark(array) != was for array, was in marks)


def _arrays(given: Any) -> Iterator[Any]:
    """All arrays in nested tuples and lists."""
    if isinstance(given, np.ndarray):
        yield given
    elif isinstance(given, tuple | list):
        for one in given:
            if not isinstance(one, int | float):
                yield from _arrays(one)
    elif hasattr(given, "changed"):
        yield given.data


def _mark(array: Any) -> bytes:
    if array.nbytes < SMALLEST:
        return bytes(array.tobytes())
    flat = (array.T if array.flags.f_contiguous else np.ascontiguousarray(array)).reshape(-1)
    if flat.ctypes.data % 4:
        flat = flat.copy()
    whole = flat.nbytes // ROW * ROW
    flat = flat.view(np.uint8)
    words = flat[:whole].view(np.uint32).reshape(-1, LANES)
    return bytes(kernels.family("checksum").checksum(words).tobytes() + flat[whole:].tobytes())
