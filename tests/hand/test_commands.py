"""The commands for a hand of one's own, as a person types them: the sheet, its photograph, the training, a sentence."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from byhand.cli import app
from byhand.hand import train as training
from byhand.hand.sheet import sheet_of

from .simulated import fill, photographed, uji, writers

pytestmark = pytest.mark.skipif(not uji().is_file(), reason="needs UJI's pen tracks, through BYHAND_DATA")


def byhand(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.slow
def test_a_person_walks_from_the_sheet_to_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "byhand hand read" in byhand("hand", "sheet", "-o", "sheet.pdf", "--paper", "letter")
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF")

    page, _ = fill(sheet_of("a4"), writers(uji())[3], np.random.default_rng(1), 0.6, False)
    photographed(page, np.random.default_rng(1), turn=8, shadow=0.2).save("photo.jpg")
    said = json.loads(byhand("hand", "read", "photo.jpg", "-o", "mine", "--json"))
    assert said["boxes"] == 124 and said["usable"] >= 120
    with Image.open(tmp_path / "mine" / "contact.png") as contact:
        assert min(contact.size) > 300

    monkeypatch.setattr(training, "train_hand", partial(training.train_hand, steps=6))  # not 400
    said = json.loads(byhand("hand", "train", "mine", "--json"))
    assert said["private"] is True and said["steps"] == 6
    byhand("write", "Hi", "--hand", "mine", "--best-of", "1", "-o", "hi.png")
    with Image.open(tmp_path / "hi.png") as written:
        assert np.asarray(written.convert("L")).std() > 5


def test_a_photograph_without_a_sheet_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(150, 250, (1200, 900), np.uint8)).save(tmp_path / "photo.png")
    result = CliRunner().invoke(app, ["hand", "read", str(tmp_path / "photo.png"), "-o", str(tmp_path / "mine")])
    assert result.exit_code != 0
    assert not (tmp_path / "mine").exists()
