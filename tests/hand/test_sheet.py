"""The sheet: every character twice, nothing printed within a box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from byhand.errors import ByhandError
from byhand.hand.sheet import CHARACTERS, CODES, PAPERS, draw_sheet, sheet_of, write_sheet
from byhand.shipped import open_model


def test_there_are_boxes_for_all_characters_that_the_model_draws() -> None:
    assert sorted(open_model("emnist-diffusion").class_names) == sorted(CHARACTERS)
    for paper in PAPERS:
        assert [box.character for box in sheet_of(paper).boxes] == [c for c in CHARACTERS for _ in range(2)]


@pytest.mark.parametrize("paper", PAPERS)
def test_within_the_boxes_nothing_is_printed_and_all_lie_on_the_paper_apart_from_each_other(paper: str) -> None:
    page, sheet, scale = np.asarray(draw_sheet(paper, 150)), sheet_of(paper), 150 / 25.4
    covered = np.zeros(page.shape, int)
    for box in sheet.boxes:
        assert 5 < box.left < box.right < sheet.size[0] - 5 and 5 < box.top < box.bottom < sheet.size[1] - 5
        rows = slice(round((box.top + 0.4) * scale), round((box.bottom - 0.4) * scale))
        columns = slice(round((box.left + 0.4) * scale), round((box.right - 0.4) * scale))
        assert (page[rows, columns] == 255).all()
        covered[rows, columns] += 1
    assert covered.max() == 1


def test_the_codes_differ_from_each_other_so_that_one_wrong_cell_misleads_nobody() -> None:
    first, second = CODES.values()
    assert sum(a != b for a, b in zip(first, second, strict=True)) >= 3


def test_pdf_and_png_are_written_in_the_size_of_the_paper(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.pdf", "letter")
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF")
    write_sheet(tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.size == (2480, 3508)


@pytest.mark.parametrize(("name", "paper", "said"), [("sheet.doc", "a4", "sheet.pdf"), ("sheet.pdf", "a5", "a4, letter")])
def test_another_ending_or_paper_is_refused_and_nothing_is_written(tmp_path: Path, name: str, paper: str, said: str) -> None:
    with pytest.raises(ByhandError, match=said):
        write_sheet(tmp_path / name, paper)
    assert list(tmp_path.iterdir()) == []
