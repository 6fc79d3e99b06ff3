"""Who explains which kind of network: each kind gives its account through one function, registered here under its class.

    @gives_account(MyNetwork, called="my kind of network", option="at", advice="name a number instead, as in --at 3")
    def explain_mine(network, request): ...

A subclass is explained as the class that it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.optim import Optimizer
from byhand.see.explanation import Explanation


@dataclass(frozen=True)
class Request:
    """What is to be explained of a network: see `byhand.see.explain.explain`, whose arguments these are."""

    x: Array
    y: Array
    optimizer: Optimizer | None
    indices: tuple[int, ...]
    weights: Sequence[Any]
    at: Sequence[Any]
    classes: Sequence[str]
    clip: float | None
    dtype: Any
    rng: np.random.Generator


@dataclass(frozen=True)
class Account:
    """A kind of network in words, and what explains it. option: "weights" or "at", by which one names what to follow."""

    explain: Callable[[Any, Request], Explanation]
    called: str
    option: str
    advice: str

    def check(self, weights: Sequence[Any], at: Sequence[Any], what: str) -> None:
        """Raises ModelError where a number is named as in another kind of network; what: the network, as the user named it."""
        foreign, name = (at, "place") if self.option == "weights" else (weights, "weight")
        if foreign:
            raise ModelError(
                f"{name} {str(foreign[0])!r} is named as in another kind of network, but {what} is {self.called}: {self.advice}"
            )


ACCOUNTS: dict[type, Account] = {}


def gives_account(
    *kinds: type, called: str, option: str, advice: str
) -> Callable[[Callable[[Any, Request], Explanation]], Callable[[Any, Request], Explanation]]:
    """Register a function as what explains networks of these classes."""

    def register(explain: Callable[[Any, Request], Explanation]) -> Callable[[Any, Request], Explanation]:
        ACCOUNTS.update(dict.fromkeys(kinds, Account(explain, called, option, advice)))
        return explain

    return register


def account_of(network: Any) -> Account:
    """Who explains this network; raises ModelError where nobody does."""
    for kind in type(network).__mro__:
        if kind in ACCOUNTS:
            return ACCOUNTS[kind]
    known = ", ".join(sorted(kind.__name__ for kind in ACCOUNTS))
    raise ModelError(
        f"explain does not know a {type(network).__name__}: give one of {known}, or a class of your own made from one"
    )
