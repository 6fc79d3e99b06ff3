"""Products of matrices: known ones, large ones in shares, and shapes that do not fit. (Gradients: `test_every_op`.)"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, ops, vjp
from byhand.engine.check import check_gradient
from byhand.errors import EngineError


def test_the_gradients_of_a_layer_are_those_of_the_book() -> None:
    rng = np.random.default_rng(0)
    a, w, b, delta = (rng.standard_normal(shape) for shape in [(7, 4), (3, 4), (3,), (7, 3)])
    z, pull_back = vjp(ops.linear, a, w, b)
    assert np.allclose(z, a @ w.T + b, rtol=1e-14)
    for found, expected in zip(pull_back(delta), (delta @ w, delta.T @ a, delta.sum(axis=0)), strict=True):
        assert np.allclose(found, expected, rtol=1e-13)


def test_a_layer_without_a_bias_is_one_with_a_bias_of_zero() -> None:
    rng = np.random.default_rng(0)
    a, w = rng.standard_normal((7, 4)), rng.standard_normal((3, 4))
    for plain in (ops.linear(Tensor(a), w), ops.linear(Tensor(a), w, None), ops.linear(Tensor(a), w, b=None)):
        assert np.array_equal(plain.data, ops.linear(Tensor(a), w, np.zeros(3)).data)
    check_gradient(lambda a, w: ops.linear(a, w, None), a, w)


def test_a_layer_reads_rows_of_any_shape() -> None:
    rng = np.random.default_rng(0)
    a, w = rng.standard_normal((2, 5, 4)), rng.standard_normal((3, 4))
    z = ops.linear(Tensor(a), w)
    assert z.shape == (2, 5, 3) and np.allclose(z.data[1, 2], w @ a[1, 2])
    one = ops.linear(Tensor(a[1, 2]), w)
    assert one.shape == (3,) and np.allclose(one.data, w @ a[1, 2])


# Around the bounds at which large.product changes its way: tiny, held to one BLAS thread, in shares by rows or by columns.
SIZES = [
    (1, 1, 1),
    (20, 30, 40),
    (90, 90, 40),
    (100, 120, 130),
    (300, 200, 150),
    (150, 200, 300),
    (1, 4000, 1200),
    (4000, 1000, 1),
]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_products_of_all_sizes_are_right_forward_and_backward(size: tuple[int, int, int], dtype: Any) -> None:
    m, k, n = size
    rng = np.random.default_rng(0)
    a, b, v = (rng.standard_normal(shape) for shape in [(m, k), (k, n), (m, n)])
    close = {"rtol": 1e-12, "atol": 1e-11} if dtype is np.float64 else {"rtol": 1e-4, "atol": 2e-4 * np.sqrt(max(size))}
    c, pull_back = vjp(ops.matmul, a.astype(dtype), b.astype(dtype))
    for found, expected in zip((c, *pull_back(v.astype(dtype))), (a @ b, v @ b.T, a.T @ v), strict=True):
        assert found.dtype == dtype and np.allclose(found, expected, **close)


@pytest.mark.parametrize("stacks", [((6,), (6,)), ((2, 3), (2, 3)), ((3,), (2, 1)), ((), (6,)), ((6,), ())])
def test_stacks_of_large_matrices_are_multiplied_matrix_by_matrix(stacks: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((*stacks[0], 90, 100)), rng.standard_normal((*stacks[1], 100, 110))
    c, pull_back = vjp(ops.matmul, a, b)
    assert np.allclose(c, a @ b, rtol=1e-12, atol=1e-12)
    v, da, db = (rng.standard_normal(array.shape) for array in (c, a, b))
    to_a, to_b = pull_back(v)
    # What a small change of the inputs does to <v, c>, and what the gradient says of it: a product is linear in each.
    assert np.vdot(to_a, da) == pytest.approx(np.vdot(v, da @ b), rel=1e-10)
    assert np.vdot(to_b, db) == pytest.approx(np.vdot(v, a @ db), rel=1e-10)


WRONG = [
    (ops.linear, [(32, 784), (30, 28)], "linear: a is (32, 784) but w is (30, 28): their last axes must agree"),
    (ops.linear, [(), (30, 28)], "linear: a is () but w is (30, 28): their last axes must agree"),
    (ops.linear, [(2, 3), (3,)], "linear: a is (2, 3) but w is (3,): their last axes must agree"),
    (ops.linear, [(2, 3), (4, 3), (3,)], "linear: w is (4, 3) but b is (3,): b must be (4,)"),
    (ops.linear, [(2, 3), (4, 3), (1, 4)], "linear: w is (4, 3) but b is (1, 4): b must be (4,)"),
    (
        ops.matmul,
        [(2, 3), (4, 5)],
        "matmul: a is (2, 3) but b is (4, 5): both need an axis or more, and a's last must agree with b's last but one, "
        "or with the only one of a vector",
    ),
    (
        ops.matmul,
        [(3,), (4,)],
        "matmul: a is (3,) but b is (4,): both need an axis or more, and a's last must agree with b's last but one, "
        "or with the only one of a vector",
    ),
    (
        ops.matmul,
        [(2, 4, 3), (3, 3, 5)],
        "matmul: a is (2, 4, 3) but b is (3, 3, 5): the axes before the last two must broadcast",
    ),
]


@pytest.mark.parametrize(("op", "shapes", "message"), WRONG)
def test_shapes_that_do_not_fit_are_told_with_the_ops_name(op: Any, shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(EngineError) as caught:
        op(*(Tensor(np.ones(shape)) for shape in shapes))
    assert str(caught.value) == message


def test_a_number_is_no_matrix() -> None:
    for a, b in [(Tensor([[1.0]]), 2.0), (2.0, Tensor([[1.0]]))]:
        with pytest.raises(EngineError, match=r"matmul: a is .* both need an axis or more"):
            ops.matmul(a, b)
