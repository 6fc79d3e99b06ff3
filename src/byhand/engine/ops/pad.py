"""What is put around an array, or cut off from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule
from byhand.engine.op import Saved, op
from byhand.engine.threaded import new
from byhand.errors import EngineError
from byhand.kernels.reference.sums import scattered

Widths = tuple[tuple[int, int], ...]
MODES = ("constant", "reflect", "replicate", "circular")


@op
class pad:
    r"""Zeros (or another number) around an array, or its own numbers: mirrored, the last ones again, or from the other end.

    Negative widths cut off.

    Equation:
        c_{i + p} = a_i, \quad \text{outside: } v, \text{ or } a_{k(i)}
    Gradient:
        \partial C/\partial a_i = \delta_{i + p}, \quad \text{or } \sum_{j:\,k(j) = i} \delta_{j + p}
    Shapes:
        a: any, p: (before, after) for each axis, mode: "constant", "reflect", "replicate" or "circular"
        -> c: longer by before + after
    Source:
        the transpose of a selection is a scattered sum
    """

    def forward(xp: ArrayModule, a: Array, *, widths: Widths, mode: str = "constant", value: float = 0.0) -> Any:
        if not _widths(widths, a.ndim):
            raise EngineError(f"pad: a is {a.shape} but the widths are {widths}: give (before, after) for each axis")
        if mode not in MODES:
            raise EngineError(f"pad: the mode must be one of {', '.join(MODES)}, got {mode!r}")
        for n, pair in zip(a.shape, widths, strict=True):
            if n + sum(pair) < 0 or n + min(pair) < 0:
                raise EngineError(f"pad: a is {a.shape} but the widths are {widths}: more is cut off than there is")
        if mode == "constant":
            return _with_value(a, widths, value), (a.shape, widths, None)
        key = np.ix_(*(_places(mode, n, *pair) for n, pair in zip(a.shape, widths, strict=True)))
        return a[key], (a.shape, widths, key)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        shape, widths, key = saved
        if key is None:
            return _with_value(delta, _negative(widths), 0.0)
        return scattered(shape, key, delta)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        shape, widths, key = saved
        return xp.pad(delta, widths=_negative(widths)) if key is None else xp.scatter(delta, key=key, shape=shape)


def _negative(widths: Widths) -> Widths:
    return tuple((-before, -after) for before, after in widths)


def _with_value(a: Array, widths: Widths, value: float) -> Any:
    """The array with a value around it; cut, where widths are negative."""
    if all(n <= 0 for pair in widths for n in pair):
        return a[tuple(slice(-before, n + after) for n, (before, after) in zip(a.shape, widths, strict=True))]
    c = new(a, tuple(before + n + after for n, (before, after) in zip(a.shape, widths, strict=True)))
    c.fill(value)
    inside = tuple(slice(max(0, before), max(0, before) + n) for n, (before, _) in zip(_left(a, widths), widths, strict=True))
    c[inside] = a[tuple(slice(max(0, -before), n - max(0, -after)) for n, (before, after) in zip(a.shape, widths, strict=True))]
    return c


def _left(a: Array, widths: Widths) -> list[int]:
    """How many of each axis's places are left after the cut."""
    return [n + min(0, before) + min(0, after) for n, (before, after) in zip(a.shape, widths, strict=True)]


def _places(mode: str, n: int, before: int, after: int) -> Any:
    """Along an axis of n the place that each number of the padded one is taken from."""
    kept = np.arange(n)[max(0, -before) : n - max(0, -after)]  # what is cut off is gone before the rest is repeated
    before, after, n = max(0, before), max(0, after), len(kept)
    place = np.arange(-before, n + after)
    if not before and not after:
        return kept
    if n == 0 or (mode == "reflect" and max(before, after) >= n) or (mode == "circular" and max(before, after) > n):
        raise EngineError(f"pad: an axis of {n} cannot be padded by ({before}, {after}) in the mode {mode!r}: it is too short")
    if mode == "replicate":
        return kept[np.clip(place, 0, n - 1)]
    if mode == "circular":
        return kept[place % n]
    period = max(1, 2 * (n - 1))
    place = np.abs(place) % period
    return kept[np.minimum(place, period - place)]


def _widths(widths: Any, ndim: int) -> bool:
    """Whether these are pairs of whole numbers, one for each axis."""
    pairs = isinstance(widths, tuple | list) and len(widths) == ndim
    return pairs and all(
        isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(n, int | np.integer) for n in pair)
        for pair in widths
    )
