"""Array types and random generators that everything above shares."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from byhand import limits
from byhand.errors import ModelError

Array: TypeAlias = NDArray[np.floating[Any]]
Indices: TypeAlias = NDArray[np.integer[Any]]
Shape: TypeAlias = tuple[int, ...]
Axes: TypeAlias = int | Sequence[int] | None  # None: all of them
ArrayModule: TypeAlias = ModuleType  # what computes: NumPy, CuPy, or `byhand.engine.on_tape` where the computing is recorded

DTYPES = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}


def float_type(dtype: Any) -> np.dtype[np.floating[Any]]:
    """float32 for training, float64 for checks; anything else raises ModelError."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in DTYPES.values():
        raise ModelError(f"dtype must be float32 or float64, got {limits.told(dtype)}")
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


def address(array: Any) -> int:
    """Where an array begins in the memory of its device."""
    return int(array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr)


def on_device(array: Any, device: str) -> Any:
    """The array in the memory of "cpu" or "gpu", where it is not there already.

    Raises ModelError for another device, and for a GPU without CuPy or without a GPU.
    """
    if device not in ("cpu", "gpu"):
        raise ModelError(f"device must be cpu or gpu, got {limits.told(device)}")
    if device == "cpu":
        return array.get() if array_module(array) is not np else array
    try:
        import cupy
    except ImportError:
        raise ModelError("device gpu needs CuPy, which is not installed: pip install 'byhand[gpu]', or choose cpu") from None
    try:
        return cupy.asarray(array)
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise ModelError(f"device gpu cannot be used ({error}): choose cpu") from error


def numbers(what: str, given: Any, dtype: Any, shape: str) -> Any:
    """An array of numbers, on the device where they are, or ModelError for what is none; `shape`: in words, which it must have.

    >>> numbers("the input", [[1, 2]], np.float32, "(m, 2)")
    array([[1., 2.]], dtype=float32)
    """
    xp = array_module(given)
    try:
        if not isinstance(given, xp.ndarray) or given.dtype.kind in "fiub":
            return xp.asarray(given, dtype)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ModelError(f"{what} must be numbers, {shape}, got {limits.told(given)}")


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """An independent generator for one purpose, made from the one seed.

    The purpose and the numbers (an epoch, say) become the spawn key of a `SeedSequence`, so two purposes never share a
    stream, and what an epoch draws does not depend on what came before it.

    >>> generator(1, "shuffle", 0).integers(100) == generator(1, "shuffle", 0).integers(100)
    np.True_
    >>> generator(1, "shuffle", 0).integers(2**40) == generator(1, "dropout", 0).integers(2**40)
    np.False_
    """
    key = (int.from_bytes(purpose.encode()[:8], "little"), *numbers)
    return np.random.default_rng(np.random.SeedSequence(limits.whole("seed", seed, least=0), spawn_key=key))
