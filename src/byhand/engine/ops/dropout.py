"""Dropout: a network that cannot rely on any one neuron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import Array, ArrayModule
from byhand.engine.call import Call, constant
from byhand.engine.op import Saved, op
from byhand.errors import EngineError
from byhand.formula import setting
from byhand.terms import Aside, At, Factor, Sum, single


@op
class dropout:
    r"""Numbers set to 0 at random in training, the rest enlarged so that the mean stays.

    Equation:
        c = \frac{a \odot k}{1 - r}, \quad k_i \in \{0, 1\}, \quad P(k_i = 0) = r
    Gradient:
        \partial C/\partial a = \frac{\delta \odot k}{1 - r}
    Shapes:
        a: any, rate r: in [0, 1), a NumPy generator -> c: as a; a itself when not training
    Source:
        Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting", section 4
    """

    def forward(xp: ArrayModule, a: Array, *, rate: float, rng: np.random.Generator | None = None, training: bool = True) -> Any:
        if not 0 <= rate < 1:
            raise EngineError(f"dropout: the rate must be 0 or more and below 1, got {rate}")
        if not training or rate == 0:
            return a[...], None  # a view: the tape knows that it is the same memory
        if rng is None:
            raise EngineError("dropout: in training it draws at random: give it a generator, rng=numpy.random.default_rng(seed)")
        kept = xp.asarray(rng.random(a.shape, np.float32) >= rate)
        return kernels.family("elementwise", a).dropped(a, kept, 1 / (1 - rate)), (kept, rate)

    def gradient(xp: ArrayModule, saved: Saved | None, delta: Array) -> Any:
        if saved is None:
            return delta
        kept, rate = saved
        return kernels.family("elementwise", delta).dropped(delta, kept, 1 / (1 - rate))

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        return delta if saved is None else delta * saved[0] * (1 / (1 - saved[1]))

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(call.operand(0).factor(at), _multiplier(call, at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return [single(call.error.factor(at), _multiplier(call, at))]

    def aside(call: Call, at: At) -> Aside:
        if call.saved is None:
            return Aside()
        kept = call.saved[0]
        return Aside(note=f"{int((kept == 0).sum()):,} of the {kept.size:,} numbers are left out in this step.")


def _multiplier(call: Call, at: At) -> Factor:
    """What a number was multiplied with: 0, or 1/(1 - r); 1 where dropout is off."""
    if call.saved is None:
        return constant(1.0)
    kept, rate = call.saved
    k = float(kept[at])
    return Factor(r"\frac{k}{1 - r}", k / (1 - rate), worked=rf"\frac{{{setting(k)}}}{{1 - {setting(rate)}}}")
