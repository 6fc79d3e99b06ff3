"""EMNIST: the real file where it is at hand, and the download against a real server on this machine."""

from __future__ import annotations

import errno
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


@pytest.mark.parametrize("form", ["{}-idx{}-ubyte", "{}.idx{}-ubyte", "{}.idx{}-ubyte.gz"])
def test_unzipped_files_and_those_with_a_dot_in_their_names_are_found(folder: Path, form: str) -> None:
    for name, content in (small("test") | small("train", 30)).items():
        kind = name.split("-idx")
        new = form.format(kind[0], kind[1][0]) if len(kind) == 2 else name
        put(folder, {new: content if name.endswith(".txt") or new.endswith(".gz") else gzip.decompress(content)})
    splits = emnist.load_emnist("balanced")
    assert (len(splits.train), len(splits.test)) == (30, 12)
    assert splits.test.inputs[0, 0, 5, 0] == 1
    assert emnist.where() == str(folder)


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
    with pytest.raises(DataError, match="the split of EMNIST 'cursive' is unknown"):
        emnist.load_emnist("cursive")
    put(folder, small("test") | {"emnist-balanced-mapping.txt": b"0 48\n"})
    with pytest.raises(DataError, match="label 1"):
        emnist.load_emnist("balanced", held_out=0.25)


@pytest.mark.parametrize("content", [b"", b"0\n", b"x y\n", b"0 200\n", b"-1 48\n", b"1000000000000 48\n", b"\xff 48\n"])
def test_a_mapping_that_is_none_is_refused(folder: Path, content: bytes) -> None:
    put(folder, small("test") | {"emnist-balanced-mapping.txt": content})
    with pytest.raises(DataError, match=r"emnist-balanced-mapping\.txt is not EMNIST's mapping") as caught:
        emnist.load_emnist("balanced", held_out=0.25)
    assert "\n" not in str(caught.value)


def test_letters_count_from_1_in_their_file_and_from_0_here(folder: Path) -> None:
    renamed = {name.replace("balanced", "letters"): content for name, content in small("test").items()}
    put(folder, renamed | {"emnist-letters-mapping.txt": b"1 65 97\n2 66 98\n3 67 99\n"})
    labels = folder / "emnist-letters-test-labels-idx1-ubyte.gz"
    labels.write_bytes(idx(2049, 1 + np.arange(12) % 3))
    splits = emnist.load_emnist("letters", held_out=0.25)
    assert splits.test.class_names == ("A", "B", "C") and sorted(splits.test.labels) == [0, 1, 2]


def test_the_official_files_in_the_cache_go_before_a_test_file_alone(folder: Path, tmp_path: Path) -> None:
    put(folder, small("test"))
    assert emnist.where() == str(folder)
    cache = tmp_path / "cache" / "emnist"
    cache.mkdir(parents=True)
    put(cache, small("test") | small("train"))
    assert "official split" in emnist.load_emnist("balanced").note
    assert [str(path) for path in emnist.folders()] == [str(folder), str(cache)]


def test_where_it_is_not_it_says_what_to_do(folder: Path) -> None:
    assert emnist.where().startswith("not here: set BYHAND_DATA") and "download()" in emnist.where()


@pytest.mark.slow
@real
def test_the_real_file_has_its_counts_and_stands_upright() -> None:
    splits = emnist.load_emnist(held_out=0.1)
    assert len(splits.train) + len(splits.test) == 116_323
    names = splits.train.class_names
    assert len(names) == 62
    counts = np.bincount(splits.train.labels) + np.bincount(splits.test.labels)
    expected = {"0": 5778, "A": 1062, "O": 4156, "Z": 464, "a": 1644, "e": 4092, "j": 317, "z": 451}
    assert {name: counts[names.index(name)] for name in expected} == expected
    held = np.bincount(splits.test.labels)
    assert np.abs(held - 0.1 * counts).max() <= 0.5
    assert splits.train.inputs.flags.c_contiguous and splits.train.inputs.dtype == np.float32
    assert splits.train.inputs.min() == 0 and splits.train.inputs.max() == 1
    digits = load_mnist().test
    for digit in (2, 7):
        mean = digits.inputs[digits.labels == digit].mean(axis=0).ravel()
        own = splits.test.inputs[splits.test.labels == digit].mean(axis=0)
        upright = np.corrcoef(mean, own.ravel())[0, 1]  # well below 1: EMNIST's characters fill the frame, MNIST's leave a margin
        assert upright > 0.4 and upright > 0.2 + np.corrcoef(mean, own.transpose(1, 0, 2).ravel())[0, 1]


@pytest.mark.slow
@real
def test_merging_folds_fifteen_letters_into_their_capitals() -> None:
    splits, merged = emnist.load_emnist(held_out=0.1), emnist.load_emnist(held_out=0.1, merge=True)
    assert len(merged.test.class_names) == 47
    counts = np.bincount(merged.train.labels) + np.bincount(merged.test.labels)
    expected = {"C": 1739 + 432, "L": 810 + 2535, "Z": 464 + 451, "A": 1062, "a": 1644, "9": 5686, "t": 2965}
    assert {name: counts[merged.test.class_names.index(name)] for name in expected} == expected
    assert merged.test.class_names == tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")
    for before, after in zip(splits.test.labels[:500], merged.test.labels[:500], strict=True):
        name = splits.test.class_names[before]
        assert merged.test.class_names[after] == (name.upper() if name in "cijklmopsuvwxyz" else name)


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one archive; understands ranges; breaks off where it is told to."""

    content = b""
    break_after: int | None = None
    ranges = True  # whether it heeds them
    astray = 0  # by how much what it sends begins elsewhere than asked
    asked: list[str | None]

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("Range"))
        if self.path == "/absent":
            self.send_error(404)
            return
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-")) if self.ranges else 0
        if start >= len(self.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(self.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            first = start + self.astray
            self.send_header("Content-Range", f"bytes {first}-{len(self.content) - 1}/{len(self.content)}")
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
        archive.writestr("../../emnist-escape-mapping.txt", b"outside")
        archive.writestr("../../emnist-digits-mapping.txt", b"0 48\n")
    kind = type("Handler", (Server,), {"content": buffer.getvalue(), "asked": [], "break_after": None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
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
    assert (folder / "emnist-digits-mapping.txt").exists()
    assert not list(folder.parent.parent.glob("emnist-*")) and not list(folder.parent.glob("emnist-*"))
    assert {file.name.split("-")[1] for file in folder.iterdir()} == {"balanced", "digits"}


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
    assert list(folder.iterdir()) == []


def test_a_whole_download_that_was_not_yet_renamed_is_taken_as_it_is(folder: Path, server: tuple[type[Server], str]) -> None:
    handler, address = server
    (folder / "gzip.zip.part").write_bytes(handler.content)
    emnist.download([f"{address}/gzip.zip"], folder)
    assert handler.asked == [f"bytes={len(handler.content)}-"]
    assert len(emnist.load_emnist("balanced").test) == 12


def test_a_part_longer_than_the_file_is_begun_again(folder: Path, server: tuple[type[Server], str]) -> None:
    handler, address = server
    (folder / "gzip.zip.part").write_bytes(bytes(len(handler.content) + 5))
    emnist.download([f"{address}/gzip.zip"], folder)
    assert handler.asked[-1] is None
    assert len(emnist.load_emnist("balanced").test) == 12


def test_a_server_without_ranges_sends_it_all_again(folder: Path, server: tuple[type[Server], str]) -> None:
    handler, address = server
    handler.ranges = False
    (folder / "gzip.zip.part").write_bytes(b"half")
    emnist.download([f"{address}/gzip.zip"], folder)
    assert len(emnist.load_emnist("balanced").test) == 12


def test_a_server_that_sends_another_part_is_not_believed(folder: Path, server: tuple[type[Server], str]) -> None:
    handler, address = server
    handler.astray = 1
    (folder / "gzip.zip.part").write_bytes(handler.content[:100])
    with pytest.raises(DataError, match="another part than was asked for"):
        emnist.download([f"{address}/gzip.zip"], folder)
    assert list(folder.iterdir()) == []


def test_what_was_left_packed_is_unpacked_without_the_network(folder: Path, server: tuple[type[Server], str]) -> None:
    (folder / "gzip.zip").write_bytes(server[0].content)
    emnist.download([], folder)
    assert server[0].asked == [] and len(emnist.load_emnist("balanced").test) == 12


def test_a_flipped_bit_in_the_archive_is_noticed(folder: Path, server: tuple[type[Server], str]) -> None:
    content = bytearray(server[0].content)
    content[content.index(b"images-idx3-ubyte.gz") + 40] ^= 1  # in the first member's bytes
    server[0].content = bytes(content)
    with pytest.raises(DataError, match="no whole zip archive"):
        emnist.download([f"{server[1]}/gzip.zip"], folder)
    assert not list(folder.glob("*.part")) and not list(folder.glob("*images*"))


@pytest.mark.parametrize("mirror", ["nonsense", "http://127.0.0.1:1/gzip.zip"])
def test_mirrors_that_are_none_are_named_in_one_line(folder: Path, mirror: str) -> None:
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        emnist.download([mirror], folder)
    assert mirror in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot make the folder"):
        emnist.download([], tmp_path / "file" / "emnist")


def test_a_full_disk_keeps_the_archive_for_the_next_time(
    folder: Path, server: tuple[type[Server], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (folder / "gzip.zip").write_bytes(server[0].content)
    with monkeypatch.context() as patch:
        patch.setattr(emnist.os, "replace", full)
        with pytest.raises(DataError, match="No space left on device"):
            emnist.download([], folder)
    assert [file.name for file in folder.iterdir()] == ["gzip.zip"]
    emnist.download([], folder)
    assert len(emnist.load_emnist("balanced").test) == 12


def test_what_is_no_archive_is_deleted(folder: Path, server: tuple[type[Server], str]) -> None:
    server[0].content = b"<html>come back later</html>"
    with pytest.raises(DataError, match="no whole zip archive"):
        emnist.download([f"{server[1]}/gzip.zip"], folder)
    assert list(folder.iterdir()) == []
