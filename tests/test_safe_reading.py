"""What is no file at all (a pipe, a device, a folder) is said to be that, by every reader, and at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from byhand import data
from byhand.data.emnist import load_emnist
from byhand.data.idx import read_images
from byhand.data.own import read_npz
from byhand.data.prepare import prepare_file
from byhand.data.tables.table import read_table
from byhand.data.text import load_text
from byhand.errors import ByhandError
from byhand.import_weights import open_foreign
from byhand.modelfile import load_model
from byhand.training.history import read_history
from byhand.training.recording_files import read_recording
from byhand.training.run import read_recipe

READERS: dict[str, Callable[[Path], object]] = {
    "images": read_images,
    "csv": read_table,
    "npz": read_npz,
    "picture": prepare_file,
    "text": load_text,
    "model": load_model,
    "foreign": lambda path: open_foreign(path, (4,)),
    "history": read_history,
}


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (pipe, "is a pipe"),
        (folder, "is a folder"),
        (lambda path: Path("/dev/zero"), "is a device"),
        (lambda path: path, "No such file|is not there|does not exist"),
        (lambda path: path.parent / ("a" * 300), "too long|is not there|Not a directory"),
        (lambda path: Path("a\0b"), "null|is not there"),
    ],
)
def test_what_is_no_file_is_named_at_once(tmp_path: Path, reader: str, make: Callable[[Path], Path], said: str) -> None:
    if make is folder and reader == "model":
        pytest.skip("a run's folder is looked into before a model is read")
    with pytest.raises(ByhandError, match=said) as caught:
        READERS[reader](make(tmp_path / "it"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".txt", "", ".idx3-ubyte"])
def test_a_pipe_given_as_data_is_refused_and_not_waited_for(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ByhandError, match=r"is a pipe|neither"):
        data.load(str(pipe(tmp_path / f"it{suffix}")))


def test_a_pipe_in_the_place_of_a_runs_files_is_refused(tmp_path: Path) -> None:
    pipe(tmp_path / "recipe.toml")
    with pytest.raises(ByhandError, match="is a pipe"):
        read_recipe(tmp_path)
    (tmp_path / "recording").mkdir()
    (tmp_path / "recording" / "index.jsonl").mkdir()
    with pytest.raises(ByhandError, match=r"is a folder|no recording"):
        read_recording(tmp_path)


def test_a_pipe_among_emnists_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "emnist").mkdir()
    monkeypatch.setenv("BYHAND_DATA", str(tmp_path))
    for name in ("test-images-idx3-ubyte.gz", "test-labels-idx1-ubyte.gz", "mapping.txt"):
        pipe(tmp_path / "emnist" / f"emnist-digits-{name}")
    with pytest.raises(ByhandError, match="is a pipe"):
        load_emnist("digits", held_out=0.5)


def test_a_pipe_among_the_pictures_of_a_folder_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pipe(folder(tmp_path / name) / "1.png")
    with pytest.raises(ByhandError, match="is a pipe"):
        data.load(str(tmp_path))
