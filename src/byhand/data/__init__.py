"""The real data sets, one loader each, and the one preparation of images."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from byhand.data.catalogue import available as available
    from byhand.data.catalogue import load as load
    from byhand.data.dataset import Dataset as Dataset
    from byhand.data.dataset import Splits as Splits

_PLACES = {"Dataset": "dataset", "Splits": "dataset", "available": "catalogue", "load": "catalogue"}
__all__ = ["Dataset", "Splits", "available", "load"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'byhand.data' has no attribute {name!r}")
    return getattr(importlib.import_module(f"byhand.data.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
