r"""Augmentation: small random warps of images, so that a network sees each digit written a little differently every time.

A warp is an affine map (rotation, scale, shear, shift) plus an elastic field, smooth because it is drawn on a coarse grid and
interpolated; pixels are then looked up bilinearly at the warped places.

Source: Simard, Steinkraus and Platt (2003), "Best practices for convolutional neural networks", ICDAR, section 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from byhand import kernels, limits
from byhand.backend import Array
from byhand.errors import DataError

COLOURS = 3  # channels of a coloured image
GRID = 5  # points a side of the coarse elastic field
LARGEST = 360  # of any figure; a full turn, and more pixels than a small image has


@dataclass(frozen=True)
class Augment:
    """Random warps of square images; every figure is the largest of its kind, drawn evenly from [-figure, figure].

    Attributes:
        shift: pixels. rotate: degrees. scale, shear: fractions. elastic: pixels, the deviation at the grid's points.

    Calling it with a batch (m, side * side * C) or (m, side, side, C) and a generator gives a warped batch of the same shape.
    Around grey images all is black, as around MNIST's; around coloured ones it has the mean colour of each image's border.

    Raises DataError where a figure is not from 0 to 360, or images are not square.
    """

    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0

    def __post_init__(self) -> None:
        for name, figure in vars(self).items():
            limits.number(f"augmentation: {name}", figure, 0, LARGEST, error=DataError)

    def __call__(self, batch: Array, rng: np.random.Generator) -> Array:
        m, n_in = len(batch), math.prod(batch.shape[1:])
        if batch.ndim == 4 and batch.shape[3] == COLOURS:
            return self._warped_colours(batch, rng)
        if batch.ndim == 2 and n_in % COLOURS == 0 and (side := math.isqrt(n_in // COLOURS)) ** 2 * COLOURS == n_in:
            # A row of colours: no number is a square and three times one.
            return self._warped_colours(batch.reshape(m, side, side, COLOURS), rng).reshape(batch.shape)
        side = math.isqrt(n_in)
        if batch.shape[1:] not in ((n_in,), (side, side), (side, side, 1)) or side * side != n_in:
            raise DataError(f"augmentation needs square grey images or coloured ones, got inputs of shape {batch.shape[1:]}")
        images = np.ascontiguousarray(batch, np.float32).reshape(m, side, side)
        return self._warped(images, *self._draw(m, rng)).reshape(batch.shape).astype(batch.dtype, copy=False)

    def _warped_colours(self, batch: Array, rng: np.random.Generator) -> Array:
        """Every channel of an image is warped alike."""
        m, side, wide, channels = batch.shape
        if side != wide:
            raise DataError(f"augmentation needs square grey images or coloured ones, got inputs of shape {batch.shape[1:]}")
        edges = [batch[:, 0], batch[:, -1], batch[:, :, 0], batch[:, :, -1]]
        around = np.concatenate(edges, axis=1).mean(axis=1)[:, None, None, :]
        planes = np.ascontiguousarray(np.moveaxis(batch - around, 3, 1), np.float32).reshape(m * channels, side, side)
        maps, coarse = (np.repeat(drawn, channels, axis=0) for drawn in self._draw(m, rng))
        warped = np.moveaxis(self._warped(planes, maps, coarse).reshape(m, channels, side, side), 1, 3) + around
        return np.ascontiguousarray(warped, batch.dtype)

    def _warped(self, images: Array, maps: Array, coarse: Array) -> Array:
        """Images (n, side, side), each by its map and its grid."""
        side = images.shape[1]
        # Both directions of the elastic field at all pixels: two products with the interpolation matrix.
        spread = _spread(side)
        fields = np.matmul(np.matmul(spread, coarse), spread.T)
        return kernels.warp()(images, maps, fields)

    def _draw(self, m: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Affine maps (m, 2, 3) from output to input places, and elastic grids (m, 2, GRID, GRID)."""
        angle, shear, tall, wide = rng.uniform(-1, 1, (4, m))
        angle = angle * math.radians(self.rotate)
        turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=1).reshape(m, 2, 2)
        stretch = np.zeros((m, 2, 2))
        stretch[:, 0, 0], stretch[:, 1, 1] = 1 + self.scale * tall, 1 + self.scale * wide
        stretch[:, 1, 0] = self.shear * shear
        shift = rng.uniform(-self.shift, self.shift, (m, 2, 1))
        coarse = self.elastic * rng.standard_normal((m, 2, GRID, GRID), np.float32)
        return np.concatenate([turn @ stretch, shift], axis=2).astype(np.float32), coarse.astype(np.float32)


@cache
def _spread(side: int) -> Any:
    """(side, GRID) weights that interpolate a coarse grid linearly at every pixel."""
    places = np.linspace(0, GRID - 1, side)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(GRID))).astype(np.float32)
