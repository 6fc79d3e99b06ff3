r"""What every optimiser is: how a gradient g becomes a change of the parameters theta, in place on one flat vector.

Every optimiser leaves the change that it made in `update`, so that whoever steps through a training can look at it.
Vectors are worked through in blocks that stay in the processor's cache: the same arithmetic, a third of the time.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from byhand import limits
from byhand.backend import Array, array_module
from byhand.errors import ModelError
from byhand.formula import setting
from byhand.neural_network import Turn
from byhand.optim.parameters import Location, Which, chosen, locations
from byhand.terms import Factor, Sum

_trainings = itertools.count(1)

BLOCK = 16_384  # float32 numbers: 64 KiB a vector, so that five vectors' blocks fit in a core's second-level cache


class Optimizer:
    """What all optimisers share: a learning rate eta, per-parameter state vectors, and a count of steps.

    It serves one training at a time. Each new one (`byhand.steps`, `fit`) begins at the rate that the optimiser was given and
    without a memory of any other, whatever rate a schedule ended at, and whosever m and v these were. To train on with the
    memory, go on with the same `Steps`.

    Attributes:
        learning_rate: eta of the next step; a training's schedule moves it. Whoever sets it gives the optimiser another rate.
    """

    name = ""
    equation = ""
    slots: tuple[str, ...] = ()
    reads_shapes = False  # whether it has to know which parameters there are, as one that works on matrices

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = limits.number("the learning rate", learning_rate, above=0)
        self._serves = 0  # the number of its training; 0 where it is used by hand
        self.steps = 0
        self.state: dict[str, Array] = {}
        self.update: Array = np.empty(0)
        self._groups: list[tuple[tuple[Which, ...], dict[str, Any]]] = []
        self._locations: dict[str, Location] = {}

    @property
    def learning_rate(self) -> float:
        return self._rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._rate = self._given_rate = rate

    def at_rate(self, rate: float) -> None:
        """The rate that a schedule wants for the next step; the one that the optimiser was given stays known."""
        self._rate = rate

    def group(self, *which: Which, **settings: Any) -> Self:
        """Other settings for some parameters: those of these names, with * for anything, or of which a function says so.

        The function gets a parameter's name and shape. Where groups overlap, the later one has its way. Returns the optimiser.

        >>> from byhand import optim
        >>> optim.AdamW(1e-3, weight_decay=0.1).group(optim.vectors, weight_decay=0.0).group("head.*", learning_rate=1e-2)
        AdamW(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0.1; vectors: weight_decay=0.0; head.*: \
learning_rate=0.01)
        """
        if not which or not all(isinstance(one, str) or callable(one) for one in which):
            raise ModelError('group: name the parameters that it is of, as in group("*.bias", weight_decay=0.0)')
        limits.known_settings(f"the optimizer {self.name}", settings, limits.parameters(type(self)))
        other = type(self)(**(self.settings() | settings))
        if not set(other.slots) <= set(self.slots):
            missing = ", ".join(sorted(set(other.slots) - set(self.slots)))
            raise ModelError(f"group: {self.name} keeps no {missing} with its own settings: give it some that keep one")
        self._groups.append((which, {name: getattr(other, name) for name in settings}))
        return self

    def grouping(self) -> str:
        """The groups in one line; "" where there are none."""
        return "; ".join(
            f"{', '.join(one if isinstance(one, str) else one.__name__ for one in which)}: "
            f"{', '.join(f'{name}={value}' for name, value in settings.items())}"
            for which, settings in self._groups
        )

    def begin(self, parameters: Array, named: Mapping[str, Array] | None = None) -> int:
        """Serve a new training of these parameters: at the given rate, without a memory. Returns the training's number.

        named: views of the parameters by name, where there are groups, or where the optimiser reads shapes.
        """
        self.locate(parameters, named or {})
        self._rate, self._serves = self._given_rate, next(_trainings)
        self.update = np.empty(0)
        self.prepare(parameters)
        return self._serves

    def locate(self, parameters: Array, named: Mapping[str, Array]) -> None:
        """Learn which parameters lie where, in case it matters; raises ModelError for a group that has none of them."""
        self._locations = locations(parameters, named) if self._groups or self.reads_shapes else {}
        for which, _ in self._groups:
            for one in which:
                if not any(chosen(one, name, location) for name, location in self._locations.items()):
                    known = ", ".join(self._locations) or "none"
                    raise ModelError(f"group: no parameter is {one if isinstance(one, str) else one.__name__}, of {known:.300}")

    def serves(self, training: int) -> bool:
        """Whether it still serves the training of this number, and no later one."""
        return self._serves in (0, training)

    def prepare(self, parameters: Array) -> None:
        """Make the state vectors for these parameters, all zero, unless they are there already."""
        if self.update.shape != parameters.shape or self.update.dtype != parameters.dtype:
            self.state = {slot: np.zeros_like(parameters) for slot in self.slots}
            self.update = np.zeros_like(parameters)
            self.steps = 0

    def step(self, parameters: Array, gradient: Array, turn: Turn | None = None) -> None:
        """theta <- theta + update, with the update computed from the gradient. Both are flat vectors.

        turn: the part that this step is about, and the how-manieth step of that part it is, for networks that take turns: the
        other part stays as it is, and so do its state vectors.
        """
        self.prepare(parameters)
        self.steps += 1
        taken, whole = self.steps, slice(0, parameters.size)
        if turn is not None:
            whole, self.steps = turn
            self.update.fill(0)
        for part, rule in self._rules(parameters.size):
            for block in _blocks(parameters, slice(max(part.start, whole.start), min(part.stop, whole.stop))):
                update = self.update[block]
                rule._change(block, parameters[block], gradient[block], update)
                parameters[block] += update
        self.steps = taken

    def rule_of(self, name: str) -> Self:
        """The optimiser with the settings of this parameter's groups, sharing its state; itself where there are none."""
        settings: dict[str, Any] = {}
        for which, own in self._groups:
            if any(chosen(one, name, self._locations[name]) for one in which):
                settings |= own
        if not settings:
            return self
        rule = copy.copy(self)
        for setting_, value in settings.items():
            if setting_ != "learning_rate":
                setattr(rule, setting_, value)
        if "learning_rate" in settings:  # the schedule moves every group's rate alike
            rule._rate, rule._given_rate = settings["learning_rate"] * self._rate / self._given_rate, settings["learning_rate"]
        return rule

    def _rules(self, n: int) -> Iterator[tuple[slice, Self]]:
        """The whole vector of n parameters in parts, and the settings of each."""
        if self._groups and not self._locations:
            raise ModelError("groups must be told the names of the parameters: train with byhand.steps or fit, or call locate")
        end = 0
        for name, location in self._locations.items() if self._groups else ():
            rule = self.rule_of(name)
            if rule is self:
                continue
            if location.place.start > end:
                yield slice(end, location.place.start), self
            yield location.place, rule
            end = location.place.stop
        if end < n:
            yield slice(end, n), self

    def _change(self, block: slice, theta: Array, g: Array, update: Array) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no _change")

    # What an optimiser may say of its numbers, one parameter at a time, for explanations. A class of your own need not.

    letters: ClassVar[Mapping[str, str]] = {}  # of its state vectors, LaTeX, where they are not called as in `slots`
    meanings: ClassVar[Mapping[str, str]] = {}  # of its state vectors, in words

    def equations(self) -> tuple[str, ...]:
        """Its equations one by one, LaTeX."""
        return tuple(part for part in re.split(r"\s*,?\s*\\(?:q?quad|;)\s*", self.equation) if part)

    def state_terms(self, slot: str, before: Factor, g: Factor) -> list[Sum] | None:
        """What a number of a state vector is the sum of after the step; None where the optimiser does not say."""
        return None

    def change_terms(self, theta: Factor, g: Factor, state: Mapping[str, Factor]) -> list[Sum] | None:
        """What is added to a parameter, as the sum that it is; state: after the step. None where the optimiser does not say."""
        return None

    def speaks(self) -> bool:
        """Whether the terms are about what runs: a class that changes `_change` or `step` has to say its own.

        With groups it is silent, as a parameter's settings are then not the optimiser's.
        """

        def up(name: str) -> int:
            return next(k for k, kind in enumerate(type(self).__mro__) if name in vars(kind))

        return not self._groups and up("change_terms") <= min(up("_change"), up("step"))

    def _minus_eta(self) -> Factor:
        return Factor(r"(-\eta)", -self.learning_rate, worked=f"(-{setting(self.learning_rate)})")

    def settings(self) -> dict[str, Any]:
        """The numbers that make this optimiser, for run folders."""
        hidden = {"state", "update", "steps", "slots", "equation"}
        own = {key: value for key, value in vars(self).items() if key not in hidden and not key.startswith("_")}
        return {"learning_rate": self.learning_rate, **own}

    def __repr__(self) -> str:
        groups = f"; {self.grouping()}" if self._groups else ""
        return f"{type(self).__name__}({', '.join(f'{key}={value}' for key, value in self.settings().items())}{groups})"


def _blocks(parameters: Array, part: slice) -> Iterator[slice]:
    """A part in pieces that stay in the cache; on a GPU the whole, which is quickest there."""
    size = BLOCK if array_module(parameters) is np else max(part.stop - part.start, 1)
    for start in range(part.start, part.stop, size):
        yield slice(start, min(start + size, part.stop))
