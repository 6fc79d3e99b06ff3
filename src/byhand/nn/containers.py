"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from byhand.errors import ModelError
from byhand.nn.module import Module


class Sequential(Module):
    """One module after the other.

    >>> from byhand import nn
    >>> net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    >>> net.n_parameters
    43
    """

    def __init__(self, *layers: Module) -> None:
        for number, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise ModelError(
                    f"Sequential: layer {number} is {type(layer).__name__}, but modules are wanted, as nn.Linear(4, 3)"
                )
            setattr(self, str(number), layer)

    def __iter__(self) -> Iterator[Module]:
        return (layer for _, layer in self.children())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, number: int) -> Module:
        return list(self)[number]

    def forward(self, x: Any) -> Any:
        for layer in self:
            x = layer(x)
        return x

    def describe(self) -> dict[str, Any]:
        return {"kind": "Sequential", "layers": [layer.describe() for layer in self]}

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self))})"


class Residual(Module):
    r"""What a module computes, added to what came in.

    Equation:
        y = x + F(x)
    Source:
        He et al. (2016), arXiv:1512.03385, eq. 1
    """

    def __init__(self, inner: Module) -> None:
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return x + self.inner(x)

    def describe(self) -> dict[str, Any]:
        return {"kind": "Residual", "inner": self.inner.describe()}

    def __repr__(self) -> str:
        return f"Residual({self.inner!r})"
