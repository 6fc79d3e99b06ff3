"""Numbers as they travel to a page: spreads as histograms, pictures as bytes, and JSON that a browser reads."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array

BINS = 32
SEEN = 20_000  # numbers of an array that a histogram looks at


def text_of(numbers: NDArray[Any]) -> str:
    """Bytes in base 64."""
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()


def bytes_of(image: Array) -> NDArray[np.uint8]:
    """Grey levels from 0 to 1 as bytes."""
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def levels_of(images: Array) -> tuple[float, str]:
    """Signed pictures as levels from -127 to 127, in base 64, and the unit that a level stands for.

    >>> levels_of(np.array([[-2.54, 1.27]]))[0]
    0.02
    """
    unit = float(np.abs(images).max()) / 127 or 1.0
    return unit, text_of(np.rint(images / unit).astype(np.int8))


def histogram(values: Array, ends: tuple[float, float] | None = None, *, symmetric: bool = False) -> dict[str, Any]:
    """Counts in bins as whole per cent of the fullest bin, the ends of the bins, mean and standard deviation.

    >>> histogram(np.array([0.0, 1.0, 1.0]))["counts"][::31]
    [50, 100]
    """
    flat = values.reshape(-1)
    flat = flat[:: max(1, -(-len(flat) // SEEN))]
    flat = flat[np.isfinite(flat)] if not np.isfinite(flat).all() else flat
    if not len(flat):
        return {"counts": [0] * BINS, "low": 0.0, "high": 0.0, "mean": None, "std": None}
    if ends is None:
        low, high = float(flat.min()), float(flat.max())
        most = max(abs(low), abs(high))
        low, high = (-most, most) if symmetric else (low, high)
        ends = (low, high) if high > low else (low - 0.5, low + 0.5)
    counts, _ = np.histogram(flat, BINS, ends)
    share = np.rint(100 * counts / max(1, counts.max())).astype(int)
    return {"counts": share.tolist(), "low": ends[0], "high": ends[1], "mean": float(flat.mean()), "std": float(flat.std())}


def as_json(message: dict[str, Any]) -> str:
    """The message as JSON that a browser reads, which knows neither NaN nor infinity: they become null."""
    try:
        return json.dumps(message, allow_nan=False)
    except ValueError:
        return json.dumps(json.loads(json.dumps(message), parse_constant=lambda _: None))


def sentence(error: Exception) -> str:
    """What an error says, as a sentence on one line."""
    text = str(error).replace("\n", " ")
    return f"{text[:1].upper()}{text[1:]}."
