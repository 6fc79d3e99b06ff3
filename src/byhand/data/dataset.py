"""A data set: inputs, and what is to be learned of them, a class or a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from byhand import limits, notebook_html
from byhand.backend import Array, generator
from byhand.data.task import is_yes_no
from byhand.errors import DataError

if TYPE_CHECKING:
    from byhand.data.pictures import PicturePreparation
    from byhand.data.tables.encoding import Encoding

SHOWN = 20  # samples and classes, in a notebook; of rows of numbers half of them
OFTEN = 5  # samples with the same labels, from where on each part gets its share of them
MANY = 20  # classes that are numbers: with more, and broken or single ones among them, they are rather measurements


@dataclass(frozen=True, repr=False)
class Dataset:
    """Samples, each with its class or with the number that is to be learned.

    Attributes:
        inputs: (N, ...) float32; images are (N, H, W, C) in [0, 1], white ink on black.
        labels: (N,) int64, from 0 to n_classes - 1; zeros where numbers are learned.
        class_names: one per class, () where numbers are learned. source: where the data come from, in words.
        feature_names: of the columns, where they have names.
        scaling: (mean, deviation) of each column, where they were taken off: inputs are then (measured - mean) / deviation.
        values: (N, k) float32, the numbers to learn, standardised as `encoding` says; or of several labels 1 for each that a
            sample has and else 0; None where classes are learned.
        label_names: of several labels at once, one per column of values; else ().
        encoding: of a table, how its columns became the inputs.
        weights: (N,) how much each sample counts in the training; None where all count alike.
        pictures: how pictures of a folder were scaled; None for data that were not.

    Raises DataError where the parts do not fit together or a number is not finite.
    """

    name: str
    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: str = ""
    feature_names: tuple[str, ...] = ()
    scaling: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    values: NDArray[np.float32] | None = None
    encoding: Encoding | None = None
    weights: NDArray[np.float64] | None = None
    pictures: PicturePreparation | None = None
    label_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_arrays(self)
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
        if self.values is not None:
            self._check_values()
        elif low < 0 or high >= len(self.class_names):
            raise DataError(
                f"{self.name}: labels must be from 0 to {len(self.class_names) - 1}, one for each class name, got {low} to {high}"
            )
        check_weights(self.name, self.weights, len(self))
        if not np.isfinite(self.inputs).all():
            row = int(np.flatnonzero(~np.isfinite(self.flat).all(axis=1))[0])
            raise DataError(f"{self.name}: sample {row} holds NaN or infinity: remove it or fill it in")

    def _check_values(self) -> None:
        values: Any = self.values
        if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or values.ndim != 2 or len(values) != len(self.inputs):
            raise DataError(f"{self.name}: values must be numbers (N, k), one row per sample, got {limits.told(values)}")
        if self.class_names or not np.isfinite(values).all():
            raise DataError(f"{self.name}: values must be finite numbers, and data with values have no class_names")
        if self.label_names and (len(self.label_names) != values.shape[1] or not ((values == 0) | (values == 1)).all()):
            raise DataError(f"{self.name}: of several labels values must be 0 or 1, one column for each of label_names")

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def task(self) -> str:
        """What is being learned: "classes", "yes_no", "labels" or "numbers"."""
        if self.values is not None:
            return "labels" if self.label_names else "numbers"
        return "yes_no" if is_yes_no(self.class_names) else "classes"

    @property
    def n_outputs(self) -> int:
        """How many outputs a network for it has: one per class, or per number to learn."""
        return self.n_classes if self.values is None else self.values.shape[1]

    @property
    def flat(self) -> NDArray[np.float32]:
        """The inputs as rows, (N, n_in): a view."""
        return self.inputs.reshape(len(self.inputs), -1)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.inputs.shape[1:]))
        what = f"{self.n_classes} classes" if self.values is None else f"{self.n_outputs} to learn"
        return f"Dataset({self.name}: {len(self):,} samples of {shape} numbers, {what})"

    def _repr_html_(self) -> str:
        """For notebooks: how many samples there are of each class, and the first ones."""
        told = notebook_html.heading(repr(self).removeprefix("Dataset(").removesuffix(")"))
        if self.values is None:
            names = [self.class_names[label] for label in self.labels[:SHOWN].tolist()]
            counts = np.bincount(self.labels, minlength=self.n_classes).tolist()
            most = [("and more", sum(counts[SHOWN:]))] if len(counts) > SHOWN else []
            rows = [*zip(self.class_names[:SHOWN], counts[:SHOWN], strict=True), *most]
            told += notebook_html.table(("class", "samples"), rows)
        else:
            word = self._label_words if self.label_names else lambda row: ", ".join(f"{value:.4g}" for value in row)
            names = [word(row) for row in self.values[:SHOWN].tolist()]
        if self.inputs.ndim == 4 and self.inputs.shape[3] in (1, 3):
            return told + notebook_html.pictures(self.inputs[:SHOWN], names)
        columns = self.feature_names if len(self.feature_names) == self.flat.shape[1] else range(self.flat.shape[1])
        heads = [*(str(name) for name in list(columns)[:SHOWN]), "target"]
        cells = self.flat[: SHOWN // 2, :SHOWN].tolist()
        return told + notebook_html.table(heads, [[*row, name] for row, name in zip(cells, names, strict=False)])

    def _label_words(self, row: list[float]) -> str:
        return ", ".join(name for name, mark in zip(self.label_names, row, strict=True) if mark) or "none"

    def targets(self, dtype: Any = np.float32) -> Array:
        """What the outputs should be: one-hot (N, n_classes), or the numbers to learn (N, k)."""
        if self.values is not None:
            return self.values.astype(dtype)
        y = np.zeros((len(self), self.n_classes), dtype)
        y[np.arange(len(self)), self.labels] = 1
        return y

    def take(self, indices: Any) -> Dataset:
        """The data set of these samples alone."""
        values = None if self.values is None else self.values[indices]
        weights = None if self.weights is None else self.weights[indices]
        return replace(self, inputs=self.inputs[indices], labels=self.labels[indices], values=values, weights=weights)


def check_arrays(data: Dataset) -> None:
    """Raises DataError where the parts of a data set are not of the types that it promises."""
    limits.text("the name of a data set", data.name, error=DataError)
    for what in ("inputs", "labels"):
        if not isinstance(getattr(data, what), np.ndarray):
            raise DataError(f"{data.name}: {what} must be a NumPy array, got {limits.told(getattr(data, what))}")
    if data.inputs.dtype.kind not in "fiub":
        raise DataError(f"{data.name}: inputs must be numbers, got {data.inputs.dtype}")
    names = data.class_names
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{data.name}: class_names must be a tuple of text, one for each class, got {limits.told(names)}")


def check_weights(name: str, weights: Any, n: int) -> None:
    """Raises DataError where the weights of samples are not one per sample, from 0 up, and some above 0."""
    if weights is None:
        return
    if not isinstance(weights, np.ndarray) or weights.dtype.kind != "f" or weights.shape != (n,):
        raise DataError(f"{name}: weights must be numbers ({n},), one per sample, got {limits.told(weights)}")
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if wrong.size:
        raise DataError(f"{name}: the weight of a sample must be 0 or more, got {weights[wrong[0]]:g} for sample {wrong[0]}")
    if not weights.any():
        raise DataError(f"{name}: all weights are 0, so no sample would be trained on: give some a weight above 0")


@dataclass(frozen=True)
class Splits:
    """What one trains on, validates on (where there is any) and tests on; `note` says how it was split.

    folds: where the data are to be cross-validated; train and test are then both all there is.
    """

    train: Dataset
    validation: Dataset | None
    test: Dataset
    note: str = ""
    folds: Folds | None = None


@dataclass(frozen=True)
class Folds:
    """The folds of a cross-validation, one after the other: what each trains on, and what it tests on.

    Attributes:
        n: how many. places: (N,) in which fold each sample is tested, from 0; -1 for one that never is.
        parted: makes the two data sets of the places of their samples.
    """

    n: int
    places: NDArray[np.intp]
    parted: Callable[[NDArray[np.intp], NDArray[np.intp]], tuple[Dataset, ...]]

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Splits]:
        for fold in range(self.n):
            train, test = self.parted(np.flatnonzero(self.places != fold), np.flatnonzero(self.places == fold))
            yield Splits(train, None, test)


def in_folds(data: Dataset, folds: Any, seed: int = 0) -> Splits:
    """A data set to be cross-validated: all of it to train on, and its folds, stratified.

    Raises DataError where it has fewer samples than folds, or every class a single one.
    """
    folds = limits.whole("folds", folds, least=2, error=DataError)
    if data.values is None or data.label_names:
        kinds = data.labels if data.values is None else combinations(data.values)
        places = fold_classes(kinds, int(kinds.max()) + 1, folds, seed)
    else:
        places = fold_numbers(data.values[:, 0], folds, seed)
    check_folds(data.name, places, folds)
    return Splits(data, None, data, folds=Folds(folds, places, lambda rest, held: (data.take(rest), data.take(held))))


def check_folds(name: str, places: NDArray[np.intp], folds: int) -> None:
    """Raises DataError where a fold has nothing to test on."""
    tested = int((places >= 0).sum())
    if folds > tested:
        alone = "" if tested == len(places) else ", without the single ones of their class"
        raise DataError(
            f"{name} has {tested:,} samples{alone}, which do not make {folds:,} folds: choose {max(2, min(tested, 5))} or fewer"
            if tested > 1
            else f"{name} has too few samples to cross-validate: there must be 2 of a class or more"
        )


def stratified_split(data: Dataset, fraction: float, seed: int) -> tuple[Dataset, Dataset]:
    """Part a data set into (rest, held out): of each class the same fraction is held out, at least one sample.

    Of numbers to learn the same fraction of the small ones, the middle ones and the large ones is held out.

    Raises DataError where a class has too few samples to be on both sides.
    """
    fraction = limits.number("the fraction that is held out", fraction, above=0, below=1, error=DataError)
    if not isinstance(data, Dataset):
        raise DataError(f"what is split must be a Dataset, got {limits.told(data)}")
    if data.values is not None:
        if data.label_names:
            kinds = combinations(data.values)
            rest, held = part_classes(kinds, int(kinds.max()) + 1, fraction, seed)
        else:
            rest, held = part_numbers(data.values[:, 0], fraction, seed)
        return data.take(rest), data.take(held)
    _check_classes(data)
    for k, n in enumerate(np.bincount(data.labels.reshape(-1), minlength=data.n_classes).tolist()):
        if n < 2:
            name = data.class_names[k]
            raise DataError(f"{data.name}: class {name!r} must have 2 samples or more, one to train and one to test on, got {n}")
    rest, held = part_classes(data.labels, data.n_classes, fraction, seed)
    return data.take(rest), data.take(held)


def part_classes(labels: Any, n_classes: int, fraction: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which samples stay and which are held out, evenly of each class; a single sample of a class stays."""
    rng = generator(seed, "split")
    rest, held = [], []
    for k in range(n_classes):
        members = rng.permutation(np.flatnonzero(labels == k))
        n = min(max(1, round(fraction * len(members))), len(members) - 1)
        held.append(members[: max(0, n)])
        rest.append(members[max(0, n) :])
    return np.sort(np.concatenate(rest)), np.sort(np.concatenate(held))


def combinations(marks: Any) -> NDArray[np.int64]:
    """Which combination of labels each sample has, (N,) from 0; all that are rarer than OFTEN are one.

    >>> combinations(np.array([[0, 1]] * 5 + [[1, 1], [1, 0]])).tolist()
    [1, 1, 1, 1, 1, 0, 0]
    """
    _, which, counts = np.unique(marks, axis=0, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    common = np.flatnonzero(counts >= OFTEN)
    place = np.zeros(len(counts), np.int64)
    place[common] = np.arange(1, len(common) + 1)
    found = place[which]
    return found if (found == 0).any() else found - 1


def part_numbers(values: Any, fraction: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which samples stay and which are held out: of the values in their order, one of every few that follow each other.

    >>> rest, held = part_numbers(np.arange(100.0), 0.2, 0)
    >>> len(held), np.histogram(held, 4)[0].tolist()
    (20, [5, 5, 5, 5])
    """
    rng, order = generator(seed, "split"), np.argsort(values, kind="stable")
    n = max(1, round(fraction * len(order)))
    groups = np.array_split(order, n)
    held = np.array([rng.choice(group) for group in groups], np.intp)
    rest = np.setdiff1d(np.arange(len(order)), held)
    if not len(rest):
        raise DataError(f"there must be 2 samples or more, one to train and one to test on, got {len(order)}")
    return rest, np.sort(held)


def fold_classes(labels: Any, n_classes: int, folds: int, seed: int) -> NDArray[np.intp]:
    """In which fold each sample is tested, from 0, evenly of each class; -1 for the single sample of a class, always trained on.

    >>> np.bincount(fold_classes(np.array([0, 0, 0, 1, 1, 1]), 2, 3, 0)).tolist()
    [2, 2, 2]
    """
    rng, found, dealt = generator(seed, "folds"), np.full(len(labels), -1, np.intp), 0
    for k in range(n_classes):
        members = rng.permutation(np.flatnonzero(labels == k))
        if len(members) > 1:
            found[members] = (dealt + np.arange(len(members))) % folds  # where the class before ended, so that folds are alike
            dealt += len(members)
    return found


def fold_numbers(values: Any, folds: int, seed: int) -> NDArray[np.intp]:
    """In which fold each sample is tested, from 0: of the values in their order, of every few that follow each other one in each.

    >>> np.bincount(fold_numbers(np.arange(7.0), 3, 0)).tolist()
    [3, 2, 2]
    """
    rng, order = generator(seed, "folds"), np.argsort(values, kind="stable")
    found = np.empty(len(order), np.intp)
    for begin in range(0, len(order), folds):
        group = order[begin : begin + folds]
        found[group] = rng.permutation(len(group))
    return found


def _check_classes(data: Dataset) -> None:
    """Raises DataError where what should be classes are the values of a number to learn: a price, a length."""
    try:
        values = [float(name) for name in data.class_names]
    except ValueError:
        return
    counts = np.bincount(data.labels.reshape(-1), minlength=len(values))
    broken, single = any(value % 1 for value in values), int((counts == 1).sum())
    if ((broken or single) and len(values) > MANY) or single > len(data) / 2:
        raise DataError(
            f"{data.name} has {len(values):,} different numbers as classes, {single:,} of them only once: that is a number to "
            "learn, not a class, and byhand tells classes apart: choose a column of classes, or part them into ranges"
        )
