"""A module from its description: what a model file holds instead of code."""

from __future__ import annotations

import inspect
from typing import Any

from byhand.errors import ModelError
from byhand.nn.module import Module, kinds


def build(description: dict[str, Any]) -> Module:
    """The module that `Module.describe` described, with fresh weights; raises ModelError where it describes none.

    >>> from byhand import nn
    >>> build(nn.Sequential(nn.Linear(4, 3), nn.ReLU()).describe())
    Sequential(Linear(in_features=4, out_features=3, bias=True), ReLU())
    """
    try:
        settings = dict(description)
        kind = settings.pop("kind")
        cls = kinds[kind]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"a module of an unknown kind ({error}): expected one of {', '.join(sorted(kinds))}") from error
    # Modules within it stand as descriptions: {"kind": ...}, or a list of such.
    inner = [build(one) for one in settings.pop("layers", [])]
    settings = {name: build(value) if isinstance(value, dict) else value for name, value in settings.items()}
    known = set(inspect.signature(cls).parameters)
    for name in settings:
        if name not in known:
            raise ModelError(f"{kind} has no setting {name!r}: it has {', '.join(sorted(known))}")
    try:
        return cls(*inner, **settings)
    except TypeError as error:
        raise ModelError(f"{kind} cannot be made of {settings}: {error}") from error
