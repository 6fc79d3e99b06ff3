"""Functions over large arrays: the same numbers as NumPy's, whatever the number of threads, from the pool where that pays."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byhand import memory
from byhand.engine import threaded
from byhand.engine.threaded import add_into, apply, new, product
from byhand.kernels import threads

SIZES = [0, 1, 3, memory.SMALLEST // 8, threaded.WORTH_THREADS - 1, threaded.WORTH_THREADS, 3 * threaded.WORTH_THREADS + 1]


def pooled(array: Any) -> bool:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return type(array.base).__name__ == "_Block"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_applying_a_function_gives_numpys_bits(size: int, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(size).astype(dtype), rng.random(size).astype(dtype)
    for arrays in [(a, b), (a, 2.0), (2.0, a), (a, np.asarray(0.5, dtype)), (a, a), (a[::-1], b)]:
        found = apply(np.multiply, *arrays)
        assert found.dtype == dtype and found.tobytes() == np.multiply(*arrays).tobytes()
    assert apply(np.sqrt, a).tobytes() == np.sqrt(a).tobytes()


@given(rows=st.sampled_from([1, 7, 600]), columns=st.sampled_from([1, 5, 700]), layout=st.sampled_from("CF"))
def test_broadcasting_and_other_layouts_give_numpys_numbers(rows: int, columns: int, layout: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = np.asarray(rng.random((rows, columns)), order=layout), rng.random(columns)
    for arrays in [(a, b), (b, a), (a, a.T.copy().T), (a, rng.random((rows, 1)))]:
        assert np.array_equal(apply(np.add, *arrays), np.add(*arrays))


def test_large_results_come_from_the_pool_and_small_ones_do_not() -> None:
    assert pooled(apply(np.negative, np.ones(memory.SMALLEST // 4, np.float32)))
    assert not pooled(apply(np.negative, np.ones(memory.SMALLEST // 4 - 1, np.float32)))
    assert pooled(new(np.ones((200, 200)))) and not pooled(new(np.ones((2, 2))))
    assert new(np.ones(3, np.float32), (5, 6)).shape == (5, 6) and new(np.ones(3, np.float32)).dtype == np.float32


def test_what_would_change_its_type_is_left_to_numpy() -> None:
    a = np.ones(memory.SMALLEST, np.float32)
    assert apply(np.multiply, a, np.ones(len(a))).dtype == np.float64
    assert apply(np.multiply, a, np.ones(len(a), bool)).dtype == np.float32
    assert apply(np.divide, np.arange(len(a)), 2).tolist() == (np.arange(len(a)) / 2).tolist()


def test_shares_run_in_other_threads_and_keep_the_error_state() -> None:
    a = np.zeros(2 * threaded.WORTH_THREADS)
    with np.errstate(divide="ignore"):
        assert np.isinf(apply(np.divide, a + 1, a)).all()
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        apply(np.divide, a + 1, a)


@given(
    m=st.sampled_from([0, 1, 2, 90, 300]),
    k=st.sampled_from([0, 1, 3, 100, 260]),
    n=st.sampled_from([0, 1, 4, 80, 310]),
    dtype=st.sampled_from([np.float32, np.float64]),
    turned=st.booleans(),
)
def test_a_product_is_numpys(m: int, k: int, n: int, dtype: Any, turned: bool) -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((m, k)).astype(dtype)
    b = rng.standard_normal((n, k) if turned else (k, n)).astype(dtype)
    b = b.T if turned else b
    found = product(a, b)
    assert found.shape == (m, n) and found.dtype == dtype
    assert np.allclose(
        found, a.astype(np.float64) @ b, rtol=1e-4 if dtype is np.float32 else 1e-11, atol=1e-3 if dtype is np.float32 else 1e-11
    )


def test_a_product_of_two_types_is_in_the_wider() -> None:
    found = product(np.ones((2, 3), np.float32), np.ones((3, 2)))
    assert found.dtype == np.float64 and found.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_a_product_leaves_blas_its_threads(two_blas_threads: None) -> None:
    before = [library.get_num_threads() for library in threads._blas()]
    for shape in [(10, 10), (150, 150), (400, 400), (3, 150, 150), (2, 2, 5, 5)]:
        product(np.ones(shape), np.ones(shape))
        assert [library.get_num_threads() for library in threads._blas()] == before


PROGRAM = """
import hashlib
import numpy as np
from byhand.engine import Tensor, ops
from byhand.kernels.threads import count
rng = np.random.default_rng(0)
x, w = rng.standard_normal((600, 700)).astype(np.float32), rng.standard_normal((500, 700)).astype(np.float32)
wide = rng.standard_normal((1000, 900)).astype(np.float32)
leaves = [Tensor(array, requires_grad=True) for array in (x, w, wide)]
a = ops.tanh(ops.linear(leaves[0], leaves[1])) * 1.5
cost = ops.mse_loss(a, np.zeros((600, 500), np.float32)) + (leaves[2].exp() / (leaves[2] * leaves[2] + 1.0)).mean()
cost.backward()
print(count(), cost.item(), hashlib.sha256(b"".join(leaf.grad.tobytes() for leaf in leaves)).hexdigest())
print([float(np.abs(leaf.grad).sum()) for leaf in leaves])
"""


def run(n: int) -> tuple[int, float, str, list[float]]:
    # As outside the tests, which hold BLAS to one thread where they run side by side.
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment | {"BYHAND_THREADS": str(n)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = made.stdout.splitlines()
    threads_used, cost, bits = first.split()
    return int(threads_used), float(cost), bits, [float(number) for number in second.strip("[]").split(",")]


@pytest.mark.slow
def test_one_thread_and_two_agree_and_each_repeats_its_bits() -> None:
    one, two, again = run(1), run(2), run(2)
    assert (one[0], two[0]) == (1, 2)
    assert two == again
    assert two[1] == pytest.approx(one[1], rel=1e-6) and two[3] == pytest.approx(one[3], rel=1e-5)


@pytest.mark.slow
def test_many_threads_of_ones_own_may_compute_at_once() -> None:
    a = np.random.default_rng(0).standard_normal((500, 500))
    expected, found = a @ a, {}

    def work(i: int) -> None:
        for _ in range(5):
            found[i] = apply(np.add, product(a, a), np.float64(i))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(np.allclose(found[i], expected + i, rtol=1e-12, atol=1e-9) for i in range(4))


@pytest.mark.parametrize("shape", [(700, 400), (64, 70, 80), (3, 100_000)])
def test_strided_and_broadcast_arrays_give_numpys_bits(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    a = rng.random(shape)
    last, first = rng.random(shape[-1]), rng.random((shape[0],) + (1,) * (len(shape) - 1))
    wide = rng.random((*shape[:-1], 2 * shape[-1]))[..., ::2]
    for other in (last, first, wide, last.reshape((1,) * (len(shape) - 1) + (-1,)), np.asfortranarray(a)):
        for arrays in ((a, other), (wide, other)):
            assert np.array_equal(apply(np.add, *arrays), np.add(*arrays))
    assert np.array_equal(apply(np.add, last, a), last + a)  # the other way round there is no shape to write into
    total = a.copy()
    add_into(total, wide)
    assert np.array_equal(total, a + wide)
