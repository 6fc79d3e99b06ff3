"""The numbers of a step of a network of modules: the tape as arrays that refer to one another, forward and back.

The error of an op's output is the sum of what all ops that read it hand back; a parameter's gradient likewise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import ops
from byhand.engine.call import Call, symbol_of
from byhand.equation import equations_of
from byhand.see.step_array import StepArray, StepArrays
from byhand.terms import At, Sum

DATA = "It was given from outside: data, targets, or what was drawn for this step."
ITSELF = "The cost by itself: 1."


def describe_tape(tape: Sequence[Any], parameters: Callable[[Array], dict[str, Array]], arrays: StepArrays) -> None:
    """All arrays and operations of the ops, `byhand.see.tape.ModuleOp`s, in their order; parameters: see `Record`."""
    step = arrays.step
    named = parameters(step.theta)
    readers: dict[str, list[tuple[Call, int]]] = {}  # of each array: the calls that read it, and as which input
    symbols = {one.origin: one.symbol for op in tape for one in op.inputs if one.parameter}
    gradients = parameters(step.gradient)
    for name, values in named.items():
        symbol = symbols.get(name, r"\theta")
        arrays.add_parameter(name, symbol, f"parameter {name}", values, group_of(name))
        about = f"gradient of {name}: how the batch’s cost changes with each"
        back = _handed_back(readers, name, "Nothing on the way to the cost reads it.")
        arrays.add(
            f"{name}.gradient", rf"\frac{{\partial C}}{{\partial {symbol}@}}", about, gradients[name], parameter=name, **back
        )
    names, calls = names_of(tape, list(named)), []
    computed = {id(op.node): name for op, name in zip(tape, names, strict=True)}
    for op, name in zip(tape, names, strict=True):
        calls.append(_call(op, name, computed, readers, arrays, last=op is tape[-1]))
    titles = [title_of(name, op.node.op.name) for name, op in zip(names, tape, strict=True)]
    every = list(zip(tape, names, titles, calls, strict=True))
    for op, name, title, call in every:
        found, last = op.node.op.documented(), op is tape[-1]
        stage, group = ("cost", "Cost") if last else ("forward", group_of(name))
        read = dict.fromkeys(one.name for one in call.operands if one is not None)
        code = [op.node.op.forward]
        arrays.add_operation(stage, group, title, [call.output.name, *read], code, equations_of(found.equation), found)
    for op, name, title, call in reversed(every):
        if op.delta is None:
            continue
        found, group = op.node.op.documented(), "Cost" if op is tape[-1] else group_of(name)
        wanted = zip(call.operands, op.node.wanted, strict=True)
        read = dict.fromkeys(one.name for one, want in wanted if one is not None and want)
        errors = {one: error for one in read if (error := f"{one}.gradient" if one in named else f"{one}.delta") in arrays.arrays}
        shown = [*errors.values(), f"{name}.delta", *(one for one in read if one not in errors)]
        code, equations = [op.node.op.gradient], equations_of(found.gradient)
        arrays.add_operation("backward", group, f"{title}, backward", shown, code, equations, found, short=name)


def _call(
    op: Any, name: str, computed: dict[int, str], readers: dict[str, list[tuple[Call, int]]], arrays: StepArrays, *, last: bool
) -> Call:
    """The arrays of one op: what it read from outside, what it computed, and the error of that; and the op with these named."""
    node, m, title = op.node, arrays.step.m, title_of(name, op.node.op.name)
    operands: list[StepArray | None] = [None] * len(node.inputs)
    for one in op.inputs:
        before = getattr(node.inputs[one.slot], "node", None)
        if one.parameter or id(before) in computed:
            operands[one.slot] = arrays.array(one.origin if one.parameter else computed[id(before)])
        elif np.ndim(one.values):
            place = node.op.places[one.slot] if one.slot < len(node.op.places) else one.slot
            more: dict[str, Any] = {"batch": len(one.values) % m == 0, "image": one.values.ndim == 4}
            operands[one.slot] = arrays.add(f"{name}.{place}", one.symbol, f"given to {name}", one.values, why=DATA, **more)
    more = {"batch": bool(op.output.ndim) and op.output.shape[0] % m == 0, "image": op.draws_maps}
    call: Call  # of the arrays, which ask it only later

    def terms(at: At) -> list[Sum]:
        return call.terms(at)

    def note(at: At) -> str:
        return call.aside(at).note

    equation, about = node.op.documented().equation, f"what {title} computes"
    output = arrays.add(name, op.symbol, about, op.output, terms, equation=equation, note=note, **more)
    delta = None
    if op.delta is not None:
        more |= _handed_back(readers, name, ITSELF) | {"why": ITSELF if last else ""}
        delta = arrays.add(f"{name}.delta", r"\delta", f"error of what {title} computes", op.delta, **more)
    in_its_words = tuple(  # in its terms the op calls what it read as its equation does
        None if array is None else replace(array, symbol=symbol_of(node.op, slot)) for slot, array in enumerate(operands)
    )
    call = Call(node.op, node.inputs, node.options, node.saved, in_its_words, output, delta)
    for slot, array in enumerate(operands):
        if array is not None and (not array.parameter or op.delta is None or node.wanted[slot]):  # of a GAN one player waits
            readers.setdefault(array.name, []).append((call, slot))
    return call


def _handed_back(readers: dict[str, list[tuple[Call, int]]], name: str, unread: str) -> dict[str, Any]:
    """The terms of an error or a gradient: what all readers of the array hand back to one of its numbers; and who they are."""

    def back() -> Iterable[tuple[Call, int]]:
        return [(call, slot) for call, slot in readers.get(name, []) if call.delta is not None]

    def terms(at: At) -> list[Sum]:
        return [each for call, slot in back() for each in call.gradient_terms(slot, at)]

    def note(_: At) -> str:
        who = dict.fromkeys(f"{call.output.name} ({call.op.name.replace('_', ' ')})" for call, _ in back())
        return f"Handed back by {' and '.join(who)}." if who else unread

    return {"terms": terms, "note": note}


def names_of(tape: Sequence[Any], parameters: Sequence[str]) -> list[str]:
    """A name for each op: its module's in full, which its parameters tell, and what the op does where the module has several.

    Modules that are taken one by one out of a sequence know only their place in it; what they belong to, the parameters tell.
    """
    full: list[str] = []
    above: dict[str, str] = {}
    for op in tape:
        scope = op.node.scope
        own = next((one.origin.rpartition(".")[0] for one in op.inputs if one.parameter), "")
        first = scope.split(".")[0]
        if own.endswith(scope) and scope:
            above[first] = own[: len(own) - len(scope)]
        full.append(own or (above.get(first, "") + scope if scope else op.node.op.name))
    names: list[str] = []
    for name, op in zip(full, tape, strict=True):
        shown = name if full.count(name) == 1 or name == op.node.op.name else f"{name}/{op.node.op.name}"
        again = sum(1 for other in names if other.split("#")[0] == shown)
        shown = f"{shown}#{again + 1}" if again else shown
        names.append(shown if shown not in parameters else f"{shown}/{op.node.op.name}")
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
    if not parts or (len(parts) == 1 and parts[0] in ops.__all__):
        return "between"
    return ".".join(parts[:2]) if len(parts) > 1 and parts[1].isdecimal() else parts[0]
