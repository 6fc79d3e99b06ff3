"""Classes and columns go by name, and numbers by the scale that the training data had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand.data import Dataset, load
from byhand.data.classes import in_classes_of, labelled, ordered
from byhand.data.preparation import as_trained, from_pixels, is_pixels, preparation
from byhand.errors import DataError
from byhand.modelfile import Model
from byhand.training.evaluate import evaluate

PIXELS = np.zeros((3, 28, 28, 1), np.float32)
PIXELS[:, 10:18, 10:18] = 1.0


def data(*names: str, labels: Any = None, inputs: Any = None, **more: Any) -> Dataset:
    labels = np.arange(len(names)) if labels is None else np.asarray(labels)
    inputs = np.ones((len(labels), 2), np.float32) if inputs is None else inputs
    return Dataset("mine", inputs, labels, names, **more)


# ---------------------------------------------------------------- classes


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["10", "2", "0", "1"], ["0", "1", "2", "10"]),
        (["-1", "1.5", "1"], ["-1", "1", "1.5"]),
        (["b", "10", "2"], ["10", "2", "b"]),
        (["inf", "2", "10"], ["10", "2", "inf"]),
    ],
)
def test_classes_that_are_numbers_stand_as_numbers_and_all_others_as_words(names: list[str], order: list[str]) -> None:
    assert ordered(names) == order


def test_numbers_written_in_two_ways_are_one_class() -> None:
    assert labelled(["1.0", "10", "1", "2.0"])[0] == ("1", "2.0", "10")
    assert labelled(["1.0", "10", "1", "2.0"])[1].tolist() == [0, 2, 0, 1]


def test_csv_npz_and_folders_agree_on_the_order_of_twelve_numbered_classes(tmp_path: Path) -> None:
    from PIL import Image

    labels = np.arange(24) % 12
    (tmp_path / "t.csv").write_text("a,b,label\n" + "".join(f"{i},{i % 5},{k}\n" for i, k in enumerate(labels)))
    x = np.stack([labels % 5, labels // 5], axis=1).astype("f4")
    np.savez(tmp_path / "n.npz", x=x, y=labels)
    np.savez(tmp_path / "s.npz", x=x, y=labels.astype(str))
    for k in range(12):
        (tmp_path / "f" / str(k)).mkdir(parents=True)
        for i in range(2):
            Image.fromarray((255 - PIXELS[0, ..., 0] * (200 + i)).astype("u1")).save(tmp_path / "f" / str(k) / f"{i}.png")
    for name in ("t.csv", "n.npz", "s.npz", "f"):
        assert load(str(tmp_path / name)).train.class_names == tuple(map(str, range(12))), name


def test_labels_are_renumbered_by_name_and_classes_may_be_missing() -> None:
    found = in_classes_of(data("cat", "dog", labels=[0, 1, 1]), ("dog", "fish", "cat"))
    assert (found.labels.tolist(), found.class_names) == ([2, 0, 0], ("dog", "fish", "cat"))


@pytest.mark.parametrize(
    ("names", "known"),
    [(("01", "2.0"), ("1", "2")), (("Cat ", "dog"), ("dog", "cat")), (("u\u0308ber", "a"), ("a", "\u00fcber"))],
)
def test_case_blanks_and_spelling_of_numbers_do_not_matter_where_nothing_hangs_on_them(names: Any, known: Any) -> None:
    found = in_classes_of(data(*names), known)
    assert found.labels.tolist() == ([1, 0] if names[0] == "Cat " or names[1] == "a" else [0, 1])


def test_letters_that_differ_in_case_alone_stay_two_classes() -> None:
    assert in_classes_of(data("c", "C"), ("C", "c", "d")).labels.tolist() == [1, 0]
    with pytest.raises(DataError, match="has the class 'D'"):
        in_classes_of(data("c", "D"), ("C", "c", "d"))


@pytest.mark.parametrize(
    ("names", "known", "says"),
    [
        (("three", "seven"), ("3", "7"), "class 'three', which the model does not know: the model tells '3', '7', and the data"),
        (("1", "7"), ("3", "7"), "the model tells '3', '7', and the data have '1', '7'"),
        (tuple(map(str, range(20))), ("x", "y"), "'11' and 8 more"),
    ],
)
def test_classes_that_the_model_does_not_know_are_an_error_with_both_sides(names: Any, known: Any, says: str) -> None:
    with pytest.raises(DataError) as caught:
        in_classes_of(data(*names), known)
    assert says in str(caught.value)


def test_a_class_that_the_data_only_name_but_do_not_hold_is_no_error() -> None:
    assert in_classes_of(data("3", "4", "7", labels=[0, 2]), ("3", "7")).labels.tolist() == [0, 1]


def test_a_model_is_measured_on_classes_in_any_order() -> None:
    x = np.array([[0, 0], [0, 1], [4, 0], [4, 1]], np.float32)
    one = Dataset("one", x, np.array([0, 0, 1, 1]), ("far", "near"))
    other = replace(one, labels=1 - one.labels, class_names=("near", "far"))
    net = byhand.FeedForward((2, 4, 2), seed=1)
    net.fit(one, epochs=200)
    model = Model(net, one.class_names)
    assert evaluate(model, one).accuracy == evaluate(model, other).accuracy == 1.0
    assert evaluate(net, other).accuracy == 0.0  # by place, as a bare network knows no names
    only = other.take([0, 1])
    assert evaluate(model, only).confusion.tolist() == [[2, 0], [0, 0]]


# ---------------------------------------------------------------- columns


def test_columns_are_matched_by_name_and_further_ones_left_out() -> None:
    table = data("a", "b", inputs=np.array([[1, 2, 3], [4, 5, 6]], np.float32), feature_names=("w", "h", "d"))
    assert as_trained(table, {"features": ["d", "w"]}).inputs.tolist() == [[3, 1], [6, 4]]
    assert as_trained(table, {"features": []}) is table
    assert as_trained(replace(table, feature_names=()), {"features": ["d", "w", "h"]}).inputs.tolist() == table.inputs.tolist()


@pytest.mark.parametrize("features", [("w", "x"), ("w", "h", "h")])
def test_columns_that_are_missing_or_unclear_are_an_error_with_both_sides(features: Any) -> None:
    table = data("a", "b", feature_names=("w", "h"))
    with pytest.raises(DataError, match=f"the model reads {', '.join(features)}, and the data have w, h"):
        as_trained(table, {"features": features})


def test_a_csv_with_its_columns_in_another_order_gives_the_same_answers(tmp_path: Path) -> None:
    iris = load("iris")
    model = Model(byhand.FeedForward((4, 5, 3), seed=1), iris.train.class_names, preparation(iris.train) | {"input": [4]})
    model.network.fit(iris.train, epochs=60, seed=1)
    raw = iris.test.inputs * np.float32(iris.test.scaling[1]) + np.float32(iris.test.scaling[0])  # type: ignore[index]
    rows = [[*map(str, row[::-1]), iris.test.class_names[k]] for row, k in zip(raw.tolist(), iris.test.labels, strict=True)]
    header = [*iris.test.feature_names[::-1], "label"]
    (tmp_path / "turned.csv").write_text("\n".join(",".join(row) for row in [header, *rows]))
    turned = load(str(tmp_path / "turned.csv"))  # standardised by its own training part, which is undone
    both = model.as_trained(turned.train), model.as_trained(turned.test)
    found = np.sort(np.concatenate([part.inputs for part in both]), axis=0)
    assert np.allclose(found, np.sort(iris.test.inputs, axis=0), atol=1e-4)
    right = sum(evaluate(model, part).accuracy * len(part) for part in (turned.train, turned.test))
    assert right / 30 == pytest.approx(evaluate(model, iris.test).accuracy) and right > 27
    scaled = replace(turned.test, scaling=None)
    with pytest.raises(DataError, match="give them as they were measured, not scaled"):
        model.as_trained(scaled)


# ---------------------------------------------------------------- ranges and ink


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (PIXELS, {"range": [0, 1], "ink": "white"}),
        (PIXELS * 255, {"range": [0, 255], "ink": "white"}),
        (1 - PIXELS, {"range": [0, 1], "ink": "black"}),
        (PIXELS * 2 - 1, {"range": [-1, 1], "ink": "white"}),
        ((PIXELS - np.float32(0.25)) / np.float32(0.5), {"range": [-0.5, 1.5], "ink": "white"}),
        ((PIXELS * 254).reshape(3, 784), {"range": [0, 255], "ink": "white"}),
        (np.array([[0.1, 7.9], [2, 3], [4, 5]], np.float32), {"range": [pytest.approx(0.1), pytest.approx(7.9)]}),
    ],
)  # fmt: skip
def test_a_model_file_says_the_range_and_ink_that_the_data_had(inputs: Any, says: dict[str, Any]) -> None:
    found = preparation(data("a", "b", "c", inputs=inputs))
    assert {name: found[name] for name in says} == says


@pytest.mark.parametrize("preparing", [lambda p: p * 255, lambda p: 1 - p, lambda p: p * 2 - 1, lambda p: 255 - p * 255])
def test_images_of_another_scale_or_ink_come_as_the_model_was_trained(preparing: Any) -> None:
    trained, other = data("a", "b", "c", inputs=preparing(PIXELS)), data("a", "b", "c", inputs=PIXELS)
    told = preparation(trained) | {"input": [28, 28, 1]}
    assert as_trained(other, told).inputs == pytest.approx(trained.inputs, abs=1e-4)
    assert as_trained(trained, preparation(other) | {"input": [28, 28, 1]}).inputs == pytest.approx(PIXELS, abs=1e-4)
    assert as_trained(trained, told).inputs is trained.inputs
    assert from_pixels((PIXELS * 255).astype(np.uint8), told) == pytest.approx(trained.inputs, abs=1e-4)


def test_images_of_a_scale_that_nobody_can_guess_are_refused_and_columns_are_left_alone() -> None:
    strange = data("a", "b", "c", inputs=PIXELS * 3 - 0.5)
    with pytest.raises(DataError, match=r"numbers from -0\.5 to 2\.5, but the model was trained on numbers from 0 to 1"):
        as_trained(strange, {"input": [28, 28, 1], "range": [0, 1]})
    columns = data("a", "b", inputs=np.array([[0, 200], [3, 4]], np.float32))
    assert as_trained(columns, {"input": [2], "range": [0, 1]}) is columns


def test_a_file_whose_range_makes_no_sense_is_read_as_from_0_to_1() -> None:
    for told in (None, [1, 0], ["a", "b"], 3, [0, float("nan")]):
        assert from_pixels(np.array([255], np.uint8), {"range": told}).tolist() == [1.0]


def test_validation_data_whose_classes_stand_in_another_order_are_matched_by_name() -> None:
    x = np.array([[0, 0], [0, 1], [4, 0], [4, 1]], np.float32)
    one = Dataset("one", x, np.array([0, 0, 1, 1]), ("far", "near"))
    turned = replace(one, labels=1 - one.labels, class_names=("near", "far"))
    history = byhand.FeedForward((2, 4, 2), seed=1).fit(one, validation=turned, epochs=200)
    assert history.epochs[-1].validation_accuracy == 1.0


def test_a_run_from_before_initialisers_were_left_open_is_resumed(tmp_path: Path) -> None:
    from byhand.training.recipes import recipe
    from byhand.training.run import run

    now = recipe("iris").changed(epochs=3)
    run(now.changed(initialiser="nielsen"), tmp_path)
    assert run(now, tmp_path, resume=True).model.network.initialisers == ["nielsen", "nielsen"]  # type: ignore[union-attr]


def test_codes_of_an_autoencoder_are_no_pixels_however_many_they_are() -> None:
    assert is_pixels({"input": [784]})
    assert not is_pixels({"input": [784], "latents_of": "emnist-vae"})
    assert not is_pixels({"input": [16], "latents_of": "emnist-vae"})


@pytest.mark.parametrize("first", [2**53, 2**63])
def test_whole_numbers_too_long_for_a_float_stay_different_classes(first: int) -> None:
    names = [str(first + k) for k in (0, 1, 2, 1)]
    classes, labels = labelled(names)
    assert classes == tuple(names[:3]) and labels.tolist() == [0, 1, 2, 1]
    assert labelled(["1", "1.0", " 1e0"])[0] == ("1",)
