"""The doctor on the Train page: one examination at a time, told to every page, and kept for those that come later."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from byhand.errors import ByhandError
from byhand.web.sockets import Message
from byhand.web.suggested_settings import prescribed
from byhand.web.worker_process import Supervisor


class Consultation:
    """What is known of the examination: its state, the probes so far, and at the end the report.

    `tell` sends a message to the pages, and is called on the server's thread; `there` brings a call to that thread; `named` takes
    the place of uploaded data out of a text.
    """

    def __init__(
        self, tell: Callable[[Message], None], there: Callable[[Callable[[], None]], None], named: Callable[[str], str]
    ) -> None:
        self.tell, self.there, self.named = tell, there, named
        self.examiner: Supervisor | None = None  # of this examination
        self.known: Message = {"state": "none"}
        self.began = 0.0

    def examine(self, recipe: dict[str, Any], settings: dict[str, Any]) -> None:
        """Begin; raises ByhandError while another examination is under way."""
        if self.known["state"] == "examining":
            raise ByhandError("an examination is under way: wait for it, or cancel it")
        self.close()
        examiner = self.examiner = self._examiner()
        self.began = time.monotonic()
        self._now({"state": "examining", "settings": settings, "probes": []})
        examiner.send({"recipe": recipe})

    def _examiner(self) -> Supervisor:
        """A process for one examination; what one says that was cancelled may come late, and is then not of this one."""

        def of_this(call: Callable[[], None]) -> None:
            self.there(lambda: call() if self.examiner is examiner else None)

        examiner = Supervisor(
            lambda message: of_this(lambda: self.hear(message)),
            lambda why: of_this(lambda: self.ended(why)),
            module="byhand.web.doctor_process",
            died="The doctor’s process {how} before it was done: examine again, or run byhand doctor in a terminal.",
        )
        return examiner

    def cancel(self) -> None:
        """End the examination, without a word on what it has found so far."""
        if self.known["state"] == "examining":
            self.close()
            self._now({"state": "none"})

    def hear(self, message: Message) -> None:
        """Take in what the doctor says."""
        if self.known["state"] != "examining":
            return  # it was cancelled
        message = json.loads(self.named(json.dumps(message)))
        if "probe" in message:
            probes = [*self.known["probes"], [message["probe"], round(time.monotonic() - self.began, 2)]]
            self._now(self.known | {"probes": probes})
        elif "problem" in message:
            self._now({"state": "failed", "problem": message["problem"]})
        else:
            report, settings = message["report"], self.known["settings"]
            for finding in report["findings"]:
                finding["setting"] = prescribed(finding["change"], settings)
            self._now({"state": "done", "settings": settings, "report": report})

    def ended(self, why: str) -> None:
        """The doctor's process is gone, as it is after each report."""
        if self.known["state"] == "examining":
            self._now({"state": "failed", "problem": why})

    def _now(self, known: Message) -> None:
        self.known = known
        self.tell({"doctor": known})

    def close(self) -> None:
        """End the process."""
        examiner, self.examiner = self.examiner, None
        if examiner is not None:
            examiner.close(0)
