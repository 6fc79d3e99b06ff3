"""Dropout: a network that cannot rely on any one neuron."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import kernels
from byhand.engine.op import op
from byhand.errors import EngineError


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

    def forward(xp: Any, a: Any, *, rate: float, rng: np.random.Generator | None = None, training: bool = True) -> Any:
        if not 0 <= rate < 1:
            raise EngineError(f"dropout: the rate is {rate}, but it is in [0, 1)")
        if not training or rate == 0:
            return a[...], None  # a view: the tape knows that it is the same memory
        if rng is None:
            raise EngineError("dropout: in training it draws at random: give it a generator, rng=numpy.random.default_rng(seed)")
        kept = xp.asarray(rng.random(a.shape, np.float32) >= rate)
        return kernels.family("elementwise", a).dropped(a, kept, 1 / (1 - rate)), (kept, rate)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        if saved is None:
            return delta
        kept, rate = saved
        return kernels.family("elementwise", delta).dropped(delta, kept, 1 / (1 - rate))
