r"""Optimisers: how a gradient g becomes a change of the parameters theta. Each works in place on one flat vector.

Every optimiser leaves the change that it made in `update`, so that whoever steps through a training can look at it.
Vectors are worked through in blocks that stay in the processor's cache: the same arithmetic, a third of the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import Array, array_module
from byhand.errors import ModelError

BLOCK = 16_384  # float32 numbers: 64 KiB a vector, so that five vectors' blocks fit in a core's second-level cache


class Optimizer:
    """What all optimisers share: a learning rate eta, per-parameter state vectors, and a count of steps."""

    name = ""
    equation = ""
    slots: tuple[str, ...] = ()

    def __init__(self, learning_rate: float) -> None:
        if not (math.isfinite(learning_rate) and learning_rate > 0):
            raise ModelError(f"the learning rate is {learning_rate}, but it must be a positive number")
        self.learning_rate = float(learning_rate)
        self.steps = 0
        self.state: dict[str, Array] = {}
        self.update: Array = np.empty(0)

    def prepare(self, parameters: Array) -> None:
        """Make the state vectors for these parameters, all zero, unless they are there already."""
        if self.update.shape != parameters.shape or self.update.dtype != parameters.dtype:
            self.state = {slot: np.zeros_like(parameters) for slot in self.slots}
            self.update = np.zeros_like(parameters)
            self.steps = 0

    def step(self, parameters: Array, gradient: Array) -> None:
        """theta <- theta + update, with the update computed from the gradient. Both are flat vectors."""
        self.prepare(parameters)
        self.steps += 1
        for block in _blocks(parameters):
            update = self.update[block]
            self._change(block, parameters[block], gradient[block], update)
            parameters[block] += update

    def _change(self, block: slice, theta: Array, g: Array, update: Array) -> None:
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """The numbers that make this optimiser, for run folders."""
        hidden = {"state", "update", "steps", "slots", "equation"}
        return {key: value for key, value in vars(self).items() if key not in hidden and not key.startswith("_")}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value}' for key, value in self.settings().items())})"


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
        _within(momentum=momentum)
        if nesterov and not momentum:
            raise ModelError("nesterov wants a momentum above 0, for example momentum=0.9")
        self.momentum, self.nesterov = float(momentum), bool(nesterov)
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
        _within(rho=rho)
        self.rho, self.epsilon = float(rho), float(epsilon)

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
        _within(beta1=beta1, beta2=beta2)
        self.beta1, self.beta2, self.epsilon = float(beta1), float(beta2), float(epsilon)

    def step(self, parameters: Array, gradient: Array) -> None:
        """As every optimiser's, in one compiled pass where the vector is long: same arithmetic, same bits."""
        large = parameters.size >= kernels.SMALLEST and array_module(parameters) is np
        compiled = kernels.compiled_adam() if large and type(self) is Adam else None
        if compiled is None:
            super().step(parameters, gradient)
            return
        self.prepare(parameters)
        self.steps += 1
        correct1, correct2 = self._corrections()
        numbers = (self.beta1, self.beta2, 1 - self.beta1, 1 - self.beta2, self.epsilon * correct2)
        scalars = [parameters.dtype.type(number) for number in (*numbers, -self.learning_rate * correct2 / correct1)]
        compiled(parameters, gradient, self.state["m"], self.state["v"], self.update, *scalars)

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
        self.weight_decay = float(weight_decay)

    def _change(self, block: slice, theta: Array, g: Array, update: Array) -> None:
        super()._change(block, theta, g, update)
        update -= (self.learning_rate * self.weight_decay) * theta


OPTIMIZERS: dict[str, type[Optimizer]] = {kind.name: kind for kind in (SGD, RMSProp, Adam, AdamW)}


def named(name: str, learning_rate: float, **settings: Any) -> Optimizer:
    """The optimiser of this name; raises ModelError for an unknown name or setting.

    >>> named("sgd", 3.0)
    SGD(learning_rate=3.0, momentum=0.0, nesterov=False)
    """
    if name not in OPTIMIZERS:
        raise ModelError(f"optimizer {name!r} is unknown: choose one of {', '.join(OPTIMIZERS)}")
    kind: Any = OPTIMIZERS[name]
    try:
        made: Optimizer = kind(learning_rate, **settings)
    except TypeError as error:
        raise ModelError(f"optimizer {name!r} does not take {', '.join(settings)}: {error}") from error
    return made


def clip(gradient: Array, largest: float) -> float:
    r"""Scale the gradient in place so that its length is at most `largest`; return the length it had.

    Source: Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063, algorithm 1.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        length = math.sqrt(float(np.dot(gradient, gradient)))
    if math.isinf(length):  # its square does not fit into float32, but the gradient may
        length = float(np.linalg.norm(gradient.astype(np.float64)))
    if length > largest:
        gradient *= largest / length
    return length


def _blocks(parameters: Array) -> Iterator[slice]:
    """Pieces that stay in the cache; on a GPU the whole, which is quickest there."""
    n = parameters.size
    size = BLOCK if array_module(parameters) is np else max(n, 1)
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def _within(**settings: float) -> None:
    for name, value in settings.items():
        if not 0 <= value < 1:
            raise ModelError(f"{name} is {value}, but it must lie in [0, 1)")
