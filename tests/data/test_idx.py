"""The IDX reader takes exactly what the format says, and refuses the rest in one line."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from byhand import data
from byhand.data import idx
from byhand.data.idx import read_images, read_labels, read_pair, write
from byhand.errors import DataError

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
HEADER = struct.pack(">4I", 2051, 3, 4, 5)


def written(path: Path, content: bytes, zipped: bool = False) -> Path:
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_images_and_labels_come_back_as_they_were_written(tmp_path: Path, zipped: bool) -> None:
    images = written(tmp_path / "images", HEADER + IMAGES.tobytes(), zipped)
    labels = written(tmp_path / "labels", struct.pack(">2I", 2049, 3) + bytes([7, 0, 9]), zipped)
    x, y = read_pair(images, labels)
    assert np.array_equal(x, IMAGES)
    assert y.tolist() == [7, 0, 9]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "too few"),
        (HEADER[:9], "too few"),
        (HEADER + IMAGES.tobytes()[:-1], "truncated"),
        (HEADER + IMAGES.tobytes() + b"x", "more than 60 bytes.*promises 60 .*truncated or damaged"),
        (gzip.compress(HEADER + IMAGES.tobytes() + b"x", mtime=0), "more than 60 bytes"),
        (gzip.compress(HEADER + IMAGES.tobytes(), mtime=0) + b"x", "broken gzip"),
        (struct.pack(">4I", 2050, 3, 4, 5) + IMAGES.tobytes(), "begins with 2050"),
        (struct.pack(">4I", 2051, 2**32 - 1, 2**32 - 1, 2**32 - 1), "truncated"),
        (gzip.compress(HEADER + IMAGES.tobytes(), mtime=0)[:-12], "broken gzip"),
        (b"\x1f\x8b" + b"nonsense" * 4, "broken gzip"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = written(tmp_path / "damaged", content)
    with pytest.raises(DataError, match=said) as caught:
        read_images(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_what_is_written_is_read_back_and_is_the_same_bytes_every_time(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, IMAGES)
    once = (tmp_path / name).read_bytes()
    assert (once == HEADER + IMAGES.tobytes()) == (name == "images")
    write(tmp_path / name, read_images(tmp_path / name))
    assert (tmp_path / name).read_bytes() == once
    write(tmp_path / "labels", np.array([7, 0, 9], np.uint8))
    assert read_pair(tmp_path / name, tmp_path / "labels")[1].tolist() == [7, 0, 9]


@pytest.mark.parametrize("array", [IMAGES / 255, IMAGES.astype(int), IMAGES[0], IMAGES[..., None]])
def test_what_idx_cannot_hold_is_not_written(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(DataError, match="expected uint8"):
        write(tmp_path / "images", array)
    assert not (tmp_path / "images").exists()


@pytest.mark.slow
def test_a_gzip_file_that_inflates_without_end_is_not_read_beyond_its_promise(tmp_path: Path) -> None:
    import tracemalloc

    path = written(tmp_path / "bomb", struct.pack(">4I", 2051, 1, 1, 1) + bytes(50_000_000), zipped=True)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="more than 1 bytes"):
            read_images(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_promises_more_than_byhand_reads_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "LARGEST", 50)
    with pytest.raises(DataError, match="promises 60 bytes of images, more than 50"):
        read_images(written(tmp_path / "images", HEADER + IMAGES.tobytes()))


def test_labels_are_not_taken_for_images(tmp_path: Path) -> None:
    path = written(tmp_path / "labels", struct.pack(">2I", 2049, 12) + bytes(12))
    with pytest.raises(DataError, match="begin with 2051"):
        read_images(path)


def test_images_without_their_labels_are_refused(tmp_path: Path) -> None:
    images = written(tmp_path / "images", HEADER + IMAGES.tobytes())
    labels = written(tmp_path / "labels", struct.pack(">2I", 2049, 2) + bytes(2))
    with pytest.raises(DataError, match="3 images but labels 2 labels"):
        read_pair(images, labels)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        read_labels(tmp_path / "nowhere")


@pytest.mark.slow
@pytest.mark.skipif("BYHAND_DATA" not in os.environ, reason="BYHAND_DATA is not set: the original MNIST files are not at hand")
def test_the_mnist_that_is_carried_is_the_original_to_the_byte() -> None:
    from byhand.data.mnist import FILE

    folder = Path(os.environ["BYHAND_DATA"]) / "mnist"
    with np.load(FILE, allow_pickle=False) as packed:
        for part in ("train", "t10k"):
            assert np.array_equal(packed[f"{part}_images"], read_images(folder / f"{part}-images-idx3-ubyte.gz"))
            assert np.array_equal(packed[f"{part}_labels"], read_labels(folder / f"{part}-labels-idx1-ubyte.gz"))


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("form", ["{}-{kind}-idx{n}-ubyte", "{}-{kind}.idx{n}-ubyte", "{}_{kind}_idx{n}_ubyte"])
def test_a_folder_of_mnists_files_is_own_data_under_any_of_their_names(tmp_path: Path, form: str, suffix: str) -> None:
    rng = np.random.default_rng(0)
    for part, n in (("train", 20), ("t10k", 10)):
        images, labels = rng.integers(0, 256, (n, 28, 28), np.uint8), np.arange(n, dtype=np.uint8) % 10
        write(tmp_path / (form.format(part, kind="images", n=3) + suffix), images)
        write(tmp_path / (form.format(part, kind="labels", n=1) + suffix), labels)
    splits = data.load(str(tmp_path))
    assert (len(splits.train), len(splits.test)) == (20, 10)
    assert splits.train.class_names == tuple("0123456789") and splits.test.labels.tolist() == list(range(10))
    assert np.array_equal(np.round(splits.test.inputs[..., 0] * 255), images)


def test_a_file_of_images_finds_its_labels_beside_it(tmp_path: Path) -> None:
    images, labels = np.random.default_rng(0).integers(0, 256, (20, 40, 30), np.uint8), np.arange(20, dtype=np.uint8) % 2
    write(tmp_path / "mine-images-idx3-ubyte", images)
    with pytest.raises(DataError, match="mine-labels-idx1-ubyte"):
        data.load(str(tmp_path / "mine-images-idx3-ubyte"))
    write(tmp_path / "mine-labels-idx1-ubyte.gz", labels)
    splits = data.load(str(tmp_path / "mine-images-idx3-ubyte"))
    assert splits.train.inputs.shape == (16, 28, 28, 1) and len(splits.test) == 4
    with pytest.raises(DataError, match="give the images"):
        data.load(str(tmp_path / "mine-labels-idx1-ubyte.gz"))


def test_emnists_files_are_not_read_lying_on_their_side(tmp_path: Path) -> None:
    write(tmp_path / "emnist-digits-test-images-idx3-ubyte", np.ones((4, 28, 28), np.uint8))
    write(tmp_path / "emnist-digits-test-labels-idx1-ubyte", np.arange(4, dtype=np.uint8) % 2)
    with pytest.raises(DataError, match="BYHAND_DATA"):
        data.load(str(tmp_path))


@pytest.mark.slow
def test_a_gzip_bomb_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(struct.pack(">4I", 2051, 100_000, 28, 28) + bytes(78_400_000)))
    with pytest.raises(DataError, match="decompression bomb"):
        read_images(path)
