"""Training loops and optimisers with a mistake in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.optim import SGD
from byhand.training.steps import Steps


class Sorted(Steps):
    """Samples in the order of their classes, in every epoch."""

    def _begin_epoch(self, epoch: int) -> None:
        super()._begin_epoch(epoch)
        self.order = np.argsort(self.y.argmax(axis=1), kind="stable")


class Apart(Steps):
    """Inputs are shuffled, targets are shuffled otherwise."""

    def __next__(self) -> Any:
        whole = self.y
        self.y = whole[np.random.default_rng(self.index).permutation(len(whole))]
        try:
            return super().__next__()
        finally:
            self.y = whole


class Frozen(SGD):
    """An optimiser that was given the first layer's parameters only."""

    def step(self, parameters: Any, gradient: Any) -> None:
        kept = parameters[784 * 30 : 784 * 30 + 300].copy()
        super().step(parameters, gradient)
        parameters[784 * 30 : 784 * 30 + 300] = kept


class Uphill(SGD):
    """The sign of the step forgotten."""

    def _change(self, block: slice, theta: Any, g: Any, update: Any) -> None:
        super()._change(block, theta, g, update)
        update *= -1


def blank(x: Any, rng: np.random.Generator) -> Any:
    """An augmentation that moves and crops until hardly anything is left."""
    out = np.zeros_like(x)
    out[:, :40] = x[:, :40]
    return out


class HalvedEachStep(Steps):
    """The schedule was meant for epochs, but is asked in every step: the rate falls to a thousandth within some steps."""

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        steps = self.total
        self.factor = lambda progress: 0.95 ** (progress * steps)
