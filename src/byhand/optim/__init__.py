"""Optimisers: how a gradient becomes a change of the parameters. Each works in place on one flat vector."""

from __future__ import annotations

from typing import Any

from byhand import limits
from byhand.optim.adam import Adam, AdamW, RMSProp
from byhand.optim.clipping import clip
from byhand.optim.lion import Lion
from byhand.optim.muon import Muon
from byhand.optim.optimizer import Optimizer
from byhand.optim.parameters import vectors
from byhand.optim.sgd import SGD
from byhand.registry import Registry

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "AdamW",
    "Lion",
    "Muon",
    "Optimizer",
    "RMSProp",
    "by_name",
    "check_settings",
    "clip",
    "vectors",
]

OPTIMIZERS: dict[str, type[Optimizer]] = Registry(
    "optimizer", {kind.name: kind for kind in (SGD, RMSProp, Adam, AdamW, Lion, Muon)}
)


def by_name(name: str, learning_rate: float, **settings: Any) -> Optimizer:
    """The optimiser of this name; raises ModelError for an unknown name or setting.

    >>> by_name("sgd", 3.0)
    SGD(learning_rate=3.0, momentum=0.0, nesterov=False)
    """
    check_settings(name, settings)
    kind: Any = OPTIMIZERS[name]
    made: Optimizer = kind(learning_rate, **settings)
    return made


def check_settings(name: str, settings: dict[str, Any]) -> None:
    """Raise ModelError for an unknown optimiser, or a setting beside its learning rate that it does not have."""
    kind: Any = OPTIMIZERS[limits.one_of("optimizer", name, OPTIMIZERS)]
    limits.known_settings(f"the optimizer {name}", settings, limits.parameters(kind, "learning_rate"))
