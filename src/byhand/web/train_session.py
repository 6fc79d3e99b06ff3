"""The live side of the Train page: one training that every open page sees and steers, over a WebSocket.

The training runs in a process of its own (`byhand.web.worker_process`). What it tells is kept here, so that a page that comes
later, or comes back, sees the training from its beginning.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
from collections.abc import Callable
from itertools import count
from pathlib import Path

from byhand.errors import ByhandError
from byhand.web.bounded_curve import thinned
from byhand.web.doctor_session import Consultation
from byhand.web.sockets import Lines, Message
from byhand.web.train_settings import LARGEST_RATE, OWN, as_settings, as_typed, chosen, fitting, offered, positive
from byhand.web.worker_process import Supervisor

PATIENCE = 60.0  # seconds for an answer of the training process
FASTEST = 60.0  # steps per second that are still called slow motion


class Live:
    """The one training, its pages, and what is known of it."""

    def __init__(self) -> None:
        self.name = secrets.token_hex(8)  # of this server, so that a page notices a new one
        self.pages = Lines(self.whole, self.obey)
        self.trainer = Supervisor(
            lambda message: self._there(lambda: self.hear(message)), lambda why: self._there(lambda: self.ended(why))
        )
        self.doctor = Consultation(self.tell, self._there, self.named)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.uploads: Path | None = None  # the folder of uploaded files
        self.own: Path | None = None  # the last of them
        self.own_facts: Message = {}
        self.starts = self.begins = 0  # the number of the last start that was asked for, and of the one that is known
        self.answers: dict[int, asyncio.Future[Message]] = {}
        self.numbers = count()
        self._forget()

    def close(self) -> None:
        """End the training process, and the doctor's."""
        self.doctor.close()
        self.trainer.close()

    # ---------------------------------------------------------------- what is known of the training

    def _forget(self) -> None:
        self.begun: Message | None = None
        self.moment: Message = {"state": "none"}
        self.costs: list[list[float]] = []
        self.validated: list[list[float]] = []

    def whole(self) -> str:
        """All that a page needs which knows nothing yet."""
        training = {"begun": self.begun, "moment": self.moment, "costs": self.costs, "validated": self.validated}
        own = self.own_facts or None
        known = {"server": self.name, "offered": offered(), "own": own, "training": training, "doctor": self.doctor.known}
        return json.dumps({"hello": known})

    def hear(self, message: Message) -> None:
        """Take in what the training process tells, and pass it on."""
        waiting = self.answers.pop(message["id"], None) if isinstance(message.get("id"), int) else None
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(message)
            return
        if message.get("start", self.starts) != self.starts and not message.get("kept"):
            return  # another one has been asked for since
        if "begun" in message:
            kept = message.get("kept") and message["start"] == self.begins  # the next one could not begin, and this one goes on
            self.moment = self.moment | {"state": "paused"}
            if kept:
                return
            self._forget()
            self.begins = message["start"]
            self.begun = message["begun"] | {"settings": message["settings"]}
            message = {"begun": self.begun}
        if "moment" in message:
            if self.moment["state"] == "loading" and message["moment"].get("state") != "stopped":
                return  # it is of the training that was before
            self._take_in(message["moment"])
        if "problem" in message:
            message = {"problem": self.named(message["problem"])}
        self.tell(message)

    def _take_in(self, moment: Message) -> None:
        self.moment = self.moment | {name: value for name, value in moment.items() if value is not None}
        if "pace" in moment:
            self.moment["pace"] = moment["pace"]
        self.costs = thinned([*self.costs, *moment.get("costs", [])])
        self.validated = thinned([*self.validated, *moment.get("validated", [])])
        for curve in ("costs", "validated"):
            self.moment.pop(curve, None)

    def named(self, problem: str) -> str:
        """Uploaded files by their own names: where they lie is nobody's concern."""
        return re.sub(re.escape(f"{self.uploads}{os.sep}") + r"\d+[/\\]+", "", problem) if self.uploads else problem

    def takes(self, path: Path, facts: Message) -> Message:
        """The uploaded file is there, and holds this; returns what the pages are told of it."""
        self.own, self.own_facts = (
            path,
            facts | {"name": path.name, "recipes": fitting(facts["inputs"], facts.get("task", "classes"))},
        )
        return self.own_facts

    def ended(self, why: str) -> None:
        """The training process died."""
        for waiting in self.answers.values():
            if not waiting.done():
                waiting.set_result({"problem": why})
        self.answers.clear()
        if self.moment["state"] != "none":
            self.moment = self.moment | {"state": "gone"}
            self.tell({"moment": {"state": "gone"}})
        self.tell({"problem": why})

    def _there(self, call: Callable[[], None]) -> None:
        """Make this call on the server's thread."""
        with contextlib.suppress(RuntimeError):  # the server has just closed
            assert self.loop
            self.loop.call_soon_threadsafe(call)

    async def ask(self, command: Message) -> Message:
        """A command to the training process, and its answer.

        Raises ByhandError with what it says against the command, or where it does not answer in time.
        """
        self.loop = asyncio.get_running_loop()
        number = next(self.numbers)
        waiting = self.answers[number] = self.loop.create_future()
        self.trainer.send(command | {"id": number})
        try:
            answer = await asyncio.wait_for(waiting, PATIENCE)
        except TimeoutError:
            raise ByhandError("the training process is busy: try again in a minute") from None
        finally:
            self.answers.pop(number, None)
        if "problem" in answer:
            raise ByhandError(self.named(answer["problem"]))
        return answer

    # ---------------------------------------------------------------- pages

    def tell(self, message: Message) -> None:
        """Send it to every page."""
        self.pages.tell(json.dumps(message))

    def obey(self, command: Message) -> None:
        """One command of a page; raises ByhandError where it asks for what cannot be."""
        self.loop = self.pages.loop
        do = command.get("do")
        if do == "start":
            self._start(command)
        elif do in ("pause", "stop"):
            self._pass_on({"do": do})
        elif do == "go":
            if command.get("far") not in (None, "step", "epoch"):
                raise ByhandError('go goes a step, an epoch, or on: far is "step", "epoch" or not there')
            self._pass_on({"do": "go", "far": command.get("far")})
        elif do == "pace":
            pace = command.get("pace")
            self._pass_on({"do": "pace", "pace": None if pace is None else positive("steps per second", pace, FASTEST)})
        elif do == "rate":
            self._pass_on({"do": "rate", "rate": positive("learning rate", command.get("rate"), LARGEST_RATE)})
        elif do == "examine":
            recipe, settings = self._asked_for(command)
            self.doctor.examine(recipe, settings)
        elif do == "cancel":
            self.doctor.cancel()
        else:
            raise ByhandError("there is no such command: choose start, go, pause, pace, rate, stop, examine or cancel")

    def _start(self, command: Message) -> None:
        (recipe, settings), far = self._asked_for(command), _far(command)
        pace = command.get("pace")
        pace = None if pace is None else positive("steps per second", pace, FASTEST)
        start = {"do": "start", "recipe": recipe, "settings": settings, "pace": pace, "far": far, "start": self.starts + 1}
        self.trainer.send(start)  # what is known stays until the training has begun: it may not be able to
        self.starts += 1
        self.moment = self.moment | {"state": "loading"}
        self.tell({"moment": {"state": "loading"}})

    def _asked_for(self, command: Message) -> tuple[Message, Message]:
        """The recipe that a page's settings describe, field by field, and the settings as the form shows them."""
        recipe = chosen(as_typed(command.get("settings")), self.own, self.own_facts)
        settings = as_settings(recipe) | {"data": OWN if recipe.data == str(self.own) else recipe.data}
        return {name: getattr(recipe, name) for name in recipe.__dataclass_fields__}, settings

    def _pass_on(self, command: Message) -> None:
        if self.begun is None or self.moment["state"] in ("gone", "stopped"):
            raise ByhandError("there is no training under way: press Start")
        self.trainer.send(command)


def _far(command: Message) -> str | None:
    far = command.get("far")
    if far not in (None, "step", "epoch"):
        raise ByhandError('a training goes a step, an epoch, or on: far is "step", "epoch" or not there')
    return far
