"""Activation functions as modules, so that they stand in a Sequential."""

from __future__ import annotations

from typing import Any

from byhand.engine import ops
from byhand.errors import ModelError
from byhand.nn.module import Module


class ReLU(Module):
    """See `byhand.engine.ops.relu`."""

    def forward(self, z: Any) -> Any:
        return ops.relu(z)


class LeakyReLU(Module):
    """See `byhand.engine.ops.leaky_relu`."""

    settings = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01) -> None:
        if not 0 <= negative_slope < 1:
            raise ModelError(f"LeakyReLU: negative_slope is {negative_slope}, but it is in [0, 1)")
        self.negative_slope = negative_slope

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
    """See `byhand.engine.ops.gelu`; PyTorch's is nn.GELU(approximate="tanh")."""

    def forward(self, z: Any) -> Any:
        return ops.gelu(z)


class Softplus(Module):
    """See `byhand.engine.ops.softplus`."""

    def forward(self, z: Any) -> Any:
        return ops.softplus(z)


class Softmax(Module):
    """See `byhand.engine.ops.softmax`."""

    settings = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, z: Any) -> Any:
        return ops.softmax(z, axis=self.dim)
