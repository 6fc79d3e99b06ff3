"""Array types and random generators."""

from __future__ import annotations

import numpy as np
import pytest

from byhand.backend import float_type, generator
from byhand.errors import ModelError


@pytest.mark.parametrize("given", ["float32", np.float32, np.dtype(np.float32), "f4"])
def test_float32_may_be_named_in_any_way(given: object) -> None:
    assert float_type(given) == np.dtype(np.float32)


@pytest.mark.parametrize("given", [np.float16, int, "int8", complex, "nonsense", object, bool])
def test_a_type_that_is_neither_float32_nor_float64_is_refused(given: object) -> None:
    with pytest.raises(ModelError, match="dtype must be float32 or float64"):
        float_type(given)


def test_the_streams_of_purposes_epochs_and_seeds_do_not_touch() -> None:
    keys = [(seed, purpose, epoch) for seed in (0, 1) for purpose in ("shuffle", "dropout", "augment") for epoch in range(3)]
    draws = [tuple(generator(*key).integers(2**62, size=4)) for key in keys]
    assert len({number for draw in draws for number in draw}) == 4 * len(keys)
    assert draws == [tuple(generator(*key).integers(2**62, size=4)) for key in keys]


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ModelError, match="seed must be 0 or more"):
        generator(-3, "shuffle")
