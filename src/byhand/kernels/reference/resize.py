"""Images (N, H, W, C) made larger or smaller."""

from __future__ import annotations

from typing import Any

from byhand.backend import Array, array_module

Pair = tuple[int, int]


def upsample_nearest(x: Array, scale: Pair) -> Any:
    r"""Each pixel repeated over a rectangle.

    Equation:
        y_{ij} = x_{\lfloor i/s \rfloor \lfloor j/t \rfloor}
    """
    return x.repeat(scale[0], axis=1).repeat(scale[1], axis=2)


def upsample_nearest_gradient(delta: Array, scale: Pair) -> Any:
    r"""A pixel's error is the sum over its rectangle.

    Equation:
        \frac{\partial C}{\partial x_{ij}} = \sum_{u < s,\, v < t} \delta_{is + u,\; jt + v}
    """
    (s, t), (n, h, w, c) = scale, delta.shape
    return delta.reshape(n, h // s, s, w // t, t, c).sum(axis=(2, 4))


def upsample_bilinear(x: Array, lines: Array, columns: Array) -> Any:
    r"""Each new pixel a mean of its neighbours: between lines and between columns, one after the other.

    Equation:
        y = A\,x\,B^\top
    Shapes:
        x: (N, H, W, C), lines A: (H', H), columns B: (W', W) -> (N, H', W', C)
    """
    xp = array_module(x)
    n, h, w, c = x.shape
    wider = xp.matmul(columns, x.reshape(n * h, w, c))  # (N H, W', C)
    return xp.matmul(lines, wider.reshape(n, h, len(columns) * c)).reshape(n, len(lines), len(columns), c)


def upsample_bilinear_gradient(delta: Array, lines: Array, columns: Array) -> Any:
    r"""The same with the matrices transposed.

    Equation:
        \frac{\partial C}{\partial x} = A^\top \delta\,B
    """
    return upsample_bilinear(delta, lines.T, columns.T)
