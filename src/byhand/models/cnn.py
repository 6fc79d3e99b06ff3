"""A plain convolutional network: pairs of convolutions, each pair on half the size of the one before, then one linear layer.

Source: Simonyan and Zisserman (2015), arXiv:1409.1556, section 2, with batch norm (Ioffe and Szegedy 2015) and the mean over
all places at the end (Lin, Chen and Yan 2014, arXiv:1312.4400, section 3.2) in place of its large linear layers.
"""

from __future__ import annotations

from collections.abc import Sequence

from byhand.errors import ModelError
from byhand.nn import BatchNorm2d, Conv2d, Dropout, GlobalAvgPool2d, Linear, MaxPool2d, Module, Sequential


def cnn(in_channels: int, n_classes: int, *, channels: Sequence[int] = (16, 32, 64), dropout: float = 0.2) -> Sequential:
    """The network: (N, H, W, in_channels) -> (N, n_classes), the weighted inputs of a softmax.

    `channels` of each pair of 3x3 convolutions; between the pairs, max pooling halves the size.

    >>> cnn(1, 10).n_parameters
    72666
    """
    if not channels:
        raise ModelError("a CNN without channels has no convolution: give one number a pair of them, as in (16, 32, 64)")
    layers: list[Module] = []
    before = in_channels
    for number, n in enumerate(channels):
        if number:
            layers.append(MaxPool2d(2))
        for n_in in (before, n):
            # No bias: batch norm takes the mean away, and brings a shift of its own.
            layers += [Conv2d(n_in, n, 3, padding="same", bias=False), BatchNorm2d(n, activation="relu")]
        before = n
    return Sequential(*layers, GlobalAvgPool2d(), Dropout(dropout), Linear(before, n_classes))
