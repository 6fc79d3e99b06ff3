"""The fully connected layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import generator
from byhand.engine import ops
from byhand.initialisers import he
from byhand.nn.module import Module, Parameter, draw_matrix
from byhand.nn.sizes import at_least_one


class Linear(Module):
    r"""Every input with every output.

    Equation:
        z = a w^\top + b
    Shapes:
        a: (..., in_features) -> z: (..., out_features); weight: (out_features, in_features), bias: (out_features,)
    Source:
        Nielsen (2015), chapter 2, eq. 25; the weights begin as in He et al. (2015), eq. 10

    Layers of one shape begin with the same numbers: `initialise(seed)` of the network around them, or `nn.Network`, draws
    them all anew.

    >>> from byhand.engine import Tensor
    >>> Linear(4, 3)(Tensor(np.ones((2, 4), np.float32))).shape
    (2, 3)
    """

    settings = ("in_features", "out_features", "bias_used")

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        at_least_one("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features, self.bias_used = in_features, out_features, limits.truth("Linear: bias", bias)
        self.weight = Parameter(np.zeros((out_features, in_features), np.float32))
        self.bias = Parameter(np.zeros(out_features, np.float32)) if bias else None
        self.draw(he, generator(0, "weights"))

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        draw_matrix(fill, rng, self.weight, self.bias, self.out_features)

    def forward(self, a: Any) -> Any:
        return weighted(a, self.weight, self.bias)


def weighted(a: Any, w: Any, b: Any) -> Any:
    """a w^T, plus b where there is one."""
    return ops.linear(a, w, b) if b is not None else ops.linear(a, w)
