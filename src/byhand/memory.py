"""Large arrays are used again: a freed one goes to a pool, and the next one of its size is taken from there.

A fresh large array costs a page fault every 4 kB, about as much as filling it; a training step asks for the same sizes again
and again, so from its second step on it needs no fresh memory. A block returns to the pool by itself, when the last array
that looks into it is gone: nothing has to be released by hand, and nothing that is still in use is given out again.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from byhand.backend import Array

SMALLEST = 64 * 1024  # bytes; below, the system's allocator is quicker than this one
KEPT = 1024**3  # bytes that may lie idle before blocks are given back to the system
ALIGNED = 64  # bytes: a cache line, and the longest vector register


class _Slab:
    """Aligned memory."""

    __slots__ = ("_memory", "address", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._memory = np.empty(size + ALIGNED, np.uint8)
        self.address = -(-self._memory.ctypes.data // ALIGNED) * ALIGNED


class Pool:
    """The blocks that lie idle, by size.

    Attributes:
        fresh: how many blocks had to be made anew: constant while a training is in its steady state.
        idle: bytes in blocks that wait to be used again.
    """

    def __init__(self) -> None:
        self.fresh = self.idle = 0
        self._waiting: dict[int, list[_Slab]] = {}
        self._asked: dict[int, int] = {}  # when a size was last asked for, as a count of all questions
        self._questions = 0
        # A block may come back in the middle of anything (garbage collection inside `take`, say): hence re-entrant, and
        # no step below relies on the one before it having found the same blocks.
        self._lock = threading.RLock()

    def take(self, nbytes: int) -> _Slab:
        """Memory of at least this many bytes."""
        size = _size_class(nbytes)
        with self._lock:
            self._questions += 1
            self._asked[size] = self._questions
            waiting = self._waiting.get(size)
            if waiting:
                self.idle -= size
                return waiting.pop()
            self.fresh += 1
        try:
            return _Slab(size)
        except MemoryError:
            self.trim()
            return _Slab(size)

    def give_back(self, slab: _Slab) -> None:
        with self._lock:
            self._waiting.setdefault(slab.size, []).append(slab)
            self.idle += slab.size
            while self.idle > KEPT:
                self._drop_one()

    def _drop_one(self) -> None:
        """Give one block back to the system: of the size that nobody has asked for for the longest time."""
        size = min((size for size in list(self._waiting) if self._waiting[size]), key=self._asked.__getitem__)
        self.idle -= size
        self._waiting[size].pop()

    def trim(self) -> None:
        """Give all idle blocks back to the system."""
        with self._lock:
            for size, slabs in list(self._waiting.items()):
                while slabs:
                    self.idle -= size
                    slabs.pop()


def _size_class(nbytes: int) -> int:
    """Rounded up to an eighth of its power of two, so that nearly equal sizes share blocks.

    >>> _size_class(1000), _size_class(1024), _size_class(1030)
    (1024, 1024, 1152)
    """
    step = max(1, 2 ** (nbytes - 1).bit_length() // 16)
    return -(-nbytes // step) * step


pool = Pool()


class _Block:
    """Owner of pooled memory: the base of every array that looks into it; when the last one is gone, so is this."""

    __slots__ = ("__array_interface__", "_pool", "_slab")

    def __init__(self, pool: Pool, slab: _Slab, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._pool, self._slab = pool, slab
        self.__array_interface__ = {"shape": shape, "typestr": dtype.str, "data": (slab.address, False), "version": 3}

    def __del__(self, process_ends: Callable[[], bool] = sys.is_finalizing) -> None:
        if not process_ends():  # then this module's own names may be gone already, and all memory goes back anyway
            self._pool.give_back(self._slab)


def empty(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """`numpy.empty` from the pool: the values are whatever lay there before.

    >>> empty((256, 256)).shape
    (256, 256)
    """
    dtype = np.dtype(dtype)
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < SMALLEST:
        return np.empty(shape, dtype)
    return np.asarray(_Block(pool, pool.take(nbytes), shape, dtype))


def zeros(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """`numpy.zeros` from the pool."""
    found = empty(shape, dtype)
    found.fill(0)
    return found
