"""Photographs of sheets: what is in the boxes, and what is said of photographs that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.hand.simulated import DPI, UNIT, fill, one, photographed, right, uji, writers

from byhand.errors import DataError
from byhand.hand.boxes import EMPTY, OK, STRUCK, TOUCHES, TWO, read_boxes
from byhand.hand.read import CHARACTERS_FILE, missing, read_hand
from byhand.hand.sheet import CHARACTERS, draw_sheet, sheet_of
from byhand.hand.straighten import straightened

needs_writers = pytest.mark.skipif(not uji().is_file(), reason="BYHAND_DATA has no uji: no real persons' characters")
WRITTEN = {"L": ((0.3, 0.15), (0.3, 0.8), (0.7, 0.8)), "V": ((0.25, 0.2), (0.5, 0.8), (0.75, 0.2))}


def plain(seed: int = 0) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A sheet with an angle of ink in every box."""
    page = draw_sheet("a4", DPI)
    draw = ImageDraw.Draw(page)
    for number in range(len(sheet_of("a4").boxes)):
        stroke(draw, number, WRITTEN["V" if number % 2 else "L"])
    return page, draw


def stroke(draw: ImageDraw.ImageDraw, number: int, points: tuple[tuple[float, float], ...]) -> None:
    """A line through places of a box, in shares of its width and height."""
    box = sheet_of("a4").boxes[number]
    w, h = box.right - box.left, box.bottom - box.top
    draw.line([((box.left + x * w) * UNIT, (box.top + y * h) * UNIT) for x, y in points], fill=30, width=6, joint="curve")


def wiped(draw: ImageDraw.ImageDraw, number: int) -> None:
    box = sheet_of("a4").boxes[number]
    draw.rectangle([(v + s) * UNIT for v, s in ((box.left, 0.5), (box.top, 0.5), (box.right, -0.5), (box.bottom, -0.5))], 255)


def photo(page: Image.Image, seed: int = 0, **how: float) -> Image.Image:
    return photographed(page, np.random.default_rng(seed), **how)  # type: ignore[arg-type]


@needs_writers
@pytest.mark.parametrize("seed", [1, 4, 7, 15])
def test_of_a_simulated_photograph_97_of_100_boxes_are_read_right(seed: int) -> None:
    image, truth, _ = one(seed, writers(uji()))
    found = right(read_boxes(*straightened(image, "photo"), "photo"), truth)
    assert np.mean(found) >= 0.97


@pytest.mark.parametrize("turn", [0, 45, 90, 137, 180, 270])
def test_however_the_sheet_is_turned_every_box_is_found_in_its_place(turn: int) -> None:
    page, draw = plain()
    wiped(draw, 5)
    states = [one.state for one in read_boxes(*straightened(photo(page, turn=turn, longer=2600), "photo"), "photo")]
    assert states[5] == EMPTY
    assert states.count(OK) == 123


def test_each_box_that_cannot_be_used_is_told_with_its_reason() -> None:
    page, draw = plain()
    wiped(draw, 3)
    stroke(draw, 20, ((0, 0), (1, 1)))
    stroke(draw, 20, ((0, 1), (1, 0)))
    wiped(draw, 50)
    stroke(draw, 50, ((0.25, 0.2), (0.25, 0.8)))
    stroke(draw, 50, ((0.75, 0.2), (0.75, 0.8)))
    stroke(draw, 70, ((0.5, 0.5), (1.02, 0.6)))
    states = {i: one.state for i, one in enumerate(read_boxes(*straightened(photo(page), "photo"), "photo")) if one.state != OK}
    assert states == {3: EMPTY, 20: STRUCK, 50: TWO, 70: TOUCHES}


def other_sheet(page: Image.Image) -> Image.Image:
    page = page.copy()
    ImageDraw.Draw(page).rectangle([20 * UNIT, 8 * UNIT, 90 * UNIT, 18.4 * UNIT], 255)
    return photo(page)


def covered(page: Image.Image) -> Image.Image:
    seen = photo(page)
    ImageDraw.Draw(seen).rectangle([seen.width * 0.7, seen.height * 0.8, seen.width, seen.height], (190, 150, 120))
    return seen


def cropped(page: Image.Image) -> Image.Image:
    seen = photo(page)
    return seen.crop((0, 0, seen.width, seen.height // 2))


BAD: list[tuple[Callable[[Image.Image], Image.Image], str]] = [
    (lambda page: Image.new("L", (900, 1200), 200), "none of the sheet's four marks"),
    (covered, "three of the sheet's four marks, the one at the lower right is hidden"),
    (cropped, "shows 2 of the sheet's four marks"),
    (other_sheet, "of another sheet"),
    (lambda page: photo(page, blur=9), "is blurred"),
    (lambda page: photo(page, light=0.1), "is too dark"),
    (lambda page: photo(page).resize((400, 533)), "too small"),
    (lambda page: photo(draw_sheet("a4", DPI)), "no box that can be used|nothing in its boxes"),
]


@pytest.mark.parametrize(("spoilt", "said"), BAD)
def test_a_photograph_that_cannot_be_read_is_refused_in_one_line_and_nothing_is_written(
    tmp_path: Path, spoilt: Callable[[Image.Image], Image.Image], said: str
) -> None:
    spoilt(plain()[0]).save(tmp_path / "photo.png")
    with pytest.raises(DataError, match=said) as error:
        read_hand([tmp_path / "photo.png"], tmp_path / "hand")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "hand").exists()


def test_what_was_read_lies_in_the_folder_and_what_is_missing_is_told(tmp_path: Path) -> None:
    page, draw = plain()
    for number in (0, 1, 2):
        wiped(draw, number)
    photo(page).save(tmp_path / "photo.jpg")
    found = read_hand([tmp_path / "photo.jpg"], tmp_path / "hand")
    assert missing(found) == CHARACTERS[0]
    with np.load(tmp_path / "hand" / CHARACTERS_FILE) as held:
        assert held["pictures"].shape == (121, 28, 28)
        assert held["characters"].tolist() == [one.box.character for one in found if one.state == OK]
    with Image.open(tmp_path / "hand" / "contact.png") as contact:
        assert contact.width > 400


@needs_writers
def test_what_is_cut_out_is_what_was_written() -> None:
    rng = np.random.default_rng(3)
    page, truth = fill(sheet_of("letter"), writers(uji())[2], rng, 0.7, pencil=False)
    found = read_boxes(*straightened(photographed(page, rng, shadow=0.4, curl=10), "photo"), "photo")
    alike = [np.corrcoef(one.picture.ravel(), own.ravel())[0, 1] for one, own in zip(found, truth, strict=True)]
    assert np.median(alike) > 0.97
