"""Array types and random generators that everything above shares."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from byhand.errors import ModelError

Array: TypeAlias = NDArray[np.floating[Any]]

DTYPES = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}


def float_type(dtype: Any) -> np.dtype[np.floating[Any]]:
    """float32 for training, float64 for checks; anything else raises ModelError."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in DTYPES.values():
        raise ModelError(f"dtype is {dtype!r}, but byhand computes in float32 or float64: choose one of them")
    return found


def array_module(x: Any) -> Any:
    """The module whose functions compute with this array: NumPy, or CuPy for an array on a GPU.

    >>> array_module(np.zeros(3)).__name__
    'numpy'
    """
    if type(x).__module__.partition(".")[0] == "cupy":
        import cupy

        return cupy
    return np


def on_device(array: Any, device: str) -> Any:
    """The array in the memory of "cpu" or "gpu", where it is not there already.

    Raises ModelError for another device, and for a GPU without CuPy or without a GPU.
    """
    if device == "cpu":
        return array.get() if array_module(array) is not np else array
    if device != "gpu":
        raise ModelError(f"device is {device!r}: choose cpu or gpu")
    try:
        import cupy
    except ImportError:
        raise ModelError("device gpu wants CuPy, which is not installed: pip install 'byhand[gpu]', or choose cpu") from None
    try:
        return cupy.asarray(array)
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise ModelError(f"device gpu cannot be used ({error}): choose cpu") from error


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """An independent generator for one purpose, made from the one seed.

    The purpose and the numbers (an epoch, say) become the spawn key of a `SeedSequence`, so two purposes never share a
    stream, and what an epoch draws does not depend on what came before it.

    >>> generator(1, "shuffle", 0).integers(100) == generator(1, "shuffle", 0).integers(100)
    np.True_
    >>> generator(1, "shuffle", 0).integers(2**40) == generator(1, "dropout", 0).integers(2**40)
    np.False_
    """
    if seed < 0:
        raise ModelError(f"seed is {seed}, but a seed is a whole number from 0 up")
    key = (int.from_bytes(purpose.encode()[:8], "little"), *numbers)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
