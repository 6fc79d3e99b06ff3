"""Dropout as modules: of numbers, and of whole channels."""

from __future__ import annotations

from typing import Any

from byhand import limits
from byhand.backend import array_module, generator
from byhand.engine import ops
from byhand.errors import EngineError
from byhand.nn.module import Module


class Dropout(Module):
    """In training each number is 0 with probability p, and the others scaled by 1/(1-p). See `byhand.engine.ops.dropout`.

    Attributes:
        rng: where the draws come from; a training sets it anew each epoch.
    """

    settings = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = limits.number(f"{type(self).__name__}: p", p, least=0, below=1)
        self.rng = generator(0, "dropout")

    def forward(self, x: Any) -> Any:
        if not self.training or self.p == 0:
            return x
        return ops.dropout(x, rate=self.p, rng=self.rng, training=True)


class Dropout2d(Dropout):
    r"""In training each channel of each image is 0 with probability p, all of it, and the others scaled by 1/(1-p).

    Equation:
        y_{nijc} = x_{nijc}\,\frac{k_{nc}}{1 - p}, \quad k_{nc} \in \{0, 1\}, \quad P(k_{nc} = 0) = p
    Shapes:
        x: (N, H, W, C) -> y: the same
    Source:
        Tompson et al. (2015), arXiv:1411.4280, section 3.2
    """

    def forward(self, x: Any) -> Any:
        if not self.training or self.p == 0:
            return x
        if x.ndim != 4:
            raise EngineError(f"Dropout2d: x must be images (N, H, W, C), got {x.shape}")
        ones = array_module(x.data).ones((len(x), 1, 1, x.shape[3]), x.dtype)
        return x * ops.dropout(ones, rate=self.p, rng=self.rng, training=True)
