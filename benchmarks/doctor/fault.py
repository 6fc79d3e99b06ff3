"""A seeded fault: it changes one thing of a healthy subject, as people do it by mistake.

A fault says which names for it are right (the same mistake can be seen from two sides), where it sits, and a word that a useful
fix has in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from byhand.see.doctor import Patient


@dataclass(frozen=True)
class Fault:
    """A seeded fault beside the healthy subject that it is compared with."""

    name: str
    right: tuple[str, ...]
    where: tuple[str, ...]
    fix: tuple[str, ...]
    make: Callable[[int], Patient]
    healthy: Callable[[int], Patient]
    judged_by: str = "worth"  # or "overstates": what it reports is better than what it is worth


def fault(name: str, right: str, where: str, fix: str, make: Any, healthy: Any, judged_by: str = "worth") -> Fault:
    split = lambda text: tuple(text.split("|"))  # noqa: E731
    return Fault(name, split(right), split(where), split(fix), make, healthy, judged_by)


def of(subject: Any, **given: Any) -> Callable[[int], Patient]:
    return lambda seed: subject(seed, **given)


DATA = "data|batches|validation|test"
RATE, ANY = "learning rate", "layer|all|training|cost|data|output"
