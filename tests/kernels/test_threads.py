"""One pool of threads: every number of a range is worked on once, faults reach whoever asked, and BLAS gets its threads back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byhand.errors import ModelError
from byhand.kernels import threads
from byhand.kernels.threads import count, one_blas_thread, parallel

pytestmark = pytest.mark.usefixtures("two_blas_threads")


def forget() -> None:
    """What is decided once a process is decided anew."""
    if threads._threads.cache_info().currsize:
        threads._threads().shutdown()
    threads._threads.cache_clear()
    count.cache_clear()


@pytest.fixture
def with_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], None]]:
    def set_to(n: Any) -> None:
        forget()
        monkeypatch.setenv("BYHAND_THREADS", str(n))

    yield set_to
    monkeypatch.undo()
    forget()


def blas() -> list[int]:
    return [library.get_num_threads() for library in threads._blas()]


# ---------------------------------------------------------------- how many


def test_there_are_as_many_threads_as_are_asked_for(with_threads: Any) -> None:
    for n in (1, 2, 7):
        with_threads(n)
        assert count() == n


def test_there_are_as_many_as_cores_otherwise(with_threads: Any) -> None:
    with_threads("")
    assert count() == (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5", " "])
def test_another_number_of_threads_is_refused(wrong: str, with_threads: Any) -> None:
    with_threads(wrong)
    with pytest.raises(ModelError, match=f"BYHAND_THREADS must be a number of threads, 1 or more, got '{wrong}'"):
        count()


# ---------------------------------------------------------------- shares


@given(n=st.integers(0, 1000), least=st.integers(-1, 400))
def test_the_shares_follow_each_other_and_cover_everything(n: int, least: int) -> None:
    shares = parallel(lambda begin, end: (begin, end), n, least)
    assert shares[0][0] == 0 and shares[-1][1] == n
    assert all(one[1] == other[0] for one, other in pairwise(shares))
    assert 1 <= len(shares) <= count()
    assert len(shares) == 1 or min(end - begin for begin, end in shares) >= max(1, least)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5])
def test_every_number_is_worked_on_once_whatever_the_number_of_threads(n_threads: int, with_threads: Any) -> None:
    with_threads(n_threads)
    for n in (0, 1, 2, 4, 1001):
        seen = np.zeros(n, int)

        def work(begin: int, end: int, seen: Any = seen) -> int:
            seen[begin:end] += 1
            return end - begin

        assert sum(parallel(work, n)) == n
        assert (seen == 1).all()


def test_results_come_in_the_order_of_the_shares_not_of_their_ends(with_threads: Any) -> None:
    with_threads(3)

    def work(begin: int, end: int) -> int:
        time.sleep(0.05 if begin == 0 else 0)
        return begin

    assert parallel(work, 9) == [0, 3, 6]


def test_the_shares_run_side_by_side(with_threads: Any) -> None:
    with_threads(3)
    meeting = threading.Barrier(3, timeout=10)  # breaks unless all three are there at once
    assert len(parallel(lambda begin, end: meeting.wait(), 3)) == 3


def test_one_share_runs_where_it_was_asked_for(with_threads: Any) -> None:
    with_threads(3)
    me = threading.get_ident()
    assert parallel(lambda begin, end: threading.get_ident(), 10, least=10) == [me]
    with_threads(1)
    assert parallel(lambda begin, end: threading.get_ident(), 10) == [me]


def test_parallel_inside_a_share_runs_in_that_share(with_threads: Any) -> None:
    with_threads(2)

    def outer(begin: int, end: int) -> list[Any]:
        return [threading.get_ident(), *parallel(lambda b, e: (b, e, threading.get_ident()), 100)]

    for mine, (begin, end, inner) in parallel(outer, 2):
        assert (begin, end) == (0, 100) and inner == mine
    assert len(parallel(lambda begin, end: None, 2)) == 2  # and outside it is shared again


def test_many_callers_at_once_all_get_their_results(with_threads: Any) -> None:
    with_threads(2)
    found: dict[int, Any] = {}

    def call(i: int) -> None:
        found[i] = [sum(parallel(lambda begin, end: sum(range(begin, end)), 1000 + i)) for _ in range(30)]

    callers = [threading.Thread(target=call, args=(i,)) for i in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert found == {i: [sum(range(1000 + i))] * 30 for i in range(6)}


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize("faulty", [0, 1, 2])
def test_a_fault_in_any_share_reaches_the_caller_after_all_are_done(faulty: int, with_threads: Any) -> None:
    with_threads(3)
    done: list[int] = []

    def work(begin: int, end: int) -> None:
        if begin == faulty:
            raise KeyError(f"share {begin}")
        time.sleep(0.02)
        done.append(begin)

    with pytest.raises(KeyError, match=f"share {faulty}"):
        parallel(work, 3)
    assert sorted(done) == [share for share in range(3) if share != faulty]
    assert parallel(lambda begin, end: begin, 3) == [0, 1, 2]


def test_the_faults_of_several_shares_are_one_fault(with_threads: Any) -> None:
    with_threads(3)
    with pytest.raises(ZeroDivisionError):
        parallel(lambda begin, end: 1 // 0, 3)


def test_the_callers_error_state_holds_in_every_share(with_threads: Any) -> None:
    with_threads(2)
    zero = np.zeros(1)
    with np.errstate(divide="ignore"):
        assert all(np.isinf(found).all() for found in parallel(lambda begin, end: 1 / zero, 2))
    for faulty in (0, 1):
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
            parallel(lambda begin, end, faulty=faulty: 1 / zero if begin == faulty else None, 2)


def test_the_callers_context_is_seen_in_every_share_and_left_alone(with_threads: Any) -> None:
    with_threads(2)
    here: ContextVar[str] = ContextVar("here", default="nowhere")
    token = here.set("outside")

    def work(begin: int, end: int) -> str:
        seen = here.get()
        if begin:
            here.set("inside")
        return seen

    assert parallel(work, 2) == ["outside", "outside"]
    assert here.get() == "outside"
    here.reset(token)


# ---------------------------------------------------------------- BLAS


def test_blas_has_one_thread_inside_shares_and_its_own_again_afterwards(with_threads: Any) -> None:
    with_threads(2)
    before = blas()
    assert parallel(lambda begin, end: blas(), 2) == [[1] * len(before)] * 2
    assert blas() == before
    with pytest.raises(KeyError):
        parallel(lambda begin, end: {}[begin], 2)
    assert blas() == before


def test_holding_blas_to_one_thread_may_be_nested_and_ends_with_the_last(with_threads: Any) -> None:
    before = blas()
    with one_blas_thread():
        with one_blas_thread():
            assert set(blas()) == {1}
        assert set(blas()) == {1}
        with pytest.raises(KeyError), one_blas_thread():
            raise KeyError
        assert set(blas()) == {1}
    assert blas() == before


def test_two_threads_that_hold_blas_give_its_threads_back_when_both_are_done() -> None:
    before = blas()
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with one_blas_thread():
            first_in.set()
            second_in.wait(10)
        first_out.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert first_in.wait(10)
    with one_blas_thread():
        second_in.set()
        assert first_out.wait(10)
        assert set(blas()) == {1}  # though the one that began it is out
    thread.join()
    assert blas() == before


def test_any_thread_may_hold_blas_though_another_did_before() -> None:
    """A network trained in a server's thread, after the main one used BLAS: its products would fight with the shares."""
    before, seen = blas(), []
    with one_blas_thread():
        pass

    def other() -> None:
        with one_blas_thread():
            seen.append(blas())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [[1] * len(before)] and blas() == before


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system starts no copies of processes")
def test_a_forked_child_has_threads_of_its_own() -> None:
    program = (
        "import os, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from byhand.kernels.threads import parallel\n"
        "assert parallel(lambda b, e: e - b, 10) == [5, 5]\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if parallel(lambda b, e: e - b, 10) == [5, 5] else 1)\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    made = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "BYHAND_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert made.stdout.strip() == "0"
