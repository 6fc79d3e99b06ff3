r"""What a network is worth that tells numbers: how much of their variance it explains, and by how much it is wrong.

Both are in the target's own unit, whatever it was scaled to for the training.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from byhand.data.tables.encoding import as_numbers
from byhand.errors import ModelError
from byhand.neural_network import NeuralNetwork

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset


@dataclass(frozen=True)
class NumbersEvaluation:
    """Measured on n samples.

    Attributes:
        r2: 1 is perfect, 0 as good as always telling the mean, below 0 worse; mean_absolute_error and root_mean_square_error: in
            the target's unit; cost: mean over the samples, of the scaled target.
        true, told: (n,), in the target's unit. name: of the target. data: what it was measured on.
    """

    n: int
    r2: float
    mean_absolute_error: float
    root_mean_square_error: float
    cost: float
    true: NDArray[np.float64]
    told: NDArray[np.float64]
    name: str = ""
    data: Any = field(default=None, repr=False)

    @property
    def residuals(self) -> NDArray[np.float64]:
        """What is left of each true number when the told one is taken off, (n,)."""
        return self.true - self.told

    def figures(self) -> dict[str, Any]:
        """What it is worth, in numbers."""
        return {
            "r2": self.r2,
            "mean_absolute_error": self.mean_absolute_error,
            "root_mean_square_error": self.root_mean_square_error,
            "cost": self.cost,
            "n": self.n,
        }

    def details(self) -> dict[str, Any]:
        """What else there is to say, as JSON takes it."""
        return {"target": self.name}

    def lines(self) -> list[str]:
        """What is added to the headline."""
        return [f"cost {self.cost:.4f}, root mean square error {self.root_mean_square_error:.4g}"]

    def rows(self) -> list[tuple[str, ...]]:
        """A table of words: none, its picture says more."""
        return []

    @property
    def headline(self) -> str:
        """The same in one line of words."""
        off = f"{self.mean_absolute_error:.4g} off on average"
        return f"R2 {self.r2:.4f} on {self.n:,} test samples, {self.name + ' ' if self.name else ''}{off}"


def evaluate_numbers(network: NeuralNetwork, data: Dataset, *, binarised: bool = False) -> NumbersEvaluation:
    """Measure a network on a data set with numbers to learn; `binarised` has no meaning for it.

    Raises ModelError where the two do not fit.
    """
    if data.values is None or data.label_names:
        raise ModelError(f"{data.name} has classes to learn, and the network tells numbers: choose other data")
    if network.n_outputs != data.n_outputs:
        raise ModelError(f"the network tells {network.n_outputs} numbers but {data.name} has {data.n_outputs}: choose other data")
    cost, _ = network.evaluate(data.flat, data.targets(network.dtype))
    true, told = (part.astype(np.float64).reshape(-1) for part in (data.values, network.forward(data.flat)))
    if data.encoding is not None:
        true, told = as_numbers(true, data.encoding), as_numbers(told, data.encoding)
    error = true - told
    name = data.encoding.target if data.encoding is not None else ""
    return NumbersEvaluation(
        len(data),
        r_squared(true, told),
        float(np.abs(error).mean()),
        float(np.sqrt((error**2).mean())),
        cost,
        true,
        told,
        name,
        data,
    )


def r_squared(true: NDArray[np.float64], told: NDArray[np.float64]) -> float:
    r"""The share of the variance that is explained.

    Equation:
        R^2 = 1 - \frac{\sum_i (y_i - a_i)^2}{\sum_i (y_i - \bar y)^2}
    Source:
        Wright (1921), "Correlation and causation", Journal of Agricultural Research 20

    >>> r_squared(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])), r_squared(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    (1.0, 0.0)
    """
    spread = float(((true - true.mean()) ** 2).sum())
    return 1 - float(((true - told) ** 2).sum()) / spread if spread else 0.0
