r"""How weights begin: small enough not to saturate, large enough not to fade.

The biases of `he` and `glorot` are zero, those of the others random.

`fan_in` and `fan_out` are those of the one layer that is being filled: n_(l-1) and n_l.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from byhand.backend import Array
from byhand.errors import ModelError


def nielsen(w: Array, b: Array, rng: np.random.Generator) -> None:
    r"""w ~ N(0, 1/fan_in), b ~ N(0, 1). Source: Nielsen (2015), chapter 3, "Weight initialization"."""
    w[...] = rng.standard_normal(w.shape) / math.sqrt(w.shape[1])
    b[...] = rng.standard_normal(b.shape)


def he(w: Array, b: Array, rng: np.random.Generator) -> None:
    r"""w ~ N(0, 2/fan_in), b = 0. Source: He et al. (2015), arXiv:1502.01852, eq. 10."""
    w[...] = rng.standard_normal(w.shape) * math.sqrt(2 / w.shape[1])
    b[...] = 0


def glorot(w: Array, b: Array, rng: np.random.Generator) -> None:
    r"""w ~ U(-r, r) with r = sqrt(6 / (fan_in + fan_out)), b = 0. Source: Glorot and Bengio (2010), eq. 16."""
    r = math.sqrt(6 / (w.shape[0] + w.shape[1]))
    w[...] = rng.uniform(-r, r, w.shape)
    b[...] = 0


def uniform(w: Array, b: Array, rng: np.random.Generator) -> None:
    r"""w, b ~ U(-r, r) with r = 1 / sqrt(fan_in), a sixth of he's variance: as PyTorch's layers begin.

    Where what a layer computes is added to what was there before, as in a U-Net, he's variance adds up from block to block.
    Source: Glorot and Bengio (2010), eq. 1.
    """
    r = 1 / math.sqrt(w.shape[1])
    w[...] = rng.uniform(-r, r, w.shape)
    b[...] = rng.uniform(-r, r, b.shape)


INITIALISERS: dict[str, Callable[[Array, Array, np.random.Generator], None]] = {
    "nielsen": nielsen,
    "he": he,
    "glorot": glorot,
    "uniform": uniform,
}


def named(name: str) -> Callable[[Array, Array, np.random.Generator], None]:
    """The initialiser of this name; raises ModelError for an unknown one."""
    if name not in INITIALISERS:
        raise ModelError(f"initialiser {name!r} is unknown: choose one of {', '.join(INITIALISERS)}")
    return INITIALISERS[name]
