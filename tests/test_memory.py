"""The pool of memory: what is in use is never given out again, and what is free is used again before anything is made."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from byhand import memory
from byhand.memory import ALIGNED, KEPT, SMALLEST, Pool, _size_class


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    """A pool of one's own; arrays of it must be gone when the test ends."""
    fresh = Pool()
    monkeypatch.setattr(memory, "pool", fresh)
    return fresh


def address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


# ---------------------------------------------------------------- what an array of the pool is


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, np.bool_])
@pytest.mark.parametrize("shape", [(SMALLEST,), (3, SMALLEST), (2, 3, 5, SMALLEST)])
def test_an_array_of_the_pool_is_an_array_like_any(shape: tuple[int, ...], dtype: Any) -> None:
    found = memory.empty(shape, dtype)
    plain = np.empty(shape, dtype)
    assert (found.shape, found.dtype, found.strides) == (plain.shape, plain.dtype, plain.strides)
    assert found.flags.c_contiguous and found.flags.writeable and found.flags.aligned
    assert address(found) % ALIGNED == 0
    found[...] = 1
    assert found.all()


@pytest.mark.parametrize("shape", [(), (0,), (5, 0, 3), (1,), (SMALLEST // 4 - 1,)])
def test_small_arrays_are_the_systems(shape: tuple[int, ...], pool: Pool) -> None:
    found = memory.empty(shape)
    assert found.shape == shape and found.base is None and pool.fresh == 0


def test_zeros_are_zero_though_the_block_was_used(pool: Pool) -> None:
    memory.empty((SMALLEST,))[...] = 7
    assert not memory.zeros((SMALLEST,)).any()
    assert pool.fresh == 1


# ---------------------------------------------------------------- using again


def test_a_freed_block_is_the_next_one(pool: Pool) -> None:
    first = memory.empty((300, 100))
    where = address(first)
    del first
    assert pool.idle == _size_class(120_000)
    assert address(memory.empty((100, 300))) == where
    assert pool.fresh == 1


def test_a_view_keeps_the_whole_block(pool: Pool) -> None:
    whole = memory.zeros((300, 100))
    view = whole.reshape(-1)[5:].reshape(5, -1)[::2].T
    del whole
    assert pool.idle == 0
    other = memory.empty((300, 100))
    other[...] = 1
    assert not np.shares_memory(view, other) and not view.any()
    del view, other
    assert pool.idle == 2 * _size_class(120_000)


def test_nearly_equal_sizes_share_a_block(pool: Pool) -> None:
    sizes = [100_001, 104_000, 106_496]
    assert len({_size_class(size) for size in sizes}) == 1
    for size in sizes:
        del_me = memory.empty((size,), np.uint8)
        del del_me
    assert pool.fresh == 1


@given(nbytes=st.integers(1, 2**45))
def test_a_size_class_holds_what_it_is_for_and_wastes_an_eighth_at_most(nbytes: int) -> None:
    size = _size_class(nbytes)
    assert nbytes <= size < nbytes * 1.125 + 1
    assert _size_class(size) == size
    assert _size_class(nbytes + 1) >= size


def test_trimming_gives_the_idle_back_and_leaves_the_rest(pool: Pool) -> None:
    kept, freed = memory.zeros((SMALLEST,)), memory.zeros((SMALLEST,))
    del freed
    pool.trim()
    assert pool.idle == 0
    memory.empty((SMALLEST,))[...] = 1
    assert pool.fresh == 3 and not kept.any()


def test_no_more_lies_idle_than_may(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEPT", 5 * SMALLEST)
    arrays = [memory.empty((SMALLEST,), np.uint8) for _ in range(9)]
    arrays.clear()
    assert pool.idle == 5 * SMALLEST


def test_blocks_of_another_time_give_way_to_those_of_now(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second training in the same process wants other sizes: what the first one left must not lie there for ever."""
    monkeypatch.setattr(memory, "KEPT", 6 * SMALLEST)
    first = [memory.empty((2 * SMALLEST,), np.uint8) for _ in range(3)]
    first.clear()
    assert pool.idle == 6 * SMALLEST

    def step() -> None:
        arrays = [memory.empty((SMALLEST,), np.uint8) for _ in range(4)]
        arrays.clear()

    step()
    before = pool.fresh
    for _ in range(5):
        step()
    assert pool.fresh == before
    assert pool.idle <= 6 * SMALLEST


@pytest.mark.slow
def test_memory_that_is_not_to_be_had_is_told_and_breaks_nothing(pool: Pool) -> None:
    with pytest.raises(MemoryError):
        memory.empty((2**60,), np.uint8)
    gc.collect()
    assert pool.idle == 0
    assert memory.empty((SMALLEST,)).size == SMALLEST


# ---------------------------------------------------------------- whatever is done in whatever order


class Using(RuleBasedStateMachine):
    """Arrays are made, looked into, filled and forgotten at random; each keeps the number that it was filled with."""

    def __init__(self) -> None:
        super().__init__()
        self.before = memory.pool
        memory.pool = Pool()
        self.arrays: list[tuple[Any, int]] = []
        self.number = 0

    @initialize()
    def begin(self) -> None:
        assert (memory.pool.fresh, memory.pool.idle) == (0, 0)

    @rule(size=st.sampled_from([SMALLEST, SMALLEST + 1, SMALLEST + 5000, 2 * SMALLEST, 3 * SMALLEST]))
    def make(self, size: int) -> None:
        self.number = (self.number + 1) % 251
        array = memory.empty((size,), np.uint8)
        array.fill(self.number)
        self.arrays.append((array, self.number))

    @precondition(lambda self: self.arrays)
    @rule(which=st.randoms(use_true_random=False))
    def forget(self, which: random.Random) -> None:
        self.arrays.pop(which.randrange(len(self.arrays)))

    @precondition(lambda self: self.arrays)
    @rule(which=st.randoms(use_true_random=False), begin=st.integers(0, 100), step=st.sampled_from([1, 2, -1]))
    def look_into(self, which: random.Random, begin: int, step: int) -> None:
        """A part takes the place of the whole."""
        i = which.randrange(len(self.arrays))
        array, number = self.arrays[i]
        self.arrays[i] = array[min(begin, array.size - 1) :: step], number

    @rule()
    def forget_a_ring(self) -> None:
        """An array that only the garbage collector can free, whenever it likes."""
        ring: list[Any] = [memory.empty((SMALLEST,), np.uint8)]
        ring.append(ring)

    @rule()
    def collect(self) -> None:
        gc.collect(1)

    @rule()
    def trim(self) -> None:
        memory.pool.trim()
        assert memory.pool.idle == 0

    @invariant()
    def every_array_has_its_numbers(self) -> None:
        for array, number in self.arrays:
            assert array[0] == array[-1] == array[array.size // 2] == number

    @invariant()
    def the_counters_are_right(self) -> None:
        assert memory.pool.idle == sum(slab.size for slabs in memory.pool._waiting.values() for slab in slabs)

    def teardown(self) -> None:
        for array, number in self.arrays:
            assert (array == number).all()
        self.arrays.clear()
        memory.pool = self.before


TestUsing = Using.TestCase
TestUsing.settings = settings(max_examples=30, stateful_step_count=40)


@pytest.mark.slow
def test_threads_never_share_a_block_and_may_free_each_others(pool: Pool) -> None:
    wrong: list[str] = []
    handed: list[Any] = []

    def work(number: int) -> None:
        rng = random.Random(number)
        mine: list[Any] = []
        for _ in range(400):
            array = memory.empty((SMALLEST + rng.choice([0, 5000]),), np.uint8)
            array.fill(number)
            mine.append(array)
            if len(mine) > 4:
                old = mine.pop(rng.randrange(len(mine)))
                if not (old == number).all():
                    wrong.append(f"thread {number}")
                handed.append(old)  # whoever pops it frees it
                del old
            if len(handed) > 8:
                with contextlib.suppress(IndexError):
                    handed.pop()
            if rng.random() < 0.01:
                gc.collect(1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    handed.clear()
    gc.collect()
    assert pool.idle == sum(slab.size for slabs in pool._waiting.values() for slab in slabs)
    assert 0 < pool.fresh < 100  # of 1,600


@pytest.mark.slow
def test_garbage_collected_in_the_middle_of_taking_loses_no_block(pool: Pool) -> None:
    """A list that is made inside the pool may set the collector off, and that may bring a block back: of the same size, here."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.set_threshold(1)  # as often as can be
    try:
        for i in range(200):
            ring: list[Any] = [memory.empty((SMALLEST + 8192 * (i % 7),), np.uint8)]
            ring.append(ring)
            del ring
            if i % 50 == 0:
                pool.trim()
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert pool.idle == sum(slab.size for slabs in pool._waiting.values() for slab in slabs)


def test_the_process_ends_in_silence_with_arrays_still_in_use() -> None:
    program = (
        "import atexit, sys\n"
        "from byhand import memory\n"
        "kept = [memory.zeros((100, 1000)) for _ in range(3)]\n"
        "ring = [memory.zeros((100, 1000))]\n"
        "ring.append(ring)\n"
        "class Late:\n"
        "    def __init__(self): self.array = memory.zeros((100, 1000))\n"
        "sys.late = Late()\n"  # goes when sys goes: after most modules
        "atexit.register(lambda: memory.zeros((100, 1000)))\n"
    )
    made = subprocess.run([sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, check=False)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")


@pytest.mark.slow
def test_the_process_ends_in_silence_where_arrays_outlive_the_pools_own_module() -> None:
    program = (
        "import numpy as np\n"
        "from byhand.engine import Tensor\n"
        "np.late = (Tensor(np.ones((300, 300)), requires_grad=True) * 2).exp()\n"
    )
    made = subprocess.run([sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, check=False)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")


def test_a_gigabyte_is_kept_at_most() -> None:
    assert KEPT == 1024**3
