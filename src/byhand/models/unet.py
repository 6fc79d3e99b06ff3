r"""U-Net for diffusion: how noisy images are looked at, coarse and fine at once, and told what was added to them.

The way down halves the image until only a few places are left, which all look at one another; the way up doubles it again, and
at each size gets the image of the way down beside its own, so that fine strokes need not pass through the narrow middle. Every
block is told the time t (how much noise there is) and the label (what is to be seen).

    stem -> block -> downsample -> block -> downsample -> block, attention -> upsample -> block -> upsample -> block -> norm, out
              |                 +----------------- beside -------------------+            |
              +---------------------------------- beside ---------------------------------+

Source: Ronneberger, Fischer and Brox (2015), arXiv:1505.04597, section 2; Ho, Jain and Abbeel (2020), arXiv:2006.11239,
appendix B.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import Array, array_module
from byhand.engine import Tensor, ops
from byhand.errors import ModelError
from byhand.nn import Conv2d, Embedding, GroupNorm, Linear, Module, MultiheadAttention, Sequential
from byhand.nn.sizes import at_least_one

GROUPS = 8  # of channels, in every group norm
PERIOD = 10_000  # ratio of the slowest wave of time to the fastest


class UNet(Module):
    r"""The network \epsilon_\theta(x_t, t, y), or v_\theta: an image for a noisy image.

    Equation:
        e = \operatorname{silu}(w_2 \operatorname{silu}(w_1 \gamma(t) + b_1) + b_2 + w_y), \quad
        h_l = B_l(\operatorname{downsample}(h_{l-1}), e), \quad
        u_l = B'_l((\operatorname{upsample}(u_{l+1}), h_l), e)
    Shapes:
        x: (N, H, W, image_channels), t: (N,), labels: (N,) whole numbers -> the shape of x;
        H and W must be halved len(channels) - 1 times without remainder
    Source:
        Ho, Jain and Abbeel (2020), arXiv:2006.11239, appendix B; one of the labels means "any": Ho and Salimans (2022),
        arXiv:2207.12598, algorithm 1

    Arguments:
        channels: at each size, from the finest to the coarsest; multiples of 8.
        classes: how many labels there are, 0 to classes - 1; the label `classes` means "any".
        image_channels: 1 for grey images. embedding: size of e. heads: of the attention in the middle.

    The last convolution begins at zero: the untrained network answers 0.

    >>> UNet().n_parameters
    778497
    """

    settings = ("channels", "classes", "image_channels", "embedding", "heads")

    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 128),
        classes: int = 62,
        image_channels: int = 1,
        embedding: int = 192,
        heads: int = 4,
    ) -> None:
        self.channels = limits.whole_numbers("UNet: channels", channels, fewest=2, most=32)
        self.classes, self.image_channels = limits.whole("UNet: classes", classes, least=0), image_channels
        self.embedding, self.heads = embedding, heads
        for c in self.channels:
            at_least_one("UNet", channels=c)
        if any(c % GROUPS for c in self.channels):
            raise ModelError(f"UNet: channels must be multiples of {GROUPS}, its normalisation's groups, got {self.channels}")

        levels, bottom = self.channels[:-1], self.channels[-1]
        before, below = (levels[0], *levels[:-1]), self.channels[1:]
        self.time1 = Linear(levels[0], embedding)
        self.time2 = Linear(embedding, embedding)
        self.label = Embedding(classes + 1, embedding)
        self.stem = Conv2d(image_channels, levels[0], 3, padding=1)
        self.down = Sequential(*(ResidualBlock(a, c, embedding) for a, c in zip(before, levels, strict=True)))
        self.downsample = Sequential(*(Conv2d(c, c, 3, stride=2, padding=1) for c in levels))
        self.middle = ResidualBlock(levels[-1], bottom, embedding)
        self.look = SelfAttention(bottom, heads)
        self.upsample = Sequential(*(Conv2d(b, c, 3, padding=1) for b, c in zip(below[::-1], levels[::-1], strict=True)))
        self.up = Sequential(*(ResidualBlock(2 * c, c, embedding) for c in levels[::-1]))
        self.norm = GroupNorm(GROUPS, levels[0], activation="silu")
        self.out = ZeroConv2d(levels[0], image_channels, 3, padding=1)

    def forward(self, x: Any, t: Any, labels: Any = None) -> Tensor:
        """The answer for each image; without labels, for "any" of them."""
        t, labels = self._checked(x, t, labels)
        e = self.time2(ops.silu(self.time1(waves(t, self.channels[0]).astype(x.dtype))))
        e = ops.silu(e + self.label(labels))
        h, beside = self.stem(x), []
        for block, downsample in zip(self.down, self.downsample, strict=True):
            h = block(h, e)
            beside.append(h)
            h = downsample(h)
        h = self.look(self.middle(h, e))
        for upsample, block in zip(self.upsample, self.up, strict=True):
            h = upsample(ops.upsample_nearest(h, scale=2))
            h = block(ops.concat(h, beside.pop(), axis=3), e)
        return self.out(self.norm(h))

    def _checked(self, x: Any, t: Any, labels: Any) -> tuple[Array, Array]:
        """Times and labels as arrays of one number an image; raises ModelError for what does not fit."""
        parts = 2 ** (len(self.channels) - 1)
        if x.ndim != 4 or x.shape[3] != self.image_channels or x.shape[1] % parts or x.shape[2] % parts:
            raise ModelError(f"UNet: x must be (N, H, W, {self.image_channels}) with H and W multiples of {parts}, got {x.shape}")
        xp = array_module(x.data)
        t = xp.asarray(t)
        labels = xp.full(len(x), self.classes) if labels is None else xp.asarray(labels)
        for name, given in (("t", t), ("labels", labels)):
            if given.shape != (len(x),):
                raise ModelError(f"UNet: {name} must be ({len(x)},), one number per image of x, got {given.shape}")
        return t, labels


def waves(t: Array, size: int) -> Array:
    r"""A number as a point on many waves, from fast to slow: near times are near, and all are told apart.

    Equation:
        \gamma(t) = (\sin \omega_0 t, \dots, \sin \omega_{d-1} t, \cos \omega_0 t, \dots, \cos \omega_{d-1} t), \quad
        \omega_k = 10000^{-k / (d - 1)}, \quad d = size / 2
    Shapes:
        t: (N,) -> (N, size)
    Source:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.5

    >>> waves(np.array([0.0]), 4)
    array([[0., 0., 1., 1.]])
    """
    xp = array_module(t)
    angles = t[:, None] * xp.exp(-math.log(PERIOD) / (size // 2 - 1) * xp.arange(size // 2))
    return xp.concatenate([xp.sin(angles), xp.cos(angles)], axis=1)


class ResidualBlock(Module):
    r"""Two convolutions, between which the embedding comes in, added to what was there before.

    Equation:
        h = \operatorname{conv}_1(\operatorname{silu}(\operatorname{norm}_1(x))) + w e + b, \quad
        y = s(x) + \operatorname{conv}_2(\operatorname{silu}(\operatorname{norm}_2(h)))
    Shapes:
        x: (N, H, W, in_channels), e: (N, embedding) -> y: (N, H, W, out_channels)
    Source:
        Ho, Jain and Abbeel (2020), arXiv:2006.11239, appendix B; He et al. (2016), arXiv:1603.05027, figure 4e

    s is a 1x1 convolution where the number of channels changes, and nothing where it stays.
    """

    settings = ("in_channels", "out_channels", "embedding")

    def __init__(self, in_channels: int, out_channels: int, embedding: int) -> None:
        self.in_channels, self.out_channels, self.embedding = in_channels, out_channels, embedding
        self.norm1 = GroupNorm(GROUPS, in_channels, activation="silu")
        self.conv1 = Conv2d(in_channels, out_channels, 3, padding=1)
        self.condition = Linear(embedding, out_channels)
        self.norm2 = GroupNorm(GROUPS, out_channels, activation="silu")
        self.conv2 = Conv2d(out_channels, out_channels, 3, padding=1)
        self.skip = Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else None

    def forward(self, x: Any, e: Any) -> Tensor:
        h = self.conv1(self.norm1(x)) + self.condition(e).reshape(len(x), 1, 1, self.out_channels)
        h = self.conv2(self.norm2(h))
        return h + (x if self.skip is None else self.skip(x))


class SelfAttention(Module):
    """Every place of an image looks at every other, and adds what it finds: (N, H, W, channels) -> the same.

    Source: Ho, Jain and Abbeel (2020), arXiv:2006.11239, appendix B; Wang et al. (2018), arXiv:1711.07971, eq. 6
    """

    settings = ("channels", "heads")

    def __init__(self, channels: int, heads: int) -> None:
        self.channels, self.heads = channels, heads
        self.norm = GroupNorm(GROUPS, channels)
        self.attention = MultiheadAttention(channels, heads)

    def forward(self, x: Any) -> Tensor:
        n, h, w, c = x.shape
        return x + self.attention(self.norm(x).reshape(n, h * w, c)).reshape(n, h, w, c)


class ZeroConv2d(Conv2d):
    """A convolution that begins at zero, so that what it is added to, or learned from, begins undisturbed."""

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        for _, parameter in self.parameters():
            parameter.data.fill(0)
