"""A plain NumPy loop: one call per step says what it did; its network is asked under other parameters, put in place and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ByhandError
from byhand.see.doctor.finding import Report
from byhand.see.doctor.loop.event import COLLECTED, Event, Loop, Parameters
from byhand.see.doctor.loop.examine_loop import examine_loop
from byhand.see.doctor.loop.known_costs import KnownCost, find_cost, fitting, saturated
from byhand.see.doctor.loop.replies import accuracy
from byhand.see.doctor.loop.slopes import slopes

Named = Mapping[str, Array] | Callable[[], Mapping[str, Array]]


class NumpyLoop(Loop):
    """Listens to a loop of plain arrays: call it once per step, after the update, and ask it for its `report` at the end.

    Arguments:
        parameters: {"w1": w1, ...}, arrays that the loop changes in place; or a function that returns them, for a loop that makes
            new ones (w1 = w1 - eta * dw1).
        answers: what the network answers to inputs x (m, ...), as (m, K) or (m,), with the parameters as they are.

    Raises ByhandError in one line for parameters that are no arrays of floats, and answers that cannot be called.
    """

    def __init__(self, parameters: Named, answers: Callable[[Any], Any]) -> None:
        super().__init__()
        if not callable(answers):
            raise ByhandError(
                f"answers must be a function of the inputs, got {type(answers).__name__}: answers=lambda x: forward(x)"
            )
        self._given, self._answers = parameters, answers
        self._before: Parameters | None = self.parameters()

    def _live(self) -> dict[str, Array]:
        found = self._given() if callable(self._given) else self._given
        if not isinstance(found, Mapping) or not found:
            raise ByhandError(f'the parameters must be a dict of arrays such as {{"w1": w1}}, got {type(found).__name__}')
        for name, array in found.items():
            if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.floating):
                what = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
                raise ByhandError(f"the parameter {name} must be a NumPy array of floats, got {what}")
        return {str(name): array for name, array in found.items()}

    def parameters(self) -> dict[str, Array]:
        return {name: array.copy() for name, array in self._live().items()}

    def __call__(
        self,
        cost: float,
        x: Any,
        y: Any,
        gradients: Mapping[str, Array] | None = None,
        learning_rate: float | None = None,
    ) -> None:
        """Tell a step, once its update is done.

        Arguments:
            cost: of the batch. x, y: the batch, inputs (m, ...) and targets (m,) or (m, K).
            gradients: by the parameters' names, as they were used. learning_rate: of this step.

        Raises ByhandError for a cost that is no number, and gradients of other names or shapes than the parameters'.
        """
        self.steps += 1
        x, y, told = np.array(x), np.array(y), _number(cost)
        self.costs.append(told)
        if learning_rate is not None:
            self.rates.append(_number(learning_rate))
        if len(self.samples) < COLLECTED:
            self.samples.append((x, y))
        if self._before is not None and self.looks_at(self.steps):
            after = self.parameters()
            self.events.append(Event(self.steps, x, y, told, self._before, after, self._checked(gradients, after)))
        self._before = self.parameters() if self.looks_at(self.steps + 1) else None

    def _checked(self, gradients: Mapping[str, Array] | None, parameters: Parameters) -> dict[str, Array | None]:
        if gradients is None:
            return {}
        strange = [name for name in gradients if name not in parameters]
        if strange:
            raise ByhandError(
                f"there is a gradient of {strange[0]!r}, but the parameters are {', '.join(parameters)}: name it so"
            )
        found: dict[str, Array | None] = {}
        for name, array in parameters.items():
            gradient = None if gradients.get(name) is None else np.array(gradients[name])
            if gradient is not None and gradient.shape != array.shape:
                raise ByhandError(f"the gradient of {name} must have its shape {array.shape}, got {gradient.shape}")
            found[name] = gradient
        return found

    def answers(self, x: Any, parameters: Parameters | None = None) -> Array:
        live = self._live()
        kept = {name: array.copy() for name, array in live.items()}
        try:
            for name, array in (parameters or {}).items():
                live[name][...] = array
            with np.errstate(all="ignore"):
                found = np.asarray(self._answers(x), np.float64)
        finally:
            for name, array in kept.items():
                live[name][...] = array
        return found[:, None] if found.ndim == 1 else found

    @cached_property
    def known_cost(self) -> KnownCost | None:
        """Which formula the reported cost follows; None for one of its own."""
        return find_cost(self)

    def cost(self, event: Event, parameters: Parameters) -> float | None:
        if self.known_cost is None or event.targets is None:
            return None
        answers = self.answers(event.inputs, parameters)
        targets = fitting(event.targets, answers)
        return None if targets is None else self.known_cost(answers, targets, list(parameters.values()))

    def smooth(self, event: Event) -> bool:
        answers = self.answers(event.inputs, event.before)
        targets = None if event.targets is None else fitting(event.targets, answers)
        return targets is not None and not saturated(answers, targets)

    def accuracy(self, reported: float, x: Any, y: Any) -> None:
        counted = accuracy(self, np.asarray(x), np.asarray(y))
        if counted is not None:
            self.reported.append((float(reported), counted[0]))

    def report(self) -> Report:
        """What is wrong with the loop, the first thing to mend first."""
        return examine_loop(self, slopes(self))


def _number(value: Any) -> float:
    try:
        return float(np.asarray(value).reshape(()))
    except (TypeError, ValueError) as error:
        raise ByhandError(f"cost and learning rate must be single numbers, got {type(value).__name__}") from error
