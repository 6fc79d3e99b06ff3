"""What is unlike all that a classifier was trained on is told: Mahalanobis distances, their limit, what a file may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from byhand import FeedForward, data, nn
from byhand.data.dataset import Dataset
from byhand.errors import ModelError
from byhand.models.cnn import cnn
from byhand.read_pictures import predict
from byhand.shipped import open_model
from byhand.training.out_of_distribution import KEY, MOST_FEATURES, MOST_SAMPLES, UNLIKE, fitted, of_model
from byhand.training.own_data import recipe_for
from byhand.training.run import run


def blobs(n: int, seed: int, spread: float = 1.0) -> Dataset:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    centres = np.array([[4, 0, 0], [0, 4, 0], [0, 0, 4]])
    return Dataset("blobs", (centres[labels] + spread * rng.standard_normal((n, 3))).astype(np.float32), labels, ("a", "b", "c"))


class Plain:
    """A network whose features are its inputs."""

    def features(self, x: Any) -> Any:
        return np.asarray(x)


def test_the_distance_is_mahalanobis_and_the_limit_leaves_one_in_twenty_out() -> None:
    train, validation = blobs(3_000, 1), blobs(4_000, 2)
    where = fitted(Plain(), train, validation)
    assert where is not None
    x = np.random.default_rng(3).standard_normal((50, 3)) * 3
    means = np.stack([train.inputs[train.labels == k].mean(axis=0) for k in range(3)]).astype(np.float64)
    around = train.inputs - means[train.labels]
    inverse = np.linalg.inv(around.T @ around / len(around) + 1e-3 * np.mean(around.var(axis=0)) * np.eye(3))
    expected = np.sqrt([min((row - m) @ inverse @ (row - m) for m in means) for row in x]) / where.limit
    np.testing.assert_allclose(where.distances(x), expected, rtol=1e-3)
    assert np.mean(where.distances(validation.inputs) > 1) == pytest.approx(0.05, abs=0.001)
    assert np.mean(where.distances(blobs(4_000, 4).inputs) > 1) == pytest.approx(0.05, abs=0.015)
    assert where.distances(np.array([[30.0, 30.0, 30.0]]))[0] > 5
    again = of_model({KEY: where.facts()}, 3)
    assert again is not None
    np.testing.assert_allclose(again.distances(x), where.distances(x), rtol=1e-3)


def test_where_it_says_nothing_there_is_none() -> None:
    few = blobs(12, 1)
    assert fitted(Plain(), few, blobs(100, 2)) is None and fitted(Plain(), blobs(100, 1), few) is None
    assert fitted(FeedForward((3, 3)), blobs(300, 1), blobs(100, 2)) is None  # a network of one layer has no features
    assert fitted(FeedForward((3, MOST_FEATURES + 1, 3)), blobs(300, 1), blobs(100, 2)) is None
    assert of_model({}, 3) is None


@pytest.mark.parametrize("order", ["class by class", "in turn"])
def test_of_many_samples_each_class_has_its_share_in_whatever_order_they_come(order: str) -> None:
    many = blobs(3 * MOST_SAMPLES, 1)
    by_class = np.argsort(many.labels, kind="stable")
    if order == "in turn":  # 0, 1, 2, 0, 1, 2, ...: every third is of one class
        least = int(np.bincount(many.labels).min())
        by_class = np.stack([by_class[many.labels[by_class] == k][:least] for k in range(3)], axis=1).ravel()
    sorted_, validation = many.take(by_class), blobs(3 * MOST_SAMPLES, 2)
    where = fitted(Plain(), sorted_, validation.take(np.argsort(validation.labels, kind="stable")))
    assert where is not None
    assert np.mean(where.distances(blobs(4_000, 4).inputs) > 1) == pytest.approx(0.05, abs=0.015)
    mean = np.linalg.solve(where.whitening, where.centres.T).T
    np.testing.assert_allclose(mean, 4 * np.eye(3), atol=0.1)


def test_features_are_what_the_last_layer_reads() -> None:
    x = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)
    network = nn.Network(cnn(1, 10), (28, 28, 1), seed=1)
    last = [part for _, part in network.module.modules() if isinstance(part, nn.Linear)][-1]
    features = network.features(x)
    assert features is not None
    z = features @ last.weight.data.T + last.bias.data
    e = np.exp(z - z.max(axis=1, keepdims=True))
    np.testing.assert_allclose(network.forward(x), e / e.sum(axis=1, keepdims=True), atol=1e-6)
    flat = FeedForward((784, 20, 10), seed=1)
    hidden = flat.features(x)
    assert hidden is not None
    np.testing.assert_allclose(flat.forward(x), 1 / (1 + np.exp(-(hidden @ flat.weights[-1].T + flat.biases[-1]))), atol=1e-6)


@pytest.mark.parametrize(
    "given", [3, {}, {"centres": [[1.0]], "whitening": [[1.0]], "limit": 1.0}, {"centres": [], "whitening": [], "limit": "x"}]
)
def test_what_a_file_says_must_fit_together(given: Any) -> None:
    with pytest.raises(ModelError, match="out_of_distribution"):
        of_model({KEY: given}, 10)


def test_the_shipped_cnn_tells_digits_from_what_is_none(tmp_path: Path) -> None:
    model = open_model("mnist-cnn")
    where = of_model(model.preprocessing, 10)
    assert where is not None
    rng = np.random.default_rng(1)
    digits = data.load("mnist").test.inputs[:1_000]
    assert np.mean(where.distances(model.network.features(digits)) > 1) < 0.08
    assert np.mean(where.distances(model.network.features(rng.random((200, 28, 28, 1)))) > 1) > 0.95
    noise = (rng.random((28, 28)) * 255).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    Image.fromarray((digits[0, :, :, 0] * 255).astype(np.uint8)).save(tmp_path / "digit.png")
    found = predict(model, [tmp_path / "noise.png", tmp_path / "digit.png"])
    assert found[0].doubt == UNLIKE and found[0].figures()["distance"] > 1
    assert found[1].doubt == "" and found[1].figures()["distance"] < 1


def test_a_training_of_pictures_keeps_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, rows in (("high", slice(0, 14)), ("low", slice(14, 28))):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for k in range(80):
            picture = (rng.random((28, 28)) * 60).astype(np.uint8)
            picture[rows] += 150
            Image.fromarray(picture).save(tmp_path / "pictures" / name / f"{k}.png")
    recipe, _ = recipe_for(str(tmp_path / "pictures"), {}, {"epochs": 1})
    done = run(recipe, tmp_path / "run")
    where = of_model(done.model.preprocessing, 2)
    assert (where is not None) == (done.model.network.features(np.zeros((1, 28, 28, 1))).shape[1] <= MOST_FEATURES)
    assert where is not None
