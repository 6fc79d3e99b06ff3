"""A data set: inputs, labels, and the names of the classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array, generator
from byhand.errors import DataError


@dataclass(frozen=True)
class Dataset:
    """Samples with their classes.

    Attributes:
        inputs: (N, ...) float32; images are (N, H, W, C) in [0, 1], white ink on black.
        labels: (N,) int64, from 0 to n_classes - 1.
        class_names: one a class. source: where the data come from, in words.

    Raises DataError where the parts do not fit together or a number is not finite.
    """

    name: str
    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: str = ""

    def __post_init__(self) -> None:
        if self.labels.ndim != 1 or self.labels.dtype.kind not in "iu":  # a column of labels would index other targets
            raise DataError(f"{self.name}: labels are {self.labels.dtype} {self.labels.shape}: expected whole numbers (N,)")
        if self.inputs.ndim < 2 or 0 in self.inputs.shape[1:]:
            raise DataError(
                f"{self.name}: inputs have the shape {self.inputs.shape}: expected (N, ...), a number or more a sample"
            )
        if len(self.inputs) != len(self.labels):
            raise DataError(
                f"{self.name}: {len(self.inputs)} inputs but {len(self.labels)} labels: there must be one label an input"
            )
        if len(self.inputs) == 0:
            raise DataError(f"{self.name}: there are no samples: expected at least one")
        low, high = int(self.labels.min()), int(self.labels.max())
        if low < 0 or high >= len(self.class_names):
            raise DataError(
                f"{self.name}: labels run from {low} to {high}, but there are {len(self.class_names)} classes, from 0"
            )
        if not np.isfinite(self.inputs).all():
            row = int(np.flatnonzero(~np.isfinite(self.flat).all(axis=1))[0])
            raise DataError(f"{self.name}: sample {row} holds NaN or infinity: remove it or fill it in")

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def flat(self) -> NDArray[np.float32]:
        """The inputs as rows, (N, n_in): a view."""
        return self.inputs.reshape(len(self.inputs), -1)

    def targets(self, dtype: Any = np.float32) -> Array:
        """One-hot targets, (N, n_classes)."""
        y = np.zeros((len(self), self.n_classes), dtype)
        y[np.arange(len(self)), self.labels] = 1
        return y

    def take(self, indices: Any) -> Dataset:
        """The data set of these samples alone."""
        return replace(self, inputs=self.inputs[indices], labels=self.labels[indices])


@dataclass(frozen=True)
class Splits:
    """What one trains on, validates on (where there is any) and tests on; `note` says how it was split."""

    train: Dataset
    validation: Dataset | None
    test: Dataset
    note: str = ""


def stratified_split(data: Dataset, fraction: float, seed: int) -> tuple[Dataset, Dataset]:
    """Part a data set into (rest, held out): of each class the same fraction is held out, at least one sample.

    Raises DataError where a class has too few samples to be on both sides.
    """
    if not 0 < fraction < 1:
        raise DataError(f"a fraction of {fraction} cannot be held out: choose one between 0 and 1")
    rng = generator(seed, "split")
    rest, held = [], []
    for k, name in enumerate(data.class_names):
        members = rng.permutation(np.flatnonzero(data.labels == k))
        n = max(1, round(fraction * len(members)))
        if n >= len(members):
            raise DataError(f"{data.name}: class {name!r} has {len(members)} samples, too few to train and to test on: add more")
        held.append(members[:n])
        rest.append(members[n:])
    return data.take(np.sort(np.concatenate(rest))), data.take(np.sort(np.concatenate(held)))
