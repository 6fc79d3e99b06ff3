"""The numbers of a step of a network of modules: the tape as arrays that refer to one another, forward and back.

The error of an op's output is the sum of what all ops that read it hand back; a parameter's gradient likewise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import Tensor
from byhand.see import terms_transposed  # noqa: F401 - enters itself into both tables
from byhand.see.explain import Sample
from byhand.see.explain_network import drawn, equations_of
from byhand.see.made import At, Sum
from byhand.see.made_update import update_numbers
from byhand.see.section import sources
from byhand.see.source import definitions
from byhand.see.step_numbers import Numbered, Operation, StepNumbers
from byhand.see.tape import Seen, Taped, latex
from byhand.see.terms import MADE, Wired, note_of_norm
from byhand.see.terms_back import MADE_BACK

DATA = "It was given from outside: data, targets, or what was drawn for this step."
PARAMETER = "It is a parameter as it stood before this step; the steps before made it. Below: who pushes it in this one."
NORMS = {"batch_norm", "group_norm", "layer_norm"}


def network_numbers(step: Taped, samples: Sequence[Sample]) -> StepNumbers:
    """All arrays and operations of the step, in its order."""
    return _Builder(step).built(samples)


class _Builder:
    """Arrays by name; what reads each; and the ops, wired."""

    def __init__(self, step: Taped) -> None:
        self.step = step
        self.arrays: dict[str, Numbered] = {}
        self.readers: dict[str, list[tuple[int, int]]] = {}  # array: the ops that read it, and as which input
        self.wired: list[Wired] = []
        self.names = names_of(step)
        self.titles = [title_of(name, op.node.op.name) for name, op in zip(self.names, step.ops, strict=True)]
        self.place = {id(op.node): k for k, op in enumerate(step.ops)}
        self.errors: dict[str, str] = {}  # array: the array of its error or gradient

    def built(self, samples: Sequence[Sample]) -> StepNumbers:
        step = self.step
        known = [(value, given) for op in step.ops for value, given in _parameters(op)]
        parameters = {id(value): given.origin for value, given in known}
        symbols = {given.origin: given.symbol for _, given in known}
        for name in step.entries:
            self._parameter(name, symbols.get(name, r"\theta"))
        for k, op in enumerate(step.ops):
            self._op(k, op, parameters)
        operations = [self._forward(k) for k in range(len(step.ops))]
        operations += [self._backward(k) for k in reversed(range(len(step.ops))) if step.ops[k].delta is not None]

        def views(vector: Array) -> dict[str, Array]:
            return {name: step.parameter(name, vector) for name in step.entries}

        trained = [(self.arrays[name], self.arrays[f"{name}.gradient"], group_of(name)) for name in step.entries]
        arrays, updates = update_numbers(step, views, views(step.theta_after), trained)
        return StepNumbers(step, samples, [*self.arrays.values(), *arrays], [*operations, *updates])

    def _add(self, array: Numbered) -> Numbered:
        self.arrays[array.name] = array
        return array

    def _parameter(self, name: str, symbol: str) -> None:
        step = self.step
        theta = step.parameter(name, step.theta)
        self._add(Numbered(name, symbol, f"parameter {name}", theta, None, why=PARAMETER, parameter=name))
        gradient = rf"\frac{{\partial C}}{{\partial {symbol}@}}"
        make = self._summed(name)
        self._add(
            Numbered(
                f"{name}.gradient",
                gradient,
                f"gradient of {name}: how the batch’s cost changes with each",
                step.parameter(name, step.gradient),
                make,
                parameter=name,
                notes=self._who(name),
            )
        )
        self.errors[name] = f"{name}.gradient"

    def _op(self, k: int, op: Seen, parameters: dict[int, str]) -> None:
        """The arrays of one op: what it read from outside, what it computed, and the error of that."""
        name, node = self.names[k], op.node
        operands: list[Numbered | None] = []
        for slot, value in enumerate(node.inputs):
            array = self._operand(k, slot, value, parameters)
            operands.append(array)
            if array is not None:
                self.readers.setdefault(array.name, []).append((k, slot))
        forward = node.op.documented()
        batch = bool(op.output.ndim) and op.output.shape[0] % self.step.m == 0
        made = self._making(k) if node.op.name in MADE else None
        output = self._add(
            Numbered(
                name,
                op.symbol,
                f"what {self.titles[k]} computes",
                np.asarray(op.output),
                made,
                forward.equation,
                ""
                if made
                else f"{node.op.name.replace('_', ' ')} is not worked out term by term yet; see its equation and its source.",
                batch,
                image=drawn(op),
                notes=(lambda at: note_of_norm(self.wired[k], at)) if node.op.name in NORMS else None,
            )
        )
        delta = None
        if op.delta is not None:
            delta = Numbered(
                f"{name}.delta",
                r"\delta",
                f"error of what {self.titles[k]} computes",
                np.asarray(op.delta),
                self._summed(name),
                batch=batch,
                image=drawn(op),
                notes=self._who(name),
                why="The cost by itself: 1." if k == len(self.step.ops) - 1 else "",
            )
            self._add(delta)
            self.errors[name] = delta.name
        places = node.op.places  # in its terms the op calls what it read as its equation does
        called = [
            replace(array, symbol=latex(places[slot]) if slot < len(places) else f"a_{{{slot + 1}}}")
            if array is not None
            else None
            for slot, array in enumerate(operands)
        ]
        self.wired.append(Wired(op, tuple(called), output, delta))

    def _operand(self, k: int, slot: int, value: Any, parameters: dict[int, str]) -> Numbered | None:
        if isinstance(value, Tensor):
            if id(value) in parameters:
                return self.arrays[parameters[id(value)]]
            if value.node is not None and id(value.node) in self.place:
                return self.arrays[self.names[self.place[id(value.node)]]]
        values = value.data if isinstance(value, Tensor) else value
        if not hasattr(values, "shape") or not np.shape(values):
            return None
        places = self.step.ops[k].node.op.places
        symbol = latex(places[slot]) if slot < len(places) else f"a_{{{slot + 1}}}"
        batch = len(values) % self.step.m == 0
        name = f"{self.names[k]}.{places[slot] if slot < len(places) else slot}"
        return self._add(
            Numbered(
                name, symbol, f"given to {self.names[k]}", np.asarray(values), None, why=DATA, batch=batch, image=values.ndim == 4
            )
        )

    def _making(self, k: int) -> Callable[[At], list[Sum]]:
        return lambda at: MADE[self.step.ops[k].node.op.name](self.wired[k], at)

    def _summed(self, name: str) -> Callable[[At], list[Sum]] | None:
        """What all readers of an array hand back to one of its numbers; a reader that is not worked out leaves none of it."""

        def make(at: At) -> list[Sum]:
            found: list[Sum] = []
            for k, slot in self.readers.get(name, []):
                op = self.wired[k]
                if op.delta is None:
                    continue
                if op.name not in MADE_BACK:
                    return []
                try:
                    found += MADE_BACK[op.name](op, slot, at)
                except NotImplementedError:
                    return []
            return found

        return make

    def _who(self, name: str) -> Callable[[At], str]:
        def note(at: At) -> str:
            readers = [self.wired[k] for k, _ in self.readers.get(name, []) if self.wired[k].delta is not None]
            if not readers:
                return "Nothing on the way to the cost reads it." if name in self.step.entries else "The cost by itself: 1."
            missing = next((op.name for op in readers if op.name not in MADE_BACK), "")
            if missing:
                return f"{missing.replace('_', ' ')} hands it back, which is not worked out term by term yet; see its source."
            back = dict.fromkeys(f"{op.output.name} ({op.name.replace('_', ' ')})" for op in readers)
            return f"Handed back by {' and '.join(back)}."

        return note

    # ---------------------------------------------------------------- the operations

    def _forward(self, k: int) -> Operation:
        op, wired = self.step.ops[k], self.wired[k]
        found, last = op.node.op.documented(), k == len(self.step.ops) - 1
        arrays = [wired.output.name, *dict.fromkeys(one.name for one in wired.operands if one is not None)]
        return Operation(
            "cost" if last else "forward",
            "Cost" if last else group_of(self.names[k]),
            self.titles[k],
            self.names[k],
            equations_of(found.equation),
            tuple(arrays),
            lambda: sources(op.node.op.forward, *definitions(op.node.op.forward)),
            found.shapes,
            found.source,
        )

    def _backward(self, k: int) -> Operation:
        op, wired = self.step.ops[k], self.wired[k]
        found = op.node.op.documented()
        read = dict.fromkeys(
            one.name for one, want in zip(wired.operands, op.node.wanted, strict=True) if one is not None and want
        )
        back = [self.errors[name] for name in read if name in self.errors]
        return Operation(
            "backward",
            "Cost" if k == len(self.step.ops) - 1 else group_of(self.names[k]),
            f"{self.titles[k]}, backward",
            self.names[k],
            equations_of(found.gradient),
            (*back, f"{self.names[k]}.delta", *(name for name in read if name not in self.errors)),
            lambda: sources(op.node.op.gradient, *definitions(op.node.op.gradient)),
            found.shapes,
            found.source,
        )


def _parameters(op: Seen) -> list[tuple[Any, Any]]:
    """The op's parameters: the tensor, and what is known of it."""
    given = iter(op.inputs)
    found = []
    for value in op.node.inputs:
        if not hasattr(value.data if isinstance(value, Tensor) else value, "shape"):
            continue
        known = next(given)
        if known.parameter:
            found.append((value, known))
    return found


def names_of(step: Taped) -> list[str]:
    """A name for each op: its module's in full, which its parameters tell, and what the op does where the module has several.

    Modules that are taken one by one out of a sequence know only their place in it; what they belong to, the parameters tell.
    """
    full: list[str] = []
    above: dict[str, str] = {}
    known = list(step.entries)
    for op in step.ops:
        scope = op.node.scope
        own = next((given.origin.rpartition(".")[0] for given in op.inputs if given.parameter), "")
        first = scope.split(".")[0]
        if own.endswith(scope) and scope:
            above[first] = own[: len(own) - len(scope)]
        name = own or (above.get(first, "") + scope if scope else op.node.op.name)
        full.append(name)
    counts: dict[str, int] = {name: full.count(name) for name in full}
    names: list[str] = []
    for name, op in zip(full, step.ops, strict=True):
        shown = name if counts[name] == 1 or name == op.node.op.name else f"{name}/{op.node.op.name}"
        again = sum(1 for other in names if other.split("#")[0] == shown)
        shown = f"{shown}#{again + 1}" if again else shown
        names.append(shown if shown not in known else f"{shown}/{op.node.op.name}")
    return names


def title_of(name: str, op: str) -> str:
    """An op in words: where it is and what it does.

    >>> title_of("down.0.conv1", "conv2d"), title_of("down.0/add#2", "add"), title_of("cross_entropy", "cross_entropy")
    ('down.0.conv1: conv2d', 'down.0/add#2', 'cross entropy')
    """
    inside = name.partition("#")[0].split("/")[-1]
    return name.replace("_", " ") if inside == op else f"{name}: {op.replace('_', ' ')}"


def group_of(name: str) -> str:
    """The layer that an op or a parameter belongs to: a module of the network, a block of a sequence in it, or none of them.

    >>> group_of("down.0.conv1"), group_of("stem.weight"), group_of("3"), group_of("add#2")
    ('down.0', 'stem', '3', 'between')
    """
    parts = re.split("[#/]", name, maxsplit=1)[0].split(".")
    if parts[-1] in {"weight", "bias", "gamma", "beta"}:
        parts = parts[:-1]
    if not parts or (len(parts) == 1 and parts[0] in MADE):
        return "between"
    return ".".join(parts[:2]) if len(parts) > 1 and parts[1].isdecimal() else parts[0]
