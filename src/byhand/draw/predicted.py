"""Predicted against true numbers, and what is left between them, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from byhand.colours import ACCENT, FAINT, SECOND
from byhand.draw.curves import figure_of, save_figure, style
from byhand.training.evaluate_numbers import NumbersEvaluation

MOST = 5_000  # points: more are a cloud without points


def draw_predicted(evaluation: NumbersEvaluation, path: Path) -> None:
    """Left, each test sample at its true and its predicted number: on the line they agree. Right, by how much they differ."""
    some = np.unique(np.linspace(0, evaluation.n - 1, min(MOST, evaluation.n)).round().astype(int))
    true, told, rest = evaluation.true[some], evaluation.told[some], evaluation.residuals[some]
    figure = figure_of(9, 4)
    left, right = (axes for axes in figure.subplots(1, 2))
    ends = [min(true.min(), told.min()), max(true.max(), told.max())]
    _scatter(left, true, told)
    left.plot(ends, ends, color=ACCENT, lw=1)
    style(left, f"R2 {evaluation.r2:.4f}", f"true {evaluation.name}", "predicted")
    _scatter(right, told, rest)
    right.axhline(0, color=ACCENT, lw=1)
    style(right, f"{evaluation.mean_absolute_error:.4g} off on average", f"predicted {evaluation.name}", "true - predicted")
    save_figure(figure, path)


def _scatter(axes: Any, x: Any, y: Any) -> None:
    axes.scatter(x, y, s=9, color=SECOND, alpha=0.6, lw=0.2, edgecolor=FAINT)
