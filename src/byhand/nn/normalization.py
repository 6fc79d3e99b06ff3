"""Layers that bring activations to mean 0 and variance 1, and then to a scale and shift that they learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.engine import ops
from byhand.errors import ModelError
from byhand.nn.module import Module, Parameter
from byhand.nn.sizes import at_least_one

ACTIVATIONS = (None, "relu", "silu")


def _checked(layer: str, eps: float, activation: str | None) -> None:
    if not eps > 0:
        raise ModelError(f"{layer}: eps is {eps}, but it must be above 0")
    if activation not in ACTIVATIONS:
        raise ModelError(f"{layer}: activation is {activation!r}: choose one of {ACTIVATIONS}")


class BatchNorm2d(Module):
    r"""Each channel normalised over the batch and all places; in evaluation by running statistics.

    Equation:
        y = \gamma \frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + \beta
    Shapes:
        x: (..., num_features) -> y: the same; weight (gamma) and bias (beta): (num_features,)
    Source:
        Ioffe and Szegedy (2015), arXiv:1502.03167, algorithms 1 and 2

    `activation` "relu" or "silu" is applied in the same pass over memory.
    """

    settings = ("num_features", "eps", "momentum", "activation")
    buffers = ("running_mean", "running_var")

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, activation: str | None = None) -> None:
        at_least_one("BatchNorm2d", num_features=num_features)
        _checked("BatchNorm2d", eps, activation)
        if not 0 <= momentum <= 1:
            raise ModelError(f"BatchNorm2d: momentum is {momentum}, but it is in [0, 1]")
        self.num_features, self.eps, self.momentum, self.activation = num_features, eps, momentum, activation
        self.weight = Parameter(np.ones(num_features, np.float32))
        self.bias = Parameter(np.zeros(num_features, np.float32))
        self.running_mean = np.zeros(num_features, np.float32)
        self.running_var = np.ones(num_features, np.float32)

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        self.weight.data.fill(1)
        self.bias.data.fill(0)
        self.running_mean.fill(0)
        self.running_var.fill(1)

    def forward(self, x: Any) -> Any:
        return ops.batch_norm(
            x,
            self.weight,
            self.bias,
            running_mean=self.running_mean,
            running_var=self.running_var,
            momentum=self.momentum,
            eps=self.eps,
            training=self.training,
            activation=self.activation,
        )


class _Affine(Module):
    """What the norms without running statistics share: a scale that begins at 1 and a shift that begins at 0."""

    weight: Parameter
    bias: Parameter | None = None

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        self.weight.data.fill(1)
        if self.bias is not None:
            self.bias.data.fill(0)


class LayerNorm(_Affine):
    r"""Each vector normalised by itself.

    Equation:
        y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta
    Shapes:
        x: (..., normalized_shape) -> y: the same
    Source:
        Ba, Kiros and Hinton (2016), arXiv:1607.06450, eqs. 3 and 4
    """

    settings = ("normalized_shape", "eps")

    def __init__(self, normalized_shape: int, eps: float = 1e-5) -> None:
        at_least_one("LayerNorm", normalized_shape=normalized_shape)
        _checked("LayerNorm", eps, None)
        self.normalized_shape, self.eps = normalized_shape, eps
        self.weight = Parameter(np.ones(normalized_shape, np.float32))
        self.bias = Parameter(np.zeros(normalized_shape, np.float32))

    def forward(self, x: Any) -> Any:
        return ops.layer_norm(x, self.weight, self.bias, eps=self.eps)


class GroupNorm(_Affine):
    r"""The channels in groups; each sample's group normalised over its channels and all places.

    Equation:
        y = \gamma \frac{x - \mu_g}{\sqrt{\sigma_g^2 + \epsilon}} + \beta
    Shapes:
        x: (N, ..., num_channels) -> y: the same
    Source:
        Wu and He (2018), arXiv:1803.08494, eq. 7

    `activation` "relu" or "silu" is applied in the same pass over memory.
    """

    settings = ("num_groups", "num_channels", "eps", "activation")

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, activation: str | None = None) -> None:
        at_least_one("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        _checked("GroupNorm", eps, activation)
        if num_channels % num_groups:
            raise ModelError(f"GroupNorm: {num_channels} channels do not part into {num_groups} groups: choose a divisor")
        self.num_groups, self.num_channels, self.eps, self.activation = num_groups, num_channels, eps, activation
        self.weight = Parameter(np.ones(num_channels, np.float32))
        self.bias = Parameter(np.zeros(num_channels, np.float32))

    def forward(self, x: Any) -> Any:
        return ops.group_norm(x, self.weight, self.bias, groups=self.num_groups, eps=self.eps, activation=self.activation)


class RMSNorm(_Affine):
    r"""Each vector divided by its root mean square.

    Equation:
        y = \gamma \frac{x}{\sqrt{\overline{x^2} + \epsilon}}
    Shapes:
        x: (..., normalized_shape) -> y: the same
    Source:
        Zhang and Sennrich (2019), arXiv:1910.07467, eq. 4
    """

    settings = ("normalized_shape", "eps")

    def __init__(self, normalized_shape: int, eps: float = 1e-6) -> None:
        at_least_one("RMSNorm", normalized_shape=normalized_shape)
        _checked("RMSNorm", eps, None)
        self.normalized_shape, self.eps = normalized_shape, eps
        self.weight = Parameter(np.ones(normalized_shape, np.float32))

    def forward(self, x: Any) -> Any:
        return ops.rms_norm(x, self.weight, eps=self.eps)
