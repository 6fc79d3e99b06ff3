"""Sums over many numbers: as exact as in float64, along whichever axes, in every op that adds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byhand import FeedForward
from byhand.engine import Tensor, ops, vjp
from byhand.kernels.cpu import conv as compiled_conv
from byhand.kernels.cpu import norm as compiled_norm
from byhand.kernels.cpu import softmax as compiled_softmax
from byhand.kernels.reference import conv as reference_conv
from byhand.kernels.reference import norm as reference_norm
from byhand.kernels.reference import softmax as reference_softmax
from byhand.kernels.reference.sums import inner, scattered, total


@pytest.fixture(scope="module")
def warm() -> Any:
    """293 +- 1, as temperatures are: 300,000 x 4 in float32."""
    return (np.random.default_rng(0).standard_normal((300_000, 4)) + 293).astype(np.float32)


def test_mean_and_variance_along_the_first_axis_are_those_of_float64(warm: Any) -> None:
    # NumPy's float32 gives a mean of 291.6 and a variance of 2.9 here.
    assert ops.mean(Tensor(warm), axis=0).data == pytest.approx(warm.mean(axis=0, dtype=np.float64), rel=1e-6)
    assert ops.variance(Tensor(warm), axis=0).data == pytest.approx(warm.var(axis=0, dtype=np.float64), rel=1e-5)


@pytest.mark.parametrize("shape", [(20_000_000, 1), (17_000_000, 2)])
def test_ones_beyond_two_to_the_24_are_counted(shape: tuple[int, int]) -> None:
    ones = np.broadcast_to(np.float32(1), shape)
    found = ops.sum(Tensor(np.ascontiguousarray(ones)), axis=0).data
    assert found.tolist() == [shape[0]] * shape[1] and found.dtype == np.float32


@given(
    shape=st.lists(st.sampled_from([1, 2, 3, 5, 300]), min_size=1, max_size=4).filter(lambda s: np.prod(s) < 100_000),
    dtype=st.sampled_from([np.float32, np.float64, np.float16, np.int32, np.uint8, bool]),
    layout=st.sampled_from(["C", "F", "reversed", "part"]),
    keepdims=st.booleans(),
    data=st.data(),
)
def test_a_total_is_the_sum(shape: list[int], dtype: Any, layout: str, keepdims: bool, data: st.DataObject) -> None:
    a: Any = (np.random.default_rng(0).random(shape) + 0.5).astype(dtype)
    a = {"C": lambda: a, "F": lambda: np.asfortranarray(a), "reversed": lambda: a[::-1], "part": lambda: a[..., :2]}[layout]()
    axes = data.draw(st.none() | st.integers(-a.ndim, a.ndim - 1) | st.lists(st.integers(0, a.ndim - 1), unique=True).map(tuple))
    found, plain = total(a, axes, keepdims), a.sum(axis=axes, keepdims=keepdims)
    assert found.shape == plain.shape and found.dtype == plain.dtype
    exact = a.sum(axis=axes, keepdims=keepdims, dtype=np.float64)
    close = {np.float32: 1e-6, np.float16: 1e-3}.get(dtype, 1e-14)
    assert np.allclose(found, exact, rtol=close)
    assert np.allclose(total(a, axes, keepdims, over=4), exact / 4, rtol=close)


def test_a_mean_in_float16_does_not_overflow_on_its_way() -> None:
    assert ops.mean(Tensor(np.full(100_000, 3, np.float16))).item() == 3.0


def test_bias_gradients_of_long_batches_are_right() -> None:
    rng = np.random.default_rng(0)
    m = 400_000
    delta = (rng.random((m, 3)) + 10).astype(np.float32)
    exact = delta.sum(axis=0, dtype=np.float64)
    _, pull_back = vjp(ops.linear, np.ones((m, 1), np.float32), np.ones((3, 1), np.float32), np.zeros(3, np.float32))
    assert pull_back(delta)[2] == pytest.approx(exact, rel=1e-6)
    _, pull_back = vjp(ops.add, delta, np.zeros(3, np.float32))
    assert pull_back(delta)[1] == pytest.approx(exact, rel=1e-6)
    places = delta.reshape(4, -1, 10, 3)
    for conv in (compiled_conv, reference_conv):
        x, w = np.zeros((*places.shape[:3], 1), np.float32), np.zeros((1, 1, 1, 3), np.float32)
        assert conv.gradient(x, w, places, wanted=(False, False, True))[2] == pytest.approx(exact, rel=1e-6)


def test_the_bias_gradient_by_hand_is_right_for_a_batch_of_all_samples() -> None:
    net = FeedForward((1, 2), "identity", seed=0)
    net.parameters[...] = 0
    y = -(np.random.default_rng(0).random((400_000, 2)) + 10).astype(np.float32)
    net.learn(np.ones((len(y), 1), np.float32), y)
    assert net.bias_gradients[0] == pytest.approx(-y.mean(axis=0, dtype=np.float64), rel=1e-6)


def test_costs_of_long_batches_are_right() -> None:
    a = (np.random.default_rng(0).random((700_000, 2)) + 10).astype(np.float32)
    wide = a.astype(np.float64)
    y = np.zeros_like(a)
    assert ops.mse_loss(Tensor(a), y).item() == pytest.approx((wide**2).mean(), rel=1e-6)
    assert ops.huber_loss(Tensor(a), y).item() == pytest.approx((wide - 0.5).mean(), rel=1e-6)
    assert ops.bce_with_logits(Tensor(a), y).item() == pytest.approx(np.logaddexp(0, wide).mean(), rel=1e-6)
    assert ops.gaussian_kl(Tensor(a), Tensor(y)).item() == pytest.approx(0.5 * (wide**2).sum(axis=1).mean(), rel=1e-6)
    right = ops.cross_entropy(Tensor(a), target=np.zeros(len(a), int)).item()
    assert right == pytest.approx((np.logaddexp(wide[:, 0], wide[:, 1]) - wide[:, 0]).mean(), rel=1e-6)


def test_choices_that_name_a_row_often_are_added_up_right() -> None:
    m = 300_000
    delta = np.full((m, 1), 0.1, np.float32)
    exact, places = m * float(np.float32(0.1)), np.zeros(m, int)
    for op, options, table in (
        (ops.embedding, {"indices": places}, [np.zeros((2, 1), np.float32)]),
        (ops.index, {"key": places}, [np.zeros((2, 1), np.float32)]),
        (ops.gather, {"indices": places[:, None], "axis": 0}, [np.zeros((2, 1), np.float32)]),
    ):
        _, pull_back = vjp(lambda *a, op=op, options=options: op(*a, **options), *table)
        assert pull_back(delta)[0][0, 0] == pytest.approx(exact, rel=1e-6)
    added = ops.index_add(np.zeros((2, 1), np.float32), delta, indices=places).data
    assert added[0, 0] == pytest.approx(exact, rel=1e-6) and added.dtype == np.float32
    assert scattered((2,), np.array([1, 1]), np.array([1, 2])).tolist() == [0, 3]


@pytest.mark.parametrize("softmax", [compiled_softmax, reference_softmax])
def test_probabilities_of_very_many_classes_add_up_to_one(softmax: Any) -> None:
    a = np.random.default_rng(0).random((1, 2_000_000)).astype(np.float32)
    wide = np.exp(a.astype(np.float64))
    assert softmax.softmax(a).sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    log_sum = a[0, 0] - softmax.log_softmax(a)[0, 0]
    assert log_sum == pytest.approx(np.log(wide.sum()), abs=2e-6)
    assert softmax.softmax_gradient(a, a)[0, 0] == pytest.approx(a[0, 0] * (a[0, 0] - (a.astype(float) ** 2).sum()), rel=1e-6)
    assert ops.logsumexp(Tensor(a.T.copy()), axis=0).item() == pytest.approx(np.log(wide.sum()), rel=1e-6)


@pytest.mark.parametrize("norm", [compiled_norm, reference_norm])
def test_the_mean_of_a_very_long_row_is_right(norm: Any, warm: Any) -> None:
    row = warm.reshape(1, -1)
    y, mean, rstd = norm.layer_norm(row, None, None, 0.0)
    assert mean.item() == pytest.approx(row.mean(dtype=np.float64), rel=1e-7)
    assert rstd.item() == pytest.approx(1 / row.std(dtype=np.float64), rel=1e-5)
    assert abs(y.mean(dtype=np.float64)) < 1e-4


def test_a_long_inner_product_keeps_its_digits() -> None:
    a = np.full(3_000_000, 0.1, np.float32)
    found = inner(a, a)
    assert found == pytest.approx(3_000_000 * float(np.float32(0.1)) ** 2, rel=1e-6) and found.dtype == np.float32
