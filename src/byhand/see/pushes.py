"""Which samples of a batch pushed one weight, and which way: its gradient is a sum over the samples, so each has a share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from byhand.backend import Array

MOST = 3


@dataclass(frozen=True)
class Push:
    """One sample's push on a weight: -a_k delta_j / m, against its gradient, so that a positive push raises the weight.

    index: of the sample in the data set; share: of all pushes' sizes added up, in [0, 1].
    """

    index: int
    label: str
    value: float
    share: float

    @property
    def name(self) -> str:
        """As `5 (three)`, or the index alone where there is no label."""
        return f"{self.index} ({self.label})" if self.label else str(self.index)


def ranked(values: Array, indices: Sequence[int], labels: Sequence[str]) -> tuple[tuple[Push, ...], tuple[Push, ...]]:
    """The largest pushes up and down; values: (m,) one push a sample, above 0 where it raises the weight."""
    whole = float(abs(values).sum())
    found = [
        Push(int(index), label, float(value), abs(float(value)) / whole)
        for index, label, value in zip(indices, labels, values, strict=True)
        if value
    ]
    up = sorted((push for push in found if push.value > 0), key=lambda push: -push.value)
    down = sorted((push for push in found if push.value < 0), key=lambda push: push.value)
    return tuple(up[:MOST]), tuple(down[:MOST])
