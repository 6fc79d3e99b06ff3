"""The IDX reader takes exactly what the format says, and refuses the rest in one line."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from byhand.data.idx import read_images, read_labels, read_pair
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
        (HEADER + IMAGES.tobytes() + b"x", "truncated or damaged"),
        (struct.pack(">4I", 2050, 3, 4, 5) + IMAGES.tobytes(), "begins with 2050"),
        (struct.pack(">4I", 2051, 2**32 - 1, 2**32 - 1, 2**32 - 1), "truncated"),
        (gzip.compress(HEADER + IMAGES.tobytes())[:-12], "broken gzip"),
        (b"\x1f\x8b" + b"nonsense" * 4, "broken gzip"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = written(tmp_path / "damaged", content)
    with pytest.raises(DataError, match=said) as caught:
        read_images(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


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


@pytest.mark.skipif("BYHAND_DATA" not in os.environ, reason="BYHAND_DATA is not set: the original MNIST files are not at hand")
def test_the_mnist_that_is_carried_is_the_original_to_the_byte() -> None:
    from byhand.data.mnist import FILE

    folder = Path(os.environ["BYHAND_DATA"]) / "mnist"
    with np.load(FILE, allow_pickle=False) as packed:
        for part in ("train", "t10k"):
            assert np.array_equal(packed[f"{part}_images"], read_images(folder / f"{part}-images-idx3-ubyte.gz"))
            assert np.array_equal(packed[f"{part}_labels"], read_labels(folder / f"{part}-labels-idx1-ubyte.gz"))
