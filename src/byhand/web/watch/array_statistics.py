"""What is measured of somebody else's arrays: how they are spread, how far they moved, which units are stuck, and pictures.

Nothing is known of the network but the names and shapes of its arrays, so what cannot be known is inferred from the numbers, and
the page says what it was taken for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ByhandError
from byhand.web.encoding import histogram, levels_of

TILES = 48  # units of an array that have a picture
WIDEST = 4_096  # numbers of a picture
SMALLEST = 16  # pixels of an image
NEAR_AN_END = 0.02  # of the range of a sigmoid or tanh: the slope there is less than 8 % of the steepest
MOST = 64  # arrays of a kind

Arrays = dict[str, Array]


def arrays(given: Any, what: str) -> Arrays:
    """Named arrays as they were handed over, or as the function that was handed over returns them.

    Raises ByhandError in one line for what is none: not a mapping, a name that is no text, an array that holds no numbers.
    """
    found = given() if callable(given) else given
    if not isinstance(found, Mapping) or not found:
        raise ByhandError(
            f"watch: {what} must be a dict of named arrays, got {_what(found)}: for example "
            f'{{"w1": w1, "b1": b1}}, or a function that returns one'
        )
    if len(found) > MOST:
        raise ByhandError(f"watch: {what} has {len(found)} arrays, but a page has room for {MOST}: hand over fewer")
    named = {}
    for name, value in found.items():
        array = np.asarray(value)
        if not isinstance(name, str) or array.dtype.kind not in "fiu" or array.size == 0:
            raise ByhandError(f"watch: {what}[{name!r}] must be a NumPy array of numbers under a name, got {_what(value)}")
        named[name] = array
    return named


def _what(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {value.shape}"
    text = repr(value)
    return f"{text[:40]}..." if len(text) > 40 else text


def parameter_rows(now: Arrays, gradients: Arrays, ratios: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """A row a parameter: its shape, the spread of its values and of its gradient where there is one, and how far it moved."""
    rows = []
    for name, w in now.items():
        row: dict[str, Any] = {"name": name, "shape": list(w.shape), "values": histogram(w, symmetric=True)}
        row["gradients"] = histogram(gradients[name], symmetric=True) if name in gradients else None
        rows.append(row | {"ratio": ratios.get(name)})
    return rows


def ratio(before: Array, now: Array) -> float | None:
    r"""The length of a step over the length of what it changed, \|w' - w\| / \|w'\|; None for an array of zeros.

    >>> ratio(np.array([3.0, 4.0]), np.array([3.0, 5.0])).__round__(3)
    0.171
    """
    size = float(np.linalg.norm(now))
    return float(np.linalg.norm(np.subtract(now, before, dtype=np.float64))) / size if size else None


def activation_rows(activations: Arrays) -> list[dict[str, Any]]:
    """A row a layer of activations: their spread, and the share that is stuck, in the sense of what they were taken for."""
    rows = []
    for name, a in activations.items():
        taken_for = kind_of(a)
        share, why = stuck(a, taken_for)
        ends = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}.get(taken_for)
        rows.append(
            {"name": name, "shape": list(a.shape), "activation": taken_for, "activations": histogram(a, ends)}
            | {"stuck": share, "why": why}
        )
    return rows


def kind_of(a: Array) -> str:
    """What activations look like: "relu", "softmax", "sigmoid", "tanh", or "" for none of them.

    >>> kind_of(np.array([[0.0, 2.0], [0.5, 0.0]])), kind_of(np.array([[0.2, 0.8], [0.5, 0.5]]))
    ('relu', 'softmax')
    """
    if a.dtype.kind != "f" or a.ndim < 2 or not np.isfinite(a).all():
        return ""
    low, high = float(a.min()), float(a.max())
    if low == 0 and (a == 0).mean() > 0.001:
        return "relu"
    if low >= 0 and high <= 1:
        return "softmax" if np.allclose(a.sum(axis=-1), 1, atol=1e-3) else "sigmoid"
    return "tanh" if -1 <= low < 0 and high <= 1 else ""


def stuck(a: Array, taken_for: str) -> tuple[float | None, str]:
    """The share that does not learn now, and in which sense; the units are the last axis.

    relu: units that no sample of the batch wakes. sigmoid, tanh: values within 2 % of an end, where the slope is almost 0.
    """
    if taken_for == "relu":
        return float((a <= 0).all(axis=tuple(range(a.ndim - 1))).mean()), "silent"
    if taken_for in ("sigmoid", "tanh"):
        low, high = (0.0, 1.0) if taken_for == "sigmoid" else (-1.0, 1.0)
        edge = NEAR_AN_END * (high - low)
        return float(((a < low + edge) | (a > high - edge)).mean()), "saturated"
    return None, ""


# ---------------------------------------------------------------- pictures


def pictures(now: Arrays) -> list[dict[str, Any]]:
    """Pictures of all parameters that can be seen as such."""
    n = pixels(now)
    return [found for found in (picture(name, w, n) for name, w in now.items()) if found]


def pixels(now: Arrays) -> int:
    """How many pixels the network reads: the inputs of its first matrix where they are a square number, else 0.

    The units are as many as the bias has numbers that comes next; without one the longer side is taken for the inputs.

    >>> pixels({"w1": np.ones((784, 100)), "b1": np.ones(100)}), pixels({"w1": np.ones((100, 20)), "b1": np.ones(100)})
    (784, 0)
    """
    named = list(now.values())
    for w, after in zip(named, [*named[1:], np.empty(0)], strict=True):
        if w.ndim == 2:
            rows, columns = w.shape
            units = len(after) if after.ndim == 1 else 0
            n = columns if units == rows else rows if units == columns else max(w.shape)
            return n if math.isqrt(n) ** 2 == n and SMALLEST <= n <= WIDEST else 0
    return 0


def picture(name: str, w: Array, n: int) -> dict[str, Any] | None:
    """A matrix as pictures: one a unit where a side of it is as long as an image of n pixels, else one of the whole.

    `order` says how the array is indexed: "rows", w[unit, pixel]; "columns", w[pixel, unit]; "matrix", w[row, column]. None for
    what is no matrix, or too large.
    """
    if w.ndim != 2 or not np.isfinite(w).all():
        return None
    side = math.isqrt(n)
    if n and w.shape[1] == n:
        order, units, images = "rows", w.shape[0], w[:TILES].reshape(-1, side, side)
    elif n and w.shape[0] == n:
        order, units, images = "columns", w.shape[1], w[:, :TILES].T.reshape(-1, side, side)
    elif w.size <= WIDEST:
        order, units, images = "matrix", 1, w[None]
    else:
        return None
    unit, levels = levels_of(images)
    return {
        "name": name,
        "kind": "own",
        "order": order,
        "units": units,
        "rows": images.shape[1],
        "columns": images.shape[2],
        "unit": unit,
        "levels": levels,
    }


# ---------------------------------------------------------------- what stands out


def notes(rows: list[dict[str, Any]], still: Mapping[str, int], wrong: list[str]) -> list[str]:
    """What is certainly not meant, in sentences; still: for how many looks an array has not moved; wrong: not finite."""
    found = [f"{name} holds a number that is not finite: the rate may be too high, or something divided by 0." for name in wrong]
    standing = [name for name in (row["name"] for row in rows) if still.get(name, 0) >= 3]
    if standing:
        which = ", ".join(standing)
        found.append(
            f"{which} {'does' if len(standing) == 1 else 'do'} not change. If the loop writes w = w - eta * dw, "
            "that makes a new array which nobody watches: write w -= eta * dw, or hand watch a function, "
            "lambda: {...}, that returns the arrays as they are now."
        )
    return found
