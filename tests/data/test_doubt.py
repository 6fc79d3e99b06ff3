"""Pictures whose reading is doubtful."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.photographs import own_strokes, photographs

from byhand import data
from byhand.data.prepare import prepare
from byhand.read_pictures import predict

PLACES = {
    "touches the border": [(0, 80, 40, 50)],
    "almost no ink": [(50, 57, 50, 53)],
    "a band": [(48, 56, 10, 90)],
}


def page_with(places: list[tuple[int, int, int, int]], light: bool = False) -> np.ndarray:
    page = np.full((100, 100), 240.0)
    for top, bottom, left, right in places:
        page[top:bottom, left:right] = 20
    return page * np.linspace(1, 0.7, 100) if light else page


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("reason", PLACES)
def test_what_makes_a_picture_doubtful_is_told(reason: str, light: bool) -> None:
    prepared = prepare(page_with(PLACES[reason], light))
    assert not prepared.empty and reason in prepared.doubt


def test_single_digits_are_not_doubtful() -> None:
    for condition in ("light falls off by 0 %", "squared, 30 %, shadow"):
        doubts = [prepare(picture).doubt for _, picture in photographs(own_strokes(), condition, 12)]
        assert doubts == [""] * 12
    digits = data.load("mnist").test.inputs[:300, :, :, 0] * 255
    framed = [np.pad(digit, 20) for digit in digits]
    assert sum(prepare(digit).doubt != "" for digit in framed) <= 6


def test_predict_tells_the_doubt_beside_the_answer(tmp_path: Path) -> None:
    Image.fromarray(page_with(PLACES["a band"]).astype(np.uint8)).save(tmp_path / "band.png")
    (one,) = predict("mnist", [tmp_path / "band.png"])
    assert one.class_name is not None and "a band" in one.figures()["doubt"]
