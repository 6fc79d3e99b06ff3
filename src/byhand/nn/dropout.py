"""Dropout as a module."""

from __future__ import annotations

from typing import Any

from byhand.backend import generator
from byhand.engine import ops
from byhand.errors import ModelError
from byhand.nn.module import Module


class Dropout(Module):
    """In training each number is 0 with probability p, and the others scaled by 1/(1-p). See `byhand.engine.ops.dropout`.

    Attributes:
        rng: where the draws come from; a training sets it anew each epoch.
    """

    settings = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p < 1:
            raise ModelError(f"Dropout: p is {p}, but it is a probability: choose 0 <= p < 1")
        self.p = p
        self.rng = generator(0, "dropout")

    def forward(self, x: Any) -> Any:
        if not self.training or self.p == 0:
            return x
        return ops.dropout(x, rate=self.p, rng=self.rng, training=True)
