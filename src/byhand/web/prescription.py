"""From what the doctor says to the form: the fixes that are a setting of it, as that setting.

A fix is words for a person. Where the words name a value that the form has a field for, they become that value.
"""

from __future__ import annotations

import re
from typing import Any

from byhand.errors import ByhandError
from byhand.web.choices import KINDS, chosen

NUMBER = r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
SETTINGS: list[tuple[str, str]] = [
    ("lr", rf"^learning rate {NUMBER} instead of "),
    ("epochs", r"^(\d+) epochs(?: instead of |$)"),
    ("batch_size", r"^batches of (\d+) samples"),
]
FACTORS = {"a tenth of the learning rate": ("lr", 0.1), "with eight times as many hidden units": ("hidden", 8)}


def prescribed(fix: str, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The settings of the form that a fix changes, beside the present ones; None where it is none of them, or beyond its limits.

    >>> prescribed("learning rate 0.3 instead of 3", {"recipe": "iris", "model": "feedforward", "lr": 3.0})
    {'lr': 0.3}
    >>> prescribed("shuffle the samples", {"recipe": "iris", "model": "feedforward"}) is None
    True
    """
    change = _change(fix, settings)
    try:
        if change is not None:
            chosen({name: value for name, value in settings.items() if name != "data"} | change)
    except ByhandError:
        return None
    return change


def _change(fix: str, settings: dict[str, Any]) -> dict[str, Any] | None:
    for name, pattern in SETTINGS:
        if found := re.search(pattern, fix):
            return {name: float(found[1]) if name == "lr" else int(found[1])}
    for words, (name, factor) in FACTORS.items():
        kept = name == "hidden" and name not in KINDS[settings["model"]]  # a convolutional network keeps its layers
        if fix.startswith(words) and settings.get(name) and not kept:
            value = settings[name]
            return {name: [units * factor for units in value] if isinstance(value, list) else value * factor}
    return None
