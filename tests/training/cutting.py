"""A training that is cut off in the middle of an epoch."""

from __future__ import annotations

from typing import Any

from byhand.training.fit import Callback


class PowerCut(Exception):
    """What ends a training here."""


class Cutting(Callback):
    def __init__(self, at: int) -> None:
        self.at = at

    def after_step(self, step: Any) -> None:
        if step.index == self.at:
            raise PowerCut
