"""A learning rate that falls where a training stands still."""

from __future__ import annotations

import math
import operator

from byhand import limits
from byhand.training.fit import Callback
from byhand.training.history import Epoch, History
from byhand.training.state import Snapshot
from byhand.training.steps import Steps

SMALLEST_CHANGE = 1e-8  # of a rate: PyTorch's eps


class ReduceLROnPlateau(Callback):
    r"""Multiply the learning rate by `factor` once more than `patience` epochs in a row have brought no lower cost.

    Equation:
        \eta \leftarrow \max(\text{factor} \cdot \eta,\, \text{min\_lr})
    Source:
        Bengio (2012), "Practical recommendations for gradient-based training of deep architectures", section 2.1.1, as PyTorch's

    The cost is that of the validation data, where there are any, else that of the training. A schedule still acts on the rate.

    Arguments:
        factor: in (0, 1). patience: epochs. threshold: a cost is lower below best * (1 - threshold).
        cooldown: epochs after a change that do not count. min_lr: the rate does not fall below it.
    """

    def __init__(
        self, factor: float = 0.1, patience: int = 10, threshold: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0
    ) -> None:
        self.factor = limits.number("factor", factor, above=0, below=1)
        self.patience, self.cooldown = limits.whole("patience", patience, least=0), limits.whole("cooldown", cooldown, least=0)
        self.threshold = limits.number("threshold", threshold, least=0, below=1)
        self.min_lr = limits.number("min_lr", min_lr, least=0)
        self._begin()

    def _begin(self) -> None:
        self.best, self.waited, self.cooling = math.inf, 0, 0

    def before(self, training: Steps, history: History) -> None:
        self._begin()

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        cost = epoch.cost if epoch.validation_cost is None else epoch.validation_cost
        if cost < self.best * (1 - self.threshold):
            self.best, self.waited = cost, 0
        else:
            self.waited += 1
        if self.cooling > 0:
            self.cooling, self.waited = self.cooling - 1, 0
        if self.waited > self.patience:
            rate = max(training.base_rate * self.factor, self.min_lr)
            if training.base_rate - rate > SMALLEST_CHANGE:
                training.base_rate = rate
            self.waited, self.cooling = 0, self.cooldown
        return False

    def state(self) -> Snapshot:
        best = None if math.isinf(self.best) else self.best
        return Snapshot({}, {"best": best, "waited": self.waited, "cooling": self.cooling})

    def restore(self, snapshot: Snapshot, training: Steps) -> None:
        numbers = snapshot.position
        self.best = math.inf if numbers["best"] is None else float(numbers["best"])
        self.waited, self.cooling = operator.index(numbers["waited"]), operator.index(numbers["cooling"])
