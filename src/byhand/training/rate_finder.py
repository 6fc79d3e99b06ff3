"""A learning-rate finder: raise the rate a little with every batch, and watch where the cost falls and where it bursts.

Source: Smith (2017), "Cyclical learning rates for training neural networks", arXiv:1506.01186, section 3.3.
"""

from __future__ import annotations

import contextlib
import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from byhand.errors import ModelError, TrainingError
from byhand.neural_network import NeuralNetwork
from byhand.optim import Optimizer
from byhand.training.state import undisturbed
from byhand.training.steps import steps

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset

SMOOTHING = 0.9
BURST = 4.0  # the search ends where the smoothed cost is this many times its lowest


@dataclass(frozen=True)
class FoundRate:
    """The rates tried, the smoothed cost at each, and the suggestion: where the cost fell most steeply."""

    rates: list[float]
    costs: list[float]
    suggestion: float


def find_learning_rate(
    model: NeuralNetwork,
    data: Dataset,
    optimizer: Optimizer,
    *,
    lowest: float = 1e-5,
    highest: float = 10.0,
    tries: int = 100,
    batch_size: int = 32,
    seed: int = 0,
) -> FoundRate:
    """Try `tries` rates from lowest to highest, evenly in their logarithm; model and optimiser are left as they were."""
    if not 0 < lowest < highest:
        raise ModelError(f"the rates {lowest} to {highest} make no range: choose 0 < lowest < highest")
    alone = len(data) % batch_size == 1 < len(data)  # a last batch of one sample, which batch norm would refuse
    epochs = math.ceil(tries * batch_size / (len(data) - alone))
    rng, twin = model.rng, copy.deepcopy(optimizer)
    training = steps(model, data, epochs=epochs, batch_size=batch_size, optimizer=twin, seed=seed, drop_last=alone)
    rates: list[float] = []
    costs: list[float] = []
    smooth = 0.0
    # A burst that ends the search is no error: what was seen until then is the answer.
    try:
        with undisturbed(training), contextlib.suppress(TrainingError):
            for i in range(min(tries, training.total)):
                rate = training.base_rate = lowest * (highest / lowest) ** (i / max(1, tries - 1))
                smooth = SMOOTHING * smooth + (1 - SMOOTHING) * next(training).cost
                rates.append(rate)
                costs.append(smooth / (1 - SMOOTHING ** (i + 1)))
                if costs[-1] > BURST * min(costs):
                    break
    finally:
        model.rng = rng
    if len(rates) < 3:
        raise TrainingError(f"the cost burst at once from rate {lowest:g} on: choose a smaller lowest rate")
    falls = [costs[i - 1] - costs[i + 1] for i in range(1, len(costs) - 1)]
    return FoundRate(rates, costs, rates[1 + max(range(len(falls)), key=falls.__getitem__)])
