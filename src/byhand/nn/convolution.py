"""Convolutional layers, on images (N, H, W, C)."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import generator
from byhand.engine import ops
from byhand.errors import ModelError
from byhand.initialisers import he
from byhand.nn.module import Module, Parameter, draw_matrix
from byhand.nn.padding import MODES, Four, pad_images
from byhand.nn.sizes import at_least_one, pair

NOTHING: Four = (0, 0, 0, 0)


class Conv2d(Module):
    r"""A filter slid over the image, the same weights at every place.

    Equation:
        z_{ijo} = b_o + \sum_{u, v, c} w_{uvco}\, x_{i s + u d - p,\; j s + v d - p,\; c}
    Shapes:
        x: (N, H, W, in_channels) -> z: (N, H', W', out_channels), H' = floor((H + 2p - d(k - 1) - 1) / s) + 1;
        weight: (k, k, in_channels / groups, out_channels), bias: (out_channels,)
    Source:
        Dumoulin and Visin (2016), arXiv:1603.07285, relationship 6 and section 5.1

    `padding` "same" keeps the image's size (stride 1; of an even kernel's padding the larger part is right and below), "valid"
    adds none. `padding_mode` "zeros", "reflect", "replicate" or "circular" says what stands around the image.

    >>> from byhand.engine import Tensor
    >>> Conv2d(1, 8, 3, padding="same")(Tensor(np.ones((2, 28, 28, 1), np.float32))).shape
    (2, 28, 28, 8)
    """

    settings = (
        "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias_used", "padding_mode"
    )  # fmt: skip
    pytorch_axes = {"weight": (3, 2, 0, 1)}  # noqa: RUF012

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.bias_used = limits.truth("Conv2d: bias", bias)
        self.padding_mode = limits.one_of("Conv2d: padding_mode", padding_mode, MODES)
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size)
        self.stride, self.dilation = pair("Conv2d", "stride", stride), pair("Conv2d", "dilation", dilation)
        kh, kw = self.kernel_size
        at_least_one("Conv2d", in_channels=in_channels, out_channels=out_channels, kh=kh, kw=kw, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ModelError(
                f"Conv2d: {in_channels} channels to {out_channels} in {groups} groups: both must be a multiple of the groups"
            )
        self.padding, self.around = self._padding(padding)
        self.weight = Parameter(np.zeros((*self.kernel_size, in_channels // groups, out_channels), np.float32))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        self.draw(he, generator(0, "weights"))

    def _padding(self, given: Any) -> tuple[Any, Four]:
        """The padding as a file describes it, and what is put around the image before the convolution, if any.

        The op pads with zeros, as much on one side as on the other; all else is done before.
        """
        if isinstance(given, str) and given == "same":
            if self.stride != (1, 1):
                raise ModelError(f"Conv2d: padding 'same' needs stride 1, got {self.stride}")
            down, across = (d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True))
            if down % 2 or across % 2:
                return "same", (across // 2, across - across // 2, down // 2, down - down // 2)
            given = (down // 2, across // 2)
        elif isinstance(given, str) and given == "valid":
            given = 0
        both = pair("Conv2d", "padding", given, least=0)
        return both, NOTHING if self.padding_mode == "zeros" else (both[1], both[1], both[0], both[0])

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        draw_matrix(fill, rng, self.weight, self.bias, self.out_channels)

    def forward(self, x: Any) -> Any:
        outside = any(self.around)
        return ops.conv2d(
            pad_images(x, self.around, self.padding_mode) if outside else x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=0 if outside else self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )


class ConvTranspose2d(Module):
    r"""The transpose of a convolution: every input pixel adds its multiple of the filter to the output.

    Equation:
        z_{i s + u d - p,\; j s + v d - p,\; o} \mathrel{+}= w_{uvoc}\, x_{ijc}
    Shapes:
        x: (N, H, W, in_channels) -> z: (N, (H - 1)s - 2p + d(k - 1) + output_padding + 1, ..., out_channels);
        weight: (k, k, out_channels / groups, in_channels), bias: (out_channels,)
    Source:
        Dumoulin and Visin (2016), arXiv:1603.07285, chapter 4
    """

    settings = (
        "in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias_used", "dilation"
    )  # fmt: skip
    pytorch_axes = {"weight": (3, 2, 0, 1)}  # noqa: RUF012

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
    ) -> None:
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.bias_used = limits.truth("ConvTranspose2d: bias", bias)
        self.kernel_size = pair("ConvTranspose2d", "kernel_size", kernel_size)
        self.stride, self.dilation = pair("ConvTranspose2d", "stride", stride), pair("ConvTranspose2d", "dilation", dilation)
        self.padding = pair("ConvTranspose2d", "padding", padding, least=0)
        self.output_padding = pair("ConvTranspose2d", "output_padding", output_padding, least=0)
        kh, kw = self.kernel_size
        at_least_one("ConvTranspose2d", in_channels=in_channels, out_channels=out_channels, kh=kh, kw=kw, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ModelError(
                f"ConvTranspose2d: {in_channels} channels to {out_channels} in {groups} groups: both must be a multiple of them"
            )
        self.weight = Parameter(np.zeros((*self.kernel_size, out_channels // groups, in_channels), np.float32))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        self.draw(he, generator(0, "weights"))

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        # An output pixel sums over in_channels and a share of the filter, as in the convolution of which this is the transpose.
        fill(self.weight.data.reshape(-1, self.in_channels), np.empty(0), rng)
        if self.bias is not None:
            self.bias.data.fill(0)

    def forward(self, x: Any) -> Any:
        return ops.conv_transpose2d(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation,
            groups=self.groups,
        )
