"""Data as a pair (x, y): what y means by the network's outputs, and what is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand.errors import DataError, ModelError
from byhand.training.pairs import dataset_of

X = np.random.default_rng(0).normal(size=(120, 2))
SAME_SIGN = (X[:, 0] * X[:, 1] > 0).astype(int)


def classifier(outputs: int = 2) -> byhand.FeedForward:
    output = "sigmoid" if outputs == 1 else "softmax"
    return byhand.FeedForward((2, 16, outputs), "relu", output=output, cost="cross_entropy", seed=1)


def regressor() -> byhand.FeedForward:
    return byhand.FeedForward((2, 8, 1), "tanh", output="identity", cost="quadratic", seed=1)


@pytest.mark.parametrize(
    ("y", "names", "labels"),
    [
        ([0, 1, 1], ("0", "1", "2"), [0, 1, 1]),  # the outputs' numbers, though one class is missing
        ([1.0, 2.0, 0.0], ("0", "1", "2"), [1, 2, 0]),
        (["b", "c", "a"], ("a", "b", "c"), [1, 2, 0]),
        (np.array(["b", "c", "a"], object), ("a", "b", "c"), [1, 2, 0]),
        ([10, 2, 3], ("2", "3", "10"), [2, 0, 1]),
        ([[0, 1, 0], [0, 0, 1], [1, 0, 0]], ("0", "1", "2"), [1, 2, 0]),
        ([[2], [0], [1]], ("0", "1", "2"), [2, 0, 1]),
    ],
)
def test_what_the_labels_mean_to_a_network_of_three_outputs(y: Any, names: tuple[str, ...], labels: list[int]) -> None:
    data = dataset_of((X[:3], y), classifier(3))
    assert data.class_names == names
    assert data.labels.tolist() == labels


@pytest.mark.parametrize("y", [[1.5, 2.0, -1.0], [30, 41, 52], [[1.0], [2.5], [3.0]]])
def test_one_output_and_many_values_are_numbers_to_learn(y: Any) -> None:
    data = dataset_of((X[:3], y), regressor())
    assert data.task == "numbers"
    np.testing.assert_allclose(data.values, np.reshape(y, (3, 1)))


def test_a_pair_trains_as_its_data_set_does_bit_for_bit() -> None:
    pair, whole = classifier(), classifier()
    data = byhand.data.Dataset("mine", X.astype(np.float32), SAME_SIGN.astype(np.int64), ("0", "1"))
    history = pair.fit((X, SAME_SIGN), validation=(X[:20], SAME_SIGN[:20]), epochs=30, optimizer=byhand.optim.Adam(0.01))
    whole.fit(data, epochs=30, optimizer=byhand.optim.Adam(0.01))
    np.testing.assert_array_equal(pair.parameters, whole.parameters)
    assert history.epochs[-1].validation_accuracy > 0.9
    assert byhand.evaluate(pair, (X, SAME_SIGN)).accuracy == byhand.evaluate(whole, data).accuracy > 0.9


def test_words_of_the_validation_data_are_matched_by_name() -> None:
    words = np.array(["other", "same"])[SAME_SIGN]
    some = words == "same"  # their first class is the training's second
    network = classifier()
    network.fit((X, words), epochs=60, optimizer=byhand.optim.Adam(0.01))
    history = network.fit((X, words), validation=(X[some], words[some]), epochs=1, optimizer=byhand.optim.Adam(1e-5))
    assert history.epochs[-1].validation_accuracy > 0.9


def test_numbers_are_learned_of_a_table_and_its_column() -> None:
    pandas = pytest.importorskip("pandas")
    network, y = regressor(), X[:, 0] + 2 * X[:, 1]
    frame = pandas.DataFrame(X, columns=["a", "b"])
    network.fit((frame, pandas.Series(y)), epochs=60, optimizer=byhand.optim.Adam(0.01))
    assert byhand.evaluate(network, (X, y)).r2 > 0.95
    assert dataset_of((X[:2], [1, 2]), network).task == "numbers"  # it tells numbers now, however few there are


def test_an_autoencoder_needs_no_targets() -> None:
    from byhand.models.autoencoder import Autoencoder

    network = Autoencoder(6, (4,), 2, seed=1)
    history = network.fit(np.random.default_rng(1).random((40, 6)), epochs=2, optimizer=byhand.optim.Adam(0.01))
    assert history.epochs[1].cost < history.epochs[0].cost


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((X, SAME_SIGN[:5]), "x has 120 samples but y has 5"),
        (X, r"the network learns from targets: give it \(x, y\)"),
        ((X[:, 0], SAME_SIGN), r"write x\[:, None\]"),
        ((X, SAME_SIGN + 0.5), "a number to learn, but the network has 2 outputs"),
        ((np.full((2, 2), 200, np.uint8), [0, 1]), "divide it by 255"),
        ((X[:3], ["a", "b", "c"]), "as many classes as the network has outputs, 2, .* got 3: a, b, c"),
        ((X[:2], [0.0, np.nan]), "y of sample 1 is NaN"),
        ((np.array([["u", "v"]]), [0]), "read by byhand.data.load"),
        ((X[:2], np.array([1, "a"], object)), "all words or all numbers"),
        (([[1, 2], [3]], [0, 1]), "x must be an array"),
        ((X[:2], [[0], [1, 2]]), "y must be an array"),
        ((np.ma.masked_less(X, 0), SAME_SIGN), "x has a mask"),
        ((X.astype(complex), SAME_SIGN), "x must be numbers, got complex128$"),
        ((X, X), "outputs lie between 0 and 1 .softmax."),
    ],
)
def test_what_is_no_pair_is_refused_in_words(data: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        classifier().fit(data)


def test_shares_of_classes_are_numbers_that_a_softmax_can_learn() -> None:
    assert dataset_of((X[:2], [[0.5, 0.5], [0.25, 0.75]]), classifier()).task == "numbers"


def test_images_are_turned_as_the_network_reads_them_or_refused() -> None:
    from byhand import nn

    network = nn.Network(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 6 * 4, 2)), (8, 6, 3), seed=1)
    images = np.random.default_rng(2).random((4, 8, 6, 3), np.float32)
    for x in (images, np.moveaxis(images, 3, 1)):
        np.testing.assert_array_equal(dataset_of((x, [0, 1, 0, 1]), network).inputs, images)
    with pytest.raises(DataError, match=r"must be images \(N, 8, 6, 3\)"):
        dataset_of((np.moveaxis(images, 1, 2), [0, 1, 0, 1]), network)


def test_a_conditional_autoencoder_is_not_trained_without_its_classes() -> None:
    from byhand.models.vae import VAE

    with pytest.raises(DataError, match="give it"):
        VAE(6, (4,), 2, classes=3, seed=1).fit(np.ones((3, 6)))


def test_a_network_is_saved_with_the_names_of_its_classes(tmp_path: Path) -> None:
    network = classifier()
    network.save(tmp_path / "mine", class_names=["other", "same"])
    model = byhand.load(tmp_path / "mine.safetensors")
    assert model.class_names == ("other", "same")
    np.testing.assert_array_equal(model.network.parameters, network.parameters)
    words = np.array(["other", "same"])[SAME_SIGN]
    assert byhand.evaluate(model, (X, words)).accuracy == byhand.evaluate(network, (X, SAME_SIGN)).accuracy
    with pytest.raises(ModelError, match="must be 2, one for each class, got 3"):
        byhand.save(network, tmp_path / "other", class_names=["a", "b", "c"])
    assert [path.name for path in tmp_path.iterdir()] == ["mine.safetensors"]
