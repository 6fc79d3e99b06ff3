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
LARGEST = float(np.finfo(np.float64).max)


def text_of(numbers: NDArray[Any]) -> str:
    """Bytes in base 64."""
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()


def bytes_of(image: Array) -> NDArray[np.uint8]:
    """Grey levels from 0 to 1 as bytes; what is no number is black.

    >>> bytes_of(np.array([0.5, np.nan, np.inf])).tolist()
    [128, 0, 255]
    """
    return np.rint(255 * np.clip(np.nan_to_num(image, nan=0.0), 0, 1)).astype(np.uint8)


def levels_of(images: Array) -> tuple[float, str]:
    """Signed pictures as levels from -127 to 127, in base 64, and the unit that a level stands for; what is not finite is 0.

    >>> levels_of(np.array([[-2.54, 1.27]]))[0]
    0.02
    """
    finite = np.nan_to_num(np.asarray(images, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    unit = float(np.abs(finite).max(initial=0.0)) / 127 or 1.0
    return unit, text_of(np.rint(finite / unit).astype(np.int8))


def histogram(values: Array, ends: tuple[float, float] | None = None, *, symmetric: bool = False) -> dict[str, Any]:
    """Counts in bins as whole per cent of the fullest bin, the ends of the bins, mean and standard deviation.

    Any numbers do: what is not finite is left out, and numbers that are the same up to rounding share the middle.

    >>> histogram(np.array([0.0, 1.0, 1.0]))["counts"][::31]
    [50, 100]
    """
    flat = values.reshape(-1)
    flat = flat[:: max(1, -(-len(flat) // SEEN))].astype(np.float64)
    flat = flat[np.isfinite(flat)] if not np.isfinite(flat).all() else flat
    if not len(flat):
        return {"counts": [0] * BINS, "low": 0.0, "high": 0.0, "mean": None, "std": None}
    most = float(np.abs(flat).max())
    if ends is None:
        low, high = (-most, most) if symmetric else (float(flat.min()), float(flat.max()))
        # In halves, for the whole width of the largest numbers is none; bins narrower than rounding would hold nothing.
        narrow = high / 2 - low / 2 <= BINS * np.finfo(np.float64).eps * most
        half = max(0.5, 0.5 * most if most > 2**52 else 0.5)
        ends = (max(low - half, -LARGEST), min(high + half, LARGEST)) if narrow else (low, high)
    low, high = ends
    place = (np.clip(flat, low, high) / 2 - low / 2) / (high / 2 - low / 2)
    counts = np.bincount(np.minimum(BINS * place, BINS - 1).astype(np.intp), minlength=BINS)
    share = np.rint(100 * counts / max(1, counts.max())).astype(int)
    with np.errstate(over="ignore"):
        scaled = flat / (most or 1.0)  # whose squares do not overflow
        mean, std = float(scaled.mean()) * most, float(scaled.std()) * most
    return {"counts": share.tolist(), "low": low, "high": high, "mean": mean, "std": std}


def as_json(message: dict[str, Any]) -> str:
    """The message as JSON that a browser reads: NaN and infinity, which it does not know, become null.

    >>> as_json({"cost": np.float32(0.5), "rate": float("nan")})
    '{"cost": 0.5, "rate": null}'
    """
    try:
        return json.dumps(message, allow_nan=False, default=_plain)
    except ValueError:
        return json.dumps(json.loads(json.dumps(message, default=_plain), parse_constant=lambda _: None))


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else str(value)


def sentence(error: Exception) -> str:
    """What an error says, as a sentence on one line."""
    text = str(error).replace("\n", " ")
    return f"{text[:1].upper()}{text[1:]}."


def fault(what: str, error: BaseException) -> str:
    """A fault of ours, as a sentence on one line: what could not be done, and what to report."""
    text = f"{type(error).__name__}: {error}".replace("\n", " ")[:200]
    return f"{what[:1].upper()}{what[1:]} ({text}): please report it."
