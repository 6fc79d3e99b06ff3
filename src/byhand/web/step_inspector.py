"""The training process's side of the microscope: it holds one step still, and answers what the page asks about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from byhand.errors import ByhandError
from byhand.see.chosen_step import explain_upcoming, training_of
from byhand.see.microscope import Microscope, step_label
from byhand.see.page import page
from byhand.training.steps import Steps

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset

Message = dict[str, Any]
Live = tuple[Steps, "Dataset", Callable[[int], Steps]]  # a training, its data, and the training before a step that it took


class StepInspector:
    """One step at a time, with a number by which the page names it: of the live training, or of what was opened by name."""

    def __init__(self) -> None:
        self.held: Microscope | None = None
        self.number = 0
        self.opened: tuple[str, int | None, Steps, Dataset] | None = None

    def answer(self, command: Message, live: Live | None) -> Message:
        """What the page asked; raises ByhandError for what there is not."""
        try:
            return self._answer(command, live)
        except (ByhandError, MemoryError):
            raise
        except Exception as error:  # of ours: it must not end the training
            why = f"{type(error).__name__}: {error}"
            raise ByhandError(f"the microscope could not answer that ({why}): please report it") from error

    def _answer(self, command: Message, live: Live | None) -> Message:
        ask = command["ask"]
        if ask == "open":
            self.held = None  # its memory first
            training, data, again = self._training(command, live)
            self.held = Microscope(training, data, sample=command.get("sample"), again=again)
            self.number += 1
            return {"look": self.number} | self.held.outline()
        if self.held is None or command.get("look") != self.number:
            raise ByhandError("the microscope has been moved to another step since: look at the next step again")
        if ask == "operation":
            return self.held.operation(command["k"])
        if ask == "picture":
            return self.held.picture(command["name"], dict(command["fixed"]), command["part"])
        return {"number": self.held.number, "pushes": self.held.pushes, "epoch": self.held.epoch}[ask](
            command["name"], command["at"]
        )

    def explained(self, command: Message, live: Live | None) -> str:
        """The same step as a page to print."""
        training, data, _ = self._training(command, live)
        sample = command.get("sample")
        explanation = explain_upcoming(
            training, data, sample=sample, weights=command["weights"], at=command["at"], what="this training"
        )
        return page(explanation, moment=step_label(training, sample))

    def forget(self) -> None:
        """Let go of the step, which may be large."""
        self.held = None

    def _training(self, command: Message, live: Live | None) -> Live:
        if live is not None:
            return live
        what, step = command.get("what"), command.get("step")
        if what is None:
            raise ByhandError("there is no training to look into: press Start on the Train page first")
        if self.opened is None or self.opened[:2] != (what, step):
            self.opened = (what, step, *training_of(what, step))
        return self.opened[2], self.opened[3], lambda first: training_of(what, first)[0]
