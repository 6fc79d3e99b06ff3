"""One door to all data: a name, or a path to one's own."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from byhand.data.dataset import Splits
from byhand.errors import DataError


@dataclass(frozen=True)
class Available:
    """A data set that byhand knows: its size, and where it is."""

    name: str
    description: str
    n: int
    shape: tuple[int, ...]
    classes: int
    where: str


def load(spec: str, **options: Any) -> Splits:
    """The data set of this name, or of this path: a folder of images, an `.npz`, a `.csv`, or text in a `.txt` file.

    Raises DataError for anything else, with what there is.

    >>> splits = load("iris")
    >>> splits.train.inputs.shape, splits.test.inputs.shape
    ((120, 4), (30, 4))
    """
    if spec in LOADERS:
        return LOADERS[spec](**options)
    if Path(spec).suffix.lower() == ".txt" and os.path.exists(spec):
        from byhand.data.text import load_text

        return load_text(Path(spec), **options)
    if spec and os.path.exists(spec):
        from byhand.data.own import load_own

        return load_own(Path(spec), **options)
    near = difflib.get_close_matches(spec, LOADERS, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(LOADERS)}, or a path to your own"
    raise DataError(f"there are no data {spec[:200]!r}: {hint}")


def available() -> list[Available]:
    """The data sets by name, for `byhand data`."""
    from byhand.data.emnist import where

    return [
        Available("mnist", "handwritten digits", 70_000, (28, 28, 1), 10, "bundled"),
        Available("iris", "flowers, four lengths each", 150, (4,), 3, "bundled"),
        Available("moons", "two half circles in the plane", 3_000, (2,), 2, "generated"),
        Available("docs", "the texts of this project, 231,483 characters", 7_680, (96,), 96, "bundled"),
        Available("emnist", "handwritten digits and letters", 814_255, (28, 28, 1), 62, where()),
    ]


def _mnist(**options: Any) -> Splits:
    from byhand.data.mnist import load_mnist

    return load_mnist(**options)


def _iris(**options: Any) -> Splits:
    from byhand.data.iris import load_iris

    return load_iris(**options)


def _moons(**options: Any) -> Splits:
    from byhand.data.moons import load_moons

    return load_moons(**options)


def _emnist(**options: Any) -> Splits:
    from byhand.data.emnist import load_emnist

    return load_emnist(**options)


def _docs(**options: Any) -> Splits:
    from byhand.data.text import load_docs

    return load_docs(**options)


LOADERS: dict[str, Callable[..., Splits]] = {"mnist": _mnist, "iris": _iris, "moons": _moons, "docs": _docs, "emnist": _emnist}
