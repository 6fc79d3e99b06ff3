"""The compiled loops beside their definitions in NumPy: the same arithmetic in the same order, so the same bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from byhand import data, kernels
from byhand.kernels.cpu import warp as cpu
from byhand.kernels.cpu.adam import adam
from byhand.kernels.reference import warp as reference
from byhand.optim import Adam, Optimizer


@pytest.fixture
def fresh() -> Iterator[None]:
    """The choice of kernels is made once a process; here it is made anew."""
    kernels.warp.cache_clear()
    kernels.compiled_adam.cache_clear()
    yield
    kernels.warp.cache_clear()
    kernels.compiled_adam.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("far", [1, 20, 1000])
def test_the_compiled_warp_has_the_bits_of_its_definition(far: float) -> None:
    rng = np.random.default_rng(2)
    images = np.ascontiguousarray(data.load("mnist").test.inputs[:64, ..., 0])
    maps = (np.array([[1, 0, 0], [0, 1, 0]]) + 0.3 * rng.standard_normal((64, 2, 3)) * [1, 1, far]).astype(np.float32)
    fields = (3 * rng.standard_normal((64, 2, 28, 28))).astype(np.float32)
    assert cpu.warp(images, maps, fields).tobytes() == reference.warp(images, maps, fields).tobytes()


@pytest.mark.parametrize("side", [1, 2, 3, 29])
def test_the_warps_agree_at_the_edges_of_an_image_of_any_size(side: int) -> None:
    rng = np.random.default_rng(side)
    images = rng.random((5, side, side), np.float32)
    unmoved = np.broadcast_to(np.array([[1, 0, 0], [0, 1, 0]], np.float32), (5, 2, 3)).copy()
    whole = np.broadcast_to(np.arange(-2, 3, dtype=np.float32)[:, None, None, None], (5, 2, side, side)).copy()
    assert np.array_equal(cpu.warp(images, unmoved, whole), reference.warp(images, unmoved, whole))
    assert np.array_equal(cpu.warp(images, unmoved, 0 * whole), images)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [kernels.SMALLEST - 1, kernels.SMALLEST, 20_001])
def test_adam_has_the_same_bits_compiled_or_not(dtype: type, size: int) -> None:
    rng = np.random.default_rng(3)
    fast = rng.standard_normal(size).astype(dtype)
    slow = fast.copy()
    one, other = Adam(0.01), Adam(0.01)
    for _ in range(5):
        g = rng.standard_normal(size).astype(dtype)
        one.step(fast, g)
        Optimizer.step(other, slow, g)
    assert fast.tobytes() == slow.tobytes() and one.update.tobytes() == other.update.tobytes()
    assert fast.dtype == dtype


def test_numpy_serves_where_it_is_asked_for(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYHAND_KERNELS", "numpy")
    assert kernels.warp() is reference.warp and kernels.compiled_adam() is None


def test_numpy_serves_where_numba_is_absent(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "find_spec", lambda name: None)
    assert kernels.warp() is reference.warp and kernels.compiled_adam() is None


def test_the_compiled_ones_serve_otherwise(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BYHAND_KERNELS", raising=False)
    assert kernels.warp() is cpu.warp and kernels.compiled_adam() is adam
