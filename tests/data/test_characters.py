"""Several characters on one picture are told apart and read in order; what is no whole character is doubted in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.photographs import SHEETS, as_predict_reads, own_strokes, sheets
from typer.testing import CliRunner

from byhand import data
from byhand.cli import app
from byhand.data.characters import Box, characters
from byhand.read_pictures import predict


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any]:
    test = data.load("mnist").test
    return test.inputs.reshape(-1, 28, 28), test.labels


def sheet(digits: tuple[Any, Any], lines: list[list[int]], seed: int = 0, large: int = 3) -> Any:
    """A white sheet with these test images on it, as dark ink, in lines that are not quite straight."""
    rng, (images, _) = np.random.default_rng(seed), digits
    paper = np.zeros((len(lines) * 40, max(map(len, lines)) * 32))
    for row, line in enumerate(lines):
        for column, which in enumerate(line):
            image = images[which]
            rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
            image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            top, left = row * 40 + 8 + rng.integers(0, 6), column * 32 + 5 + rng.integers(0, 4)
            paper[top : top + image.shape[0], left : left + image.shape[1]] = image
    return (255 * (1 - paper.repeat(large, 0).repeat(large, 1))).astype(np.uint8)


def test_of_a_single_character_nothing_is_parted(digits: tuple[Any, Any]) -> None:
    parted = [sum(map(len, characters(image >= 0.1))) != 1 for image in digits[0][:1500]]
    assert np.mean(parted) < 0.005


def test_a_dot_belongs_to_what_it_stands_over_and_two_strokes_that_nearly_touch_to_one_another() -> None:
    ink = np.zeros((100, 200), bool)
    ink[40:90, 20:26] = ink[22:28, 20:26] = True  # an i
    ink[30:90, 80:86] = ink[30:90, 89:95] = True  # two strokes of one letter
    ink[30:90, 150:156] = True
    ink[2:4, 60:62] = True  # dirt
    assert characters(ink) == [[Box(22, 20, 90, 26), Box(30, 80, 90, 95), Box(30, 150, 90, 156)]]


@pytest.mark.parametrize(
    ("drawn", "count"),
    [
        ([(20, 80, 20, 28), (20, 80, 60, 68)], 2),
        ([(10, 40, 40, 50), (60, 90, 40, 50)], 2),  # lines of writing below each other
        ([(10, 48, 30, 40), (50, 90, 40, 50)], 1),  # a pen that was lifted within a character
    ],
)
def test_what_lies_apart_is_several_characters(drawn: list[tuple[int, int, int, int]], count: int) -> None:
    ink = np.zeros((100, 100), bool)
    for top, bottom, left, right in drawn:
        ink[top:bottom, left:right] = True
    assert sum(map(len, characters(ink))) == count


@pytest.mark.parametrize("seed", range(3))
def test_a_sheet_is_read_line_by_line(digits: tuple[Any, Any], tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = [rng.integers(0, 10_000, n).tolist() for n in (4, 2, 5)]
    Image.fromarray(sheet(digits, lines, seed)).save(tmp_path / "sheet.png")
    (found,) = predict("mnist-cnn", [tmp_path / "sheet.png"])
    read = [line.split() for line in str(found.class_name).split("\n")]
    wanted = [[str(digits[1][which]) for which in line] for line in lines]
    assert [len(line) for line in read] == [4, 2, 5]
    assert sum(a == b for ours, theirs in zip(read, wanted, strict=True) for a, b in zip(ours, theirs, strict=True)) >= 10
    assert found.output == min(one.output for one in found.characters) and not found.doubt
    assert found.characters[0].place is not None and found.characters[0].place[0] < found.characters[4].place[0]  # type: ignore[index]


@pytest.mark.parametrize("condition", SHEETS)
def test_digits_on_a_photographed_sheet_are_each_cut_out_and_read(condition: str, tmp_path: Path) -> None:
    read, right, count = as_predict_reads(tmp_path), 0, 30
    for digits, picture in sheets(own_strokes(), condition, count):
        found = read(picture).split()
        assert len(found) == len(digits)
        right += sum(a == b for a, b in zip(found, digits, strict=True))
    assert right >= 28


def test_one_character_is_read_as_before_and_a_sheet_is_told_in_one_line(digits: tuple[Any, Any], tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    Image.fromarray(sheet(digits, [[0]])).save(one)
    Image.fromarray(sheet(digits, [[0, 1]])).save(two)
    told = CliRunner().invoke(app, ["predict", "mnist-cnn", str(one), str(two)]).output.splitlines()
    assert told[0].startswith(f"{one}: 7 (") and told[1].startswith(f"{two}: 2 characters, line by line from the left: 7 (")
    figures = json.loads(CliRunner().invoke(app, ["predict", "mnist-cnn", str(two), "--json"]).output)["predictions"][0]
    assert figures["class"] == "7 2" and [part["class"] for part in figures["characters"]] == ["7", "2"]
    assert len(figures["characters"][0]["place"]) == 4


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        ((slice(30, 100), slice(40, 52)), "ink touches the border"),
        ((slice(48, 50), slice(48, 50)), "there is almost no ink"),
        ((slice(45, 50), slice(5, 95)), "the ink is a band"),
        ((slice(20, 80), slice(40, 52)), ""),
    ],
)
def test_what_may_be_no_whole_character_is_doubted(tmp_path: Path, drawn: Any, said: str) -> None:
    ink = np.zeros((100, 100), np.uint8)
    ink[drawn] = 255
    Image.fromarray(ink).save(tmp_path / "drawn.png")
    (found,) = predict("mnist", [tmp_path / "drawn.png"], ink="white")
    assert (said in found.doubt) and bool(found.doubt) == bool(said) and found.class_name is not None
    told = CliRunner().invoke(app, ["predict", "mnist", str(tmp_path / "drawn.png"), "--ink", "white"]).output
    assert (", unsure: " in told) == bool(said)


def test_ink_that_is_scattered_is_doubted(tmp_path: Path) -> None:
    spots = np.zeros((400, 400), np.uint8)
    for row in range(10, 390, 20):
        for column in range(10, 390, 20):
            spots[row : row + 4, column : column + 4] = 255
    Image.fromarray(spots).save(tmp_path / "spots.png")
    (found,) = predict("mnist", [tmp_path / "spots.png"], ink="white")
    assert "very many pieces" in found.doubt and not found.characters


def test_noise_is_no_sheet_and_takes_no_time() -> None:
    noise = np.random.default_rng(0).random((3000, 3000)) > 0.97
    assert characters(noise) in ([], [[Box(0, 0, 3000, 3000)]])
