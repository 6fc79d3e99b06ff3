"""Text as data: windows, the parts apart from each other, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand import data
from byhand.data.text import Text, load_text, split, stretches
from byhand.errors import DataError

TEXT = "".join("abcdefghij klmno"[i] for i in np.random.default_rng(0).integers(0, 16, 4_000))  # no stretch of it comes twice


def words(splits: Any, row: int, what: str) -> str:
    return "".join(splits.train.class_names[k] for k in getattr(splits.train, what)[row])


def test_labels_are_the_inputs_one_character_on() -> None:
    splits = split("t", TEXT, window=16)
    for part in (splits.train, splits.validation, splits.test):
        assert np.array_equal(part.inputs[:, 1:], part.labels[:, :-1])
        assert part.inputs.shape == part.labels.shape
        assert part.inputs.shape[1] == 16
    assert words(splits, 0, "inputs") + words(splits, 0, "labels")[-1] == TEXT[:17]
    assert words(splits, 1, "inputs") == TEXT[4:20]  # the next window begins a quarter of a window on


def test_the_parts_make_up_the_text_and_share_nothing() -> None:
    parts = stretches(TEXT)
    assert sum(len(piece) for pieces in parts.values() for piece in pieces) == len(TEXT)
    assert len("".join(parts["train"])) == pytest.approx(0.8 * len(TEXT), abs=5)
    splits = split("t", TEXT, window=16)
    places = {kind: [TEXT.find(piece) for piece in pieces] for kind, pieces in parts.items()}
    assert all(begin >= 0 for found in places.values() for begin in found)
    ends = {kind: [begin + len(piece) for begin, piece in zip(places[kind], parts[kind], strict=True)] for kind in parts}
    for begin, end in zip(places["test"], ends["test"], strict=True):
        for other, until in zip(places["train"], ends["train"], strict=True):
            assert end <= other or until <= begin
    assert len(splits.test) == sum((len(piece) - 17) // 16 + 1 for piece in parts["test"])


def test_the_docs_are_there_and_of_this_project() -> None:
    splits = data.load("docs", window=64)
    assert splits.train.n_classes == 96
    text = "".join(splits.train.class_names[k] for k in splits.train.inputs[:400, :16].reshape(-1))
    assert "byhand" in text
    assert "231,483" in next(row.description for row in data.available() if row.name == "docs")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("\ufeff" + TEXT, encoding="utf-8")
    assert words(data.load(str(path), window=8), 0, "inputs") == TEXT[:8]


@pytest.mark.parametrize(
    ("content", "window", "message"),
    [
        (b"short", 96, "holds 5 ch"),
        (b"", 8, "holds 0 characters"),
        (b"a" * 1_000, 8, "holds 1 kinds of characters, but this model tells 2 to 256 apart"),
        ("".join(map(chr, range(0x4E00, 0x4E00 + 600))).encode(), 8, "holds 600 kinds of characters"),
        (b"abc\xff" * 500, 8, "is no text in UTF-8 (byte 3 is none): save it in that encoding"),
        (TEXT.encode(), 3, "window must be 4 or more"),
        (TEXT.encode(), True, "window must be a whole number, 4 or more"),
        (TEXT.encode(), 2.5, "window must be a whole number, 4 or more"),
    ],
)
def test_bad_text_is_refused_in_one_line(tmp_path: Path, content: bytes, window: Any, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_text(path, window)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*nothing\.txt"):
        load_text(tmp_path / "nothing.txt")
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(DataError, match=r"cannot read .*folder\.txt"):
        load_text(tmp_path / "folder.txt")


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((2, 4), int), r"inputs are \(2, 3\) and labels \(2, 4\)"),
        (np.zeros((0, 3), int), np.zeros((0, 3), int), r"windows are \(N, T\)"),
        (np.zeros((2, 3)), np.zeros((2, 3), int), "characters are float64"),
        (np.full((2, 3), 2), np.zeros((2, 3), int), "t: characters are int64 from 2 to 2: they must be whole numbers from 0"),
        (np.zeros((2, 3), int), np.full((2, 3), -1), "from -1 to -1"),
    ],
)
def test_windows_that_do_not_fit_are_refused(inputs: Any, labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Text("t", inputs, labels, ("a", "b"))
