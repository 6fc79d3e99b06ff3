"""Augmentation: warps that keep what they should, and the compiled warp beside its definition."""

from __future__ import annotations

import numpy as np
import pytest

from byhand import data
from byhand.data.augment import Augment
from byhand.errors import DataError
from byhand.kernels import cpu, reference


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return data.load("mnist").test.inputs[:64]


def test_without_any_warp_the_images_stay_as_they_are(digits: np.ndarray) -> None:
    assert np.allclose(Augment()(digits, np.random.default_rng(0)), digits, atol=1e-6)


def test_rows_and_images_are_warped_alike_and_keep_their_shape(digits: np.ndarray) -> None:
    warp = Augment(shift=2, rotate=10, scale=0.1, shear=0.1, elastic=1)
    images = warp(digits, np.random.default_rng(5))
    rows = warp(digits.reshape(64, 784), np.random.default_rng(5))
    assert images.shape == digits.shape and np.array_equal(images.reshape(64, 784), rows)
    assert not np.allclose(images, digits, atol=0.1)
    assert images.min() >= 0 and images.max() <= 1 + 1e-6


def test_a_shift_moves_the_centre_of_mass_by_no_more_than_it_may(digits: np.ndarray) -> None:
    moved = Augment(shift=3)(digits, np.random.default_rng(1))
    line = np.arange(28)

    def centre(images: np.ndarray) -> np.ndarray:
        mass = images[..., 0].sum(axis=2)
        return (mass * line).sum(axis=1) / mass.sum(axis=1)

    distance = np.abs(centre(moved) - centre(digits))
    assert distance.max() <= 3.01 and distance.max() > 1


def test_the_compiled_warp_has_the_bits_of_its_definition(digits: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    images = np.ascontiguousarray(digits[..., 0])
    maps = (np.array([[1, 0, 0], [0, 1, 0]]) + 0.3 * rng.standard_normal((64, 2, 3)) * [1, 1, 20]).astype(np.float32)
    fields = (3 * rng.standard_normal((64, 2, 28, 28))).astype(np.float32)
    assert np.array_equal(cpu.warp(images, maps, fields), reference.warp(images, maps, fields))


def test_the_compiled_adam_has_the_bits_of_its_definition() -> None:
    from byhand.optim import Adam, Optimizer

    for dtype in (np.float32, np.float64):
        rng = np.random.default_rng(3)
        fast = rng.standard_normal(20_001).astype(dtype)
        slow = fast.copy()
        one, other = Adam(0.01), Adam(0.01)
        for _ in range(5):
            g = rng.standard_normal(20_001).astype(dtype)
            one.step(fast, g)
            Optimizer.step(other, slow, g)
        assert np.array_equal(fast, slow) and np.array_equal(one.update, other.update)


def test_images_that_are_not_square_are_refused() -> None:
    with pytest.raises(DataError, match="square"):
        Augment(shift=1)(np.zeros((2, 15), np.float32), np.random.default_rng(0))
