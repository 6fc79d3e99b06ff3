"""Images made smaller, on (N, H, W, C), and images made vectors."""

from __future__ import annotations

from typing import Any

from byhand.engine import ops
from byhand.nn.module import Module
from byhand.nn.sizes import pair


class _Pool(Module):
    settings = ("kernel_size", "stride", "padding")

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        name = type(self).__name__
        self.kernel_size = pair(name, "kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else pair(name, "stride", stride)
        self.padding = pair(name, "padding", padding, least=0)


class MaxPool2d(_Pool):
    """The largest of each window; the stride is the kernel's size unless given. See `byhand.engine.ops.max_pool2d`."""

    def forward(self, x: Any) -> Any:
        return ops.max_pool2d(x, kernel=self.kernel_size, stride=self.stride, padding=self.padding)


class AvgPool2d(_Pool):
    """The mean of each window; the stride is the kernel's size unless given. See `byhand.engine.ops.avg_pool2d`."""

    def forward(self, x: Any) -> Any:
        return ops.avg_pool2d(x, kernel=self.kernel_size, stride=self.stride, padding=self.padding)


class GlobalAvgPool2d(Module):
    """The mean over all places: (N, H, W, C) -> (N, C). PyTorch's is AdaptiveAvgPool2d(1) and Flatten."""

    def forward(self, x: Any) -> Any:
        return ops.mean(x, axis=(1, 2))


class Flatten(Module):
    """Each sample as one row: (N, H, W, C) -> (N, C H W).

    Channel by channel, as PyTorch does it, so that the weights of a Linear behind it can be exchanged as they are.
    """

    def forward(self, x: Any) -> Any:
        if x.ndim == 4:
            x = ops.transpose(x, axes=(0, 3, 1, 2))
        return ops.reshape(x, shape=(x.shape[0], -1)) if x.size else ops.reshape(x, shape=(x.shape[0], x.size))
