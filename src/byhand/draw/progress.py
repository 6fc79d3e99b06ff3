"""A live progress bar of a training, in the terminal; and the one that fits wherever this runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from byhand.console import open_console
from byhand.draw.notebook_bar import NotebookBar, epoch_line, notebook_display
from byhand.printable import literal
from byhand.training.fit import Callback
from byhand.training.history import Epoch, History
from byhand.training.steps import Step, Steps

EVERY = 16  # steps between two looks at the clock: a bar must not slow what it shows


def progress_bar() -> Callback:
    """A callback for `fit` that shows how far a training is.

    In a notebook it is one bar that moves, in a terminal a bar and a line per epoch, and in a file these lines alone.
    """
    display = notebook_display()
    return NotebookBar(display) if display is not None else ProgressBar(open_console(stderr=True))


class ProgressBar(Callback):
    """A bar over all steps; after each epoch a line with its cost and accuracy."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("cost {task.fields[cost]:.4f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )

    def before(self, training: Steps, history: History) -> None:
        for task in self.progress.task_ids:  # of a training before
            self.progress.remove_task(task)
        self.task = self.progress.add_task("training", total=training.total, completed=training.index, cost=0.0)
        self.progress.start()

    def after_step(self, step: Step) -> None:
        if step.index % EVERY == 0:
            self.progress.update(self.task, completed=step.index + 1, cost=step.cost)

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        self.progress.update(self.task, completed=training.index, cost=epoch.cost)
        self.console.print(epoch_line(epoch, training.epochs), highlight=False)
        return False

    def after(self, training: Steps, history: History) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away, also after an error."""
        self.progress.stop()


@contextmanager
def counting(what: str, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error for work that says how many of how many steps are done; nothing where it is to be quiet."""
    console = open_console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (TextColumn("[bold]{task.description}"), BarColumn(bar_width=28), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def telling(what: str) -> Iterator[Callable[[str], None] | None]:
    """A turning wheel on standard error, for work in named parts; nothing where nobody looks."""
    console = open_console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with console.status(f"[bold]{literal(what)}") as status:
        yield lambda part: status.update(f"[bold]{literal(what)}[/] looks at: {literal(part)}")
