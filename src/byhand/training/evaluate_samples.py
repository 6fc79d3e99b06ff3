"""What a network that draws is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DiffusionEvaluation:
    """Measured on n samples.

    Attributes:
        cost: the weighted mean squared error of the network's answers, at random times and with random noise.
    """

    n: int
    cost: float

    def figures(self) -> dict[str, Any]:
        """What it is worth, in numbers."""
        return {"cost": self.cost, "n": self.n}

    @property
    def headline(self) -> str:
        """The same in one line of words."""
        return f"cost {self.cost:.4f} on {self.n:,} test samples"
