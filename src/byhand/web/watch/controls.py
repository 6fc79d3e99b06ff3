"""How a page holds a loop that runs in a program of its own: paused, a step at a time, in slow motion.

Commands come on the server's thread; the loop's own thread waits in `hold`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from byhand.errors import ByhandError
from byhand.web.sockets import Message
from byhand.web.train_settings import positive

FASTEST = 60.0  # steps per second that are still called slow motion
ALONE = 30.0  # seconds that a paused loop waits without any page; then it goes on
GLANCE = 0.2  # seconds between two looks at whether there still is one; Ctrl-C gets through in between


class Control:
    """Whether the loop runs, and how fast; `watched` says whether a page is open."""

    def __init__(self, watched: Callable[[], bool]) -> None:
        self.watched = watched
        self.state = "running"  # or "paused"
        self.pace: float | None = None  # steps per second in slow motion; None goes as fast as it can
        self.allowed = 0  # steps that may be taken while it is paused
        self.due = 0.0  # when the next step in slow motion is
        self.changed = threading.Condition()

    @property
    def steered(self) -> bool:
        """Whether the loop is to call `hold` before its next step."""
        return self.state != "running" or self.pace is not None

    def obey(self, command: Message) -> None:
        """One command of a page; raises ByhandError where it is none."""
        do, far = command.get("do"), command.get("far")
        with self.changed:
            if do == "pause":
                self.state, self.allowed = "paused", 0
            elif do == "go" and far is None:
                self.state = "running"
            elif do == "go" and far == "step":
                self.state, self.allowed = "paused", self.allowed + 1
            elif do == "pace":
                pace = command.get("pace")
                self.pace = None if pace is None else positive("steps per second", pace, FASTEST)
            else:
                raise ByhandError('there is no such command: choose pause, go (far: "step" or not there) or pace')
            self.changed.notify_all()

    def hold(self) -> float:
        """Wait until the next step may be taken; returns for how long, in seconds."""
        began, alone = time.perf_counter(), 0.0
        with self.changed:
            while True:
                now = time.perf_counter()
                if self.state == "paused":
                    if self.allowed:
                        self.allowed -= 1
                        break
                    alone = 0.0 if self.watched() else alone or now
                    if alone and now - alone > ALONE:  # a program must not stand still because somebody closed a page
                        self.state = "running"
                        print(f"byhand.watch: paused, and no page open for {ALONE:.0f} s: the loop goes on", flush=True)
                    else:
                        self.changed.wait(GLANCE)
                elif self.pace is not None and now < self.due:
                    self.changed.wait(self.due - now)
                else:
                    break
            now = time.perf_counter()
            if self.pace is not None:
                self.due = max(self.due, now - 1 / self.pace) + 1 / self.pace
        return now - began
