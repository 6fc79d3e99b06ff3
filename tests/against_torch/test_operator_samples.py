"""PyTorch's own samples of its operators: ours take them without a crash, and what ours take agrees in value and gradient."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

from .operator_samples import OPERATORS, counted

pytestmark = pytest.mark.torch

# Operators some of whose samples have another value or gradient, and why.
OTHERWISE: dict[str, str] = {}
# With a NaN: which of two gets the gradient, or whether a NaN goes on, is a convention.
OTHERWISE_WITH_NAN = {
    "abs": "the sign of NaN is NaN, as NumPy has it; PyTorch's is 0",
    "sign": "the same",
    "sgn": "the same",
    "linalg.vector_norm": "the same",
    "div.floor_rounding": "nothing goes back through a rounding, but 0 times NaN is NaN",
    "div.trunc_rounding": "the same",
    "linalg.inv": "how far a NaN spreads in a factorisation is LAPACK's, and which one that is",
    "linalg.det": "the same",
    "linalg.slogdet": "the same",
    "linalg.solve": "the same",
    "linalg.qr": "the same",
    "nn.functional.hardtanh": "a NaN lies in no bounds",
    "nn.functional.relu6": "the same",
    "prod": "the product of the others holds no NaN; PyTorch divides the whole by the number",
    "cumprod": "the same",
    "nn.functional.conv_transpose1d": "a NaN times 0 is added by PyTorch where ours adds nothing",
    "nn.functional.conv_transpose2d": "the same",
    "nn.functional.scaled_dot_product_attention": "a row that may look at nothing",
}


@pytest.fixture(scope="module")
def pytorch(torch: Any) -> Any:
    try:
        import expecttest  # noqa: F401 - PyTorch's own table of operators wants it
    except ImportError:
        if os.environ.get("BYHAND_COMPARE") == "1":
            pytest.fail("PyTorch's samples need expecttest, which is not installed: pip install 'byhand[compare]'")
        pytest.skip("expecttest is not installed: pip install 'byhand[compare]'")
    return torch


def unexpected(said: list[str]) -> list[str]:
    """What was said of operators that have no excuse."""
    found = []
    for line in said:
        kind, name, *rest = line.split()
        excused = name in OTHERWISE or ("NaN:" in rest and name in OTHERWISE_WITH_NAN)
        if kind == "crashes" or not excused:
            found.append(line)
    return found


@pytest.mark.slow
def test_of_every_operator_the_first_samples_agree(pytorch: Any) -> None:
    plainly, _, said = counted(pytorch, most=1, variants=False, dtypes=("float64",))
    assert unexpected(said) == []
    whole = sum(plainly.values(), Counter())
    assert set(plainly) <= set(OPERATORS) and len(plainly) > 150
    assert whole["crashes"] == 0 and whole["agrees"] > 0.85 * whole.total()


@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("BYHAND_ALL_SAMPLES") != "1", reason="BYHAND_ALL_SAMPLES=1 tries all samples: it takes minutes"
)
def test_all_samples_strided_and_with_nan_too_agree_where_ours_take_them(pytorch: Any) -> None:
    plainly, varied, said = counted(pytorch)
    assert unexpected(said) == []
    whole, rest = sum(plainly.values(), Counter()), sum(varied.values(), Counter())
    assert whole["crashes"] == rest["crashes"] == 0
    assert whole["agrees"] >= 5_500


def test_an_excuse_that_nobody_needs_is_found() -> None:
    assert set(OTHERWISE) | set(OTHERWISE_WITH_NAN) <= set(OPERATORS)
    assert unexpected(["differs  sign   float64 value: 1 for 2"]) and not unexpected(
        ["differs  sign float64 NaN: value: nan for 0"]
    )
    assert unexpected(["crashes  sign   float64 NaN: ValueError"])
