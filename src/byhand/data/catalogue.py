"""One door to all data: a name, or a path to one's own."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from byhand import limits
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


def load(spec: Any, *, progress: Callable[[int, int], None] | None = None, **options: Any) -> Splits:
    """The data set of this name, or of this path: a folder of images, an `.npz`, a table, or text in a `.txt` file.

    Tables are `.csv`, `.tsv` and `.parquet` files, and DataFrames. Which column is learned, and from which others, is decided by
    rules and told in the note; target="price", drop=["id"], use=["age"], task="numbers", missing="median" say it.

    Pictures of a folder are scaled to 32 x 32 or less, in colour where they have any; those that look like characters are
    prepared as MNIST's. size=64, colour=False, preparation="scaled" or "mnist" say it. `progress` hears how many are read, and
    of how many.

    Raises DataError for anything else, with what there is.

    >>> splits = load("iris")
    >>> splits.train.inputs.shape, splits.test.inputs.shape
    ((120, 4), (30, 4))
    """
    if hasattr(spec, "columns") and hasattr(spec, "__getitem__"):
        return _load_frame(spec, options)
    spec = limits.text("data", os.fspath(spec) if isinstance(spec, os.PathLike) else spec, error=DataError)
    load_it, known = _loader(spec)
    limits.known_settings(f"the data {limits.told(spec)}", options, known, DataError)
    listening = {"progress": progress} if progress is not None and os.path.isdir(spec) and spec not in LOADERS else {}
    return load_it(**options, **listening)


def _load_frame(frame: Any, options: dict[str, Any]) -> Splits:
    """A DataFrame, of whichever library."""
    from byhand.data.tables.splits import table_splits
    from byhand.data.tables.table import of_frame

    limits.known_settings("a DataFrame", options, limits.parameters(table_splits, "table", "parts"), DataError)
    return table_splits(of_frame(frame), **options)


def _loader(spec: str) -> tuple[Callable[..., Splits], list[str]]:
    """What reads the data of this name or path, and the names of its options."""
    if spec in LOADERS:
        module, name = LOADERS[spec]
        call = getattr(importlib.import_module(module), name)
        return call, limits.parameters(call)
    if spec and os.path.exists(spec):
        from byhand.data import own, text

        read = text.load_text if Path(spec).suffix.lower() == ".txt" else own.load_own
        return partial(read, Path(spec)), limits.parameters(read, "path", "progress")
    near = difflib.get_close_matches(spec, LOADERS, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(LOADERS)}, or a path to your own"
    raise DataError(f"{limits.told(spec)} does not exist: {hint}")


def available() -> list[Available]:
    """The data sets by name, for `byhand data`."""
    from byhand.data.emnist import where

    of_sklearn = "scikit-learn" if importlib.util.find_spec("sklearn") else "pip install 'byhand[sklearn]'"
    return [
        Available("mnist", "handwritten digits", 70_000, (28, 28, 1), 10, "bundled"),
        Available("iris", "flowers, four lengths each", 150, (4,), 3, "bundled"),
        Available("moons", "two half circles in the plane", 3_000, (2,), 2, "generated"),
        Available("circles", "one circle around another", 3_000, (2,), 2, "generated"),
        Available("spiral", "two arms that wind outwards", 3_000, (2,), 2, "generated"),
        Available("xor", "four spots, exclusive or", 3_000, (2,), 2, "generated"),
        Available("under-a-function", "points under a curve and over it", 3_000, (2,), 2, "generated"),
        Available("wine", "wines by 13 measurements, three growers", 178, (13,), 3, of_sklearn),
        Available("digits", "handwritten digits, coarse", 1_797, (8, 8, 1), 10, of_sklearn),
        Available("regression-sine", "a number: the sine of x, with noise", 1_000, (1,), 0, "generated"),
        Available("california-like", "a number: the price of a house by five columns", 4_000, (6,), 0, "generated"),
        Available("docs", "the texts of this project, 231,483 characters", 7_680, (96,), 96, "bundled"),
        Available("emnist", "handwritten digits and letters", 814_255, (28, 28, 1), 62, where()),
    ]


# Where each loader is, fetched when it is asked for.
LOADERS = {
    "mnist": ("byhand.data.mnist", "load_mnist"),
    "iris": ("byhand.data.iris", "load_iris"),
    "moons": ("byhand.data.moons", "load_moons"),
    "circles": ("byhand.data.plane", "load_circles"),
    "spiral": ("byhand.data.plane", "load_spiral"),
    "xor": ("byhand.data.plane", "load_xor"),
    "under-a-function": ("byhand.data.plane", "load_under_a_function"),
    "wine": ("byhand.sklearn.datasets", "load_wine"),
    "digits": ("byhand.sklearn.datasets", "load_digits"),
    "regression-sine": ("byhand.data.known_numbers", "load_sine"),
    "california-like": ("byhand.data.known_numbers", "load_california_like"),
    "docs": ("byhand.data.text", "load_docs"),
    "emnist": ("byhand.data.emnist", "load_emnist"),
}
