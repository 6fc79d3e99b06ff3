"""A process that works for a page, from the outside: started when it is needed, heard and spoken to on threads of its own, killed
cleanly.

Nothing here waits for the process but `close`: what it is told waits in a queue, for a process that stands still takes nothing.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from byhand.errors import ByhandError

PATIENCE = 0.2  # seconds that it has to end by itself; there is nothing that it would have to save
REAPED = 2.0  # seconds in which a killed one is gone
UNTAKEN = 200  # commands that may wait for a process that takes none


class Supervisor:
    """One process at a time, which runs a module of ours.

    `heard` gets each of its messages and `ended` a line of words when it dies without having been asked to; both are called on
    the thread that listens. `died` are these words, with {how} in them.
    """

    def __init__(
        self,
        heard: Callable[[dict[str, Any]], None],
        ended: Callable[[str], None],
        module: str = "byhand.web.train_process",
        died: str = "The training process {how}, and its training is gone: press Start for a new one.",
    ) -> None:
        self.heard, self.ended, self.died = heard, ended, died
        self.command = [sys.executable, "-m", module]
        self.process: subprocess.Popen[str] | None = None
        self.untaken: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # lines for it; None ends its input
        self.listener: threading.Thread | None = None
        self.lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self.process.pid if self.process is not None else None

    def send(self, command: dict[str, Any]) -> None:
        """Hand it a command; a process is started where there is none.

        Raises ByhandError where it has long taken none.
        """
        with self.lock:
            if self.process is None:
                self._start()
            if self.untaken.qsize() >= UNTAKEN:
                raise ByhandError("the training process takes no commands: let it go on (kill -CONT), or start byhand play again")
            self.untaken.put(json.dumps(command) + "\n")

    def _start(self) -> None:
        pipe = subprocess.PIPE
        process = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, encoding="utf-8")
        self.process, self.untaken = process, queue.SimpleQueue()
        self.listener = threading.Thread(target=self._listen, args=(process, self.untaken), daemon=True)
        self.listener.start()
        threading.Thread(target=_speak, args=(process, self.untaken), daemon=True).start()

    def _listen(self, process: subprocess.Popen[str], untaken: queue.SimpleQueue[str | None]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with contextlib.suppress(ValueError):  # half a line, of a process that was killed while it spoke
                self.heard(json.loads(line))
        code = process.wait()
        with self.lock:
            expected = self.process is not process
            if not expected:
                self.process = None
        untaken.put(None)
        process.stdout.close()
        if not expected:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
            self.ended(self.died.format(how=how))

    def close(self, patience: float = PATIENCE) -> None:
        """End the process, killed where it has not ended by itself after so many seconds, and wait until it is gone."""
        with self.lock:
            process, self.process = self.process, None
            if process is None:
                return
            self.untaken.put(None)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()  # even one that stands still
        if self.listener is not None and self.listener is not threading.current_thread():
            self.listener.join(REAPED)


def _speak(process: subprocess.Popen[str], untaken: queue.SimpleQueue[str | None]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it has died, which the listener tells
        for line in iter(untaken.get, None):
            process.stdin.write(line)
            process.stdin.flush()
    with contextlib.suppress(OSError):
        process.stdin.close()
