"""Adam and its relatives: each parameter's step is divided by the size that its gradient has had."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from byhand import kernels, limits
from byhand.backend import Array, array_module
from byhand.formula import setting
from byhand.neural_network import Turn
from byhand.optim.factors import one_over_root, rate_factor, running_mean
from byhand.optim.optimizer import Optimizer
from byhand.terms import Factor, Sum, single


class RMSProp(Optimizer):
    r"""Divide by a running mean of the gradient's size.

    Equation:
        v \leftarrow \rho v + (1 - \rho) g^2,\qquad \theta \leftarrow \theta - \eta \frac{g}{\sqrt{v} + \epsilon}
    Source:
        Hinton, Srivastava and Swersky (2012), Neural Networks for Machine Learning, lecture 6e
    """

    name = "rmsprop"
    equation = r"v \leftarrow \rho v + (1-\rho) g^2,\quad \theta \leftarrow \theta - \eta\,\frac{g}{\sqrt{v} + \epsilon}"
    slots = ("v",)

    def __init__(self, learning_rate: float = 1e-3, rho: float = 0.99, epsilon: float = 1e-8) -> None:
        super().__init__(learning_rate)
        self.rho = limits.number("rho", rho, least=0, below=1)
        self.epsilon = limits.number("epsilon", epsilon, least=0)

    def _change(self, block: slice, theta: Array, g: Array, update: Array) -> None:
        v = self.state["v"][block]
        v *= self.rho
        np.multiply(g, g, out=update)
        update *= 1 - self.rho
        v += update
        np.sqrt(v, out=update)
        update += self.epsilon
        np.divide(g, update, out=update)
        update *= -self.learning_rate

    meanings: ClassVar[Mapping[str, str]] = {"v": "running mean of the gradient's square"}

    def state_terms(self, slot: str, before: Factor, g: Factor) -> list[Sum]:
        return running_mean(r"\rho", self.rho, before, g, g)

    def change_terms(self, theta: Factor, g: Factor, state: Mapping[str, Factor]) -> list[Sum]:
        return [single(self._minus_eta(), g, one_over_root(state["v"], 1.0, self.epsilon))]


class Adam(Optimizer):
    r"""Momentum divided by the gradient's size, both corrected for their start at zero.

    Equation:
        m \leftarrow \beta_1 m + (1-\beta_1) g,\quad v \leftarrow \beta_2 v + (1-\beta_2) g^2,\quad
        \theta \leftarrow \theta - \eta \frac{m / (1-\beta_1^t)}{\sqrt{v / (1-\beta_2^t)} + \epsilon}
    Source:
        Kingma and Ba (2015), arXiv:1412.6980, algorithm 1
    """

    name = "adam"
    equation = (
        r"\theta \leftarrow \theta - \eta\,\frac{\hat m}{\sqrt{\hat v} + \epsilon},\quad "
        r"\hat m = \frac{m}{1-\beta_1^t},\; \hat v = \frac{v}{1-\beta_2^t}"
    )
    slots = ("m", "v")

    def __init__(self, learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        super().__init__(learning_rate)
        self.beta1 = limits.number("beta1", beta1, least=0, below=1)
        self.beta2 = limits.number("beta2", beta2, least=0, below=1)
        self.epsilon = limits.number("epsilon", epsilon, least=0)

    def step(self, parameters: Array, gradient: Array, turn: Turn | None = None) -> None:
        """As every optimiser's, in one compiled pass where the vector is long: same arithmetic, same bits."""
        large = parameters.size >= kernels.SMALLEST and array_module(parameters) is np
        compiled = kernels.compiled_adam() if large and type(self) is Adam and not self._groups else None
        if compiled is None:
            super().step(parameters, gradient, turn)
            return
        self.prepare(parameters)
        self.steps += 1
        taken, part = self.steps, slice(0, parameters.size)
        if turn is not None:
            part, self.steps = turn
            self.update.fill(0)
        correct1, correct2 = self._corrections()
        self.steps = taken
        numbers = (self.beta1, self.beta2, 1 - self.beta1, 1 - self.beta2, self.epsilon * correct2)
        scalars = [parameters.dtype.type(number) for number in (*numbers, -self.learning_rate * correct2 / correct1)]
        m, v = self.state["m"], self.state["v"]
        compiled(parameters[part], gradient[part], m[part], v[part], self.update[part], *scalars)

    def _corrections(self) -> tuple[float, float]:
        return 1 - self.beta1**self.steps, math.sqrt(1 - self.beta2**self.steps)

    def _change(self, block: slice, theta: Array, g: Array, update: Array) -> None:
        m, v = self.state["m"][block], self.state["v"][block]
        correct1, correct2 = self._corrections()
        m *= self.beta1
        np.multiply(g, 1 - self.beta1, out=update)
        m += update
        v *= self.beta2
        np.multiply(g, g, out=update)
        update *= 1 - self.beta2
        v += update
        # The corrections move out of the vectors: sqrt(v)/c2 + eps = (sqrt(v) + eps c2)/c2 leaves two scalars.
        np.sqrt(v, out=update)
        update += self.epsilon * correct2
        np.divide(m, update, out=update)
        update *= -self.learning_rate * correct2 / correct1

    meanings: ClassVar[Mapping[str, str]] = {"m": "running mean of the gradient", "v": "running mean of its square"}

    def equations(self) -> tuple[str, ...]:
        moments = (r"m \leftarrow \beta_1 m + (1-\beta_1) g", r"v \leftarrow \beta_2 v + (1-\beta_2) g^2")
        corrected = (r"\hat m = \frac{m}{1-\beta_1^t}", r"\hat v = \frac{v}{1-\beta_2^t}")
        return *moments, *corrected, super().equations()[0]

    def state_terms(self, slot: str, before: Factor, g: Factor) -> list[Sum]:
        if slot == "m":
            return running_mean(r"\beta_1", self.beta1, before, g)
        return running_mean(r"\beta_2", self.beta2, before, g, g)

    def change_terms(self, theta: Factor, g: Factor, state: Mapping[str, Factor]) -> list[Sum]:
        first, second = (1 - beta**self.steps for beta in (self.beta1, self.beta2))
        shown = rf"\frac{{1}}{{1 - {setting(self.beta1)}^{{{self.steps}}}}}"
        corrected = Factor(r"\frac{1}{1 - \beta_1^t}", 1 / first, worked=shown)
        return [single(self._minus_eta(), state["m"], corrected, one_over_root(state["v"], second, self.epsilon))]


class AdamW(Adam):
    r"""Adam with weight decay taken apart from the gradient.

    Equation:
        \theta \leftarrow \theta - \eta \left(\frac{\hat m}{\sqrt{\hat v} + \epsilon} + \lambda \theta\right)
    Source:
        Loshchilov and Hutter (2019), arXiv:1711.05101, algorithm 2
    """

    name = "adamw"
    equation = r"\theta \leftarrow \theta - \eta \left(\frac{\hat m}{\sqrt{\hat v} + \epsilon} + \lambda \theta\right)"

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon)
        self.weight_decay = limits.number("weight_decay", weight_decay, least=0)

    def _change(self, block: slice, theta: Array, g: Array, update: Array) -> None:
        super()._change(block, theta, g, update)
        update -= (self.learning_rate * self.weight_decay) * theta

    def change_terms(self, theta: Factor, g: Factor, state: Mapping[str, Factor]) -> list[Sum]:
        terms = super().change_terms(theta, g, state)
        decay = [single(self._minus_eta(), rate_factor(r"\lambda", self.weight_decay), theta)] if self.weight_decay else []
        return [*terms, *decay]
