"""Pooling: images made smaller, each window by one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import DTYPES
from byhand.engine.op import op
from byhand.errors import EngineError

Pair = tuple[int, int]


@op
class max_pool2d:
    r"""The largest of each window; of several that are equal, the first takes the gradient.

    Equation:
        y_{ijc} = \max_{u, v} x_{i s + u - p,\; j s + v - p,\; c}
    Gradient:
        \partial C/\partial x_{i s + u - p,\; j s + v - p,\; c} \mathrel{+}= \delta_{ijc}\,[(u, v) = \operatorname{argmax}]
    Shapes:
        x: (N, H, W, C), kernel k, stride s (k, unless given) and padding p: numbers or pairs -> y: (N, H', W', C)
    Source:
        Ranzato et al. (2007), "Unsupervised learning of invariant feature hierarchies", section 2
    """

    def forward(xp: Any, x: Any, *, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> Any:
        window = _window("max_pool2d", x, kernel, stride, padding)
        y, which = kernels.family("pool", x).max_pool2d(x, *window)
        return y, (which, x.shape, window)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        which, shape, window = saved
        return kernels.family("pool", delta).max_pool2d_gradient(which, delta, shape, *window)


@op
class avg_pool2d:
    r"""The mean of each window; the zeros around the image count.

    Equation:
        y_{ijc} = \frac{1}{k^2} \sum_{u, v} x_{i s + u - p,\; j s + v - p,\; c}
    Gradient:
        \partial C/\partial x_{i s + u - p,\; j s + v - p,\; c} \mathrel{+}= \delta_{ijc} / k^2
    Shapes:
        x: (N, H, W, C), kernel k, stride s (k, unless given) and padding p: numbers or pairs -> y: (N, H', W', C)
    Source:
        LeCun et al. (1998), "Gradient-based learning applied to document recognition", section II
    """

    def forward(xp: Any, x: Any, *, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> Any:
        window = _window("avg_pool2d", x, kernel, stride, padding)
        return kernels.family("pool", x).avg_pool2d(x, *window), (x.shape, window)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        shape, window = saved
        return kernels.family("pool", delta).avg_pool2d_gradient(delta, shape, *window)


@op
class global_avg_pool:
    r"""The mean of each channel of each image.

    Equation:
        y_c = \frac{1}{H W} \sum_{i, j} x_{ijc}
    Gradient:
        \partial C/\partial x_{ijc} = \delta_c / (H W)
    Shapes:
        x: (N, H, W, C) -> y: (N, C)
    Source:
        Lin et al. (2014), arXiv:1312.4400, section 3.2
    """

    def forward(xp: Any, x: Any) -> Any:
        images("global_avg_pool", x)
        if 0 in x.shape[1:3]:
            raise EngineError(f"global_avg_pool: x is {x.shape}, and there is no mean of no pixels")
        return x.mean(axis=(1, 2)), x.shape

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        _, h, w, _ = saved
        return xp.broadcast_to((delta / (h * w))[:, None, None, :], saved)


def images(name: str, x: Any) -> None:
    """Raise EngineError for what are no images."""
    if getattr(x, "ndim", 0) != 4 or x.dtype not in DTYPES.values():
        raise EngineError(
            f"{name}: x is {np.shape(x)} {getattr(x, 'dtype', '')}: images (N, H, W, C) are wanted, in float32 or float64"
        )


def pair(name: str, what: str, value: int | Pair, least: int) -> Pair:
    """A number for both directions, or one for each.

    >>> pair("max_pool2d", "kernel", 2, least=1)
    (2, 2)
    """
    found = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(found) != 2 or any(not isinstance(one, int | np.integer) or one < least for one in found):
        raise EngineError(f"{name}: {what} is {value!r}, but a whole number from {least} up is wanted, or two: (down, across)")
    return int(found[0]), int(found[1])


def _window(name: str, x: Any, kernel: int | Pair, stride: int | Pair | None, padding: int | Pair) -> tuple[Pair, Pair, Pair]:
    images(name, x)
    k = pair(name, "the kernel", kernel, 1)
    s = k if stride is None else pair(name, "the stride", stride, 1)
    p = pair(name, "the padding", padding, 0)
    if any(2 * around > along for around, along in zip(p, k, strict=True)):
        raise EngineError(f"{name}: the kernel is {k} but the padding {p}: at most half of the kernel, or windows see nothing")
    if any(n + 2 * around < along for n, around, along in zip(x.shape[1:3], p, k, strict=True)):
        raise EngineError(f"{name}: x is {x.shape}, with padding {p} smaller than the kernel {k}")
    return k, s, p
