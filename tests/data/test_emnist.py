"""EMNIST: the real file where it is at hand, and the download against a real server on this machine."""

from __future__ import annotations

import gzip
import http.server
import io
import os
import struct
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from byhand.data import emnist
from byhand.data.mnist import load_mnist
from byhand.errors import DataError

real = pytest.mark.skipif("BYHAND_DATA" not in os.environ, reason="BYHAND_DATA is not set: EMNIST is not at hand")


def idx(magic: int, array: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.astype(np.uint8).tobytes(), mtime=0)


def small(part: str, n: int = 12) -> dict[str, bytes]:
    """A tiny EMNIST in the official files' form: three classes, images with one bright corner (row 0, column 5 when upright)."""
    images = np.zeros((n, 28, 28), np.uint8)
    images[:, 5, 0] = 255  # as stored: transposed
    return {
        f"emnist-balanced-{part}-images-idx3-ubyte.gz": idx(2051, images),
        f"emnist-balanced-{part}-labels-idx1-ubyte.gz": idx(2049, np.arange(n) % 3),
        "emnist-balanced-mapping.txt": b"0 48\n1 65\n2 97\n",
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BYHAND_DATA", str(tmp_path))
    monkeypatch.setattr(emnist.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "cache"))
    (tmp_path / "emnist").mkdir()
    return tmp_path / "emnist"


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def test_images_are_turned_upright_and_classes_named(folder: Path) -> None:
    put(folder, small("test") | small("train", 30))
    splits = emnist.load_emnist("balanced")
    assert (len(splits.train), len(splits.test)) == (30, 12)
    assert splits.test.class_names == ("0", "A", "a")
    assert splits.test.inputs[0, 0, 5, 0] == 1 and splits.test.inputs[0].sum() == 1
    assert "official split" in splits.note


def test_a_test_file_alone_is_only_split_when_asked(folder: Path) -> None:
    put(folder, small("test"))
    with pytest.raises(DataError, match=r"held_out=0\.1"):
        emnist.load_emnist("balanced")
    splits = emnist.load_emnist("balanced", held_out=0.25, seed=4)
    assert (len(splits.train), len(splits.test)) == (9, 3)
    assert "not the official split" in splits.note and "seed 4" in splits.note


def test_what_is_missing_or_unknown_is_said(folder: Path) -> None:
    with pytest.raises(DataError, match="set BYHAND_DATA"):
        emnist.load_emnist("letters")
    with pytest.raises(DataError, match="no split 'cursive'"):
        emnist.load_emnist("cursive")
    put(folder, small("test") | {"emnist-balanced-mapping.txt": b"0 48\n"})
    with pytest.raises(DataError, match="label 1"):
        emnist.load_emnist("balanced", held_out=0.25)


@real
def test_the_real_file_has_its_counts_and_stands_upright() -> None:
    splits = emnist.load_emnist(held_out=0.1)
    assert len(splits.train) + len(splits.test) == 116_323
    names = splits.train.class_names
    assert len(names) == 62
    counts = np.bincount(splits.train.labels) + np.bincount(splits.test.labels)
    assert counts[names.index("A")] == 1062 and counts[names.index("e")] == 4092 and counts[names.index("j")] == 317
    digits = load_mnist().test
    for digit in (2, 7):
        mean = digits.inputs[digits.labels == digit].mean(axis=0).ravel()
        own = splits.test.inputs[splits.test.labels == digit].mean(axis=0)
        upright = np.corrcoef(mean, own.ravel())[0, 1]  # well below 1: EMNIST's characters fill the frame, MNIST's leave a margin
        assert upright > 0.4 and upright > 0.2 + np.corrcoef(mean, own.transpose(1, 0, 2).ravel())[0, 1]


@real
def test_merging_folds_fifteen_letters_into_their_capitals() -> None:
    splits, merged = emnist.load_emnist(held_out=0.1), emnist.load_emnist(held_out=0.1, merge=True)
    assert len(merged.test.class_names) == 47
    for before, after in zip(splits.test.labels[:500], merged.test.labels[:500], strict=True):
        name = splits.test.class_names[before]
        assert merged.test.class_names[after] == (name.upper() if name in "cijklmopsuvwxyz" else name)


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one archive; understands ranges; breaks off where it is told to."""

    content = b""
    break_after: int | None = None
    asked: list[str | None]

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("Range"))
        if self.path == "/absent":
            self.send_error(404)
            return
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        end = None if self.break_after is None else start + self.break_after
        self.wfile.write(self.content[start:end])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[type[Server], str]]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (small("test") | small("train")).items():
            archive.writestr(f"gzip/{name}", content)
        archive.writestr("../../emnist-escape.txt", b"outside")
    kind = type("Handler", (Server,), {"content": buffer.getvalue(), "asked": [], "break_after": None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield kind, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_download_that_broke_off_goes_on_where_it_stopped(folder: Path, server: tuple[type[Server], str]) -> None:
    handler, address = server
    handler.break_after = 700
    with pytest.raises(DataError, match="goes on where it stopped"):
        emnist.download([f"{address}/gzip.zip"], folder)
    assert (folder / "gzip.zip.part").stat().st_size == 700
    handler.break_after = None
    heard: list[tuple[int, int | None]] = []
    emnist.download([f"{address}/absent", f"{address}/gzip.zip"], folder, lambda *now: heard.append(now))
    assert handler.asked[-1] == "bytes=700-"
    assert heard[-1] == (len(handler.content), len(handler.content))
    assert len(emnist.load_emnist("balanced").test) == 12
    assert not [file for file in folder.iterdir() if file.suffix in {".part", ".zip"}]


def test_an_archive_cannot_write_outside_its_folder(folder: Path, server: tuple[type[Server], str]) -> None:
    emnist.download([f"{server[1]}/gzip.zip"], folder)
    assert not (folder.parent.parent / "emnist-escape.txt").exists() and not (folder.parent / "emnist-escape.txt").exists()


def test_an_archive_with_another_hash_is_deleted(folder: Path, server: tuple[type[Server], str]) -> None:
    with pytest.raises(DataError, match="another SHA-256"):
        emnist.download([f"{server[1]}/gzip.zip"], folder, sha256="0" * 64)
    assert list(folder.iterdir()) == []


def test_a_member_that_is_not_the_original_is_refused(folder: Path, server: tuple[type[Server], str]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("gzip/emnist-byclass-test-labels-idx1-ubyte.gz", b"forged")
    server[0].content = buffer.getvalue()
    with pytest.raises(DataError, match="not the original file"):
        emnist.download([f"{server[1]}/gzip.zip"], folder)
    assert not (folder / "emnist-byclass-test-labels-idx1-ubyte.gz").exists()


def test_what_is_no_archive_is_deleted(folder: Path, server: tuple[type[Server], str]) -> None:
    server[0].content = b"<html>come back later</html>"
    with pytest.raises(DataError, match="no whole zip archive"):
        emnist.download([f"{server[1]}/gzip.zip"], folder)
    assert list(folder.iterdir()) == []
