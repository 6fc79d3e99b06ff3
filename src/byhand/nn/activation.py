"""Activation functions as modules, so that they stand in a Sequential."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from byhand import limits
from byhand.engine import ops
from byhand.errors import EngineError
from byhand.nn.module import Module, Parameter
from byhand.nn.sizes import at_least_one


class Identity(Module):
    """What comes in, as it is: to stand where a layer may be left out. Whatever it is constructed with is forgotten."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        pass

    def forward(self, z: Any) -> Any:
        return z

    def _settings(self) -> dict[str, Any]:
        return {}


class ReLU(Module):
    """See `byhand.engine.ops.relu`."""

    def forward(self, z: Any) -> Any:
        return ops.relu(z)


class LeakyReLU(Module):
    """See `byhand.engine.ops.leaky_relu`."""

    settings = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = limits.number("LeakyReLU: negative_slope", negative_slope, least=0, below=1)

    def forward(self, z: Any) -> Any:
        return ops.leaky_relu(z, slope=self.negative_slope)


class Sigmoid(Module):
    """See `byhand.engine.ops.sigmoid`."""

    def forward(self, z: Any) -> Any:
        return ops.sigmoid(z)


class Tanh(Module):
    """See `byhand.engine.ops.tanh`."""

    def forward(self, z: Any) -> Any:
        return ops.tanh(z)


class SiLU(Module):
    """See `byhand.engine.ops.silu`."""

    def forward(self, z: Any) -> Any:
        return ops.silu(z)


class GELU(Module):
    """See `byhand.engine.ops.gelu`: z Phi(z), or for approximate="tanh" the form by a tanh."""

    settings = ("approximate",)
    formerly: ClassVar[dict[str, Any]] = {"approximate": "tanh"}  # there was no other form

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = limits.one_of("GELU: approximate", approximate, ("none", "tanh"))

    def forward(self, z: Any) -> Any:
        return ops.gelu(z, approximate=self.approximate)


class ELU(Module):
    """See `byhand.engine.ops.elu`."""

    settings = ("alpha",)

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = limits.number("ELU: alpha", alpha, least=0)

    def forward(self, z: Any) -> Any:
        return ops.elu(z, alpha=self.alpha)


class PReLU(Module):
    r"""A ReLU whose slope below zero is learned: one for all channels, or one for each.

    Equation:
        a = z\,[z > 0] + w z\,[z \le 0]
    Shapes:
        z: (..., C) -> a: the same; weight: (num_parameters,), which is 1 or C
    Source:
        He et al. (2015), arXiv:1502.01852, eq. 1
    """

    settings = ("num_parameters", "init")

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        at_least_one("PReLU", num_parameters=num_parameters)
        self.num_parameters, self.init = num_parameters, limits.number("PReLU: init", init)
        self.weight = Parameter(np.full(num_parameters, self.init, np.float32))

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        self.weight.data.fill(self.init)

    def forward(self, z: Any) -> Any:
        if self.num_parameters not in (1, z.shape[-1] if z.ndim else 1):
            raise EngineError(f"PReLU: z must have {self.num_parameters} channels on its last axis, got {z.shape}")
        return ops.where(z.data > 0, z, self.weight * z)


class Mish(Module):
    """See `byhand.engine.ops.mish`."""

    def forward(self, z: Any) -> Any:
        return ops.mish(z)


class Hardsigmoid(Module):
    """See `byhand.engine.ops.hardsigmoid`."""

    def forward(self, z: Any) -> Any:
        return ops.hardsigmoid(z)


class Hardswish(Module):
    """See `byhand.engine.ops.hardswish`."""

    def forward(self, z: Any) -> Any:
        return ops.hardswish(z)


class Softplus(Module):
    r"""A smooth ReLU, the sharper the larger beta is. See `byhand.engine.ops.softplus`.

    Equation:
        a = \frac{1}{\beta} \ln(1 + e^{\beta z})
    """

    settings = ("beta",)

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = limits.number("Softplus: beta", beta, above=0)

    def forward(self, z: Any) -> Any:
        return ops.softplus(z) if self.beta == 1 else ops.softplus(z * self.beta) / self.beta


class Softmax(Module):
    """See `byhand.engine.ops.softmax`."""

    settings = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        self.dim = limits.whole(f"{type(self).__name__}: dim", dim, least=-32, most=31)

    def forward(self, z: Any) -> Any:
        return ops.softmax(z, axis=self.dim)


class LogSoftmax(Softmax):
    """See `byhand.engine.ops.log_softmax`."""

    def forward(self, z: Any) -> Any:
        return ops.log_softmax(z, axis=self.dim)
