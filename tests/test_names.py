"""Names of files and classes come out as they are: brackets are no markup, and escape sequences do not reach the terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from byhand import cli
from byhand.cli import app
from byhand.data.own import read_npz
from byhand.errors import DataError

NAMES = ["[/x]", "[bold]b", "a[red]", "c\x1b[31md", "e\rf", "\x9b2J", "\u202egnp", "$x^$", "\\[/b]", "[link=file:///]"]
COMPILING = "byhand: compiling fast kernels for this machine; once, it takes seconds ...\n"
TERMINAL = ("\x1b", "\r", "\x9b", "\u202e")


def rows_of(path: Path, names: list[str], each: int = 5) -> Path:
    rng = np.random.default_rng(0)
    rows = [f'{k + rng.normal(0, 0.1)},{-k},"{name}"' for k, name in enumerate(names) for _ in range(each)]
    path.write_text("u,v,label\n" + "\n".join(rows) + "\n", encoding="utf-8", newline="")
    return path


def told(*words: str, status: int = 0) -> str:
    found = CliRunner().invoke(app, list(words), env={"COLUMNS": "400"})
    assert found.exit_code == status, (found.output, found.exception)
    return found.output.removeprefix(COMPILING)  # the first on a machine to use the compiled kernels says so


@pytest.mark.slow
def test_a_training_with_any_class_names_ends_well_and_prints_them(tmp_path: Path) -> None:
    names = [name for name in NAMES if "\r" not in name]
    table = rows_of(tmp_path / "own [copy] [b].csv", names)
    out = tmp_path / "run [1] [i]"
    printed = told("train", str(table), "--epochs", "1", "--hidden", "3", "--out", str(out), "--record")
    assert str(out / "model.safetensors") in printed and "own [copy] [b].csv" in printed
    assert not any(sign in printed for sign in TERMINAL)
    printed = told("eval", str(out), "--out", str(tmp_path / "ev [x]"))
    assert "[/x]" in printed and "[bold]b" in printed and r"c\x1b[31md" in printed and "ev [x]" in printed
    assert not any(sign in printed for sign in TERMINAL)
    for words in (["explain", str(out)], ["explain", str(out), "--number", "z2:0,0"], ["replay", str(out)],
                  ["explain", str(out), "--html", str(tmp_path / "[b].html")]):  # fmt: skip
        printed = told(*words)
        assert not any(sign in printed for sign in TERMINAL), words
    assert str(out) in told("replay", str(out))


@pytest.mark.parametrize("name", ["photo [copy].png", "[bold].png", "a\x1b]0;b\x07.png", "x\ny.png"])
def test_predict_names_the_picture_as_it_is(tmp_path: Path, name: str) -> None:
    picture = tmp_path / name
    image = Image.new("L", (40, 40), 255)
    image.paste(0, (18, 5, 22, 35))
    image.save(picture)
    printed = told("predict", "mnist", str(picture))
    shown = name.replace("\x1b", r"\x1b").replace("\x07", r"\x07").replace("\n", r"\n")
    assert f"{shown}: 1 (" in printed


def test_a_file_name_that_is_not_unicode_is_named_all_the_same(tmp_path: Path) -> None:
    picture = tmp_path / "caf\udce9.png"
    with picture.open("wb") as file:
        Image.new("L", (40, 40), 255).save(file, "PNG")
    assert r"caf\xe9.png: blank" in told("predict", "mnist", str(picture))


def test_an_error_about_a_name_prints_no_escape_sequence(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    import sys

    monkeypatch.setattr(sys, "argv", ["byhand", "predict", "mnist", "no\x1b[2Jthing [bold].png"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().err
    assert r"no\x1b[2Jthing [bold].png" in said and "\x1b" not in said


@pytest.mark.slow
def test_blank_pictures_are_called_blank(tmp_path: Path) -> None:
    blank = {"white": ("L", 255), "black": ("L", 0), "clear": ("RGBA", (0, 0, 0, 0)), "grey": ("RGB", (90, 90, 90))}
    for name, (mode, colour) in blank.items():
        Image.new(mode, (60, 60), colour).save(tmp_path / f"{name}.png")
    stroke = Image.new("L", (40, 40), 255)
    stroke.paste(0, (18, 5, 22, 35))
    stroke.save(tmp_path / "one.png")
    paths = [str(tmp_path / f"{name}.png") for name in (*blank, "one")]
    lines = told("predict", "mnist-cnn", *paths).splitlines()
    assert all(line.endswith(": blank, there is nothing on it") for line in lines[:4]), lines
    assert ": 1 (" in lines[4]
    rows = json.loads(told("predict", "mnist-cnn", *paths, "--json"))["predictions"]
    assert [row["blank"] for row in rows] == [True] * 4 + [False]
    assert [row["class"] for row in rows] == [None] * 4 + ["1"]


def test_an_error_that_quotes_a_file_stays_a_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "odd.npz", **{"a\nb\x1b[2J": np.zeros(3)})
    with pytest.raises(DataError) as caught:
        read_npz(tmp_path / "odd.npz")
    assert r"a\nb\x1b[2J" in str(caught.value) and "\n" not in str(caught.value)


def test_there_is_one_console_and_no_other() -> None:
    source = Path(cli.__file__).parent.parent
    made = [
        path.name
        for path in sorted(source.rglob("*.py"))
        if re.search(r"\bConsole\(|\(Console\)", path.read_text(encoding="utf-8"))
    ]
    assert made == ["console.py"]
