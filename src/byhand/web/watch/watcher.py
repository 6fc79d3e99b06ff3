"""One line in somebody's own NumPy loop, and the loop is live in a page: curves, weights, gradients, and a button that stops it.

A call costs about a microsecond. A few times a second it looks: it remembers the parameters, and at the next call, one step
later, measures how they moved and what else it was given. Looking takes at most one hundredth of the time.
"""

from __future__ import annotations

import atexit
import contextlib
import secrets
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ByhandError
from byhand.training.steps import Step, Steps
from byhand.web.bounded_curve import MOST_POINTS, thinned
from byhand.web.encoding import as_json
from byhand.web.sockets import Message
from byhand.web.telemetry import activations as activations_of
from byhand.web.telemetry import beside, weights_of
from byhand.web.watch.array_statistics import Arrays, activation_rows, arrays, notes, parameter_rows, pictures, ratio
from byhand.web.watch.controls import Control
from byhand.web.watch.server import Server
from byhand.web.watch.torch_module import TorchModule, is_module

LOOKED_AT, UNSEEN = 0.2, 2.0  # seconds between two looks, at least: with a page open, and without
SHARE = 0.01  # of the time that looking may take
PICTURES = 0.8  # seconds between two pictures of the weights, at least
SPEED_OVER = 0.5  # seconds over which the speed is a mean, at least

Named = Mapping[str, Any] | Callable[[], Mapping[str, Any]]


def watch(
    what: Any,
    optimizer: Any = None,
    *,
    title: str | None = None,
    port: int | None = None,
    open_browser: bool = True,
    token: bool = True,
) -> Watcher:
    """Watch a training loop in a page that this program serves, on this computer only, until it ends.

    Arguments:
        what: the parameters, as {"w1": w1, "b1": b1}, arrays that the loop changes in place; or a function that returns them,
            for a loop that makes new ones (w1 = w1 - eta * dw1); or what `byhand.steps` returns; or a
            PyTorch module, whose gradients and activations are heard by hooks then: `watcher(loss)` is all that is left to write.
        optimizer: PyTorch's, of that module: its learning rate is shown.
        title: what the page is called; the name of the script unless given.
        port: where it is served: 8421, or any free port where that is taken, unless given; 0 for any free one.
        open_browser: open the page as well as print its address.
        token: only who knows the printed address gets in; False lets in every user of this computer.

    Returns a `Watcher`: call it once a step, with the step's cost; or iterate over it, where it watches `byhand.steps`.

    Raises ByhandError in one line for parameters that are no arrays, or a port that cannot be had.

    >>> w = np.zeros((2, 3))
    >>> with watch({"w": w}, port=0, open_browser=False) as watcher:  # doctest: +ELLIPSIS
    ...     for cost in (0.5, 0.4):
    ...         w += 0.1
    ...         watcher(cost, learning_rate=0.1)
    byhand.watch: this loop is live at http://127.0.0.1:...
    """
    if is_module(what):
        return Watcher(what, title, port, open_browser, token, module=TorchModule(what, optimizer))
    if optimizer is not None:
        raise ByhandError("watch: an optimizer is only taken beside a PyTorch module: hand over learning_rate= with the cost")
    return Watcher(what, title, port, open_browser, token)


class Watcher:
    """What `watch` returns. The loop's own thread calls it; the page's commands come from the server's thread."""

    def __init__(
        self,
        what: Any,
        title: str | None,
        port: int | None,
        open_browser: bool,
        token: bool = True,
        module: TorchModule | None = None,
    ) -> None:
        self.module = module
        self.training = what if isinstance(what, Steps) else None
        self.given: Any = weights_of(what.model) if isinstance(what, Steps) else module.parameters if module else what
        first = arrays(self.given, "the parameters")
        if title is not None and not isinstance(title, str):
            raise ByhandError(f"watch: the title must be text, got {title!r}")
        self.about = {
            "title": (title or Path(sys.argv[0]).name or "a loop")[:200],
            "parameters": sum(array.size for array in first.values()),
            "arrays": len(first),
        }
        self.name = secrets.token_hex(8)  # of this run, so that a page notices a new one
        self.step, self.ended = 0, False
        self.rate: float | None = None
        self.lock = threading.Lock()  # over the curves, which both threads read
        self.costs: list[list[Any]] = []
        self.validated: list[list[Any]] = []
        self.untold: dict[str, list[list[Any]]] = {"costs": [], "validated": []}
        self.stride, self.sum, self.count = 1, 0.0, 0  # steps a point of the curve; of the next one: sum, steps
        self.last: Message = {}  # the last of each part
        self.before: Arrays | None = None  # the parameters one step ago, in the middle of a look
        self.ratios: dict[str, float | None] = {}
        self.still: dict[str, int] = {}
        self.next = self.pictured = 0.0  # when the next look and the next pictures are due
        self.timed = (time.perf_counter(), 0)  # when the speed was last told, and at which step
        self.broken = False
        self.control = Control(lambda: bool(self.server.lines.open))
        self.server = Server(self._whole, self._obey, port, open_browser, token)
        self.address = self.server.address
        print(f"byhand.watch: this loop is live at {self.address}", flush=True)
        atexit.register(self.close)

    # ---------------------------------------------------------------- what the loop calls

    def __call__(
        self,
        cost: Any,
        *,
        gradients: Named | None = None,
        activations: Named | None = None,
        learning_rate: float | None = None,
    ) -> None:
        """A step was taken. Waits here while the page has the loop paused.

        Arguments:
            cost: of the batch, one number.
            gradients: of the parameters, under their names; activations: (m, units) a layer, under any names. Each may be a
                function that returns them: it is only called when they are looked at.
            learning_rate: that the step used.

        Raises ByhandError in one line for a cost that is no number, or what is no dict of arrays.
        """
        try:
            value = float(cost.detach() if self.module is not None and hasattr(cost, "detach") else cost)
        except (TypeError, ValueError, RuntimeError):  # the last is what PyTorch raises for several numbers
            shape = getattr(cost, "shape", None)
            got = f"an array {shape}" if shape is not None else repr(cost)[:40]
            raise ByhandError(f"watch: the cost must be one number, got {got}: hand over its mean") from None
        self.step += 1
        self.sum += value
        self.count += 1
        if self.step % self.stride == 0:
            self._point()
        if self.module is not None:
            gradients = self.module.gradients if gradients is None and self.module.has_gradients else gradients
            activations = self.module.activations if activations is None and self.module.has_activations else activations
            learning_rate = self.module.rate() if learning_rate is None else learning_rate
        if learning_rate is not None:
            self.rate = float(learning_rate)
        steered = self.control.steered
        if (steered or self.before is not None or time.perf_counter() >= self.next) and not (self.ended or self.broken):
            self._attend(gradients, activations, steered)

    def validation(self, *, cost: float | None = None, accuracy: float | None = None) -> None:
        """What was measured on data that the loop does not train on: cost, accuracy in [0, 1], or both.

        Raises ByhandError for neither of them, or an accuracy that is no share.
        """
        if cost is None and accuracy is None:
            raise ByhandError("watch: validation was told nothing: hand over cost=, accuracy= or both")
        try:
            pair = [None if value is None else float(value) for value in (cost, accuracy)]
        except (TypeError, ValueError):
            raise ByhandError(
                f"watch: validation got cost {cost!r:.40} and accuracy {accuracy!r:.40}: both are numbers"
            ) from None
        if pair[1] is not None and not 0 <= pair[1] <= 1:
            raise ByhandError(f"watch: the accuracy must be from 0 to 1, got {pair[1]:g}: divide by the samples")
        point = [self.step, *pair]
        with self.lock:
            if self.validated and self.validated[-1][0] == self.step:  # told in two calls
                known = self.validated.pop()
                point = [new if new is not None else old for new, old in zip(point, known, strict=True)]
            self.validated = thinned([*self.validated, point])
            self.untold["validated"].append(point)

    def __iter__(self) -> Iterator[Step]:
        """The steps of a training by `byhand.steps`, watched; raises ByhandError where something else is watched."""
        if self.training is None:
            raise ByhandError("watch: only byhand.steps(...) can be iterated over: in a loop of your own call watcher(cost)")
        training, model = self.training, self.training.model
        gradients = {name: beside(w, model.parameters, model.gradient) for name, w in weights_of(model).items()}
        for step in training:

            def seen(step: Step = step) -> Mapping[str, Array]:
                return {name: a for name, (_, a) in activations_of(training, step).items()}

            self(step.cost, gradients=gradients, activations=seen, learning_rate=step.learning_rate)
            yield step

    def stay(self) -> None:
        """Keep the page until Ctrl-C, once the loop is over."""
        self._end()
        print(f"byhand.watch: the loop is over; its page stays at {self.address} until Ctrl-C", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
        self.close()

    def close(self) -> None:
        """Tell the page that the loop is over, and end its server. Happens by itself when the program ends."""
        self._end()
        atexit.unregister(self.close)
        if self.module is not None:
            self.module.close()
        self.server.close()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---------------------------------------------------------------- looking

    def _point(self) -> None:
        """The mean cost since the last point becomes one; where there are too many, every two become one."""
        point = [self.step, self.sum / self.count]
        self.sum, self.count = 0.0, 0
        with self.lock:
            self.costs.append(point)
            self.untold["costs"].append(point)
            if len(self.costs) > MOST_POINTS:
                self.costs = thinned(self.costs)
                self.stride *= 2

    def _attend(self, gradients: Named | None, activations: Named | None, steered: bool) -> None:
        """Look, tell and wait, as far as each is due. What is wrong with us is a warning, and never the end of the loop."""
        began = time.perf_counter()
        try:
            if self.before is None and not steered:
                self._remember()
            else:
                found = self._look(gradients, activations)
                self.before = None
                self._tell(found)
                took = time.perf_counter() - began
                every = LOOKED_AT if self.server.lines.open else UNSEEN
                self.next = time.perf_counter() + max(every, 2 * took / SHARE)
            if steered:
                waited = self.control.hold()
                self.timed = (self.timed[0] + waited, self.timed[1])
                self._remember()
        except ByhandError:
            raise
        except Exception as error:
            self.broken = True
            warnings.warn(f"byhand.watch sees no more of this loop, which goes on: {type(error).__name__}: {error}", stacklevel=3)

    def _remember(self) -> None:
        self.before = {name: array.copy() for name, array in arrays(self.given, "the parameters").items()}

    def _look(self, gradients: Named | None, activations: Named | None) -> Message:
        now = arrays(self.given, "the parameters")
        slopes = {} if gradients is None else arrays(gradients, "gradients")
        for name, slope in slopes.items():
            if name in now and slope.shape != now[name].shape:
                raise ByhandError(
                    f"watch: the gradient of {name!r} must be {now[name].shape}, as {name!r} itself, got {slope.shape}"
                )
        if self.before is not None:
            for name, array in now.items():
                old = self.before.get(name)
                if old is not None and old.shape == array.shape:
                    self.ratios[name] = ratio(old, array)
                    stands = not self.ratios[name] and np.array_equal(old, array)
                    self.still[name] = self.still.get(name, 0) + 1 if stands else 0
        with np.errstate(all="ignore"):
            rows = parameter_rows(now, slopes, self.ratios)
            found: Message = {"parameters": rows, "looked": self.step}
            found["activations"] = [] if activations is None else activation_rows(arrays(activations, "activations"))
            wrong = [name for name, array in now.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
            found["notes"] = notes(rows, self.still, wrong)
            if time.perf_counter() >= self.pictured or self.control.steered:
                found["pictures"] = pictures(now)
                self.pictured = time.perf_counter() + PICTURES
        return found

    # ---------------------------------------------------------------- telling

    def _moment(self) -> Message:
        state = "ended" if self.ended else self.control.state
        return {"state": state, "step": self.step, "rate": self.rate, "pace": self.control.pace}

    def _tell(self, found: Message) -> None:
        if self.count and (self.control.steered or self.ended):
            self._point()
        then, step = self.timed
        now = time.perf_counter()
        if now - then > SPEED_OVER:
            found["speed"] = (self.step - step) / (now - then)
            self.timed = (now, self.step)
        self.last = self.last | found
        with self.lock:
            new = {name: points for name, points in self.untold.items() if points}
            self.untold = {"costs": [], "validated": []}
        if self.server.lines.open:
            self.server.tell(as_json({"moment": self._moment() | found | new}))

    def _whole(self) -> str:
        """All that a page needs which knows nothing yet; on the server's thread."""
        self.next = 0.0  # somebody looks
        with self.lock:
            curves = {"costs": list(self.costs), "validated": list(self.validated)}
        return as_json({"hello": {"run": self.name, "about": self.about, "moment": self._moment() | self.last, **curves}})

    def _obey(self, command: Message) -> None:
        """One command of a page, on the server's thread; raises ByhandError where it is none."""
        if self.ended:
            raise ByhandError("the loop is over: there is nothing to steer")
        self.control.obey(command)
        self.server.lines.tell(as_json({"moment": self._moment()}))

    def _end(self) -> None:
        if self.ended:
            return
        self.ended = True
        with contextlib.suppress(Exception):  # a program must not end otherwise because it was watched
            if self.count:
                self._point()
            self._tell({"pictures": pictures(arrays(self.given, "the parameters"))})
