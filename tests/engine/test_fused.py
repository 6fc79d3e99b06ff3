"""A normalisation with its activation in one pass, beside the two ops one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, ops, vjp

NORMS: dict[str, dict[str, Any]] = {"group_norm": {"groups": 4}, "batch_norm": {}}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["relu", "silu"])
@pytest.mark.parametrize("name", NORMS)
def test_one_pass_computes_what_two_ops_compute(name: str, activation: str, dtype: str, rng: np.random.Generator) -> None:
    given = [
        array.astype(dtype) for array in (rng.standard_normal((5, 9, 7, 24)), rng.standard_normal(24), rng.standard_normal(24))
    ]
    v = rng.standard_normal(given[0].shape).astype(dtype)
    norm, follow = getattr(ops, name), getattr(ops, activation)
    one, one_back = vjp(lambda *inputs: norm(*inputs, activation=activation, **NORMS[name]), *given)
    two, two_back = vjp(lambda *inputs: follow(norm(*inputs, **NORMS[name])), *given)
    close = 3e-6 if dtype == "float32" else 1e-13
    for ours, theirs in zip([one, *one_back(v)], [two, *two_back(v)], strict=True):
        assert np.abs(ours - theirs).max() <= close * max(1, np.abs(theirs).max())


@pytest.mark.parametrize("name", NORMS)
def test_the_gradient_keeps_no_more_than_its_input(name: str, rng: np.random.Generator) -> None:
    """PyTorch keeps what goes into the normalisation and what goes into the activation."""
    x = Tensor(rng.standard_normal((8, 14, 14, 32)).astype(np.float32), requires_grad=True)
    y = getattr(ops, name)(x, activation="silu", **NORMS[name])
    assert y.node is not None
    kept = [array for array in y.node.saved if hasattr(array, "nbytes")]
    assert sum(array.nbytes for array in kept if array is not x.data) < x.data.nbytes / 10
    assert any(array is x.data for array in kept)
