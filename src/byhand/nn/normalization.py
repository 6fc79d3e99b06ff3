"""Layers that bring activations to mean 0 and variance 1, and then to a scale and shift that they learn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand import limits
from byhand.engine import ops
from byhand.errors import EngineError, ModelError
from byhand.nn.module import Module, Parameter
from byhand.nn.sizes import at_least_one

ACTIVATIONS = ("relu", "silu")


def _checked(layer: str, eps: float | None, activation: str | None) -> None:
    if eps is not None:
        limits.number(f"{layer}: eps", eps, above=0)
    if activation is not None:
        limits.one_of(f"{layer}: activation", activation, ACTIVATIONS)


class _Affine(Module):
    """What the norms share: a scale that begins at 1 and a shift that begins at 0, where they are wanted."""

    weight: Parameter | None = None
    bias: Parameter | None = None

    def _learn(self, shape: Any, *, scale: bool, shift: bool) -> None:
        self.weight = Parameter(np.ones(shape, np.float32)) if scale else None
        self.bias = Parameter(np.zeros(shape, np.float32)) if shift else None

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        if self.weight is not None:
            self.weight.data.fill(1)
        if self.bias is not None:
            self.bias.data.fill(0)

    def _learned(self) -> tuple[Parameter, ...]:
        """What the op takes behind x: scale and shift, those that there are."""
        return tuple(one for one in (self.weight, self.bias) if one is not None)


class BatchNorm2d(_Affine):
    r"""Each channel normalised over the batch and all places; in evaluation by running statistics.

    Equation:
        y = \gamma \frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + \beta
    Shapes:
        x: (..., num_features) -> y: the same; weight (gamma) and bias (beta): (num_features,), none without `affine`
    Source:
        Ioffe and Szegedy (2015), arXiv:1502.03167, algorithms 1 and 2

    `activation` "relu" or "silu" is applied in the same pass over memory.
    """

    settings = ("num_features", "eps", "momentum", "affine", "activation")
    buffers = ("running_mean", "running_var")

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True, *, activation: str | None = None
    ) -> None:
        name = type(self).__name__
        at_least_one(name, num_features=num_features)
        _checked(name, eps, activation)
        limits.number(f"{name}: momentum", momentum, 0, 1)
        self.num_features, self.eps, self.momentum, self.activation = num_features, eps, momentum, activation
        self.affine = limits.truth(f"{name}: affine", affine)
        self._learn(num_features, scale=self.affine, shift=self.affine)
        self.running_mean = np.zeros(num_features, np.float32)
        self.running_var = np.ones(num_features, np.float32)

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        super().draw(fill, rng)
        self.running_mean.fill(0)
        self.running_var.fill(1)

    def forward(self, x: Any) -> Any:
        return ops.batch_norm(
            x,
            *self._learned(),
            running_mean=self.running_mean,
            running_var=self.running_var,
            momentum=self.momentum,
            eps=self.eps,
            training=self.training,
            activation=self.activation,
        )


class BatchNorm1d(BatchNorm2d):
    r"""Each feature of rows (N, C), or each channel of sequences (N, L, C), normalised over the batch and all places.

    Equation:
        y = \gamma \frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + \beta
    Shapes:
        x: (N, num_features) or (N, L, num_features) -> y: the same
    Source:
        Ioffe and Szegedy (2015), arXiv:1502.03167, algorithms 1 and 2
    """


class LayerNorm(_Affine):
    r"""Each vector normalised by itself.

    Equation:
        y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta
    Shapes:
        x: (..., normalized_shape) -> y: the same
    Source:
        Ba, Kiros and Hinton (2016), arXiv:1607.06450, eqs. 3 and 4

    `elementwise_affine` False leaves out scale and shift, `bias` False the shift alone.
    """

    settings = ("normalized_shape", "eps", "elementwise_affine", "bias_used")

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True) -> None:
        self.normalized_shape = _last_axis("LayerNorm", normalized_shape)
        _checked("LayerNorm", eps, None)
        self.eps = eps
        self.elementwise_affine = limits.truth("LayerNorm: elementwise_affine", elementwise_affine)
        self.bias_used = limits.truth("LayerNorm: bias", bias)
        self._learn(self.normalized_shape, scale=elementwise_affine, shift=elementwise_affine and bias)

    def forward(self, x: Any) -> Any:
        return ops.layer_norm(x, *self._learned(), eps=self.eps)


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

    settings = ("num_groups", "num_channels", "eps", "affine", "activation")

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, activation: str | None = None
    ) -> None:
        at_least_one("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        _checked("GroupNorm", eps, activation)
        if num_channels % num_groups:
            raise ModelError(f"GroupNorm: {num_channels} channels do not part into {num_groups} groups: choose a divisor")
        self.num_groups, self.num_channels, self.eps, self.activation = num_groups, num_channels, eps, activation
        self.affine = limits.truth("GroupNorm: affine", affine)
        self._learn(num_channels, scale=self.affine, shift=self.affine)

    def forward(self, x: Any) -> Any:
        return ops.group_norm(x, *self._learned(), groups=self.num_groups, eps=self.eps, activation=self.activation)


class InstanceNorm2d(_Affine):
    r"""Each channel of each image normalised over all places: a group norm whose groups are of one channel.

    Equation:
        y = \gamma \frac{x - \mu_{nc}}{\sqrt{\sigma_{nc}^2 + \epsilon}} + \beta
    Shapes:
        x: (N, H, W, num_features) -> y: the same; weight and bias: none unless `affine`, as in PyTorch
    Source:
        Ulyanov, Vedaldi and Lempitsky (2016), arXiv:1607.08022, eq. 1
    """

    settings = ("num_features", "eps", "affine")
    axes = 4

    def __init__(self, num_features: int, eps: float = 1e-5, *, affine: bool = False) -> None:
        name = type(self).__name__
        at_least_one(name, num_features=num_features)
        _checked(name, eps, None)
        self.num_features, self.eps, self.affine = num_features, eps, limits.truth(f"{name}: affine", affine)
        self._learn(num_features, scale=self.affine, shift=self.affine)

    def forward(self, x: Any) -> Any:
        if x.ndim != self.axes or x.shape[-1] != self.num_features or math.prod(x.shape[1:-1]) < 2:
            raise EngineError(
                f"{type(self).__name__}: x must have {self.axes} axes, two places or more and {self.num_features} channels, "
                f"got {x.shape}"
            )
        return ops.group_norm(x, *self._learned(), groups=self.num_features, eps=self.eps)


class InstanceNorm1d(InstanceNorm2d):
    r"""Each channel of each sequence normalised over all places.

    Equation:
        y = \gamma \frac{x - \mu_{nc}}{\sqrt{\sigma_{nc}^2 + \epsilon}} + \beta
    Shapes:
        x: (N, L, num_features) -> y: the same
    Source:
        Ulyanov, Vedaldi and Lempitsky (2016), arXiv:1607.08022, eq. 1
    """

    axes = 3


class RMSNorm(_Affine):
    r"""Each vector divided by its root mean square.

    Equation:
        y = \gamma \frac{x}{\sqrt{\overline{x^2} + \epsilon}}
    Shapes:
        x: (..., normalized_shape) -> y: the same; eps: None for the precision of x, 1.2e-7 in float32, as PyTorch's
    Source:
        Zhang and Sennrich (2019), arXiv:1910.07467, eq. 4
    """

    settings = ("normalized_shape", "eps", "elementwise_affine")

    def __init__(self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True) -> None:
        self.normalized_shape = _last_axis("RMSNorm", normalized_shape)
        _checked("RMSNorm", eps, None)
        self.eps, self.elementwise_affine = eps, limits.truth("RMSNorm: elementwise_affine", elementwise_affine)
        self._learn(self.normalized_shape, scale=self.elementwise_affine, shift=False)

    def forward(self, x: Any) -> Any:
        return ops.rms_norm(x, *self._learned(), eps=self.eps)


def _last_axis(layer: str, shape: Any) -> int:
    """A length, or PyTorch's tuple of one; what is normalised is the last axis."""
    if isinstance(shape, list | tuple) and len(shape) == 1:
        shape = shape[0]
    if isinstance(shape, list | tuple):
        raise ModelError(f"{layer}: normalized_shape must be one number, of the last axis, got {limits.told(shape)}")
    at_least_one(layer, normalized_shape=shape)
    return int(shape)
