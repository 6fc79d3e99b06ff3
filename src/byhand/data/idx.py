"""The IDX format of MNIST and EMNIST, written, and read strictly: a file that is not exactly what its header says is refused.

A header of big-endian 32-bit numbers, the magic 2051 (images: count, rows, columns) or 2049 (labels: count), then one
byte a pixel or label. Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import re
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from byhand.errors import DataError
from byhand.files import write_atomically
from byhand.safe_reading import check_unpacked, reading

IMAGES, LABELS = 2051, 2049
LARGEST = 1 << 30  # bytes: EMNIST's largest file holds 548 MB
DENSEST = 1032  # bytes that one byte of a gzip file can stand for, at most
CHUNK = 1 << 20  # bytes unpacked at once
NAME = re.compile(r"(?P<part>.*?)[-_.]?(?P<kind>images|labels)[-_.]idx[13][-_.]ubyte(\.gz)?")


def read_images(path: Path) -> NDArray[np.uint8]:
    """Images, (N, H, W) bytes, from an IDX file, gzipped or not; raises DataError for any other content."""
    return _read(path, IMAGES, "images", 3)


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Labels, (N,) bytes, from an IDX file, gzipped or not; raises DataError for any other content."""
    return _read(path, LABELS, "labels", 1)


def read_pair(images: Path, labels: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images and their labels; raises DataError where their numbers differ."""
    x, y = read_images(images), read_labels(labels)
    if len(x) != len(y):
        raise DataError(f"{images.name} holds {len(x)} images but {labels.name} {len(y)} labels: they do not belong together")
    return x, y


def write(path: Path, array: NDArray[np.uint8]) -> None:
    """Write images (N, H, W) or labels (N,) as an IDX file, gzipped where its name ends in .gz; the same bytes every time.

    Raises DataError for any other array, ByhandError where the file cannot be written.
    """
    magics = {3: IMAGES, 1: LABELS}
    if array.dtype != np.uint8 or array.ndim not in magics:
        raise DataError(f"{path}: the array is {array.dtype} {array.shape}: expected uint8, images (N, H, W) or labels (N,)")
    content = struct.pack(f">{1 + array.ndim}I", magics[array.ndim], *array.shape) + array.tobytes()
    write_atomically(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def is_idx(path: Path) -> bool:
    """Whether this is a file, or a folder of files, with names such as MNIST's have: train-images-idx3-ubyte, zipped or not."""
    if path.is_dir():
        return any(NAME.fullmatch(entry.name) for entry in path.iterdir())
    return bool(NAME.fullmatch(path.name))


def read_named(path: Path) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Images and labels of a file of images and the labels beside it, as "whole"; or of a folder of such, "train" and "test".

    Raises DataError where the labels are not there, or it is not plain which images to train on.
    """
    if not path.is_dir():
        return {"whole": _with_labels(path)}
    found: dict[str, Path] = {}
    for entry in sorted(path.iterdir()):
        named = NAME.fullmatch(entry.name)
        if named and named["kind"] == "images":
            _check_upright(entry)
            part = _part(named["part"])
            if part in found:
                raise DataError(f"{path} holds {found[part].name} and {entry.name}: give the one that is meant")
            found[part] = entry
    if set(found) == {"test"} or (len(found) > 1 and "train" not in found) or not found:
        raise DataError(f"{path} holds no images to train on: expected train-images-idx3-ubyte and train-labels-idx1-ubyte")
    order = sorted(found, key=lambda part: part not in ("train", "whole"))
    return {part: _with_labels(found[part]) for part in order}


def _part(words: str) -> str:
    """Which part a file's name tells of."""
    told = set(re.split(r"[-_. ]+", words.lower()))
    if told & {"t10k", "test"}:
        return "test"
    if told & {"train", "training"}:
        return "train"
    return "validation" if told & {"val", "valid", "validation"} else "whole"


def _check_upright(images: Path) -> None:
    if "emnist" in images.name.lower():
        raise DataError(
            f"{images} is EMNIST's, whose images lie on their side: put it into a folder emnist, set BYHAND_DATA to the folder "
            "that holds that, and give emnist as the data"
        )


def _with_labels(images: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    named = NAME.fullmatch(images.name)
    if named is None or named["kind"] != "images":
        raise DataError(f"{images} holds labels: give the images, and the labels are found beside them")
    _check_upright(images)
    beside = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    for labels in (images.with_name(beside), images.with_name(f"{beside}.gz")):
        if labels.exists():
            return read_pair(images, labels)
    raise DataError(f"{images} has no labels beside it: expected {beside}, zipped or not")


def _read(path: Path, magic: int, what: str, dimensions: int) -> NDArray[np.uint8]:
    header = 4 + 4 * dimensions
    head = _content(path, header)
    if len(head) < header:
        raise DataError(f"{path} has {len(head)} bytes, too few for an IDX header of {header}: download it again")
    found, *shape = struct.unpack(f">{1 + dimensions}I", head)
    if found != magic:
        raise DataError(f"{path} begins with {found}, but IDX {what} begin with {magic}: is it the right file?")
    expected = math.prod(shape)
    if expected == 0:
        raise DataError(f"{path} holds no {what} ({' x '.join(map(str, shape))}): expected at least one")
    possible = min(expected, DENSEST * path.stat().st_size)
    if possible > LARGEST:
        raise DataError(
            f"{path} promises {expected:,} bytes of {what}, more than {LARGEST:,}: that is no data set that byhand reads"
        )
    check_unpacked(path, path.stat().st_size, possible, DataError)
    # One byte more than promised, to see whether there is any: of a gzip file that inflates without end, no more is read.
    content = _content(path, header + possible + 1)
    held = len(content) - header
    if held != expected:
        raise DataError(
            f"{path} holds {f'more than {expected:,}' if held > expected else f'{held:,}'} bytes of {what}, but its header "
            f"promises {expected:,} ({' x '.join(map(str, shape))}): it is truncated or damaged, download it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _content(path: Path, most: int) -> bytes:
    """The first `most` bytes of a file, unzipped; memory is taken as they come, and not because a header promises them."""
    with reading(path, "is a broken gzip file", DataError, "download it again"):
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            content = bytearray()
            while chunk := file.read(min(CHUNK, most - len(content))):
                content += chunk
            return bytes(content)
