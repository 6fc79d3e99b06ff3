"""Being told to stop: Ctrl-C, the end of a session or a queue's time limit let the step under way end, and its state be kept.

A signal comes between any two instructions, also when half of an update is done. So while steps are taken it is only noted down,
and the training stops itself after the step; a second one, or one at any other time, stops it at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # of Windows, those that it has


class Stopped(KeyboardInterrupt):
    """A training was told to stop by a signal; the text says what was kept."""

    def __init__(self, number: int, kept: str) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}{kept}")
        self.status = 128 + number  # as shells report it


class Stop:
    """Whether a training was told to stop: `asked` is the signal's number, 0 before it. `waits`: steps are being taken."""

    def __init__(self) -> None:
        self.asked = 0
        self.waits = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked or not self.waits:
            raise Stopped(number, "; `--resume` continues a training from its last checkpoint")
        self.asked = number

    @contextmanager
    def after_the_step(self) -> Iterator[None]:
        """Here a signal waits for the end of the step."""
        self.waits = True
        try:
            yield
        finally:
            self.waits = False
        if self.asked:  # too late for any step to see it
            raise Stopped(self.asked, " after the last step; `--resume` measures the model and writes it")


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Signals are heard while this is open, where Python lets us, in the main thread, and nobody else listens to them."""
    stop, before = Stop(), {}
    if threading.current_thread() is threading.main_thread():
        for name in SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
