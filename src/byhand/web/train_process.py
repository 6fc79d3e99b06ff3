"""The training process of the Train page: obeys commands between bursts of steps, and tells what it sees.

`python -m byhand.web.train_process` reads one command a line on its standard input and writes one message a line on its standard
output, both JSON. A burst is short, so a command never waits long; what is told costs a few per cent of the time at most. It
ends with its input, so it never outlives the server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from byhand.data.dataset import Splits, stratified_split
from byhand.errors import ByhandError, DataError, ModelError
from byhand.neural_network import GENERATION
from byhand.see.doctor.rules import rules
from byhand.training.epoch_starts import EpochStarts
from byhand.training.history import Epoch, History
from byhand.training.recipes import Recipe, read
from byhand.training.run import begin, build, load_splits
from byhand.training.steps import Step, Steps
from byhand.web.encoding import as_json, fault, sentence
from byhand.web.sample_preview import TRIED, SamplePreview
from byhand.web.step_inspector import Live, StepInspector
from byhand.web.telemetry import Plane, Validation, first_weights, layers
from byhand.web.train_settings import as_settings, check_pair, checked_size, least_size
from byhand.web.upload_check import limit_memory

BURST = 0.06  # seconds of training between two looks at the commands
TOLD = 0.11  # seconds between two messages: nine a second
SHARE = 0.006  # of the time that each part of the telemetry may take
VALIDATING = 0.02  # and that validation with its pictures may take
DRAWING = 0.05  # and drawing out of noise, which takes the network a dozen times
VALIDATED, VALIDATED_BY_MODULES = 1_000, 300  # samples; convolutions take a millisecond each
HELD_OUT = 0.2
# Seconds between two of a part, at least.
EVERY = {"layers": 0.1, "weights": 0.5, "plane": 0.3, "validation": 0.5, "signs": 1.0, "drawn": 0.5}
POINTS, EARLY = 600, 50  # of the cost's curve over a whole training; a step each at first, when most happens
CHECKS, EARLY_CHECKS = 150, 15  # of validation's, where they are quick
CHECKED = 0.015  # of the time, at most, goes into them
AGAIN = 10.0  # seconds until what could not be measured is tried again

Message = dict[str, Any]


class Part:
    """One part of the telemetry: due again once its time has passed, the later the longer it takes.

    What goes wrong in measuring never ends the training: `failed` is called with it, and the part is tried again later.
    """

    def __init__(
        self, every: float, measure: Callable[[], Any], share: float = SHARE, failed: Callable[[Exception], None] = lambda _: None
    ) -> None:
        self.every, self.measure, self.share, self.failed, self.next = every, measure, share, failed, 0.0

    def take(self) -> Any:
        began, every = time.perf_counter(), self.every
        try:
            found = self.measure()
        except Exception as error:
            self.failed(error)
            found, every = None, AGAIN
        ended = time.perf_counter()
        self.next = ended + max(every, (ended - began) / self.share)
        return found


class Session:
    """One training under way: its steps, how far and how fast it is to go, and what is told of it.

    Raises ByhandError where recipe and data do not go together.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.splits = with_validation(load_splits(recipe), recipe.seed)
        check_pair(recipe, self.splits.train.inputs.shape[1:])
        checked_size(least_size(recipe, self.splits.train.flat.shape[1], self.splits.train.n_classes))  # before it takes memory
        network = build(recipe, self.splits)
        checked_size(network.parameters.size)
        self.training: Steps = begin(recipe, network, self.splits)
        self._try()
        self.epochs = EpochStarts()
        self.faults: dict[str, str] = {}  # what of the telemetry could not be measured, and why
        self.untold: list[str] = []  # sentences on them
        self.last: Step | None = None
        self.state = "paused"
        self.until = self.training.total
        self.pace: float | None = None  # steps per second; None goes as fast as it can
        self.next_step = 0.0  # when the next one is due, in slow motion
        self.costs, self.taken = 0.0, 0  # since the last point of the curve: costs times samples, samples
        self.points: list[list[float]] = []  # not told yet, as those of validation
        self.checked: list[list[float | None]] = []
        self.samples, self.busy, self.told = 0, 0.0, 0.0  # since the last message: samples, seconds; when that was
        most = {"cnn": VALIDATED_BY_MODULES, "diffusion": TRIED, "gan": VALIDATED_BY_MODULES}.get(recipe.model, VALIDATED)
        self.validation = Validation(self.splits.validation, most) if self.splits.validation is not None else None
        self.check = self._part(0.0, "validation", self._check, CHECKED)
        self.history = History()
        self.held: tuple[float | None, float | None] = (None, None)  # the last cost and accuracy of validation
        self.began_epoch = time.perf_counter()
        self.plane = self._plane()
        self.parts = self._parts()

    def _try(self) -> None:
        """Two samples, once through the network: what cannot be computed is found before the first step."""
        training = self.training
        try:
            with np.errstate(all="ignore"):
                training.model.evaluate(training.x[:2], training.y[:2])
        except ByhandError:
            raise
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            name, shape = self.splits.train.name, self.splits.train.inputs.shape[1:]
            raise ModelError(
                f"the recipe {self.recipe.name} cannot train on {name}, with samples of {shape} ({error}): choose other data"
            ) from error

    def _part(self, every: float, name: str, measure: Callable[[], Any], share: float = SHARE) -> Part:
        return Part(every, measure, share, lambda error: self._failed(name, error))

    def _failed(self, name: str, error: Exception) -> None:
        """A part of the telemetry could not be measured, which is told once."""
        if name not in self.faults:
            self.faults[name] = str(error)
            self.untold.append(fault(f"the training goes on, but its {name} cannot be shown", error))

    def _plane(self) -> Plane | None:
        train = self.splits.train
        shown = ("feedforward", "diffusion", "gan")
        return Plane(train) if train.flat.shape[1] == 2 and self.recipe.model in shown and train.values is None else None

    def _parts(self) -> dict[str, Part]:
        model, shape = cast(Any, self.training.model), self.splits.train.inputs.shape[1:]
        measures: dict[str, Callable[[], Any]] = {
            "layers": lambda: layers(self.training, self.last) if self.last is not None else None,
            "weights": lambda: first_weights(model, shape),
        }
        measures["signs"] = self.signs
        if model.purpose == GENERATION:
            drawn = SamplePreview(self.splits.train, self.plane)
            measures["drawn"] = lambda: drawn.measure(model)
        elif self.plane is not None:
            plane = self.plane
            measures["plane"] = lambda: plane.measure(model)
        if self.validation is not None:
            validation = self.validation
            measures["validation"] = lambda: validation.measure(model) | {"step": self.training.index}
        shares = {"validation": VALIDATING, "drawn": DRAWING}
        return {name: self._part(EVERY[name], name, measure, shares.get(name, SHARE)) for name, measure in measures.items()}

    def describe(self) -> Message:
        """What does not change in the course of the training."""
        train = self.splits.train
        return {
            "settings": as_settings(self.recipe),
            "network": repr(self.training.model),
            "optimizer": repr(self.training.optimizer),
            "total": self.training.total,
            "batches": self.training.batches,
            "epochs": self.training.epochs,
            "samples": len(train),
            "validated_on": len(self.validation.data) if self.validation else 0,
            "classes": list(train.class_names),
            "task": train.task,
            "told": self.splits.note if train.encoding is not None else "",
            "inputs": list(train.inputs.shape[1:]),
            "augmented": self.training.augment is not None,
            "points": self.plane.points if self.plane is not None else None,
            "ends": self.plane.ends if self.plane is not None else None,
        }

    def go(self, steps: int | None = None) -> None:
        """Go on, for so many steps or to the end."""
        if self.training.index < self.training.total:
            self.until = self.training.total if steps is None else min(self.training.index + steps, self.training.total)
            self.state, self.next_step = "running", 0.0

    def pause(self) -> None:
        if self.state == "running":
            self.state = "paused"

    def waits(self) -> float | None:
        """Seconds until there is something to do; None where only a command can bring it."""
        if self.state != "running":
            return None
        return max(0.0, self.next_step - time.perf_counter()) if self.pace else 0.0

    def burst(self) -> None:
        """Steps for `BURST` seconds, or one in slow motion; raises TrainingError where the numbers explode."""
        began = time.perf_counter()
        if self.pace:
            if began < self.next_step:
                return
            self.next_step = max(self.next_step + 1 / self.pace, began)
        now = began
        while self.state == "running":
            self._step()
            if self.training.index >= self.until:
                self.state = "finished" if self.training.index >= self.training.total else "paused"
            now = time.perf_counter()
            if self.pace or now - began >= BURST:
                break
        self.busy += now - began

    def _step(self) -> None:
        try:
            self.epochs.before_step(self.training)
        except Exception as error:
            self._failed("last epoch", error)
        self.last = next(self.training)
        index, total = self.training.index, self.training.total
        self.costs += self.last.cost * len(self.last.indices)
        self.taken += len(self.last.indices)
        self.samples += len(self.last.indices)
        if index % max(1, min(total // POINTS, index // EARLY)) == 0 or self.pace:
            self._point()
        due = index % max(1, min(total // CHECKS, index // EARLY_CHECKS)) == 0
        if due and self.validation and time.perf_counter() >= self.check.next:
            self.check.take()
        if self.last.last:
            self._end_epoch(self.last)

    def _point(self) -> None:
        """The mean cost since the last point becomes one."""
        if self.taken:
            self.points.append([self.training.index, self.costs / self.taken])
            self.costs, self.taken = 0.0, 0

    def _check(self) -> None:
        assert self.validation
        self.held = self.validation.check(self.training.model)
        self.checked.append([self.training.index, *self.held])

    def _end_epoch(self, step: Step) -> None:
        """A row of the history, with the last that validation measured: for very short epochs that may be a few epochs old."""
        now, training = time.perf_counter(), self.training
        cost = training.cost_sum / training.samples
        self.history.append(Epoch(step.epoch, training.index, now - self.began_epoch, cost, *self.held, step.learning_rate))
        self.began_epoch = now

    def signs(self) -> list[Message]:
        """What the curves alone say is wrong: the doctor's rules on the history so far."""
        found = rules(self.history)
        over = self.training.index >= self.training.total  # only then can it have ended too early
        return [finding.to_dict() for finding in found if over or finding.fault != "too-few-epochs"]

    def moment(self, whole: bool = False) -> Message:
        """What to tell now, with the parts that are due; `whole`: with all of them."""
        training, now = self.training, time.perf_counter()
        rate = training.base_rate * training.factor(min(training.index, training.total - 1) / training.total)
        found: Message = {"state": self.state, "step": training.index, "rate": rate, "base_rate": training.base_rate}
        if whole or not self.points:
            self._point()
        if self.samples:
            found["speed"] = self.samples / self.busy if self.busy and not self.pace else None
        if self.points:
            found["costs"] = self.points
        finite = bool(np.isfinite(training.model.parameters).all())  # else the next step tells of the explosion
        for name, part in self.parts.items():
            if finite and (whole or now >= part.next) and (taken := part.take()) is not None:
                found[name] = taken
        if "validation" in found:
            validation = found["validation"]
            self.held = (validation["cost"], validation["accuracy"])
            self.checked.append([training.index, *self.held])
        if self.checked:
            found["validated"] = self.checked
        self.points, self.checked, self.samples, self.busy = [], [], 0, 0.0
        self.told = time.perf_counter()
        return found

    def live(self) -> Live:
        """What the microscope looks at: the training, its data, and its last epoch made anew."""

        def again(first: int) -> Steps:
            return self.epochs.again(first, lambda: begin(self.recipe, build(self.recipe, self.splits), self.splits))

        return self.training, self.splits.train, again


def with_validation(splits: Splits, seed: int) -> Splits:
    """The same with samples to validate on: those that there are, or a fifth of the training data held out.

    Where a class is too small for that there are none.
    """
    if splits.validation is not None:
        return splits
    try:
        train, held = stratified_split(splits.train, HELD_OUT, seed)
    except DataError:
        return splits
    return Splits(train, held, splits.test, splits.note)


class Commands:
    """What the server wants, in its order. A start or a stop makes what was asked of the training before it pointless."""

    def __init__(self) -> None:
        self.waiting: deque[Message] = deque()
        self.changed = threading.Condition()

    def put(self, command: Message) -> None:
        with self.changed:
            if command["do"] in ("start", "stop"):
                self.waiting = deque(one for one in self.waiting if "id" in one)  # questions, which are answered all the same
            self.waiting.append(command)
            self.changed.notify()

    def get(self, seconds: float | None) -> Message | None:
        """The next one; None where none comes in so many seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting, seconds)
            return self.waiting.popleft() if self.waiting else None


class Worker:
    """Obeys the commands of the server, one session at a time.

    A session outlives whatever a command, or the drawing of it, raises: it ends when the next one begins, or when it is stopped.
    """

    def __init__(self, tell: Callable[[Message], None]) -> None:
        self.tell = tell
        self.session: Session | None = None
        self.begun: Message = {}  # what was told of the session when it began
        self.inspector = StepInspector()

    def work(self, commands: Commands) -> None:
        """Until the process ends."""
        while True:
            command = commands.get(self.session.waits() if self.session else None)
            if command is not None:
                self.obey(command)
            elif self.session:
                self.train(self.session)

    def train(self, session: Session) -> None:
        try:
            with np.errstate(all="ignore"):  # an explosion is told once, and in words
                session.burst()
        except ByhandError as error:
            self._interrupted("exploded", sentence(error))
        except MemoryError:
            self._interrupted("paused", "There is not enough memory for the next step: close other programs, then go on.")
        except Exception as error:
            self._interrupted("paused", fault("the next step could not be taken", error))
        else:
            ended = session.state != "running"
            if ended or time.perf_counter() - session.told >= TOLD:
                self.show(whole=ended)

    def _interrupted(self, state: str, why: str) -> None:
        assert self.session
        self.session.state = state
        self.tell({"moment": {"state": state, "step": self.session.training.index}})
        self.tell({"problem": why})

    def show(self, whole: bool = False) -> None:
        """Tell how the session stands, and what of it could not be measured."""
        assert self.session
        try:
            with np.errstate(all="ignore"):
                self.tell({"moment": self.session.moment(whole)})
        except Exception as error:  # of ours: the training goes on
            self.session._failed("moment", error)
            self.tell({"moment": {"state": self.session.state, "step": self.session.training.index}})
        for why in self.session.untold:
            self.tell({"problem": why})
        self.session.untold.clear()

    def obey(self, command: Message) -> None:
        """One command; what cannot be done is told in one line."""
        asked = {name: command[name] for name in ("id", "start") if name in command}
        try:
            getattr(self, f"do_{command['do']}")(command)
        except ByhandError as error:
            self.tell({"problem": sentence(error)} | asked)
        except MemoryError:
            self.tell({"problem": "There is not enough memory for this: choose smaller layers or less data."} | asked)
        except Exception as error:  # of ours: the training under way must not end with it
            self.tell({"problem": fault(f"{command['do']} could not be done", error)} | asked)

    def do_start(self, command: Message) -> None:
        """Begin another training. The one before goes on being there until this one is, for it may be one that cannot be."""
        try:
            recipe = read(command["recipe"])
            session = Session(recipe)
            begun = {"begun": session.describe(), "settings": command["settings"], "start": command["start"]}
        except BaseException:
            if self.session:
                self.tell(self.begun | {"kept": True})
                self.show(whole=True)
            else:
                self.tell({"moment": {"state": "stopped"}, "start": command["start"]})
            raise
        self.inspector.forget()
        self.session, self.begun = session, begun
        self.tell(begun)
        self.show(whole=True)
        self.do_pace(command)
        self.do_go(command)

    def do_go(self, command: Message) -> None:
        if self.session:
            steps = {"step": 1, "epoch": self._to_the_end_of_the_epoch()}.get(str(command.get("far")))
            self.session.go(steps)
            self.tell({"moment": {"state": self.session.state}})

    def _to_the_end_of_the_epoch(self) -> int:
        assert self.session
        training = self.session.training
        return training.batches - training.index % training.batches

    def do_pause(self, command: Message) -> None:
        if self.session and self.session.state == "running":
            self.session.pause()
            self.show(whole=True)

    def do_pace(self, command: Message) -> None:
        if self.session:
            self.session.pace = command.get("pace")
            self.tell({"moment": {"pace": self.session.pace}})

    def do_rate(self, command: Message) -> None:
        if self.session:
            self.session.training.base_rate = command["rate"]
            self.session.epochs.rate_changed(self.session.training)
            self.show()

    def do_stop(self, command: Message) -> None:
        self.session = None
        self.inspector.forget()
        self.tell({"moment": {"state": "stopped"}})

    def do_look(self, command: Message) -> None:
        html = self.inspector.explained(command, self.session.live() if self.session else None)
        self.tell({"looked": html, "id": command["id"]})

    def do_microscope(self, command: Message) -> None:
        answer = self.inspector.answer(command, self.session.live() if self.session else None)
        self.tell({"answer": answer, "id": command["id"]})


def main() -> None:
    """Work until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this process
    limit_memory(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0)
    speaking = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints must not be taken for a message
    commands = Commands()

    def listen() -> None:
        for line in sys.stdin:
            commands.put(json.loads(line))
        os._exit(0)  # even out of a long computation: nobody is left to hear of it

    def tell(message: Message) -> None:
        try:
            speaking.write(as_json(message) + "\n")
            speaking.flush()
        except OSError:
            os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    Worker(tell).work(commands)


if __name__ == "__main__":
    main()
