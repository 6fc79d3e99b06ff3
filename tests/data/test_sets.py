"""The data sets: their sizes, their splits, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from byhand import data
from byhand.data.dataset import Dataset, stratified_split
from byhand.data.moons import make_moons
from byhand.errors import ByhandError, DataError


@pytest.mark.slow
def test_mnist_has_its_counts_and_nielsens_split() -> None:
    splits = data.load("mnist")
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [50_000, 10_000, 10_000]
    assert np.bincount(splits.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert splits.train.inputs.shape[1:] == (28, 28, 1) and splits.train.inputs.dtype == np.float32
    assert splits.train.inputs.min() == 0 and splits.train.inputs.max() == 1
    whole = data.load("mnist", validation=0)
    assert len(whole.train) == 60_000 and whole.validation is None
    assert np.array_equal(whole.train.labels[50_000:], splits.validation.labels)


def test_iris_is_split_evenly_and_standardised_with_its_training_part() -> None:
    splits = data.load("iris")
    assert np.bincount(splits.train.labels).tolist() == [40, 40, 40]
    assert np.bincount(splits.test.labels).tolist() == [10, 10, 10]
    assert np.allclose(splits.train.inputs.mean(axis=0), 0, atol=1e-5) and np.allclose(
        splits.train.inputs.std(axis=0), 1, atol=1e-5
    )
    assert splits.train.class_names == ("setosa", "versicolor", "virginica")
    assert "seed 0" in splits.note


def test_moons_lie_on_their_half_circles_without_noise() -> None:
    moons = make_moons(200, noise=0, seed=3)
    upper = moons.inputs[moons.labels == 0]
    assert np.allclose(np.hypot(*upper.T), 1, atol=1e-6) and (upper[:, 1] >= -1e-6).all()
    assert np.array_equal(moons.inputs, make_moons(200, noise=0, seed=3).inputs)
    parts = data.load("moons")
    assert not np.array_equal(parts.train.inputs, parts.test.inputs)


def test_a_stratified_split_keeps_every_sample_once_and_every_class_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [100, 30, 5])
    whole = Dataset("x", np.arange(135, dtype=np.float32)[:, None], labels, ("a", "b", "c"))
    rest, held = stratified_split(whole, 0.1, seed=int(rng.integers(100)))
    assert sorted([*rest.inputs[:, 0], *held.inputs[:, 0]]) == list(range(135))
    assert np.bincount(held.labels).tolist() == [10, 3, 1]


def test_a_class_of_one_sample_cannot_be_split() -> None:
    lonely = Dataset("x", np.zeros((3, 1), np.float32), np.array([0, 0, 1]), ("a", "b"))
    with pytest.raises(DataError, match="x: class 'b' must have 2 samples or more, one to train and one to test"):
        stratified_split(lonely, 0.5, seed=0)


@pytest.mark.parametrize(
    ("inputs", "labels", "said"),
    [
        (np.zeros((2, 3)), [0], "2 inputs but 1 labels"),
        (np.zeros((0, 3)), [], "no samples"),
        (np.zeros((2, 3)), [0, 2], "bad: labels must be from 0 to 1, one for each class name"),
        (np.zeros((2, 3)), [-1, 0], "bad: labels must be from 0 to 1, one for each class name"),
        (np.array([[0.0], [np.nan]]), [0, 1], "sample 1 holds NaN"),
    ],
)
def test_parts_that_do_not_fit_are_refused(inputs: np.ndarray, labels: list[int], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Dataset("bad", inputs.astype(np.float32), np.array(labels, np.int64), ("a", "b"))


def test_targets_are_one_hot() -> None:
    one = Dataset("x", np.zeros((3, 1), np.float32), np.array([2, 0, 1]), ("a", "b", "c"))
    assert one.targets().tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ByhandError, match="did you mean 'mnist'"):
        data.load("mnits")


@pytest.mark.parametrize("spec", ["", "zzz", "no/such/folder", "table.csv", "x" * 5_000, "a\0b"])
def test_what_is_neither_a_name_nor_a_path_is_refused_in_one_line(spec: str) -> None:
    with pytest.raises(DataError, match=r"does not exist|must be text") as caught:
        data.load(spec)
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)


@pytest.mark.parametrize("validation", [-1, 60_000, 10.5, "all"])
def test_an_impossible_validation_part_is_refused(validation: object) -> None:
    with pytest.raises(DataError, match="validation must be "):
        data.load("mnist", validation=validation)


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_a_damaged_installation_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> None:
    from byhand.data import mnist

    if content is not None:
        (tmp_path / "mnist.npz").write_bytes(content)
    monkeypatch.setattr(mnist, "FILE", tmp_path / "mnist.npz")
    with pytest.raises(DataError, match="install byhand again"):
        data.load("mnist")


def test_a_cut_mnist_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from byhand.data import mnist

    content = bytearray(mnist.FILE.read_bytes())
    content[1000:1100] = bytes(100)
    (tmp_path / "mnist.npz").write_bytes(content)
    monkeypatch.setattr(mnist, "FILE", tmp_path / "mnist.npz")
    with pytest.raises(DataError, match="install byhand again"):
        data.load("mnist")


@pytest.mark.parametrize(("n", "noise"), [(1, 0.1), (10.5, 0.1), (10, -1.0), (10, float("nan")), (10, 1e300)])
def test_impossible_moons_are_refused(n: float, noise: float) -> None:
    with pytest.raises(DataError, match="moons: n"):
        make_moons(n, noise)  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", [np.zeros((3, 1), np.int64), np.zeros(3), np.array(0), np.array(["a", "b", "c"])])
def test_labels_that_are_no_row_of_whole_numbers_are_refused(labels: np.ndarray) -> None:
    with pytest.raises(DataError, match="expected whole numbers") as caught:
        Dataset("bad", np.zeros((3, 2), np.float32), labels, ("a", "b"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(3,), (3, 0), (3, 28, 0, 1)])
def test_samples_without_numbers_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="a number or more a sample"):
        Dataset("bad", np.zeros(shape, np.float32), np.zeros(3, np.int64), ("a", "b"))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 2, float("nan")])
def test_an_impossible_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(DataError, match="the fraction that is held out must be a"):
        stratified_split(make_moons(10), fraction, seed=0)


def test_a_split_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    whole = make_moons(100)
    one, same, other = (stratified_split(whole, 0.3, seed)[1].inputs for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_the_catalogue_lists_what_load_takes() -> None:
    from byhand.data.catalogue import LOADERS

    assert {row.name for row in data.available()} == set(LOADERS)
