"""The optimiser's arrays of a step: the gradient as it got it, its moments, each parameter's change, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from byhand.optim import Optimizer
from byhand.see.step_array import StepArray, StepArrays
from byhand.see.update import reference, source_functions
from byhand.terms import At, Factor, Sum, single

EARLIER = "It is what the steps before this one left in the optimiser."
UNSAID = "The optimiser does not say how this is worked out; see its source."


def describe_update(numbers: StepArrays) -> None:
    """The arrays of every parameter's update, and its operation; the parameters and their gradients are there already."""
    step, optimizer = numbers.step, numbers.step.optimizer
    clipped = step.clip is not None and step.length > step.clip
    views = step.record.parameters
    used, change, after = views(step.used), views(step.update), views(step.theta_after)
    old = {slot: views(vector) for slot, vector in step.before.items()}
    new = {slot: views(vector) for slot, vector in step.after.items()}
    note = repr(optimizer) + (f"; the gradient, {step.length:.4g} long, was clipped to {step.clip:g}" if clipped else "")
    for name, group in numbers.groups.items():
        theta, gradient = numbers.array(name), numbers.array(f"{name}.gradient")
        g, own = gradient, []
        if clipped and step.clip is not None:
            g = _clipped(numbers, gradient, used[name], step.clip / step.length)
            own.append(g)
        state: dict[str, StepArray] = {}
        for slot in old:
            about, letter = f"{optimizer.meanings.get(slot, slot)} of {name}", optimizer.letters.get(slot, slot)
            before = numbers.add(
                f"{name}.{slot}.before", f"{letter}^{{-}}", f"{about}, before", old[slot][name], why=EARLIER, parameter=name
            )
            state[slot] = _state(numbers, optimizer, slot, about, before, g, new[slot][name])
            own += [before, state[slot]]
        changed = _change(numbers, optimizer, theta, g, state, change[name])
        symbol = rf"{{{theta.symbol}}}^{{\prime}}"
        end = numbers.add(
            f"{name}.after",
            symbol,
            f"{name} after the step",
            after[name],
            partial(_both, theta, changed),
            equation=rf"{symbol} = {theta.symbol} + \Delta {theta.symbol}",
            parameter=name,
        )
        numbers.add_operation(
            "update",
            group,
            f"Update of {name}",
            (end, changed, *own, gradient, name),
            source_functions(optimizer),
            optimizer.equations(),
            short=name,
            reference=reference(optimizer),
            note=note,
            why="The gradient points uphill, so the step goes the other way; the learning rate says how far.",
            worked=tuple(array.name for array in (*own, changed, end)),
        )


def _both(first: StepArray, second: StepArray, at: At) -> list[Sum]:
    return [single(first.factor(at)), single(second.factor(at))]


def _clipped(numbers: StepArrays, gradient: StepArray, values: np.ndarray, scale: float) -> StepArray:
    return numbers.add(
        f"{gradient.parameter}.used",
        r"\tilde g",
        f"gradient of {gradient.parameter}, clipped",
        values,
        lambda at: [single(gradient.factor(at), Factor(r"\frac{c}{\lVert g \rVert}", scale))],
        equation=r"\tilde g = \frac{c}{\lVert g \rVert}\, g",
        parameter=gradient.parameter,
    )


def _state(
    numbers: StepArrays, optimizer: Optimizer, slot: str, about: str, before: StepArray, g: StepArray, values: np.ndarray
) -> StepArray:
    """A state vector after the step: of its old value and the gradient."""
    letter, name = optimizer.letters.get(slot, slot), before.parameter
    said = optimizer.state_terms(slot, Factor(before.symbol, 0.0), Factor("g", 0.0)) if optimizer.speaks() else None

    def terms(at: At) -> list[Sum]:
        return optimizer.state_terms(slot, before.factor(at), g.factor(at)) or []

    return _computed(numbers, f"{name}.{slot}", letter, about, values, said, terms, name)


def _change(
    numbers: StepArrays,
    optimizer: Optimizer,
    theta: StepArray,
    g: StepArray,
    state: Mapping[str, StepArray],
    values: np.ndarray,
) -> StepArray:
    """What the optimiser adds to a parameter."""
    plain = {slot: Factor(array.symbol, 1.0) for slot, array in state.items()}
    said = optimizer.change_terms(Factor(theta.symbol, 0.0), Factor("g", 0.0), plain) if optimizer.speaks() else None

    def terms(at: At) -> list[Sum]:
        now = {slot: array.factor(at) for slot, array in state.items()}
        return optimizer.change_terms(theta.factor(at), g.factor(at), now) or []

    symbol, about = rf"\Delta {theta.symbol}", f"change of {theta.name}"
    return _computed(numbers, f"{theta.name}.change", symbol, about, values, said, terms, theta.name)


def _computed(
    numbers: StepArrays,
    name: str,
    symbol: str,
    about: str,
    values: np.ndarray,
    said: Sequence[Sum] | None,
    terms: Callable[[At], list[Sum]],
    parameter: str,
) -> StepArray:
    """An array that the optimiser computed. said: its sum in symbols, of which its equation is made; None: it does not say."""
    if said is None:
        return numbers.add(name, symbol, about, values, why=UNSAID, parameter=parameter)
    products = [r"\, ".join(one.symbol for one in each.factors(k)) for each in said for k in range(np.size(each.values))]
    return numbers.add(name, symbol, about, values, terms, equation=f"{symbol} = {' + '.join(products)}", parameter=parameter)
