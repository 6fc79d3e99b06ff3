"""The curves of a training, the worst mistakes and the confusion matrix, as PNG pictures."""

from __future__ import annotations

import io
import os
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand.colours import ACCENT, FAINT, INK, SECOND
from byhand.files import write_atomically
from byhand.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from byhand.data.dataset import Dataset
    from byhand.training.evaluate_classifier import ClassifierEvaluation
    from byhand.training.history import Epoch, History


def figure_of(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    # The object interface: pyplot keeps global state and opens a window system.
    _import_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=130, layout="constrained")


@cache
def _import_matplotlib() -> None:
    """Import it though MPLBACKEND names a backend that is not there: what a notebook starts inherits the notebook's own."""
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend is not None:
        # We draw without one; whoever plots beside us in this process has the one that was asked for, where it exists.
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all; all words in it are drawn as they are."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):  # a class may be called "$x$", which is no formula
        text.set_parse_math(False)
        text.set_text(printable(text.get_text(), keep="\n"))
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)  # it draws a box instead
        figure.savefig(buffer, format="png")
    write_atomically(path, buffer.getvalue())


def style(axes: Any, title: str, x: str, y: str) -> None:
    """Title and axes as all our plots have them."""
    axes.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold")
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def draw_curves(history: History, evaluation: Any, title: str, path: Path) -> None:
    """Cost over the epochs and, of a network that tells classes apart, accuracy."""
    sorts = any(epoch.validation_accuracy is not None for epoch in history.epochs) or hasattr(evaluation, "accuracy")
    figure = figure_of(9 if sorts else 5, 3.6)
    axes: Any = figure.subplots(1, 2 if sorts else 1, squeeze=False)[0]
    epochs = [epoch.epoch + 1 for epoch in history.epochs]
    validated = [epoch for epoch in history.epochs if epoch.validation_cost is not None]
    axes[0].plot(epochs, [epoch.cost for epoch in history.epochs], color=ACCENT, marker="o", ms=3, label="training")
    if validated:
        costs = [e.validation_cost or 0.0 for e in validated]
        axes[0].plot([e.epoch + 1 for e in validated], costs, color=SECOND, marker="o", ms=3, label="validation")
    axes[0].legend(frameon=False, loc="upper right")
    if sorts:
        axes[0].set_ylim(bottom=0)
        _draw_accuracy(axes[1], validated, getattr(evaluation, "accuracy", None))
    style(axes[0], f"{title}: cost", "epoch", "mean cost of a sample")
    for one in axes:
        one.xaxis.get_major_locator().set_params(integer=True)
    save_figure(figure, path)


def _draw_accuracy(axes: Any, validated: list[Epoch], tested: float | None) -> None:
    if validated:
        accuracy = [100 * (e.validation_accuracy or 0.0) for e in validated]
        axes.plot([e.epoch + 1 for e in validated], accuracy, color=SECOND, marker="o", ms=3, label="validation")
    if tested is not None:
        axes.axhline(100 * tested, color=ACCENT, lw=1, ls="--", label=f"test, at the end: {tested:.2%}")
        axes.legend(frameon=False, loc="lower right")
    style(axes, "accuracy", "epoch", "per cent right")


def draw_mistakes(evaluation: ClassifierEvaluation, data: Dataset, path: Path, n: int = 40) -> None:
    """The surest mistakes as pictures, each with its true class, what was read, and how sure the network was."""
    indices = evaluation.worst[:n]
    columns = 10
    rows = max(1, -(-len(indices) // columns))
    figure = figure_of(columns * 0.95, rows * 1.25 + 0.6)
    grid = np.atleast_2d(figure.subplots(rows, columns, squeeze=False))
    wrong = len(evaluation.worst)
    figure.suptitle(f"The surest of {wrong} mistakes in {evaluation.n:,}: true → read (output)", fontsize=11, color=INK)
    for axes in grid.flat:
        axes.axis("off")
    for axes, i in zip(grid.flat, indices, strict=False):
        image = data.inputs[i] if data.inputs.shape[3] == 3 else data.inputs[i].reshape(data.inputs.shape[1:3])
        axes.imshow(image, cmap="gray_r" if data.pictures is None else "gray", vmin=0, vmax=1)
        true, read = data.class_names[data.labels[i]], data.class_names[evaluation.predictions[i]]
        sure = evaluation.outputs[i, evaluation.predictions[i]]
        axes.set_title(f"{true} → {read} ({sure:.2f})", fontsize=8, color=ACCENT, pad=2)
    save_figure(figure, path)


def draw_confusion(evaluation: ClassifierEvaluation, data: Dataset, path: Path) -> None:
    """The confusion matrix: true class down, read as across; the diagonal, the right ones, is left blank."""
    k = data.n_classes
    figure = figure_of(max(4.0, 0.5 * k + 1.5), max(3.6, 0.45 * k + 1.2))
    axes = figure.subplots()
    wrong = evaluation.confusion.astype(float)
    np.fill_diagonal(wrong, np.nan)
    axes.imshow(wrong, cmap="OrRd", vmin=0)
    most = np.nanmax(wrong) if k > 1 else 0
    for i in range(k):
        for j in range(k):
            if i == j:
                axes.text(j, i, "·", ha="center", va="center", color=FAINT)
            elif wrong[i, j]:
                colour = "white" if wrong[i, j] > 0.6 * most else INK
                axes.text(j, i, str(int(wrong[i, j])), ha="center", va="center", color=colour, fontsize=8)
    names = [printable(name) for name in data.class_names]
    axes.set_xticks(range(k), names)
    axes.set_yticks(range(k), names)
    style(axes, f"{evaluation.accuracy:.2%} of {evaluation.n:,} right; the others", "read as", "true class")
    axes.grid(False)
    save_figure(figure, path)
