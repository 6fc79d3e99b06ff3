"""What a history, a data set and a model show in a notebook."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

import byhand
from byhand.notebook_html import curves
from byhand.training.history import Epoch, History

NAME = "<script>alert(1)</script>"


def whole(html: str) -> str:
    """The HTML, once its tags have been seen to close one another."""
    closed = re.sub("(<img [^>]*)>", "\\g<1>/>", html)
    ElementTree.fromstring(f"<div>{closed}</div>")
    return html


def test_a_history_shows_its_curves_and_its_last_epochs() -> None:
    history = History([Epoch(k, 10 * k, 0.5, 1 / (k + 1), 2 / (k + 1), 0.9, 0.1) for k in range(12)])
    html = whole(history._repr_html_())
    assert html.count("<polyline") == 2
    assert html.count("<tr>") == 1 + 10  # the heads, and the last ten
    assert "<td>12</td><td>0.083333</td><td>0.16667</td><td>90.00%</td>" in html
    assert "No epochs yet" in History()._repr_html_()


def test_a_cost_that_exploded_leaves_a_gap_in_the_curve() -> None:
    svg = whole(curves({"training": [3.0, 2.0, float("nan"), float("inf"), 1.0]}, "cost"))
    assert svg.count("<polyline") == 2
    assert "nan" not in svg
    assert "inf" not in svg
    assert curves({"training": [float("nan")] * 3}, "cost") == ""


def test_data_show_their_classes_and_their_first_samples() -> None:
    iris = byhand.data.load("iris").train
    assert repr(iris) == "Dataset(iris: 120 samples of 4 numbers, 3 classes)"
    assert whole(iris._repr_html_()).count("<tr>") == (1 + 3) + (1 + 10)
    images = byhand.data.Dataset("mine", np.ones((3, 8, 8, 3), np.float32), np.array([0, 1, 0]), (NAME, "b"))
    html = whole(images._repr_html_())
    assert html.count("<img") == 3
    assert NAME not in html
    numbers = byhand.data.Dataset("n", np.ones((3, 2), np.float32), np.zeros(3, np.int64), (), values=np.ones((3, 1), np.float32))
    assert repr(numbers) == "Dataset(n: 3 samples of 2 numbers, 1 to learn)"
    assert whole(numbers._repr_html_()).count("<tr>") == 1 + 3


def test_a_model_shows_its_figures_and_its_arrays() -> None:
    html = whole(byhand.load("src/byhand/weights/mnist-nielsen-30.safetensors")._repr_html_())
    assert "<td>layers.0.weight</td><td>30 × 784</td><td>23,520</td>" in html
    assert "mnist-nielsen-30" in html
