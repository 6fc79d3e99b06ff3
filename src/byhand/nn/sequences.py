"""Convolution along sequences (N, L, C): that of images which are one pixel high."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import generator
from byhand.engine import ops
from byhand.errors import EngineError, ModelError
from byhand.initialisers import he
from byhand.nn.module import Module, Parameter, draw_matrix
from byhand.nn.padding import MODES, pad_images
from byhand.nn.sizes import MOST_PADDING, WIDEST, at_least_one


class Conv1d(Module):
    r"""A filter slid along the sequence, the same weights at every place.

    Equation:
        z_{to} = b_o + \sum_{u, c} w_{uco}\, x_{t s + u d - p,\; c}
    Shapes:
        x: (N, L, in_channels) -> z: (N, L', out_channels), L' = floor((L + 2p - d(k - 1) - 1) / s) + 1;
        weight: (k, in_channels / groups, out_channels), bias: (out_channels,)
    Source:
        Waibel et al. (1989), "Phoneme recognition using time-delay neural networks", section II

    `padding` "same" keeps the length (stride 1; of an even filter's padding the larger part comes behind), "valid" adds none.

    >>> from byhand.engine import Tensor
    >>> Conv1d(2, 8, 3, padding="same")(Tensor(np.ones((4, 10, 2), np.float32))).shape
    (4, 10, 8)
    """

    settings = (
        "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias_used", "padding_mode"
    )  # fmt: skip
    pytorch_axes = {"weight": (2, 1, 0)}  # noqa: RUF012

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: Any = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        self.kernel_size, self.stride, self.dilation = _sizes("Conv1d", kernel_size, stride, dilation)
        _channels("Conv1d", in_channels, out_channels, self.kernel_size, groups)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.bias_used = limits.truth("Conv1d: bias", bias)
        self.padding_mode = limits.one_of("Conv1d: padding_mode", padding_mode, MODES)
        if isinstance(padding, str) and padding in ("same", "valid"):
            self.padding: Any = padding
            if padding == "same" and self.stride != 1:
                raise ModelError(f"Conv1d: padding 'same' needs stride 1, got {self.stride}")
            whole = self.dilation * (self.kernel_size - 1) if padding == "same" else 0
            self.before, self.after = whole // 2, whole - whole // 2
        else:
            self.before = self.after = self.padding = limits.whole("Conv1d: padding", padding, 0, MOST_PADDING)
        self.weight = Parameter(np.zeros((self.kernel_size, in_channels // groups, out_channels), np.float32))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        self.draw(he, generator(0, "weights"))

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        draw_matrix(fill, rng, self.weight, self.bias, self.out_channels)

    def forward(self, x: Any) -> Any:
        rows, padding = _one_row("Conv1d", x), (0, self.before)
        if self.padding_mode != "zeros" or self.before != self.after:
            rows, padding = pad_images(rows, (self.before, self.after, 0, 0), self.padding_mode), (0, 0)
        z = ops.conv2d(
            rows,
            ops.reshape(self.weight, shape=(1, *self.weight.shape)),
            self.bias,
            stride=(1, self.stride),
            padding=padding,
            dilation=(1, self.dilation),
            groups=self.groups,
        )
        return ops.reshape(z, shape=(z.shape[0], *z.shape[2:]))


class ConvTranspose1d(Module):
    r"""The transpose of a convolution along a sequence: every place adds its multiple of the filter to the output.

    Equation:
        z_{t s + u d - p,\; o} \mathrel{+}= w_{uoc}\, x_{tc}
    Shapes:
        x: (N, L, in_channels) -> z: (N, (L - 1)s - 2p + d(k - 1) + output_padding + 1, out_channels);
        weight: (k, out_channels / groups, in_channels), bias: (out_channels,)
    Source:
        Dumoulin and Visin (2016), arXiv:1603.07285, chapter 4
    """

    settings = (
        "in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias_used", "dilation"
    )  # fmt: skip
    pytorch_axes = {"weight": (2, 1, 0)}  # noqa: RUF012

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        output_padding: int = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int = 1,
    ) -> None:
        self.kernel_size, self.stride, self.dilation = _sizes("ConvTranspose1d", kernel_size, stride, dilation)
        _channels("ConvTranspose1d", in_channels, out_channels, self.kernel_size, groups)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.padding = limits.whole("ConvTranspose1d: padding", padding, 0, MOST_PADDING)
        self.output_padding = limits.whole("ConvTranspose1d: output_padding", output_padding, 0, MOST_PADDING)
        self.bias_used = limits.truth("ConvTranspose1d: bias", bias)
        self.weight = Parameter(np.zeros((self.kernel_size, out_channels // groups, in_channels), np.float32))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        self.draw(he, generator(0, "weights"))

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        # As of ConvTranspose2d: a place sums over in_channels and a share of the filter.
        fill(self.weight.data.reshape(-1, self.in_channels), np.empty(0), rng)
        if self.bias is not None:
            self.bias.data.fill(0)

    def forward(self, x: Any) -> Any:
        z = ops.conv_transpose2d(
            _one_row("ConvTranspose1d", x),
            ops.reshape(self.weight, shape=(1, *self.weight.shape)),
            self.bias,
            stride=(1, self.stride),
            padding=(0, self.padding),
            output_padding=(0, self.output_padding),
            dilation=(1, self.dilation),
            groups=self.groups,
        )
        return ops.reshape(z, shape=(z.shape[0], *z.shape[2:]))


def _sizes(layer: str, kernel_size: Any, stride: Any, dilation: Any) -> tuple[int, int, int]:
    return (
        limits.whole(f"{layer}: kernel_size", kernel_size, 1, WIDEST),
        limits.whole(f"{layer}: stride", stride, 1, WIDEST),
        limits.whole(f"{layer}: dilation", dilation, 1, WIDEST),
    )


def _channels(layer: str, in_channels: Any, out_channels: Any, kernel_size: int, groups: Any) -> None:
    at_least_one(layer, in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size, groups=groups)
    if in_channels % groups or out_channels % groups:
        raise ModelError(
            f"{layer}: {in_channels} channels to {out_channels} in {groups} groups: both must be a multiple of the groups"
        )


def _one_row(layer: str, x: Any) -> Any:
    """Sequences as images one pixel high."""
    if x.ndim != 3:
        raise EngineError(f"{layer}: x must be sequences (N, L, C), got {x.shape}")
    n, length, c = x.shape
    return ops.reshape(x, shape=(n, 1, length, c))
