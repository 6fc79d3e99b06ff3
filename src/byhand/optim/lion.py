"""Lion: only the sign of a mean of the gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.optim.factors import running_mean
from byhand.optim.optimizer import Optimizer
from byhand.terms import Factor, Sum


class Lion(Optimizer):
    r"""Every parameter moves by the same length, in the direction of a mean of its gradients; with weight decay apart from it.

    Equation:
        \theta \leftarrow \theta - \eta \left(\operatorname{sign}(\beta_1 m + (1 - \beta_1) g) + \lambda \theta\right), \quad
        m \leftarrow \beta_2 m + (1 - \beta_2) g
    Source:
        Chen et al. (2023), arXiv:2302.06675, algorithm 2

    Its rate is 3 to 10 times smaller than Adam's, and its decay as many times larger, since no step is short.
    """

    name = "lion"
    equation = (
        r"\theta \leftarrow \theta - \eta \left(\operatorname{sign}(\beta_1 m + (1 - \beta_1) g) + \lambda \theta\right),\quad "
        r"m \leftarrow \beta_2 m + (1-\beta_2) g"
    )
    slots = ("m",)

    def __init__(self, learning_rate: float = 1e-4, beta1: float = 0.9, beta2: float = 0.99, weight_decay: float = 0.0) -> None:
        super().__init__(learning_rate)
        self.beta1 = limits.number("beta1", beta1, least=0, below=1)
        self.beta2 = limits.number("beta2", beta2, least=0, below=1)
        self.weight_decay = limits.number("weight_decay", weight_decay, least=0)

    def _change(self, block: slice, theta: Array, g: Array, update: Array) -> None:
        m = self.state["m"][block]
        np.multiply(m, self.beta1, out=update)
        update += (1 - self.beta1) * g
        np.sign(update, out=update)
        update += self.weight_decay * theta
        update *= -self.learning_rate
        m *= self.beta2
        m += (1 - self.beta2) * g

    meanings: ClassVar[Mapping[str, str]] = {"m": "running mean of the gradient"}

    def state_terms(self, slot: str, before: Factor, g: Factor) -> list[Sum]:
        return running_mean(r"\beta_2", self.beta2, before, g)
