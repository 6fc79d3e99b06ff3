"""A live progress bar of a training, in a notebook: one piece of HTML that is shown once and then changed in place.

It is the browser's own `<progress>`, so no widget and no script is needed. Viewers that show no HTML get the line of words.
"""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable
from typing import Any

from byhand.training.fit import Callback
from byhand.training.history import Epoch, History
from byhand.training.steps import Step, Steps

PAUSE = 0.2  # seconds between two changes: each is a message to the browser


def notebook_display() -> Callable[..., Any] | None:
    """What shows things in the notebook that this runs in; None elsewhere. IPython is never imported, only found."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):  # IPython in a terminal has none
        return None
    from importlib import import_module

    display: Callable[..., Any] = import_module("IPython.display").display
    return display


def epoch_line(epoch: Epoch, epochs: int) -> str:
    """An epoch in words: its cost, and what validation measured.

    >>> epoch_line(Epoch(0, 40, 1.25, 0.5, 0.4, 0.875, 0.1), 3)
    'epoch   1/3   cost 0.5000   validation 87.50% right   1.2 s'
    """
    measured = "" if epoch.validation_accuracy is None else f"   validation {epoch.validation_accuracy:.2%} right"
    if epoch.validation_accuracy is None and epoch.validation_cost is not None:
        measured = f"   validation {epoch.validation_cost:.4f}"
    return f"epoch {epoch.epoch + 1:>3}/{epochs}   cost {epoch.cost:.4f}{measured}   {epoch.seconds:.1f} s"


class NotebookBar(Callback):
    """A bar over all steps, and the last epoch in words; it stays when the training has ended.

    Arguments:
        display: IPython's, as `notebook_display` finds it.
    """

    def __init__(self, display: Callable[..., Any]) -> None:
        self.display = display

    def before(self, training: Steps, history: History) -> None:
        self.total, self.taken, self.words, self.drawn = training.total, training.index, "", time.perf_counter()
        self.handle = self.display(self._content(), raw=True, display_id=True)

    def after_step(self, step: Step) -> None:
        self.taken = step.index + 1
        now = time.perf_counter()
        if now - self.drawn >= PAUSE:
            self.drawn = now
            self._draw()

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        self.words = epoch_line(epoch, training.epochs)
        return False

    def after(self, training: Steps, history: History) -> None:
        self._draw()

    def _draw(self) -> None:
        self.handle.update(self._content(), raw=True)

    def _content(self) -> dict[str, str]:
        count = f"step {self.taken:,} of {self.total:,}"
        words = f"{count}   {self.words}" if self.words else count
        bar = f'<progress max="{self.total}" value="{self.taken}" aria-label="Steps taken, of all"></progress>'
        return {"text/plain": words, "text/html": f'<p style="white-space:pre">{bar} {html.escape(words)}</p>'}
