"""A sample's bits are its own, whatever stands beside it, also with a BLAS that adds up rows in another order in another tile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, no_grad
from byhand.kernels import alike
from byhand.kernels.alike import apart, rows_alike, sample_by_sample
from byhand.models.unet import UNet
from byhand.nn import Linear


def test_it_is_measured_whether_rows_are_alike() -> None:
    rng = np.random.default_rng(3)
    same = np.repeat(rng.standard_normal((1, 64)).astype(np.float32), 60, axis=0)
    found = same @ rng.standard_normal((64, 64)).astype(np.float32)
    if rows_alike():
        assert (found == found[0]).all()


@pytest.mark.parametrize("make", [lambda: (Linear(64, 48), (64,)), lambda: (UNet((16, 32), embedding=32), (16, 16, 1))])
def test_one_at_a_time_every_place_in_the_batch_is_the_same(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "rows_alike", lambda: False)
    net, shape = make()
    rng = np.random.default_rng(0)
    net.initialise(1, "he")
    for _, parameter in net.parameters():
        parameter.data += 0.05 * rng.standard_normal(parameter.shape).astype(np.float32)
    x = rng.standard_normal((13, *shape)).astype(np.float32)
    x[[4, 11, 12]] = x[0]
    extra = [] if isinstance(net, Linear) else [np.full(13, 7), np.zeros(13, np.int64)]
    with no_grad():
        plain = net(Tensor(x), *extra).data
        with sample_by_sample():
            assert apart()
            found = net(Tensor(x), *extra).data
        assert not apart()
    for place in (4, 11, 12):
        assert np.array_equal(found[place], found[0])
    np.testing.assert_allclose(found, plain, atol=1e-5)
