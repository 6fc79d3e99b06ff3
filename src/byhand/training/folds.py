r"""Cross-validation: every sample is tested once, by a network that was trained without it.

The data are parted into k folds. Network i learns from all folds but the i-th and is measured on that one, so k figures say how
well such networks do on what they have not seen, and how much that hangs on which samples those are.

Source:
    Stone (1974), "Cross-validatory choice and assessment of statistical predictions", J. of the Royal Statistical Society B 36
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from byhand.data.dataset import Splits
from byhand.errors import ByhandError, TrainingError
from byhand.files import write_atomically
from byhand.safe_reading import reading

MEASURES = ("accuracy", "f1", "r2", "mean_absolute_error", "cost")  # of which the mean and the deviation are told


@dataclass(frozen=True)
class CrossValidation:
    r"""What k folds came to.

    Equation:
        \bar q = \frac{1}{k} \sum_i q_i, \quad s = \sqrt{\frac{1}{k-1} \sum_i (q_i - \bar q)^2}

    Attributes:
        folds: the figures of each fold, such as {"accuracy": 0.9, "cost": 0.3, "n": 30}. target: the name of a number to learn.

    >>> two = CrossValidation(({"accuracy": 0.9, "n": 10}, {"accuracy": 0.8, "n": 10}))
    >>> two.headline
    '85.00% ± 7.07% of the held out rows right (2 folds, 20 rows)'
    """

    folds: tuple[dict[str, Any], ...]
    target: str = ""

    @property
    def n(self) -> int:
        """How many samples were tested, each once."""
        return sum(fold["n"] for fold in self.folds)

    def mean(self, measure: str) -> float:
        """The mean of a figure over the folds."""
        return statistics.fmean(fold[measure] for fold in self.folds)

    def std(self, measure: str) -> float:
        """The standard deviation of a figure between the folds."""
        return statistics.stdev(fold[measure] for fold in self.folds)

    def figures(self) -> dict[str, Any]:
        """Means and standard deviations, and the folds themselves."""
        found: dict[str, Any] = {}
        for measure in MEASURES:
            if measure in self.folds[0]:
                found |= {measure: self.mean(measure), f"{measure}_std": self.std(measure)}
        return found | {"n": self.n, "folds": list(self.folds)}

    def details(self) -> dict[str, Any]:
        """What else there is to say: nothing."""
        return {}

    def lines(self) -> list[str]:
        """What is added to the headline."""
        return [f"cost {self.mean('cost'):.4f} ± {self.std('cost'):.4f}"]

    def rows(self) -> list[tuple[str, ...]]:
        """Each fold in a row, under a header."""
        shown = [measure for measure in MEASURES if measure in self.folds[0]]
        header = ("fold", *(measure.replace("_", " ") for measure in shown), "rows")
        return [header, *((str(i + 1), *(f"{fold[m]:.4f}" for m in shown), str(fold["n"])) for i, fold in enumerate(self.folds))]

    @property
    def headline(self) -> str:
        """The same in one line of words."""
        over = f"({len(self.folds)} folds, {self.n:,} rows)"
        if "f1" in self.folds[0]:
            return (
                f"{self.mean('accuracy'):.2%} ± {self.std('accuracy'):.2%} of the labels right, F1 {self.mean('f1'):.4f} ± "
                f"{self.std('f1'):.4f}, on the held out rows {over}"
            )
        if "accuracy" in self.folds[0]:
            return f"{self.mean('accuracy'):.2%} ± {self.std('accuracy'):.2%} of the held out rows right {over}"
        name, off = "mean_absolute_error", self.target and f"{self.target} "
        return (
            f"R2 {self.mean('r2'):.4f} ± {self.std('r2'):.4f} on the held out rows, {off}{self.mean(name):.4g} ± "
            f"{self.std(name):.4g} off on average {over}"
        )


def over_folds(splits: Splits, measured: Callable[[Splits], Any], tell: Callable[[str], None]) -> CrossValidation:
    """Train and measure on each fold; `measured` makes an evaluation of one, `tell` hears a line of each.

    Raises TrainingError with the fold in which a training came to nothing.
    """
    assert splits.folds is not None
    figures, target = [], ""
    of = len(splits.folds)
    for number, fold in enumerate(splits.folds, 1):
        try:
            evaluation = measured(fold)
        except ByhandError as error:
            raise TrainingError(f"fold {number} of {of}: {error}") from error
        figures.append(evaluation.figures())
        target = getattr(evaluation, "name", "")
        tell(f"fold {number} of {of}: {evaluation.headline}")
    return CrossValidation(tuple(figures), target)


def keep(path: Path, found: CrossValidation, length: dict[str, Any]) -> None:
    """Write what the folds came to, with how long their trainings were, so that a training that goes on need not repeat them."""
    write_atomically(path, json.dumps({"length": length, "target": found.target, "folds": found.folds}, indent=1).encode())


def kept(path: Path, length: dict[str, Any]) -> CrossValidation | None:
    """The same read again; None where there is none, or one of another length or that cannot be read."""
    if not path.exists():
        return None
    try:
        with reading(path, "cannot be read", TrainingError, "its folds are trained again"):
            written = json.loads(path.read_text(encoding="utf-8"))
        found = CrossValidation(tuple(dict(fold) for fold in written["folds"]), str(written["target"]))
        found.figures(), found.headline  # which a damaged one does not have
        return found if written["length"] == length else None
    except (ByhandError, KeyError, TypeError, ValueError, AttributeError, IndexError, statistics.StatisticsError):
        return None
