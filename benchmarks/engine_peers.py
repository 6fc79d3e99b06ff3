"""The networks of benchmarks/engine.py as one writes them in PyTorch: (N, C, H, W), the same names and parameters as byhand's.

python benchmarks/engine_peers.py        prints how many parameters each has
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def cnn() -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 10)."""
    layers: list[nn.Module] = []
    for n_in, n in ((1, 32), (32, 64)):
        layers += [nn.Conv2d(n_in, n, 3, padding=1), nn.BatchNorm2d(n), nn.ReLU()]
        layers += [nn.Conv2d(n, n, 3, padding=1), nn.BatchNorm2d(n), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(7 * 7 * 64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10))


def waves(t: Tensor, size: int) -> Tensor:
    """(N,) -> (N, size): sines, then cosines, of size/2 frequencies from 1 down to 1/10,000."""
    half = size // 2
    angles = t[:, None] * torch.exp(-math.log(10_000) / (half - 1) * torch.arange(half, dtype=torch.float64))
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class ResidualBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, embedding: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.condition = nn.Linear(embedding, out_channels)
        self.norm2 = nn.GroupNorm(8, out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.skip = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else None

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x))) + self.condition(e)[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (x if self.skip is None else self.skip(x))


class SelfAttention(nn.Module):
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        places = self.norm(x).flatten(2).transpose(1, 2)
        y = self.attention(places, places, places, need_weights=False)[0]
        return x + y.transpose(1, 2).reshape(x.shape)


class UNet(nn.Module):
    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 128),
        classes: int = 62,
        image_channels: int = 1,
        embedding: int = 192,
        heads: int = 4,
    ) -> None:
        super().__init__()
        levels, bottom = channels[:-1], channels[-1]
        self.time1 = nn.Linear(channels[0], embedding)
        self.time2 = nn.Linear(embedding, embedding)
        self.label = nn.Embedding(classes + 1, embedding)
        self.stem = nn.Conv2d(image_channels, channels[0], 3, padding=1)
        before = (channels[0], *levels[:-1])
        self.down = nn.ModuleList(ResidualBlock(a, b, embedding) for a, b in zip(before, levels, strict=True))
        self.downsample = nn.ModuleList(nn.Conv2d(c, c, 3, stride=2, padding=1) for c in levels)
        self.middle = ResidualBlock(levels[-1], bottom, embedding)
        self.look = SelfAttention(bottom, heads)
        self.upsample = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1) for a, b in zip(levels[::-1], channels[:0:-1], strict=True))
        self.up = nn.ModuleList(ResidualBlock(2 * c, c, embedding) for c in levels[::-1])
        self.norm = nn.GroupNorm(8, channels[0])
        self.out = nn.Conv2d(channels[0], image_channels, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        e = self.time2(F.silu(self.time1(waves(t, self.time1.in_features).to(x.dtype))))
        e = F.silu(e + self.label(labels))
        h = self.stem(x)
        skips = []
        for block, downsample in zip(self.down, self.downsample, strict=True):
            h = block(h, e)
            skips.append(h)
            h = downsample(h)
        h = self.look(self.middle(h, e))
        for upsample, block in zip(self.upsample, self.up, strict=True):
            h = upsample(F.interpolate(h, scale_factor=2))
            h = block(torch.cat([h, skips.pop()], dim=1), e)
        return self.out(F.silu(self.norm(h)))


if __name__ == "__main__":
    for net in (cnn(), UNet()):
        print(f"{type(net).__name__}: {sum(parameter.numel() for parameter in net.parameters()):,} parameters")
