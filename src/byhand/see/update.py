"""The last part of a step: how the optimiser turned the gradient of a chosen weight into its change."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from byhand.backend import Array
from byhand.equation import read
from byhand.optim import SGD, Adam, AdamW, Optimizer, RMSProp
from byhand.see.numbers import Line, factor, number, setting
from byhand.see.observe import Observed
from byhand.see.section import Section, sources, split, summary
from byhand.see.weight import Weight


@dataclass(frozen=True)
class Change:
    """One parameter on its way through the optimiser: `latex` names it; before, after: its numbers in the optimiser's state."""

    latex: str
    gradient: float
    was: float
    now: float
    change: float
    before: dict[str, float]
    after: dict[str, float]


def update_sections(step: Observed, weights: Iterable[Weight]) -> Iterator[Section]:
    """One section a chosen weight; the arrays and the source are the same in each, so only the first shows them."""
    for position, weight in enumerate(weights):
        at = step.flat_index(weight)
        change = Change(
            weight.latex,
            float(step.used[at]),
            float(step.w[weight.layer][weight.j, weight.k]),
            float(step.w_after[weight.layer][weight.j, weight.k]),
            float(step.update[at]),
            {slot: float(vector[at]) for slot, vector in step.before.items()},
            {slot: float(vector[at]) for slot, vector in step.after.items()},
        )
        title = f"Update, layer {weight.layer}: the weight {weight} by {type(step.optimizer).__name__}"
        yield update_section(step, change, title, weight.layer, whole=position == 0)


class Stepped(Protocol):
    """What is looked at of a step: the optimiser after it, its state, what it added, and the gradient, clipped or not."""

    @property
    def optimizer(self) -> Optimizer: ...
    @property
    def gradient(self) -> Array: ...
    @property
    def used(self) -> Array: ...
    @property
    def after(self) -> dict[str, Array]: ...
    @property
    def update(self) -> Array: ...


def update_section(step: Stepped, change: Change, title: str, layer: int = 0, *, whole: bool = True) -> Section:
    """What the optimiser made of one parameter; whole: with the arrays and the source."""
    optimizer = step.optimizer
    kind = type(optimizer)
    code: list[Callable[..., Any]] = [kind._change, *([Adam._change] if isinstance(optimizer, AdamW) else []), Optimizer.step]
    return Section(
        stage="update",
        layer=layer,
        title=title,
        equations=equations(optimizer),
        numbers=tuple(_numbers(optimizer, change)),
        shapes="",
        sizes=f"theta, g: ({step.gradient.size},), all parameters in one vector" if whole else "",
        summaries=(
            summary("g", step.used),
            *(summary(_slot(slot), vector) for slot, vector in step.after.items()),
            summary(r"\Delta\theta", step.update),
        )
        if whole
        else (),
        source=sources(*code) if whole else (),
        reference=read(kind).source if whole else "",
        note=repr(optimizer) if whole else "",
    )


def equations(optimizer: Optimizer) -> tuple[str, ...]:
    """The optimiser's own equations, LaTeX, one by one."""
    if isinstance(optimizer, SGD) and optimizer.nesterov:
        return (r"v \leftarrow \mu v + g", r"\theta \leftarrow \theta - \eta\,(g + \mu v)")
    if isinstance(optimizer, Adam):
        moments = (r"m \leftarrow \beta_1 m + (1-\beta_1) g", r"v \leftarrow \beta_2 v + (1-\beta_2) g^2")
        corrected = (r"\hat m = \frac{m}{1-\beta_1^t}", r"\hat v = \frac{v}{1-\beta_2^t}")
        return *moments, *corrected, split(optimizer.equation)[0]
    return split(optimizer.equation)


def _slot(slot: str) -> str:
    return "v" if slot == "velocity" else slot


def _numbers(optimizer: Optimizer, made: Change) -> Iterator[Line]:
    """The optimiser's equations for one weight. Every left side is what the step left in the optimiser or in the network."""
    eta = setting(optimizer.learning_rate)
    g, w, before, after = made.gradient, made.was, made.before, made.after
    gradient = rf"g = \frac{{\partial C}}{{\partial {made.latex}}}"
    yield Line((gradient, f"= {number(g)}"), g)

    def moment(symbol: str, rate: float, old: float, new: float, power: str = "") -> Line:
        added = rf"+ {setting(1 - rate)} \cdot {_raised(g, power)}"
        return Line((rf"{symbol} \leftarrow {setting(rate)} \cdot {factor(old)}", added, f"= {number(new)}"), new)

    moved = rf"\eta \cdot \text{{...}} = {number(-made.change)}"
    if isinstance(optimizer, SGD):
        moved = rf"{eta} \cdot {factor(g)}"
        if optimizer.momentum:
            mu, v = setting(optimizer.momentum), after["velocity"]
            yield Line((rf"v \leftarrow {mu} \cdot {factor(before['velocity'])} + {factor(g)}", f"= {number(v)}"), v)
            moved = rf"{eta} \cdot {factor(v)}"
            if optimizer.nesterov:
                moved = rf"{eta} \cdot ({number(g)} + {mu} \cdot {factor(v)})"
    elif isinstance(optimizer, RMSProp):
        yield moment("v", optimizer.rho, before["v"], after["v"], "2")
        moved = rf"{eta} \cdot \frac{{{number(g)}}}{{\sqrt{{{number(after['v'])}}} + {number(optimizer.epsilon)}}}"
    elif isinstance(optimizer, Adam):
        yield moment("m", optimizer.beta1, before["m"], after["m"])
        yield moment("v", optimizer.beta2, before["v"], after["v"], "2")
        t = optimizer.steps
        m_hat = after["m"] / (1 - optimizer.beta1**t)
        v_hat = after["v"] / (1 - optimizer.beta2**t)
        for symbol, name, beta, value in (("m", "m", optimizer.beta1, m_hat), ("v", "v", optimizer.beta2, v_hat)):
            below = f"1 - {setting(beta)}^{{{t}}}"
            yield Line((rf"\hat {symbol} = \frac{{{number(after[name])}}}{{{below}}}", f"= {number(value)}"), value)
        moved = rf"\frac{{{number(m_hat)}}}{{\sqrt{{{number(v_hat)}}} + {number(optimizer.epsilon)}}}"
        if isinstance(optimizer, AdamW):
            moved = rf"\left({moved} + {setting(optimizer.weight_decay)} \cdot {factor(w)}\right)"
        moved = rf"{eta} \cdot {moved}"
    yield Line((rf"{made.latex} \leftarrow {number(w)}", f"- {moved}"))
    sign = "-" if math.copysign(1, made.change) < 0 else "+"
    yield Line((f"= {number(w)} {sign} {number(abs(made.change))}",))
    yield Line((f"= {number(made.now)}",), made.now)


def _raised(value: float, power: str) -> str:
    text = factor(value)
    if not power:
        return text
    return f"{text if text.startswith('(') else f'({text})'}^{power}"
