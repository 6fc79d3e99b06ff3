"""The optimiser's arrays of a step: the gradient as it got it, its moments, each parameter's change, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from byhand.backend import Array
from byhand.equation import read
from byhand.optim import SGD, Adam, AdamW, Optimizer, RMSProp
from byhand.see.made import At, Factor, Sum, one
from byhand.see.numbers import setting
from byhand.see.section import sources
from byhand.see.source import Source
from byhand.see.step_numbers import Numbered, Operation
from byhand.see.update import equations

Views = Callable[[Array], Mapping[str, Array]]  # a flat vector as one array a parameter

MEANING = {
    "m": "running mean of the gradient",
    "v": "running mean of its square",
    "velocity": "velocity: the gradients so far, fading",
}
EARLIER = "It is what the steps before this one left in the optimiser."


def update_numbers(
    step: Any, views: Views, after: Mapping[str, Array], trained: Sequence[tuple[Numbered, Numbered, str]]
) -> tuple[list[Numbered], list[Operation]]:
    """The arrays of every parameter's update, and its operation.

    step: an `Observed` or `Taped`. after: the parameters after the step. trained: each parameter, its gradient, and its group.
    """
    optimizer: Optimizer = step.optimizer
    clipped = step.clip is not None and step.length > step.clip
    used, change = views(step.used), views(step.update)
    old = {slot: views(vector) for slot, vector in step.before.items()}
    new = {slot: views(vector) for slot, vector in step.after.items()}
    note = repr(optimizer) + (f"; the gradient, {step.length:.4g} long, was clipped to {step.clip:g}" if clipped else "")
    arrays, operations = [], []
    for theta, gradient, group in trained:
        name, own = theta.name, []
        g = gradient
        if clipped:
            g = _clipped(gradient, used[name], step.clip / step.length)
            own.append(g)
        state: dict[str, Numbered] = {}
        for slot in old:
            letter = "v" if slot == "velocity" else slot
            meaning = f"{MEANING.get(slot, slot)} of {name}"
            before = Numbered(
                f"{name}.{slot}.before",
                rf"{letter}^{{-}}",
                f"{meaning}, before",
                old[slot][name],
                None,
                "",
                EARLIER,
                parameter=name,
            )
            state[slot] = _moment(optimizer, slot, letter, meaning, before, g, new[slot][name])
            own += [before, state[slot]]
        changed = Numbered(
            f"{name}.change",
            rf"\Delta {theta.symbol}",
            f"change of {name}",
            change[name],
            _change(optimizer, theta, g, state),
            _change_equation(optimizer, theta.symbol),
            parameter=name,
        )
        end = _moved(theta, changed, after[name])
        own += [changed, end]
        arrays += own
        operations.append(
            Operation(
                "update",
                group,
                f"Update of {name}",
                name,
                equations(optimizer),
                (end.name, changed.name, *(array.name for array in own[:-2]), gradient.name, name),
                _source(optimizer),
                reference=read(type(optimizer)).source,
                note=note,
            )
        )
    return arrays, operations


def _moved(theta: Numbered, changed: Numbered, values: Array) -> Numbered:
    """The parameter after the step."""
    return Numbered(
        f"{theta.name}.after",
        rf"{{{theta.symbol}}}^{{\prime}}",
        f"{theta.name} after the step",
        values,
        lambda at: [one(theta.factor(at)), one(changed.factor(at))],
        rf"{{{theta.symbol}}}^{{\prime}} = {theta.symbol} + \Delta {theta.symbol}",
        parameter=theta.name,
    )


def _source(optimizer: Optimizer) -> Callable[[], tuple[Source, ...]]:
    kind: Any = type(optimizer)
    also = [Adam._change] if isinstance(optimizer, AdamW) else []
    return lambda: sources(kind._change, *also, Optimizer.step)


def _clipped(gradient: Numbered, values: Array, scale: float) -> Numbered:
    name = gradient.parameter
    return Numbered(
        f"{name}.used",
        r"\tilde g",
        f"gradient of {name}, clipped",
        values,
        lambda at: [one(gradient.factor(at), Factor(r"\frac{c}{\lVert g \rVert}", scale))],
        r"\tilde g = \frac{c}{\lVert g \rVert}\, g",
        parameter=name,
    )


def _moment(optimizer: Any, slot: str, letter: str, meaning: str, before: Numbered, g: Numbered, values: Array) -> Numbered:
    """A state vector after the step: of its old value and the gradient, or its square."""
    squared = slot == "v"
    if slot == "velocity":
        keep, take, equation = optimizer.momentum, 1.0, r"v = \mu v^{-} + g"
    else:
        keep = {"m": getattr(optimizer, "beta1", 0.0), "v": getattr(optimizer, "beta2", getattr(optimizer, "rho", 0.0))}[slot]
        take = 1 - keep
        beta = r"\beta_1" if slot == "m" else r"\rho" if isinstance(optimizer, RMSProp) else r"\beta_2"
        equation = rf"{letter} = {beta} {letter}^{{-}} + (1 - {beta}) g{'^2' if squared else ''}"

    def make(at: At) -> list[Sum]:
        share = () if take == 1 else (Factor(setting(take), take),)
        return [one(Factor(setting(keep), keep), before.factor(at)), one(*share, *(g.factor(at),) * (2 if squared else 1))]

    return Numbered(f"{before.parameter}.{slot}", letter, meaning, values, make, equation, parameter=before.parameter)


def _change(optimizer: Any, theta: Numbered, g: Numbered, state: Mapping[str, Numbered]) -> Callable[[At], list[Sum]]:
    """What the optimiser adds to a parameter, as its `_change` does it."""
    rate = Factor(r"(-\eta)", -optimizer.learning_rate)

    def below(at: At, correction: float) -> Factor:
        v = state["v"].factor(at)
        root = "v" if correction == 1 else r"\hat v"
        shown = rf"\frac{{1}}{{\sqrt{{{root}}} + \epsilon}}"
        return Factor(shown, 1 / (math.sqrt(v.value / correction) + optimizer.epsilon), v.ref)

    def make(at: At) -> list[Sum]:
        if isinstance(optimizer, SGD):
            if not optimizer.momentum:
                return [one(rate, g.factor(at))]
            v = state["velocity"].factor(at)
            if not optimizer.nesterov:
                return [one(rate, v)]
            return [one(rate, g.factor(at)), one(rate, Factor(r"\mu", optimizer.momentum), v)]
        if isinstance(optimizer, RMSProp):
            return [one(rate, g.factor(at), below(at, 1.0))]
        first, second = (1 - beta**optimizer.steps for beta in (optimizer.beta1, optimizer.beta2))
        moved = one(rate, state["m"].factor(at), Factor(r"\frac{1}{1 - \beta_1^t}", 1 / first), below(at, second))
        if isinstance(optimizer, AdamW) and optimizer.weight_decay:
            return [moved, one(rate, Factor(r"\lambda", optimizer.weight_decay), theta.factor(at))]
        return [moved]

    return make


def _change_equation(optimizer: Any, symbol: str) -> str:
    left = rf"\Delta {symbol} = -\eta\,"
    if isinstance(optimizer, SGD):
        return left + (r"(g + \mu v)" if optimizer.nesterov else "v" if optimizer.momentum else "g")
    if isinstance(optimizer, RMSProp):
        return left + r"\frac{g}{\sqrt{v} + \epsilon}"
    moved = r"\frac{\hat m}{\sqrt{\hat v} + \epsilon}"
    return left + (rf"\left({moved} + \lambda {symbol}\right)" if isinstance(optimizer, AdamW) else moved)
