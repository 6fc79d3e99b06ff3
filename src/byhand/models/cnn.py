"""A plain convolutional network: pairs of convolutions, each pair on half the size of the one before, then one linear layer.

Source: Simonyan and Zisserman (2015), arXiv:1409.1556, section 2, with batch norm (Ioffe and Szegedy 2015) and the mean over
all places at the end (Lin, Chen and Yan 2014, arXiv:1312.4400, section 3.2) in place of its large linear layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from byhand import limits
from byhand.errors import ModelError
from byhand.network_kinds import NetworkKind, check_options, register
from byhand.nn import BatchNorm2d, Conv2d, Dropout, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Module, Network, ReLU, Sequential
from byhand.nn import network as networks


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
    channels = limits.whole_numbers("a CNN's channels", channels, fewest=1, most=32)
    side, head = limits.whole("a CNN's side", side), limits.whole("a CNN's head", head, least=0)
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
    if not places:
        raise ModelError(f"a CNN's head needs pixels to look at: {side} pixels cannot be halved {len(channels)} times")
    hidden = [MaxPool2d(2), Flatten(), Linear(places * before, head), ReLU()]
    return Sequential(*layers, *hidden, Dropout(dropout), Linear(head, n_classes))


def from_recipe(recipe: Any, train: Any, dtype: Any, device: str) -> Network:
    """The untrained network of a recipe, for images that `train` is the training part of."""
    shape = train.inputs.shape[1:]
    if len(shape) != 3:
        raise ModelError(f"a CNN reads images (H, W, C), but {train.name} has samples of {shape}: choose other data")
    check_options(recipe, limits.parameters(cnn, "in_channels", "n_classes", "dropout"))
    module = cnn(shape[2], train.n_classes, dropout=recipe.dropout, **recipe.model_options)
    return networks.from_recipe(recipe, train, module, dtype, device)


register(NetworkKind("cnn", build=from_recipe, settings=("model_options", "cost", "initialiser", "dropout", "label_smoothing")))
