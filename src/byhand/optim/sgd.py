"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.errors import ModelError
from byhand.optim.factors import rate_factor
from byhand.optim.optimizer import Optimizer
from byhand.terms import Factor, Sum, single


class SGD(Optimizer):
    r"""Stochastic gradient descent, plain, with momentum or with Nesterov's momentum (as PyTorch writes them).

    Equation:
        v \leftarrow \mu v + g,\qquad \theta \leftarrow \theta - \eta\,v
    Source:
        Nielsen (2015), chapter 3, eq. 107; Sutskever et al. (2013), ICML, for Nesterov's form
    """

    name = "sgd"
    equation = r"\theta \leftarrow \theta - \eta\,\frac{\partial C}{\partial \theta}"

    def __init__(self, learning_rate: float, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(learning_rate)
        self.momentum = limits.number("momentum", momentum, least=0, below=1)
        self.nesterov = limits.truth("nesterov", nesterov)
        if nesterov and not momentum:
            raise ModelError("nesterov needs a momentum above 0, for example momentum=0.9")
        if momentum:
            self.slots = ("velocity",)
            self.equation = (
                r"v \leftarrow \mu v + g,\quad \theta \leftarrow \theta - \eta\,(g + \mu v)"
                if nesterov
                else r"v \leftarrow \mu v + g,\quad \theta \leftarrow \theta - \eta\,v"
            )

    def _change(self, block: slice, theta: Array, g: Array, update: Array) -> None:
        if not self.momentum:
            np.multiply(g, -self.learning_rate, out=update)
            return
        v = self.state["velocity"][block]
        v *= self.momentum
        v += g
        if self.nesterov:
            np.multiply(v, self.momentum, out=update)
            update += g
            update *= -self.learning_rate
        else:
            np.multiply(v, -self.learning_rate, out=update)

    letters: ClassVar[Mapping[str, str]] = {"velocity": "v"}
    meanings: ClassVar[Mapping[str, str]] = {"velocity": "velocity: the gradients so far, fading"}

    def equations(self) -> tuple[str, ...]:
        if self.nesterov:
            return (r"v \leftarrow \mu v + g", r"\theta \leftarrow \theta - \eta\,(g + \mu v)")
        return super().equations()

    def state_terms(self, slot: str, before: Factor, g: Factor) -> list[Sum]:
        return [single(rate_factor(r"\mu", self.momentum), before), single(g)]

    def change_terms(self, theta: Factor, g: Factor, state: Mapping[str, Factor]) -> list[Sum]:
        eta = self._minus_eta()
        if not self.momentum:
            return [single(eta, g)]
        if not self.nesterov:
            return [single(eta, state["velocity"])]
        return [single(eta, g), single(eta, rate_factor(r"\mu", self.momentum), state["velocity"])]
