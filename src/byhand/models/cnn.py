"""A plain convolutional network: pairs of convolutions, each pair on half the size of the one before, then one linear layer.

Source: Simonyan and Zisserman (2015), arXiv:1409.1556, section 2, with batch norm (Ioffe and Szegedy 2015) and the mean over
all places at the end (Lin, Chen and Yan 2014, arXiv:1312.4400, section 3.2) in place of its large linear layers.
"""

from __future__ import annotations

from collections.abc import Sequence

from byhand.errors import ModelError
from byhand.nn import BatchNorm2d, Conv2d, Dropout, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Module, ReLU, Sequential


def cnn(
    in_channels: int,
    n_classes: int,
    *,
    channels: Sequence[int] = (16, 32, 64),
    dropout: float = 0.2,
    side: int = 28,
    head: int = 0,
) -> Sequential:
    """The network: (N, side, side, in_channels) -> (N, n_classes), the weighted inputs of a softmax.

    `channels` of each pair of 3x3 convolutions; between the pairs, max pooling halves the size. With a `head` of so many units,
    what is left after one more pooling goes through a hidden layer in place of the mean: where things are is then not lost, and
    an O can be told from a 0 by its width.

    >>> cnn(1, 10).n_parameters
    72666
    >>> cnn(1, 62, channels=(32, 64, 96), head=256).n_parameters
    441182
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
    if not head:
        return Sequential(*layers, GlobalAvgPool2d(), Dropout(dropout), Linear(before, n_classes))
    places = (side >> len(channels)) ** 2
    hidden = [MaxPool2d(2), Flatten(), Linear(places * before, head), ReLU()]
    return Sequential(*layers, *hidden, Dropout(dropout), Linear(head, n_classes))
