"""Dropout: its mean, its gradient, its bits, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, ops
from byhand.engine.check import check_gradient
from byhand.errors import EngineError


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_mean_stays_and_the_share_of_zeros_is_the_rate(rate: float, dtype: Any) -> None:
    a = np.ones((400, 500), dtype)
    c = ops.dropout(a, rate=rate, rng=np.random.default_rng(1)).data
    assert c.dtype == dtype
    assert (c == 0).mean() == pytest.approx(rate, abs=5e-3)
    assert c.mean() == pytest.approx(1, abs=4 * np.sqrt(rate / (1 - rate) / a.size))
    assert np.allclose(c[c != 0], 1 / (1 - rate))


def test_no_gradient_where_it_was_dropped_and_an_enlarged_one_elsewhere() -> None:
    a = Tensor(np.ones((30, 40)), requires_grad=True)
    c = ops.dropout(a, rate=0.3, rng=np.random.default_rng(2))
    c.backward(np.full((30, 40), 7.0))
    assert np.array_equal(a.grad == 0, c.data == 0)
    assert np.allclose(a.grad[c.data != 0], 7 / 0.7)


@pytest.mark.parametrize("shape", [(), (0,), (3, 1, 4)])
def test_the_gradient_is_that_of_central_differences(shape: Any, rng: np.random.Generator) -> None:
    check_gradient(lambda a: ops.dropout(a, rate=0.4, rng=np.random.default_rng(3)), rng.standard_normal(shape))


def test_the_same_generator_draws_the_same_and_goes_on() -> None:
    a = np.ones((50, 50))
    rng, other = np.random.default_rng(4), np.random.default_rng(4)
    first, again = ops.dropout(a, rate=0.5, rng=rng).data, ops.dropout(a, rate=0.5, rng=rng).data
    assert np.array_equal(first, ops.dropout(a, rate=0.5, rng=other).data) and not np.array_equal(first, again)


@pytest.mark.parametrize("options", [{"rate": 0.5, "training": False}, {"rate": 0.0}])
def test_nothing_happens_without_training_or_rate(options: dict[str, Any]) -> None:
    a = Tensor(np.ones((2, 2)), requires_grad=True)
    c = ops.dropout(a, **options)
    c.sum().backward()
    assert np.array_equal(c.data, a.data) and a.grad.tolist() == [[1, 1], [1, 1]]


def test_dropped_infinity_is_zero_and_kept_nan_is_nan() -> None:
    c = ops.dropout(np.full(1000, np.inf, np.float32), rate=0.5, rng=np.random.default_rng(5)).data
    assert set(c.tolist()) == {0.0, np.inf}
    assert np.isnan(ops.dropout(np.full(1000, np.nan), rate=0.5, rng=np.random.default_rng(5)).data).any()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": 1.0}, "dropout: the rate must be 0 or more and below 1"),
        ({"rate": -0.1}, "dropout: the rate must be 0 or more and below 1"),
        ({"rate": 0.5}, "dropout: in training it draws at random: give it a generator"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(EngineError, match=said) as raised:
        ops.dropout(np.ones(3), **options)
    assert "\n" not in str(raised.value)
