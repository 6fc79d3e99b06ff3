"""Images made smaller, on (N, H, W, C)."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import limits
from byhand.engine import ops
from byhand.errors import ModelError
from byhand.nn.module import Module
from byhand.nn.resizing import check_images, mixed
from byhand.nn.sizes import pair


class _Pool(Module):
    settings: tuple[str, ...] = ("kernel_size", "stride", "padding", "ceil_mode")

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, *, ceil_mode: bool = False) -> None:
        name = type(self).__name__
        self.kernel_size = pair(name, "kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else pair(name, "stride", stride)
        self.padding = pair(name, "padding", padding, least=0)
        self.ceil_mode = limits.truth(f"{name}: ceil_mode", ceil_mode)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise ModelError(f"{name}: padding must be at most half of the kernel {self.kernel_size}, got {self.padding}")


class MaxPool2d(_Pool):
    r"""The largest of each window; the stride is the kernel's size unless given.

    Equation:
        y_{ijc} = \max_{u, v} x_{i s + u - p,\; j s + v - p,\; c}
    Shapes:
        x: (N, H, W, C) -> y: (N, H', W', C), H' = floor((H + 2p - k) / s) + 1, or its ceiling in `ceil_mode`
    Source:
        Ranzato et al. (2007), "Unsupervised learning of invariant feature hierarchies", section 2
    """

    def forward(self, x: Any) -> Any:
        return ops.max_pool2d(x, kernel=self.kernel_size, stride=self.stride, padding=self.padding, ceil_mode=self.ceil_mode)


class AvgPool2d(_Pool):
    r"""The mean of each window; the stride is the kernel's size unless given.

    Equation:
        y_{ijc} = \frac{1}{n_{ij}} \sum_{u, v} x_{i s + u - p,\; j s + v - p,\; c}
    Shapes:
        x: (N, H, W, C) -> y: as MaxPool2d's
    Source:
        LeCun et al. (1998), "Gradient-based learning applied to document recognition", section II

    n counts the window's places: the zeros of the padding too, unless `count_include_pad` is False, but never what a last window
    of `ceil_mode` sees beyond them; or n is `divisor_override`.
    """

    settings = (*_Pool.settings, "count_include_pad", "divisor_override")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode=ceil_mode)
        self.count_include_pad = limits.truth("AvgPool2d: count_include_pad", count_include_pad)
        self.divisor_override = (
            None if divisor_override is None else limits.whole("AvgPool2d: divisor_override", divisor_override, 1, limits.LARGEST)
        )

    def forward(self, x: Any) -> Any:
        return ops.avg_pool2d(x, **{("kernel" if name == "kernel_size" else name): getattr(self, name) for name in self.settings})


class AdaptiveAvgPool2d(Module):
    r"""Images brought to a size: each new pixel the mean of a window, whose sides follow from both sizes.

    Equation:
        y_{ij} = \frac{1}{n_{ij}} \sum_{k = \lfloor i H/H' \rfloor}^{\lceil (i + 1) H/H' \rceil - 1}
        \sum_{l = \lfloor j W/W' \rfloor}^{\lceil (j + 1) W/W' \rceil - 1} x_{kl}, \quad \text{that is, } y = A\,x\,B^\top
    Shapes:
        x: (N, H, W, C) -> y: (N, H', W', C); output_size: H' = W' or (H', W'), None for the side as it is
    Source:
        He et al. (2015), arXiv:1406.4729, section 3.1: the bins of spatial pyramid pooling
    """

    settings = ("output_size",)

    def __init__(self, output_size: Any) -> None:
        given = output_size if isinstance(output_size, list | tuple) else (output_size, output_size)
        if len(given) != 2:
            raise ModelError(f"AdaptiveAvgPool2d: output_size must be a number or two, got {limits.told(output_size)}")
        self.output_size = tuple(
            None if n is None else limits.whole("AdaptiveAvgPool2d: output_size", n, 1, 100_000) for n in given
        )

    def forward(self, x: Any) -> Any:
        check_images("AdaptiveAvgPool2d", x)
        sides = x.shape[1:3]
        target = [n if wanted is None else wanted for n, wanted in zip(sides, self.output_size, strict=True)]
        if all(n % m == 0 for n, m in zip(sides, target, strict=True)):
            return ops.avg_pool2d(x, kernel=tuple(n // m for n, m in zip(sides, target, strict=True)))
        return mixed(x, *(windows(n, m) for n, m in zip(sides, target, strict=True)))


def windows(n: int, m: int) -> Any:
    """The matrix (m, n) whose rows are the means of m windows, which cover n numbers.

    >>> windows(3, 2)
    array([[0.5, 0.5, 0. ],
           [0. , 0.5, 0.5]])
    """
    first, last = np.arange(m) * n // m, -(-np.arange(1, m + 1) * n // m)
    inside = (np.arange(n) >= first[:, None]) & (np.arange(n) < last[:, None])
    return inside / inside.sum(axis=1, keepdims=True)


class GlobalAvgPool2d(Module):
    """The mean over all places: (N, H, W, C) -> (N, C). PyTorch's is AdaptiveAvgPool2d(1) and Flatten."""

    def forward(self, x: Any) -> Any:
        return ops.mean(x, axis=(1, 2))
