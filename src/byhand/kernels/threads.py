"""One pool of threads for all kernels: each thread takes its share of the images, and calls BLAS with one thread.

Compiled loops, BLAS and NumPy's own loops let go of the interpreter's lock, so plain Python threads run them side by side.
OpenBLAS has a pool of its own, whose threads spin while they wait: two pools on the same cores cost four times what they do
(measured: transforms and products of a convolution 2.9 ms apart, 13 ms together). So BLAS is held to one thread for as long
as a share is at work. `BYHAND_THREADS` sets how many threads there are; 1 turns them off.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any

from byhand.errors import ModelError

_inside = threading.local()


@cache
def count() -> int:
    """How many threads share the work: `BYHAND_THREADS`, or the cores that this process may use."""
    wanted = os.environ.get("BYHAND_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ModelError(f"BYHAND_THREADS must be a number of threads, 1 or more, got {wanted!r}")
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parallel(function: Callable[[int, int], Any], n: int, least: int = 1, alone: bool = False) -> list[Any]:
    """`function(begin, end)` over shares of range(n), one share a thread; what each returned, in the shares' order.

    The shares depend on n and the number of threads alone, so sums over them have the same bits every time.
    `least`: a share smaller than this is not worth a thread. `alone`: what a share does keeps to its thread even where there is
    only one share, so that its bits do not depend on how many there are.

    >>> parallel(lambda begin, end: sum(range(begin, end)), 10, least=10)
    [45]
    """
    shares = max(1, min(count(), n // max(1, least)))
    if getattr(_inside, "yes", False) or (shares == 1 and not alone):
        return [function(0, n)]
    edges = [n * share // shares for share in range(shares + 1)]
    with one_blas_thread():
        # A copied context, so that numpy.errstate holds in the other threads as well.
        waiting = [
            _threads().submit(contextvars.copy_context().run, _share, function, begin, end) for begin, end in pairwise(edges[1:])
        ]
        try:
            mine = _share(function, edges[0], edges[1])
        finally:
            # Even when this share failed: the others may still write into arrays that the caller would free.
            wait(waiting)
    return [mine, *(future.result() for future in waiting)]


def _share(function: Callable[[int, int], Any], begin: int, end: int) -> Any:
    _inside.yes = True
    try:
        return function(begin, end)
    finally:
        _inside.yes = False


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count() - 1, thread_name_prefix="byhand")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a forked child has the pool's queue, but none of its threads


@cache
def _blas() -> list[Any]:
    from threadpoolctl import ThreadpoolController

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


_holding = threading.Lock()
_holders = 0
_before: list[int] = []


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS with one thread while this is open; the last one out gives it its threads back."""
    global _holders, _before  # noqa: PLW0603 - BLAS's setting is global too
    with _holding:
        if _holders == 0:
            _before = [library.get_num_threads() for library in _blas()]
            _set_blas([1] * len(_before))
        _holders += 1
    try:
        yield
    finally:
        with _holding:
            _holders -= 1
            if _holders == 0:
                _set_blas(_before)


@contextmanager
def one_thread() -> Iterator[None]:
    """This thread computes alone while this is open, BLAS included: what it computes does not depend on how many there are."""
    before = getattr(_inside, "yes", False)
    _inside.yes = True
    try:
        with one_blas_thread():
            yield
    finally:
        _inside.yes = before


def _set_blas(threads: list[int]) -> None:
    """Set each library's number, whichever thread this is.

    threadpoolctl 3.8 lets only the first thread that ever set OpenBLAS's do so again, and ignores all others in silence, until
    that one is released. Here whoever begins to hold BLAS need not be who ends: a server's threads take turns, under a lock.
    """
    for library, n in zip(_blas(), threads, strict=True):
        release = getattr(library, "clear_controlling_thread", lambda force: None)
        release(force=True)
        library.set_num_threads(n)
        release(force=True)
