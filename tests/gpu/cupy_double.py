"""A double of CuPy for tests without a GPU: its arrays are not NumPy's, and refuse, as CuPy's do, to be mixed with those.

What computes on this computes on CuPy as far as the interface goes: no array slips over to NumPy unseen. Only the arithmetic is
NumPy's.
"""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np


def unwrapped(value: Any) -> Any:
    if isinstance(value, ndarray):
        return value.inner
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")  # CuPy's own words
    if isinstance(value, tuple | list):
        return type(value)(unwrapped(one) for one in value)
    if isinstance(value, dict):
        return {key: unwrapped(one) for key, one in value.items()}
    return value


def wrapped(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return ndarray(np.asarray(value))
    if isinstance(value, tuple | list):
        return type(value)(wrapped(one) for one in value)
    return value


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    __module__ = "cupy"

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        kwargs = unwrapped(kwargs)
        if out is not None:
            kwargs["out"] = tuple(unwrapped(one) for one in out)
        result = getattr(ufunc, method)(*(unwrapped(one) for one in inputs), **kwargs)
        return out[0] if out is not None else wrapped(result)

    def __array_function__(self, function: Any, _: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(function(*unwrapped(args), **unwrapped(kwargs)))

    def __getattr__(self, name: str) -> Any:
        if name in ("ctypes", "__array_interface__", "__buffer__"):
            raise AttributeError(name)
        if name == "data":
            return types.SimpleNamespace(ptr=self.inner.ctypes.data)
        value = getattr(self.inner, name)
        if callable(value):
            return lambda *args, **kwargs: wrapped(value(*unwrapped(args), **unwrapped(kwargs)))
        return wrapped(value) if isinstance(value, np.ndarray) else value

    def __getitem__(self, key: Any) -> Any:
        return wrapped(self.inner[unwrapped(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.inner[unwrapped(key)] = unwrapped(value)

    def __len__(self) -> int:
        return len(self.inner)

    def __bool__(self) -> bool:
        return bool(self.inner)

    def __float__(self) -> float:
        return float(self.inner)

    def __int__(self) -> int:
        return int(self.inner)

    def __index__(self) -> int:
        return int(self.inner)

    def get(self) -> Any:
        return self.inner.copy()


def install(monkeypatch: Any) -> Any:
    """Let `import cupy` find the double, for the length of a test."""
    module = types.ModuleType("cupy")
    module.ndarray = ndarray  # type: ignore[attr-defined]
    module.asarray = lambda value, dtype=None: ndarray(np.array(getattr(value, "inner", value), dtype))  # type: ignore[attr-defined]
    runtime = types.SimpleNamespace(CUDARuntimeError=type("CUDARuntimeError", (RuntimeError,), {}))
    module.cuda = types.SimpleNamespace(runtime=runtime)  # type: ignore[attr-defined]

    def function(name: str) -> Any:
        value = getattr(np, name)
        if not callable(value) or isinstance(value, type):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            return wrapped(value(*unwrapped(args), **unwrapped(kwargs)))

        if isinstance(value, np.ufunc):
            call.at = lambda *args: value.at(*unwrapped(args))  # type: ignore[attr-defined]
        return call

    module.__getattr__ = function  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module
