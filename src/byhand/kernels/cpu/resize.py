"""Images made larger or smaller, image by image and row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import memory
from byhand.backend import Array, Indices
from byhand.kernels.cpu.compiled import compiled
from byhand.kernels.cpu.elementwise import WORTH_A_THREAD, flat
from byhand.kernels.threads import parallel

Pair = tuple[int, int]


def upsample_nearest(x: Array, scale: Pair) -> Any:
    """`byhand.kernels.reference.resize.upsample_nearest`."""
    n, h, w, c = x.shape
    images, y = flat(x).reshape(x.shape), memory.empty((n, h * scale[0], w * scale[1], c), x.dtype)
    _shared(lambda a, b: _nearest(images, a, b, scale, y), y.shape)
    return y


def upsample_nearest_gradient(delta: Array, scale: Pair) -> Any:
    """`byhand.kernels.reference.resize.upsample_nearest_gradient`."""
    n, h, w, c = delta.shape
    errors, dx = flat(delta).reshape(delta.shape), memory.empty((n, h // scale[0], w // scale[1], c), delta.dtype)
    _shared(lambda a, b: _nearest_gradient(errors, a, b, scale, dx), delta.shape)
    return dx


def upsample_bilinear(x: Array, lines: Array, columns: Array) -> Any:
    """`byhand.kernels.reference.resize.upsample_bilinear`: of each line of the matrices only the two neighbours are used."""
    images, y = flat(x).reshape(x.shape), memory.empty((x.shape[0], len(lines), len(columns), x.shape[3]), x.dtype)
    down, across = _neighbours(lines), _neighbours(columns)
    _shared(lambda a, b: _bilinear(images, a, b, *down, *across, np.empty(x.shape[2:], x.dtype), y), y.shape)
    return y


def upsample_bilinear_gradient(delta: Array, lines: Array, columns: Array) -> Any:
    """`byhand.kernels.reference.resize.upsample_bilinear_gradient`."""
    n, _, _, c = delta.shape
    errors, dx = flat(delta).reshape(delta.shape), memory.empty((n, lines.shape[1], columns.shape[1], c), delta.dtype)
    down, across = _neighbours(lines), _neighbours(columns)
    _shared(lambda a, b: _bilinear_gradient(errors, a, b, *down, *across, np.empty(dx.shape[2:], dx.dtype), dx), delta.shape)
    return dx


def _neighbours(matrix: Any) -> tuple[Any, Any]:
    """Of a matrix with two neighbouring numbers in each line: where they are (m, 2), and what they are (m, 2)."""
    left = (matrix != 0).argmax(axis=1)
    places = np.stack([left, np.minimum(left + 1, matrix.shape[1] - 1)], axis=1)
    weights = np.take_along_axis(matrix, places, axis=1)
    weights[places[:, 0] == places[:, 1], 1] = 0
    return places, weights


def _shared(function: Any, shape: tuple[int, ...]) -> None:
    """Each thread some of the images: `function(first, last)`."""
    n, h, w, c = shape
    if n:
        parallel(function, n, 1 + WORTH_A_THREAD // max(1, h * w * c))


@compiled(error_model="numpy")
def _nearest(x: Array, first: int, last: int, scale: Array, y: Array) -> None:
    for n in range(first, last):
        for i in range(y.shape[1]):
            for j in range(x.shape[2]):
                pixel = x[n, i // scale[0], j]
                for v in range(scale[1]):
                    out = y[n, i, j * scale[1] + v]
                    for c in range(pixel.size):
                        out[c] = pixel[c]


@compiled(error_model="numpy")
def _nearest_gradient(delta: Array, first: int, last: int, scale: Array, dx: Array) -> None:
    for n in range(first, last):
        dx[n] = 0
        for i in range(delta.shape[1]):
            for j in range(dx.shape[2]):
                to = dx[n, i // scale[0], j]
                for v in range(scale[1]):
                    error = delta[n, i, j * scale[1] + v]
                    for c in range(to.size):
                        to[c] += error[c]


@compiled(error_model="numpy")
def _bilinear(
    x: Array,
    first: int,
    last: int,
    lines: Indices,
    line_weights: Array,
    columns: Indices,
    column_weights: Array,
    row: Array,
    y: Array,
) -> None:
    for n in range(first, last):
        for i in range(y.shape[1]):
            above, below = x[n, lines[i, 0]], x[n, lines[i, 1]]
            p, q = line_weights[i, 0], line_weights[i, 1]
            for j in range(row.shape[0]):
                for c in range(row.shape[1]):
                    row[j, c] = p * above[j, c] + q * below[j, c]
            for j in range(y.shape[2]):
                left, right, out = row[columns[j, 0]], row[columns[j, 1]], y[n, i, j]
                s, t = column_weights[j, 0], column_weights[j, 1]
                for c in range(out.size):
                    out[c] = s * left[c] + t * right[c]


@compiled(error_model="numpy")
def _bilinear_gradient(
    delta: Array,
    first: int,
    last: int,
    lines: Indices,
    line_weights: Array,
    columns: Indices,
    column_weights: Array,
    row: Array,
    dx: Array,
) -> None:
    for n in range(first, last):
        dx[n] = 0
        for i in range(delta.shape[1]):
            row[:] = 0
            for j in range(delta.shape[2]):
                error = delta[n, i, j]
                for side in range(2):
                    to, weight = row[columns[j, side]], column_weights[j, side]
                    for c in range(error.size):
                        to[c] += weight * error[c]
            for side in range(2):
                line, weight = dx[n, lines[i, side]], line_weights[i, side]
                for j in range(row.shape[0]):
                    for c in range(row.shape[1]):
                        line[j, c] += weight * row[j, c]
