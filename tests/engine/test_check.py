"""The gradient check itself: it passes what is right, and finds every kind of wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, ops
from byhand.engine.check import central_difference, check_gradient
from byhand.engine.op import op
from byhand.errors import EngineError

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))


def broken(wrong: Any) -> Any:
    """A product of matrices whose gradient is what `wrong` makes of the two right ones."""

    @op
    class product:
        """c = a b"""

        def forward(xp: Any, a: Any, b: Any) -> Any:
            return a @ b, (a, b)

        def gradient(xp: Any, saved: Any, delta: Any) -> Any:
            a, b = saved
            return wrong(delta @ b.T, a.T @ delta)

    return product


def one_number(gradient: Any) -> Any:
    wrong = gradient.copy()
    wrong[-1, -1] += 1e-5
    return wrong


WRONG: dict[str, Any] = {
    "a sign": lambda a, b: (-a, b),
    "a factor": lambda a, b: (a, 2 * b),
    "a small factor": lambda a, b: (a * (1 + 1e-6), b),
    "another order": lambda a, b: (a, b[::-1]),
    "one number": lambda a, b: (one_number(a), b),
    "nothing": lambda a, b: (a, 0 * b),
    "no number": lambda a, b: (a, np.nan * b),
}


def test_a_right_gradient_passes_and_the_error_is_small() -> None:
    assert check_gradient(broken(lambda a, b: (a, b)), A, B) < 1e-8


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_gradient_is_found(wrong: str) -> None:
    with pytest.raises(EngineError, match="gradient check: of input") as caught:
        check_gradient(broken(WRONG[wrong]), A, B)
    assert "\n" not in str(caught.value)


def test_the_message_says_where_and_how_far() -> None:
    with pytest.raises(EngineError) as caught:
        check_gradient(broken(lambda a, b: (one_number(a), b)), A, B)
    assert "of input 0 (3, 4) at (2, 3) the gradient is" in str(caught.value)
    assert str(caught.value).endswith("allowed is 1e-07")


def test_a_wrong_gradient_of_a_constant_sum_is_not_hidden() -> None:
    # The sum of softmax's outputs is 1 whatever comes in: a check of the plain sum would let any gradient of sum 0 pass.
    @op
    class shares:
        """c = a / sum(a)"""

        def forward(xp: Any, a: Any) -> Any:
            return a / a.sum(), None

        def gradient(xp: Any, saved: Any, delta: Any) -> Any:
            return delta - delta.mean()

    with pytest.raises(EngineError, match="gradient check"):
        check_gradient(shares, np.array([1.0, 2.0, 3.0]))


def test_the_inputs_are_left_alone() -> None:
    kept = A.copy()
    check_gradient(lambda a: a * a, A)
    assert np.array_equal(A, kept)


def test_whole_numbers_lists_and_float32_are_checked_in_float64() -> None:
    for given in (np.array([1, 2, 3]), [1.0, 2.0, 3.0], np.array([1, 2, 3], np.float32)):
        assert check_gradient(lambda a: a * a, given) < 1e-8  # type: ignore[arg-type]


def test_a_single_number_and_an_empty_array_are_inputs_too() -> None:
    assert check_gradient(lambda a: a * a, np.array(3.0)) < 1e-8
    assert check_gradient(ops.concat, np.empty(0), np.ones(2)) < 1e-8


def test_a_looser_tolerance_lets_a_smaller_error_pass() -> None:
    nearly = broken(lambda a, b: (a * (1 + 1e-5), b))
    with pytest.raises(EngineError):
        check_gradient(nearly, A, B)
    assert 1e-6 < check_gradient(nearly, A, B, tolerance=1e-4) < 1e-4


def test_the_central_difference_is_the_slope() -> None:
    x = np.array([0.5, 20.0, 0.0])
    found = central_difference(lambda x: x * x, [x], 0, np.array([1.0, 2.0, 3.0]))
    assert found == pytest.approx([1.0, 80.0, 0.0], rel=1e-7, abs=1e-7)
    assert x.tolist() == [0.5, 20.0, 0.0]


def test_a_function_that_reads_its_input_by_another_way_is_found() -> None:
    # Half of the dependence bypasses the tape: its gradient is half of the truth.
    with pytest.raises(EngineError, match="gradient check"):
        check_gradient(lambda a: a * Tensor(a.data), A)
