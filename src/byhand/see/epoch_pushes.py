"""Which samples pushed one weight over an epoch: its steps are taken again, and each sample's pushes are added up.

A push is -dC/dw by one sample, as in `byhand.see.pushes`: above 0 it raises the weight. A training goes on from a state of
its own with the same bits, so what is needed is the state at the epoch's beginning: a recording has it, a live one keeps two.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.engine import Node, Tensor, watch
from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.models.encoder_decoder import EncoderDecoder
from byhand.nn import Network
from byhand.see.made import At, per_sample
from byhand.see.step_numbers import Numbered
from byhand.see.tape import Seen
from byhand.see.terms import Wired
from byhand.see.terms_back import MADE_BACK
from byhand.training.steps import Step, Steps

LONGEST = 45.0  # seconds that going through an epoch again may take
TRIED = 1.0  # seconds after which it is known how long that will be


@dataclass(frozen=True)
class EpochPushes:
    """The sums of every sample's pushes on one weight. values: (N,) by the samples' indices in the data; steps first to last."""

    values: NDArray[np.float64]
    first: int
    last: int
    seconds: float


def finished_epoch(index: int, batches: int) -> tuple[int, int]:
    """The steps (first, end) of the last epoch that was finished before step `index`; in the first one, those that were taken.

    Raises ModelError where there are none.

    >>> finished_epoch(250, 100), finished_epoch(200, 100), finished_epoch(30, 100)
    ((100, 200), (100, 200), (0, 30))
    """
    if not index:
        raise ModelError("no step has been taken yet, so there is no epoch to look back on: train for some steps first")
    if index < batches:
        return 0, index
    first = (index // batches - 1) * batches
    return first, first + batches


def pushes_over(training: Steps, end: int, name: str, at: Sequence[int], longest: float = LONGEST) -> EpochPushes:
    """Take the steps up to `end` (not itself), and add up each sample's pushes on the weight `at` of the parameter `name`.

    Arguments:
        training: before the first of these steps; it is at `end` afterwards.
        name, at: as in `byhand.see.step_numbers`: "w2", (5, 400), or "0.weight", (1, 1, 0, 5).

    Raises ModelError for a weight that there is not, or whose gradient is not worked out by samples, and where it would take
    longer than `longest` seconds.
    """
    one = _pushing(training, name, tuple(int(k) for k in at))
    found, first, began = np.zeros(len(training.x)), training.index, time.perf_counter()
    while training.index < end:
        step, each = one()
        np.add.at(found, step.indices, each)  # a small class comes several times, where classes are drawn evenly
        gone = time.perf_counter() - began
        whole = gone / (training.index - first) * (end - first)
        if gone > min(TRIED, longest) and whole > longest:
            raise ModelError(
                f"going through the {end - first:,} steps of the epoch again would take about {_long(whole)}, and at most "
                f"{longest:g} seconds are spent on it: look at this batch, or at a smaller network"
            )
    return EpochPushes(found, first, end - 1, time.perf_counter() - began)


def _long(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def _pushing(training: Steps, name: str, at: At) -> Callable[[], tuple[Step, Array]]:
    """A function that takes the next step and says what each of its samples pushed, (m,)."""
    model: Any = training.model
    if isinstance(model, FeedForward):
        return _by_hand(training, model, name, at)
    if isinstance(model, EncoderDecoder):
        return _by_halves(training, model, name, at)
    if isinstance(model, Network):
        return _by_tape(training, model, name, at)
    raise ModelError(f"the pushes of an epoch are not known of a {getattr(model, 'kind', 'network')} yet: look at one step of it")


def _by_hand(training: Steps, net: FeedForward, name: str, at: At) -> Callable[[], tuple[Step, Array]]:
    letter, number = name[:1], name[1:]
    if letter not in "wb" or not number.isdecimal() or not 2 <= int(number) <= len(net.sizes):
        raise ModelError(f"{name} is not a parameter of {net!r}: choose one, as w2 or b{len(net.sizes)}")
    layer = int(number) - 2
    checked(name, (net.weights if letter == "w" else net.biases)[layer], at)

    def one() -> tuple[Step, Array]:
        step = next(training)
        trace = step.trace()
        if letter == "w":
            return step, -trace.contributions(layer + 1, *at)
        return step, -trace.delta[layer][:, at[0]] / len(step.indices)

    return one


def _by_halves(training: Steps, net: EncoderDecoder, name: str, at: At) -> Callable[[], tuple[Step, Array]]:
    parameter = net.tensors().get(name)
    if parameter is None:
        raise ModelError(f"{name[:80]} is not a parameter of {net!r}: choose one, as encoder.0.weight")
    checked(name, parameter, at)
    half, layer, what = name.split(".")
    stack = net.encoder if half == "encoder" else net.decoder

    def one() -> tuple[Step, Array]:
        step = next(training)
        share = stack.delta[int(layer)][:, at[0]] / len(step.indices)
        return step, -(share * stack.a[int(layer)][:, at[1]] if what == "weight" else share)

    return one


def _by_tape(training: Steps, net: Network, name: str, at: At) -> Callable[[], tuple[Step, Array]]:
    parameter = dict(net.module.parameters()).get(name)
    if parameter is None:
        raise ModelError(f"{name[:80]} is not a parameter of {net!r}")
    checked(name, parameter.data, at)

    def one() -> tuple[Step, Array]:
        with watch() as tape:
            step = next(training)
        pushed = np.zeros(len(step.indices))
        for node in tape:
            for slot, given in enumerate(node.inputs):
                if given is not parameter:
                    continue
                if node.op.name not in MADE_BACK or node.options.get("activation") is not None:
                    raise ModelError(
                        f"{name} is read by a {node.op.name.replace('_', ' ')}, whose pushes are known of one step only"
                    )
                pushed -= per_sample(MADE_BACK[node.op.name](wired(node), slot, at), len(step.indices))
        return step, pushed

    return one


def checked(name: str, values: Array, at: At) -> None:
    """Raises ModelError for indices that an array does not have."""
    if len(at) != values.ndim or any(not 0 <= k < n for k, n in zip(at, values.shape, strict=False)):
        raise ModelError(f"{name} has no number [{', '.join(map(str, at))}]: its shape is {values.shape}")


def wired(node: Node) -> Wired:
    """An op of a tape that nobody named."""

    def array(values: Any) -> Numbered | None:
        values = values.data if isinstance(values, Tensor) else values
        return Numbered("", "", "", values, None) if hasattr(values, "shape") else None

    output, delta = array(node.output), array(node.delta)
    assert output is not None
    return Wired(Seen(node, "", "", "", ()), tuple(map(array, node.inputs)), output, delta)


class EpochStarts:
    """What a live training keeps so that its last epoch can be gone through again: two states, and the rates that were set."""

    def __init__(self) -> None:
        self.states: dict[int, tuple[dict[str, Array], dict[str, Any], float]] = {}
        self.rates: list[tuple[int, float]] = []  # from which step on

    def before_step(self, training: Steps) -> None:
        """To be called before every step: copies the state where an epoch begins."""
        if training.index % training.batches == 0:
            vectors = {name: vector.copy() for name, vector in training.vectors().items()}
            self.states[training.index] = (vectors, training.position(), training.base_rate)
            for old in sorted(self.states)[:-2]:
                del self.states[old]
            self.rates = [rate for rate in self.rates if rate[0] >= min(self.states)]

    def rate_changed(self, training: Steps) -> None:
        """To be called when the training got another rate."""
        self.rates.append((training.index, training.base_rate))

    def again(self, first: int, fresh: Callable[[], Steps]) -> Steps:
        """The training before the step `first`, made anew: it takes the same steps with the same bits."""
        if first not in self.states:
            raise ModelError("the state at the beginning of that epoch is not kept any more: take some steps and ask again")
        vectors, position, rate = self.states[first]
        training = fresh()
        training.base_rate = rate
        training.restore(vectors, {"position": json.dumps(position | {"fingerprint": training.fingerprint()})})
        return _Rated(training, self.rates) if any(step > first for step, _ in self.rates) else training


class _Rated(Steps):
    """A training whose rate was changed on its way."""

    def __init__(self, training: Steps, rates: Sequence[tuple[int, float]]) -> None:
        self.__dict__ = training.__dict__
        self.set_rates = list(rates)

    def __next__(self) -> Step:
        for step, rate in self.set_rates:
            if step == self.index:
                self.base_rate = rate
        return super().__next__()
