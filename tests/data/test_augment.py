"""Augmentation: warps that keep what they should."""

from __future__ import annotations

import numpy as np
import pytest

from byhand import data
from byhand.data.augment import Augment
from byhand.errors import DataError


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return data.load("mnist").test.inputs[:64]


@pytest.mark.slow
def test_without_any_warp_the_images_stay_as_they_are(digits: np.ndarray) -> None:
    assert np.allclose(Augment()(digits, np.random.default_rng(0)), digits, atol=1e-6)


def test_rows_and_images_are_warped_alike_and_keep_their_shape(digits: np.ndarray) -> None:
    warp = Augment(shift=2, rotate=10, scale=0.1, shear=0.1, elastic=1)
    images = warp(digits, np.random.default_rng(5))
    rows = warp(digits.reshape(64, 784), np.random.default_rng(5))
    assert images.shape == digits.shape and np.array_equal(images.reshape(64, 784), rows)
    assert not np.allclose(images, digits, atol=0.1)
    assert images.min() >= 0 and images.max() <= 1 + 1e-6


def test_the_same_generator_gives_the_same_warps(digits: np.ndarray) -> None:
    warp = Augment(shift=2, rotate=10, elastic=1)
    once, again, other = (warp(digits, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(once, again) and not np.array_equal(once, other)


def test_the_images_given_are_left_alone_and_every_one_is_warped_its_own_way() -> None:
    same = np.zeros((8, 28, 28, 1), np.float32)
    same[:, 8:20, 12:16] = 1
    before = same.copy()
    warped = Augment(shift=3, rotate=20)(same, np.random.default_rng(0))
    assert np.array_equal(same, before)
    assert len({image.tobytes() for image in warped}) == 8


def test_a_quarter_turn_is_a_turn_about_the_middle(digits: np.ndarray) -> None:
    class Quarter:
        """A generator that draws the largest of everything."""

        def uniform(self, low: float, high: float, size: tuple[int, ...]) -> np.ndarray:
            return np.full(size, float(high))

        def standard_normal(self, size: tuple[int, ...], dtype: type) -> np.ndarray:
            return np.zeros(size, dtype)

    turned = Augment(rotate=90)(digits, Quarter())  # type: ignore[arg-type]
    assert min(np.abs(turned - np.rot90(digits, k, axes=(1, 2))).max() for k in (1, 3)) < 1e-4
    shifted = Augment(shift=3)(digits, Quarter())  # type: ignore[arg-type]
    assert np.allclose(shifted[:, :-3, :-3], digits[:, 3:, 3:], atol=1e-6) and not shifted[:, -3:].any()
    sheared = Augment(shear=1)(digits, Quarter())  # type: ignore[arg-type]
    assert not np.allclose(sheared, digits, atol=0.1)


def test_a_shift_moves_the_centre_of_mass_by_no_more_than_it_may(digits: np.ndarray) -> None:
    moved = Augment(shift=3)(digits, np.random.default_rng(1))
    line = np.arange(28)

    def centre(images: np.ndarray) -> np.ndarray:
        mass = images[..., 0].sum(axis=2)
        return (mass * line).sum(axis=1) / mass.sum(axis=1)

    distance = np.abs(centre(moved) - centre(digits))
    assert distance.max() <= 3.01 and distance.max() > 1


@pytest.mark.parametrize("shape", [(2, 15), (2, 14, 56, 1), (2, 6, 6, 4), (2, 6, 6, 1, 1)])
def test_images_that_are_not_square_and_grey_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="square grey images") as caught:
        Augment(shift=1)(np.zeros(shape, np.float32), np.random.default_rng(0))
    assert str(shape[1:]) in str(caught.value)


def test_a_batch_of_no_images_stays_one() -> None:
    assert Augment(shift=1, elastic=1)(np.zeros((0, 784), np.float32), np.random.default_rng(0)).shape == (0, 784)


@pytest.mark.parametrize("figure", [-1, float("nan"), float("inf"), 1e25, "2", None])
def test_a_figure_that_makes_no_sense_is_refused_by_its_name(figure: object) -> None:
    with pytest.raises(DataError, match="augmentation: rotate must be "):
        Augment(rotate=figure)  # type: ignore[arg-type]
