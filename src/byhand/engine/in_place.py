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
    for array in saved if isinstance(saved, tuple | list) else _arrays(saved):
        if not isinstance(array, np.ndarray):  # a number, an array on the GPU, or a nest
            if type(array) not in NO_ARRAYS:
                found += marks([*_arrays(array)], inputs, options, value)
            continue
        if array is not value:
            for given in inputs:  # compared by identity: `in` would compare numbers
                if given is array:
                    break
            else:
                if owners is None:
                    owners = {id(owner(one)) for one in _arrays([value, inputs, list(options.values())])}
                if id(owner(array)) not in owners:
                    continue
        found.append((array, array.tobytes() if array.nbytes < SMALLEST else _mark(array)))
    return tuple(found)


def changed(marks: tuple[Mark, ...]) -> bool:
    """Whether one of the arrays is no longer what it was."""
    for array, was in marks:  # noqa: SIM110 - a generator would cost an op on one number a tenth of its time
        if (array.tobytes() if array.nbytes < SMALLEST else _mark(array)) != was:
            return True
    return False


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
    """The checksum of a large array; a small one is its own mark."""
    flat = (array.T if array.flags.f_contiguous else np.ascontiguousarray(array)).reshape(-1)
    if flat.ctypes.data % 4:
        flat = flat.copy()
    whole = flat.nbytes // ROW * ROW
    flat = flat.view(np.uint8)
    words = flat[:whole].view(np.uint32).reshape(-1, LANES)
    return bytes(kernels.family("checksum").checksum(words).tobytes() + flat[whole:].tobytes())
